//! What the other side may send: the windows of streams and of the connection (RFC 9113 5.2).
//!
//! They are opened at the end of what came at once, with what upstream says then; clients and servers that are scripts wait for it.

use super::{Connection, FIRST_WINDOW, Role};
use crate::h2::frame::{LEAST_FRAME, STREAM_MASK, kind, write};

/// What came since windows were opened last.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// Bytes of DATA frames.
    data: u32,
    /// By how much the connection's window grows with the first of them.
    growth: u32,
    /// Streams whose head came, with more to come.
    begun: Vec<u32>,
    /// The stream on which data came last, and how much of it in a row.
    last: Option<(u32, u32)>,
}

impl Default for Arrivals {
    fn default() -> Arrivals {
        Arrivals {
            data: 0,
            // Each stream has its own bound; the connection as such never holds anybody back.
            growth: STREAM_MASK - FIRST_WINDOW as u32,
            begun: Vec::new(),
            last: None,
        }
    }
}

impl Arrivals {
    /// A head with more behind it.
    pub fn head(&mut self, stream: u32) {
        self.begun.push(stream);
    }

    /// A DATA frame. Its padding counts too (RFC 9113 6.9).
    pub fn data(&mut self, stream: u32, length: u32) {
        self.data = self.data.saturating_add(length);
        let before = self.last.filter(|(last, _)| *last == stream);
        let before = before.map_or(0, |(_, before)| before);
        self.last = Some((stream, before.saturating_add(length)));
    }
}

impl Connection {
    /// What came at once has been taken.
    pub(super) fn open_windows(&mut self) {
        let mut begun = std::mem::take(&mut self.arrivals.begun);
        for id in &begun {
            self.grant(*id, 1);
        }
        if let Some((id, bytes)) = self.arrivals.last.take() {
            self.grant(id, 1);
            let whole = self.config.role == Role::Server && begun.contains(&id);
            let whole = whole && self.stream(id).is_some_and(|stream| stream.ended);
            if whole && bytes > 0 {
                // Nothing comes of it any more; upstream says it all the same.
                self.write_window(id, bytes);
            }
        }
        let data = std::mem::take(&mut self.arrivals.data);
        if data > 0 {
            let growth = std::mem::take(&mut self.arrivals.growth);
            self.write_window(0, growth.saturating_add(data).min(STREAM_MASK));
        }
        begun.clear();
        self.arrivals.begun = begun;
    }

    /// Lets the other side send more on a stream that somebody has read from.
    pub(super) fn read_from(&mut self, id: u32) {
        let least = self.stream_room() / 4;
        self.grant(id, least);
    }

    /// Lets the other side send more on a stream, as far as there is room for `least` bytes.
    fn grant(&mut self, id: u32, least: i64) {
        let most = self.stream_room();
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.ended || stream.reset.is_some() {
            return;
        }
        // A little is about to be read.
        let held = stream.received.len() as i64;
        let held = if held > most / 4 { held } else { 0 };
        let more = most - stream.receive_window - held;
        if more >= least {
            stream.receive_window += more;
            self.write_window(id, more as u32);
        }
    }

    /// How much a stream may hold: its part of seven eighths of the room of the connection.
    pub(super) fn stream_room(&self) -> i64 {
        let frames = self.config.receive_room / LEAST_FRAME * 7 / 8;
        let streams = u32::try_from(self.streams.len().max(1)).unwrap_or(u32::MAX);
        let share = i64::from(frames.div_ceil(streams)) * i64::from(LEAST_FRAME);
        share.max(i64::from(self.config.initial_window))
    }

    fn write_window(&mut self, id: u32, more: u32) {
        let more = more.to_be_bytes();
        write(self.output.frames(), kind::WINDOW_UPDATE, 0, id, &more);
        self.wake_driver();
    }
}
