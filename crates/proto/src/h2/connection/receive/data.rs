//! DATA: bodies within the windows that were granted.

use crate::h2::connection::{Connection, DataFrame, Step};
use crate::h2::frame::{Code, FrameHead, flag};

impl Connection {
    pub(super) fn begin_data(&mut self, head: FrameHead) -> Result<(), Code> {
        self.tally.data += 1;
        self.arrivals.data(head.stream, head.length);
        let mut refused = self.is_closed(head.stream).then_some(Code::StreamClosed);
        let mut wanted = false;
        let room = self.stream_room();
        if let Some(stream) = self.stream(head.stream)
            && stream.reset.is_none()
        {
            stream.receive_window -= i64::from(head.length);
            if stream.ended {
                refused = Some(Code::StreamClosed);
            } else if !stream.headed {
                refused = Some(Code::Protocol);
            } else if stream.receive_window < 0 && stream.received.len() as i64 > room {
                // Who does not wait for windows is borne with as long as there is room, as upstream does.
                refused = Some(Code::FlowControl);
            } else {
                wanted = true;
            }
        }
        let padded = head.has(flag::PADDED);
        if let Some(code) = refused.take_if(|_| !padded) {
            self.refuse_data(head.stream, code);
        }
        let wanted = wanted && (padded || self.count_data(head.stream, head.length));
        let frame = DataFrame {
            head,
            left: head.length,
            padding: (!padded).then_some(0),
            wanted,
            refused,
        };
        self.input.step = Step::Data(frame);
        if head.length == 0 {
            self.end_data(frame);
        }
        Ok(())
    }

    pub(super) fn take_data<'a>(
        &mut self,
        mut frame: DataFrame,
        mut bytes: &'a [u8],
    ) -> Result<&'a [u8], Code> {
        let padding = match frame.padding {
            Some(padding) => padding,
            None => {
                let Some((length, rest)) = bytes.split_first() else {
                    return Ok(bytes);
                };
                bytes = rest;
                frame.left -= 1;
                let padding = u32::from(*length);
                if padding > frame.left {
                    return Err(Code::Protocol);
                }
                frame.padding = Some(padding);
                // Wrong padding is what is told first.
                if let Some(code) = frame.refused {
                    self.refuse_data(frame.head.stream, code);
                }
                frame.wanted =
                    frame.wanted && self.count_data(frame.head.stream, frame.left - padding);
                padding
            }
        };
        let here = (frame.left as usize).min(bytes.len());
        let (payload, rest) = bytes.split_at(here);
        let of_data = (frame.left - frame.left.min(padding)) as usize;
        frame.left -= here as u32;
        let data = payload.get(..of_data.min(here)).unwrap_or_default();
        if frame.wanted && !data.is_empty() {
            frame.wanted = self.add_data(frame.head.stream, data);
        }
        self.input.step = Step::Data(frame);
        if frame.left == 0 {
            self.end_data(frame);
        }
        Ok(rest)
    }

    /// Data on a stream that takes none. The client that broke it off hears so too.
    fn refuse_data(&mut self, id: u32, code: Code) {
        match self.is_closed(id) {
            true => {
                self.glitch();
                self.tally.stream_errors += 1;
                self.write_reset(id, code);
            }
            false => self.break_stream(id, code),
        }
    }

    /// Whether a frame's data is within what was announced. One that goes beyond it is refused as a whole: what is passed on
    /// must not depend on the pieces that it comes in.
    fn count_data(&mut self, id: u32, length: u32) -> bool {
        let Some(stream) = self.stream(id) else {
            return false;
        };
        let Some(left) = &mut stream.announced else {
            return true;
        };
        match left.checked_sub(length.into()) {
            Some(still) => *left = still,
            None => {
                self.break_stream(id, Code::Protocol);
                return false;
            }
        }
        true
    }

    fn add_data(&mut self, id: u32, data: &[u8]) -> bool {
        let Some(stream) = self.stream(id) else {
            return false;
        };
        // Who has released it wants no more.
        if !stream.released {
            stream.received.add(data);
        }
        stream.wake_reader();
        true
    }

    fn end_data(&mut self, frame: DataFrame) {
        self.input.step = Step::Head;
        let id = frame.head.stream;
        let Some(stream) = self.stream(id).filter(|_| frame.wanted) else {
            return;
        };
        if !frame.head.has(flag::END_STREAM) {
            return;
        }
        stream.ended = true;
        stream.wake_reader();
        let missing = stream.announced.is_some_and(|left| left > 0);
        let done = stream.released && stream.finished;
        if missing {
            self.break_stream(id, Code::Protocol);
        } else if done {
            self.remove_stream(id);
        }
    }
}
