//! HEADERS and CONTINUATION: blocks of fields become heads and trailers, and open streams.

use crate::h2::connection::{Block, Connection, Role};
use crate::h2::frame::{Code, FrameHead, STREAM_MASK, flag, number};
use crate::h2::message::{self, Builder, Malformed};

impl Connection {
    pub(super) fn headers(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
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

    pub(super) fn continuation(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
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
}

/// Streams that were broken off wait until there are so many times as many as there may be.
const WAITING: usize = 8;
/// A server may send this many heads for one stream before somebody takes one.
const MOST_HEADS: usize = 16;
