//! What goes: heads, bodies, ends and resets of streams, within the windows of the other side.

use std::task::{Context, Poll};

use super::{Connection, Reset, Role, Stream};
use crate::h1::FaultKind;
use crate::h2::frame::{Code, LEAST_FRAME, STREAM_MASK, flag, kind, write};
use crate::h2::hpack::encode;
use crate::http::{Head, Kind, Name};

/// Why a stream can be neither read nor written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(pub Reset);

impl Connection {
    /// Opens a stream of a client; none when no further one may be opened now.
    pub fn open_stream(&mut self) -> Option<u32> {
        if !self.has_place() {
            return None;
        }
        let id = match self.last {
            0 => 1,
            last => last.checked_add(2).filter(|id| *id < 1 << 31)?,
        };
        self.last = id;
        self.add_stream(id);
        Some(id)
    }

    /// Whether a client may open one more stream now.
    pub fn has_place(&self) -> bool {
        let most = match self.config.max_streams {
            0 => self.peer.max_streams,
            own => own.min(self.peer.max_streams),
        };
        let numbered = self.last < STREAM_MASK - 1;
        let client = self.config.role == Role::Client;
        let reads = !self.is_leaving() && !self.is_flooded();
        client && numbered && reads && self.streams.len() < most as usize
    }

    /// Ready when it is known whether the server takes websockets (RFC 8441 3).
    pub fn poll_websockets(&mut self, id: u32, cx: &mut Context<'_>) -> Poll<Result<bool, Broken>> {
        let (settled, takes) = (self.is_settled(), self.peer.connect_protocol);
        let Some(stream) = self.stream(id) else {
            return Poll::Ready(Err(GONE));
        };
        match stream.reset {
            Some(reset) => Poll::Ready(Err(Broken(reset))),
            None if settled => Poll::Ready(Ok(takes)),
            None => {
                Stream::watch(&mut stream.reader, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Takes the next head that came. What stood in `head` before is kept for a later one.
    pub fn poll_head(
        &mut self,
        id: u32,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<Option<FaultKind>, Broken>> {
        let Some(stream) = self.stream(id) else {
            return Poll::Ready(Err(GONE));
        };
        if let Some(came) = stream.heads.pop_front() {
            let fault = stream.fault;
            let before = std::mem::replace(head, came);
            self.keep_head(before);
            return Poll::Ready(Ok(fault));
        }
        if let Some(reset) = stream.reset {
            return Poll::Ready(Err(Broken(reset)));
        }
        Stream::watch(&mut stream.reader, cx.waker());
        Poll::Pending
    }

    /// Reads bytes of the body; 0 is its end.
    pub fn poll_read(
        &mut self,
        id: u32,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<Result<usize, Broken>> {
        let client = self.config.role == Role::Client;
        let Some(stream) = self.stream(id) else {
            return Poll::Ready(Err(GONE));
        };
        // What was malformed is not passed on as if it were complete. What came of an answer before it broke off is.
        if let Some(reset) = stream.reset.filter(|_| !client) {
            return Poll::Ready(Err(Broken(reset)));
        }
        if !stream.received.is_empty() {
            let count = stream.received.take(into);
            self.read_from(id);
            return Poll::Ready(Ok(count));
        }
        if stream.ended {
            return Poll::Ready(Ok(0));
        }
        if let Some(reset) = stream.reset {
            return Poll::Ready(Err(Broken(reset)));
        }
        Stream::watch(&mut stream.reader, cx.waker());
        Poll::Pending
    }

    /// Ready when the stream is broken.
    pub fn poll_broken(&mut self, id: u32, cx: &mut Context<'_>) -> Poll<Broken> {
        let Some(stream) = self.stream(id) else {
            return Poll::Ready(GONE);
        };
        if let Some(reset) = stream.reset {
            return Poll::Ready(Broken(reset));
        }
        Stream::watch(&mut stream.reader, cx.waker());
        Poll::Pending
    }

    /// Sends a head. Names that belong to a connection of HTTP/1 are left out.
    pub fn send_head(&mut self, id: u32, head: &Head) {
        let max_frame = self.most_payload();
        let drops_table = std::mem::take(&mut self.drops_table);
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.reset.is_some() || stream.finished {
            return;
        }
        let position = self.output.position();
        let at = self.output.frames().len();
        self.output.head(kind::HEADERS, flag::END_HEADERS, id, 0);
        let out = self.output.frames();
        if drops_table {
            // Nothing of ours is in the table in any case (RFC 7541 4.2).
            out.push(0x20);
        }
        match head.kind() {
            // A server of HTTP/1 has switched: here that is an answer as any other (RFC 8441 5).
            Kind::Response if head.status() == 101 => encode::status(out, b"200"),
            Kind::Response => encode::status(out, head.status_text()),
            Kind::Request => request_line(head, out),
        }
        fields(head, out);
        self.end_block(id, at, position, max_frame);
    }

    /// Sends the fields behind a body, which end the stream.
    pub fn send_trailers(&mut self, id: u32, trailers: &Head) {
        let max_frame = self.most_payload();
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.reset.is_some() || stream.finished {
            return;
        }
        stream.finished = true;
        let position = self.output.position();
        let at = self.output.frames().len();
        self.output
            .head(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, id, 0);
        fields(trailers, self.output.frames());
        self.end_block(id, at, position, max_frame);
    }

    /// The frame that began at `at` holds a header block: what is too long for one frame goes on in others.
    fn end_block(&mut self, id: u32, at: usize, position: u64, max_frame: usize) {
        let block = self.output.frames().len() - at - crate::h2::frame::HEAD;
        if block <= max_frame {
            self.output.set_length(at);
        } else {
            let whole = self.output.frames().split_off(at);
            let (head, block) = whole.split_at(crate::h2::frame::HEAD);
            let ends = head.get(4).copied().unwrap_or_default() & flag::END_STREAM;
            let mut pieces = block.chunks(max_frame).peekable();
            let (mut what, mut flags) = (kind::HEADERS, ends);
            while let Some(piece) = pieces.next() {
                if pieces.peek().is_none() {
                    flags |= flag::END_HEADERS;
                }
                write(self.output.frames(), what, flags, id, piece);
                (what, flags) = (kind::CONTINUATION, 0);
            }
        }
        if let Some(stream) = self.stream(id) {
            stream.last_frame = Some(position);
        }
        self.wake_driver();
    }

    fn most_payload(&self) -> usize {
        self.peer.max_frame.min(LEAST_FRAME) as usize
    }

    /// Sends bytes of the body; answers how many were taken.
    pub fn poll_write(
        &mut self,
        id: u32,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
    ) -> Poll<Result<usize, Broken>> {
        let most = self.most_payload();
        let (room, window) = (self.output.room(), self.send_window);
        let Some(stream) = self.stream(id) else {
            return Poll::Ready(Err(GONE));
        };
        if let Some(reset) = stream.reset {
            return Poll::Ready(Err(Broken(reset)));
        }
        if stream.finished {
            return Poll::Ready(Err(GONE));
        }
        let all = first.len() + second.len();
        let granted = usize::try_from(window.min(stream.send_window)).unwrap_or(0);
        let count = all.min(granted).min(room).min(most);
        if count == 0 && all > 0 {
            Stream::watch(&mut stream.writer, cx.waker());
            if stream.send_window > 0 && !stream.queued {
                stream.queued = true;
                self.queue.push_back(id);
            }
            return Poll::Pending;
        }
        stream.send_window -= count as i64;
        let position = self.output.position();
        if let Some(stream) = self.stream(id) {
            stream.last_frame = Some(position);
        }
        self.send_window -= count as i64;
        self.output.head(kind::DATA, 0, id, count);
        let of_first = count.min(first.len());
        let out = self.output.frames();
        out.extend_from_slice(first.get(..of_first).unwrap_or_default());
        out.extend_from_slice(second.get(..count - of_first).unwrap_or_default());
        self.wake_driver();
        Poll::Ready(Ok(count))
    }

    /// Ready when there is room for more, so that who produces heads without end is held back.
    pub fn poll_room(&mut self, id: u32, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let room = self.output.room();
        let Some(stream) = self.stream(id) else {
            return Poll::Ready(Err(GONE));
        };
        if let Some(reset) = stream.reset {
            return Poll::Ready(Err(Broken(reset)));
        }
        if room > 0 {
            return Poll::Ready(Ok(()));
        }
        Stream::watch(&mut stream.writer, cx.waker());
        if !stream.queued {
            stream.queued = true;
            self.queue.push_back(id);
        }
        Poll::Pending
    }

    /// Ends our message: its last frame says so if it still waits, otherwise an empty one does.
    pub fn finish(&mut self, id: u32) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.finished || stream.reset.is_some() {
            return;
        }
        stream.finished = true;
        let last = stream.last_frame;
        if !last.is_some_and(|position| self.output.end_at(position)) {
            write(self.output.frames(), kind::DATA, flag::END_STREAM, id, &[]);
        }
        self.wake_driver();
    }

    /// Whoever held the stream is gone: what is not complete is broken off with `code`.
    pub fn release(&mut self, id: u32, code: Code) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        stream.released = true;
        if stream.reset.is_none() && !(stream.finished && stream.ended) {
            let code = match stream.finished {
                // The answer is complete; what is left of the request is not needed.
                true => Code::NoError,
                false => code,
            };
            self.write_reset(id, code);
        }
        self.remove_stream(id);
    }

    /// The other side has broken the rules on a stream.
    pub(super) fn break_stream(&mut self, id: u32, code: Code) {
        self.tally.stream_errors += 1;
        self.glitch();
        if !self.has_enough() {
            self.write_reset(id, code);
        }
        let client = self.config.role == Role::Client;
        let Some(stream) = self.stream(id) else {
            return;
        };
        stream.reset.get_or_insert(Reset {
            code,
            by_peer: false,
        });
        stream.ended &= !client;
        if !client {
            stream.received.clear();
        }
        stream.wake_reader();
        stream.wake_writer();
    }

    /// A stream on which nothing was sent is not for what it was opened for.
    pub fn refuse(&mut self, id: u32, code: Code) {
        self.write_reset(id, code);
        if let Some(stream) = self.stream(id) {
            let by_peer = false;
            stream.reset.get_or_insert(Reset { code, by_peer });
        }
    }

    pub(super) fn write_reset(&mut self, id: u32, code: Code) {
        self.tally.resets_sent += 1;
        let code = (code as u32).to_be_bytes();
        write(self.output.frames(), kind::RST_STREAM, 0, id, &code);
        self.wake_driver();
    }

    /// Streams that wait for the connection go on, as many as have something to gain; the one that waits longest is first.
    pub(super) fn wake_writers(&mut self) {
        let mut room = self.output.room();
        while room > 0 && self.send_window > 0 {
            let Some(id) = self.queue.pop_front() else {
                break;
            };
            if let Some(stream) = self.stream(id) {
                stream.queued = false;
                stream.wake_writer();
                room = room.saturating_sub(LEAST_FRAME as usize);
            }
        }
    }
}

fn request_line(head: &Head, out: &mut Vec<u8>) {
    let target = head.target();
    let extended = head.seen.upgrade && head.seen.websocket;
    match extended {
        true => encode::method(out, b"CONNECT"),
        false => encode::method(out, head.method()),
    }
    if head.method() == b"CONNECT" {
        encode::authority(out, head.uri());
        return;
    }
    encode::scheme(out, target.scheme.unwrap_or(b"https"));
    let host = head.get(Name::Host).filter(|_| extended);
    if let Some(authority) = target.authority.or(host) {
        encode::authority(out, authority);
    }
    let sent = head.uri();
    let rest = match target.scheme {
        Some(scheme) => {
            let authority = target.authority.unwrap_or_default().len();
            sent.get(scheme.len() + 3 + authority..).unwrap_or_default()
        }
        None => sent,
    };
    match rest {
        [] if head.method() == b"OPTIONS" => encode::path(out, b"*"),
        [] => encode::path(out, b"/"),
        rest => encode::path(out, rest),
    }
    if extended {
        encode::field(out, b":protocol", b"websocket");
    }
}

fn fields(head: &Head, out: &mut Vec<u8>) {
    // Who has an authority needs no other name.
    let named = head.kind() == Kind::Request
        && (head.method() == b"CONNECT"
            || head.seen.upgrade && head.seen.websocket
            || head.target().authority.is_some());
    for (field, (name, value)) in head.fields().iter().zip(head.iter()) {
        let left_out = match field.id {
            Name::Connection
            | Name::KeepAlive
            | Name::ProxyConnection
            | Name::Upgrade
            | Name::TransferEncoding => true,
            Name::Host => named,
            Name::Te => value != b"trailers",
            _ => name.first().is_none_or(|first| *first == b':'),
        };
        if !left_out {
            encode::field(out, name, value);
        }
    }
}

const GONE: Broken = Broken(Reset {
    code: Code::Cancel,
    by_peer: true,
});
