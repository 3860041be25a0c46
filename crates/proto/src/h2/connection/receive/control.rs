//! Frames about the connection and its streams: priorities, resets, settings, pings, farewells, windows.

use crate::h2::connection::{Connection, Reset, Role};
use crate::h2::frame::{Code, FrameHead, STREAM_MASK, flag, kind, number, write};
use crate::h2::settings;

impl Connection {
    pub(super) fn priority(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        match number(payload).map(|on| on & STREAM_MASK) {
            Some(on) if on == head.stream => self.silently(Code::Protocol),
            _ => Ok(()),
        }
    }

    pub(super) fn reset_by_peer(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        self.tally.resets += 1;
        let said = number(payload).unwrap_or_default();
        let code = Code::of(said);
        let client = self.config.role == Role::Client;
        let is_new = (self.stream(head.stream)).is_some_and(|stream| stream.reset.is_none());
        let untouched = (self.stream(head.stream)).is_some_and(|stream| !stream.heads.is_empty());
        // Who breaks off what nobody has looked at yet has asked for nothing.
        if is_new && untouched && !client {
            self.glitch();
        }
        if let Some(stream) = self.stream(head.stream) {
            if is_new {
                stream.reset_code = Some(said);
            }
            stream.reset.get_or_insert(Reset {
                code,
                by_peer: true,
            });
            if !client {
                stream.received.clear();
            }
            stream.wake_reader();
            stream.wake_writer();
        }
        Ok(())
    }

    pub(super) fn settings(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        self.tally.settings += 1;
        if head.has(flag::ACK) {
            return Ok(());
        }
        let before = self.peer;
        self.peer.take(payload)?;
        let more = i64::from(self.peer.initial_window) - i64::from(before.initial_window);
        if more != 0 {
            for stream in &mut self.streams {
                stream.send_window += more;
                if stream.send_window > i64::from(STREAM_MASK) {
                    return Err(Code::FlowControl);
                }
                if stream.send_window > 0 {
                    stream.wake_writer();
                }
            }
        }
        self.drops_table |= self.peer.header_table < before.header_table;
        settings::acknowledge(self.output.frames());
        if self.config.role == Role::Client {
            self.streams
                .iter_mut()
                .for_each(|stream| stream.wake_reader());
        }
        Ok(())
    }

    pub(super) fn pinged(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        match head.has(flag::ACK) {
            true => self.pinged = false,
            false => write(self.output.frames(), kind::PING, flag::ACK, 0, payload),
        }
        Ok(())
    }

    pub(super) fn farewell(&mut self, payload: &[u8]) -> Result<(), Code> {
        self.tally.goaways += 1;
        self.leaving = true;
        if self.config.role == Role::Client {
            // What the server will not serve may be asked for elsewhere.
            let last = number(payload).unwrap_or_default() & STREAM_MASK;
            for stream in self.streams.iter_mut().filter(|stream| stream.id > last) {
                stream.reset.get_or_insert(Reset {
                    code: Code::RefusedStream,
                    by_peer: true,
                });
                stream.wake_reader();
                stream.wake_writer();
            }
        }
        self.wake_driver();
        Ok(())
    }

    pub(super) fn window_update(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        let more = number(payload).unwrap_or_default() & STREAM_MASK;
        if head.stream == 0 {
            self.send_window += i64::from(more);
            if more == 0 {
                return self.silently(Code::Protocol);
            }
            if self.send_window > i64::from(STREAM_MASK) {
                return self.silently(Code::FlowControl);
            }
            self.wake_writers();
            return Ok(());
        }
        let Some(stream) = self.stream(head.stream) else {
            return Ok(());
        };
        if stream.is_left() {
            return Ok(());
        }
        if more == 0 {
            self.break_stream(head.stream, Code::Protocol);
        } else if stream.send_window + i64::from(more) > i64::from(STREAM_MASK) {
            self.break_stream(head.stream, Code::FlowControl);
        } else {
            stream.send_window += i64::from(more);
            if stream.send_window > 0 {
                stream.wake_writer();
            }
        }
        Ok(())
    }
}
