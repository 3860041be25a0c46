//! One stream: what came of it and was not taken yet, its windows, and how it ended.

use std::collections::VecDeque;
use std::task::Waker;

use crate::h1::FaultKind;
use crate::h2::frame::Code;
use crate::http::Head;

/// See the module text.
#[derive(Debug, Default)]
pub struct Stream {
    /// Its number.
    pub id: u32,
    /// Heads that came: interim ones and the message's.
    pub heads: VecDeque<Head>,
    /// What is wrong with the head, where a page says so.
    pub fault: Option<FaultKind>,
    /// Fields that came behind the body.
    pub trailers: Option<Head>,
    /// Bytes of the body.
    pub received: Received,
    /// How much more may come before it was granted.
    pub receive_window: i64,
    /// How much more may be sent.
    pub send_window: i64,
    /// What is missing of the length that the head announced.
    pub announced: Option<u64>,
    /// A message's head came; the next one is of trailers.
    pub headed: bool,
    /// The other side has ended its message.
    pub ended: bool,
    /// We have ended ours.
    pub finished: bool,
    /// Why it was broken off.
    pub reset: Option<Reset>,
    /// The code of the RST_STREAM that came.
    pub reset_code: Option<u32>,
    /// A head that came was none.
    pub malformed: bool,
    /// Nobody holds it any more.
    pub released: bool,
    /// Where in all that was ever sent its last frame begins.
    pub last_frame: Option<u64>,
    /// It is in the queue of those that wait for the connection.
    pub queued: bool,
    /// Who waits for what comes.
    pub reader: Option<Waker>,
    /// Who waits to send.
    pub writer: Option<Waker>,
}

/// How a stream was broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Why.
    pub code: Code,
    /// By the other side.
    pub by_peer: bool,
}

impl Stream {
    /// Whether the other side has broken it off, or heard that it is over.
    pub fn is_left(&self) -> bool {
        (self.reset).is_some_and(|reset| reset.by_peer || reset.code == Code::StreamClosed)
    }

    /// Ready for another number; memory is kept.
    pub fn renew(&mut self, id: u32, receive_window: u32, send_window: u32) {
        let mut received = std::mem::take(&mut self.received);
        received.clear();
        let mut heads = std::mem::take(&mut self.heads);
        heads.clear();
        *self = Stream {
            id,
            heads,
            received,
            receive_window: i64::from(receive_window),
            send_window: i64::from(send_window),
            ..Stream::default()
        };
    }

    /// Wakes who waits for what comes.
    pub fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    /// Wakes who waits to send.
    pub fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }

    /// Notes who waits for what comes.
    pub fn watch(place: &mut Option<Waker>, waker: &Waker) {
        if !place.as_ref().is_some_and(|held| held.will_wake(waker)) {
            *place = Some(waker.clone());
        }
    }
}

/// Bytes in the order they came.
#[derive(Debug, Default)]
pub struct Received {
    bytes: Vec<u8>,
    start: usize,
}

impl Received {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes behind the others.
    pub fn add(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.bytes.len() + bytes.len() > self.bytes.capacity() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes as many as fit.
    pub fn take(&mut self, into: &mut [u8]) -> usize {
        let there = self.bytes.get(self.start..).unwrap_or_default();
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
        self.start += count;
        if self.start == self.bytes.len() {
            self.clear();
        }
        count
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
        if self.bytes.capacity() > MOST_KEPT {
            self.bytes = Vec::new();
        }
    }
}

/// A stream without bytes holds this much room at most.
const MOST_KEPT: usize = 16_384;
