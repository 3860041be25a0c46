//! What comes: frames are checked and become heads, bodies, windows and ends of streams (RFC 9113 4 to 6).

use super::{Block, Connection, DataFrame, Reset, Role, Step};
use crate::h2::frame::{
    Code, FrameHead, HEAD, LEAST_FRAME, PREFACE, STREAM_MASK, flag, kind, number, write,
};
use crate::h2::message::{self, Builder, Malformed};
use crate::h2::settings;

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

    fn priority(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        match number(payload).map(|on| on & STREAM_MASK) {
            Some(on) if on == head.stream => self.silently(Code::Protocol),
            _ => Ok(()),
        }
    }

    fn reset_by_peer(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
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

    fn settings(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
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

    fn pinged(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        match head.has(flag::ACK) {
            true => self.pinged = false,
            false => write(self.output.frames(), kind::PING, flag::ACK, 0, payload),
        }
        Ok(())
    }

    fn farewell(&mut self, payload: &[u8]) -> Result<(), Code> {
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

    fn window_update(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
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

    fn headers(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        self.tally.headers += 1;
        let mut block = payload;
        let mut padding = 0;
        if head.has(flag::PADDED) {
            let (length, rest) = block.split_first().ok_or(Code::FrameSize)?;
            (padding, block) = (usize::from(*length), rest);
        }
        block = block
            .len()
            .checked_sub(padding)
            .and_then(|length| block.get(..length))
            .ok_or(Code::Protocol)?;
        if head.stream > self.last {
            if head.stream.is_multiple_of(2) || self.config.role == Role::Client {
                return Err(Code::Protocol);
            }
            self.last = head.stream;
        } else if self.is_closed(head.stream) {
            // It was there once (RFC 9113 5.1); an answer that nobody waits for any more is decoded all the same.
            return self.silently(Code::StreamClosed);
        } else if self.config.role == Role::Server
            && let Some(stream) = self.stream(head.stream)
            && stream.reset.is_none()
            && stream.ended
        {
            return Err(Code::Protocol);
        }
        let mut depends = None;
        if head.has(flag::PRIORITY) {
            let (priority, rest) = block.split_at_checked(5).ok_or(Code::FrameSize)?;
            (depends, block) = (number(priority), rest);
        }
        if depends.is_some_and(|on| on & STREAM_MASK == head.stream) {
            return Err(Code::Protocol);
        }
        let is = Block {
            stream: head.stream,
            ends: head.has(flag::END_STREAM),
        };
        if head.has(flag::END_HEADERS) {
            return self.block(is, block);
        }
        self.input.block = Some(is);
        self.input.pieces = 0;
        self.input.fragments.clear();
        self.add_fragment(block)
    }

    fn continuation(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        self.tally.headers += 1;
        self.input.pieces = self.input.pieces.saturating_add(1);
        if self.input.pieces == 5 || (self.input.pieces > 1 && self.input.pieces % 16 == 1) {
            self.glitch();
        }
        self.add_fragment(payload)?;
        let Some(block) = self.input.block.filter(|_| head.has(flag::END_HEADERS)) else {
            return Ok(());
        };
        self.input.block = None;
        let fragments = std::mem::take(&mut self.input.fragments);
        let taken = self.block(block, &fragments);
        self.input.fragments = fragments;
        taken
    }

    fn add_fragment(&mut self, fragment: &[u8]) -> Result<(), Code> {
        if self.input.fragments.len() + fragment.len() > self.config.most_block {
            return Err(Code::Internal);
        }
        self.input.fragments.extend_from_slice(fragment);
        Ok(())
    }

    /// A whole header block. It is decoded in any case: the table of both sides must stay the same.
    fn block(&mut self, block: Block, bytes: &[u8]) -> Result<(), Code> {
        let known = self.place(block.stream).is_ok();
        let trailers = self
            .stream(block.stream)
            .is_some_and(|stream| stream.headed);
        let role = match self.config.role {
            _ if trailers => message::Role::Trailers,
            Role::Server => message::Role::Request,
            Role::Client => message::Role::Response,
        };
        let mut head = self.take_spare_head();
        let mut builder = Builder::new(&mut head, role, &self.config.limits);
        self.decoder
            .decode(bytes, |name, value| builder.field(name, value))
            .map_err(|_| Code::Compression)?;
        let built = builder.finish(block.ends);
        if !known && built.is_err() {
            // It never becomes a stream.
            self.keep_head(head);
            self.tally.stream_complaints += 1;
            self.break_stream(block.stream, Code::Protocol);
            return Ok(());
        }
        if !known && !self.open(block.stream)? {
            self.keep_head(head);
            return Ok(());
        }
        let Some(stream) = self.stream(block.stream) else {
            return Ok(());
        };
        if stream.reset.is_some() {
            self.keep_head(head);
            return Ok(());
        }
        if stream.ended {
            self.keep_head(head);
            self.break_stream(block.stream, Code::StreamClosed);
            return Ok(());
        }
        if trailers && !block.ends {
            return Err(Code::Protocol);
        }
        let fault = match built {
            Ok(fault) => fault,
            Err(Malformed) => {
                stream.malformed = true;
                self.keep_head(head);
                self.tally.stream_complaints += 1;
                self.break_stream(block.stream, Code::Protocol);
                return Ok(());
            }
        };
        let short = trailers && block.ends && stream.announced.is_some_and(|left| left > 0);
        if trailers {
            stream.trailers = Some(head);
        } else {
            let interim = (100..200).contains(&head.status());
            let cut_off = interim && block.ends;
            if stream.heads.len() >= MOST_HEADS {
                return Err(Code::Protocol);
            }
            stream.headed = !interim;
            stream.fault = fault;
            stream.announced = head.seen().content_length;
            stream.heads.push_back(head);
            if cut_off {
                self.break_stream(block.stream, Code::Protocol);
                return Ok(());
            }
        }
        stream.ended = block.ends;
        stream.wake_reader();
        if !block.ends {
            self.arrivals.head(block.stream);
        }
        if short {
            self.break_stream(block.stream, Code::Protocol);
        }
        Ok(())
    }

    /// Whether the client has broken off so many streams that it may open one more: those go as soon as their tasks have their
    /// turn, of which so many wait at most.
    fn has_freed(&self, most: usize) -> bool {
        let left = self.streams.iter().filter(|stream| stream.is_left());
        self.streams.len() < most.saturating_mul(WAITING)
            && self.streams.len() - left.count() < most
    }

    /// A stream that the other side opens. False when it is not served.
    fn open(&mut self, id: u32) -> Result<bool, Code> {
        if self.config.role == Role::Client {
            return Ok(false);
        }
        let most = self.config.max_streams;
        let most = most as usize;
        if most > 0 && self.streams.len() >= most && !self.has_freed(most) {
            self.glitch();
            self.tally.stream_errors += 1;
            self.tally.stream_complaints += 1;
            self.write_reset(id, Code::RefusedStream);
            return Ok(false);
        }
        self.add_stream(id);
        self.opened.push_back(id);
        let total = self.config.total_streams;
        if total > 0 && self.streams_begun >= total && !self.dismissed {
            // Those that are on their way by then are served.
            let most = self.config.max_streams.min(STREAM_MASK / 4);
            self.dismiss_behind(self.last.saturating_add(most * 2).min(STREAM_MASK));
        }
        Ok(true)
    }

    fn begin_data(&mut self, head: FrameHead) -> Result<(), Code> {
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

    fn take_data<'a>(
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

    fn add_data(&mut self, id: u32, data: &[u8]) -> bool {
        let Some(stream) = self.stream(id) else {
            return false;
        };
        if let Some(left) = &mut stream.announced {
            let Some(still) = left.checked_sub(data.len() as u64) else {
                self.break_stream(id, Code::Protocol);
                return false;
            };
            *left = still;
        }
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

/// Streams that were broken off wait until there are so many times as many as there may be.
const WAITING: usize = 8;
/// A server may send this many heads for one stream before somebody takes one.
const MOST_HEADS: usize = 16;
