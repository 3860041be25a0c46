//! What comes: frames are taken apart, checked and handed on by their kind (RFC 9113 4 to 6).

mod control;
mod data;
mod heads;

use super::{Connection, Reset, Role, Step};
use crate::h2::frame::{Code, FrameHead, HEAD, LEAST_FRAME, PREFACE, flag, kind};

impl Connection {
    /// Takes bytes that came; all of them are taken unless the connection fails.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.failure.is_none()
            && let Err(code) = self.take(bytes)
        {
            self.fail(code);
        }
        if self.failure.is_none() {
            self.open_windows();
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Code> {
        bytes = self.take_preface(bytes)?;
        while !bytes.is_empty() && self.failure.is_none() {
            bytes = match self.input.step {
                Step::Head => self.take_head(bytes)?,
                Step::Payload(head) => self.take_payload(head, bytes)?,
                Step::Data(frame) => self.take_data(frame, bytes)?,
            };
            if self.has_enough() {
                return Err(Code::EnhanceYourCalm);
            }
        }
        Ok(())
    }

    fn take_preface<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Code> {
        let missing = self.input.preface;
        if missing == 0 {
            return Ok(bytes);
        }
        let (here, rest) = bytes.split_at(missing.min(bytes.len()));
        let from = PREFACE.len() - missing;
        if PREFACE.get(from..from + here.len()) != Some(here) {
            return Err(Code::Protocol);
        }
        self.input.preface -= here.len();
        if self.input.preface == 0 {
            self.introduce();
        }
        Ok(rest)
    }

    fn take_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Code> {
        let input = &mut self.input;
        let count = (HEAD - input.held).min(bytes.len());
        let (here, rest) = bytes.split_at(count);
        input.head[input.held..input.held + count].copy_from_slice(here);
        input.held += count;
        if input.held < HEAD {
            return Ok(rest);
        }
        input.held = 0;
        let head = FrameHead::read(&input.head);
        self.note(head);
        self.check(head)?;
        if head.kind == kind::DATA {
            return self.begin_data(head).map(|()| rest);
        }
        self.input.step = Step::Payload(head);
        if head.length == 0 {
            return self.take_payload(head, rest);
        }
        Ok(rest)
    }

    /// What the head alone says (RFC 9113 4.1, 4.2 and section 6 of each kind).
    fn check(&mut self, head: FrameHead) -> Result<(), Code> {
        if !self.input.settled {
            if head.kind != kind::SETTINGS || head.has(flag::ACK) || head.stream != 0 {
                return Err(Code::Protocol);
            }
            self.input.settled = true;
            // The reference counts the first ones twice.
            self.tally.settings += 1;
        }
        if let Some(block) = self.input.block
            && (head.kind != kind::CONTINUATION || head.stream != block.stream)
        {
            return Err(Code::Protocol);
        }
        if head.length > self.config.max_frame.max(LEAST_FRAME) {
            self.silent = head.kind == kind::DATA;
            return Err(Code::FrameSize);
        }
        let least = match head.kind {
            kind::DATA | kind::HEADERS | kind::PUSH_PROMISE if head.has(flag::PADDED) => 1,
            _ => 0,
        };
        if head.length < least {
            return Err(Code::FrameSize);
        }
        let on_stream = head.stream != 0;
        let (belongs, fits) = match head.kind {
            kind::DATA => (on_stream, true),
            kind::HEADERS => (on_stream, head.length > 0),
            kind::PRIORITY => (on_stream, head.length == 5),
            kind::RST_STREAM => (on_stream, head.length == 4),
            kind::SETTINGS if head.has(flag::ACK) => (!on_stream, head.length == 0),
            kind::SETTINGS => (!on_stream, head.length.is_multiple_of(6)),
            kind::PUSH_PROMISE => (false, true),
            kind::PING => (!on_stream, head.length == 8),
            kind::GOAWAY => (!on_stream, head.length >= 8),
            kind::WINDOW_UPDATE => (true, head.length == 4),
            kind::CONTINUATION if self.is_closed(head.stream) && self.input.block.is_none() => {
                return self.silently(Code::StreamClosed);
            }
            kind::CONTINUATION => (on_stream && self.input.block.is_some(), true),
            _ => (true, true),
        };
        // What nobody has opened can only be opened (RFC 9113 5.1).
        let idle =
            self.is_idle(head.stream) && !matches!(head.kind, kind::HEADERS | kind::PRIORITY);
        match (belongs, fits, idle) {
            (false, ..) | (_, true, true) => Err(Code::Protocol),
            (_, false, _) => {
                if head.kind == kind::RST_STREAM
                    && let Some(stream) = self.stream(head.stream)
                {
                    // It need not be told that it is over.
                    let (code, by_peer) = (Code::Cancel, true);
                    stream.reset.get_or_insert(Reset { code, by_peer });
                }
                Err(Code::FrameSize)
            }
            _ => Ok(()),
        }
    }

    /// Whether a client has opened the stream, and it is over.
    fn is_closed(&self, id: u32) -> bool {
        let left = match self.place(id) {
            Ok(place) => self.streams[place].is_left(),
            Err(_) => true,
        };
        self.config.role == Role::Server && id != 0 && !self.is_idle(id) && left
    }

    fn is_idle(&self, stream: u32) -> bool {
        let never = self.config.role == Role::Client && stream != 0 && stream.is_multiple_of(2);
        stream > self.last || never
    }

    /// Gathers what did not come at once.
    fn take_payload<'a>(&mut self, head: FrameHead, bytes: &'a [u8]) -> Result<&'a [u8], Code> {
        let length = head.length as usize;
        if self.input.payload.is_empty() && bytes.len() >= length {
            let (payload, rest) = bytes.split_at(length);
            self.input.step = Step::Head;
            return self.frame(head, payload).map(|()| rest);
        }
        let mut gathered = std::mem::take(&mut self.input.payload);
        let count = (length - gathered.len()).min(bytes.len());
        let (here, rest) = bytes.split_at(count);
        gathered.extend_from_slice(here);
        let taken = match gathered.len() == length {
            true => {
                self.input.step = Step::Head;
                let taken = self.frame(head, &gathered);
                gathered.clear();
                taken
            }
            false => Ok(()),
        };
        self.input.payload = gathered;
        taken.map(|()| rest)
    }

    /// An error that leaves no log line, as in the reference.
    fn silently(&mut self, code: Code) -> Result<(), Code> {
        self.silent = true;
        Err(code)
    }

    fn frame(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        match head.kind {
            kind::HEADERS => self.headers(head, payload),
            kind::CONTINUATION => self.continuation(head, payload),
            kind::PRIORITY => self.priority(head, payload),
            kind::RST_STREAM => self.reset_by_peer(head, payload),
            kind::SETTINGS => self.settings(head, payload),
            kind::PING => self.pinged(head, payload),
            kind::GOAWAY => self.farewell(payload),
            kind::WINDOW_UPDATE => self.window_update(head, payload),
            _ => Ok(()),
        }
    }
}
