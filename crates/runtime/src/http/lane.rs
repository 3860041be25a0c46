//! One direction of an exchange: bytes from a source, through their framing, to a sink.
//!
//! The same loop serves requests and responses. What is to be sent stands in two places: `out` (heads, chunk framing,
//! small bodies) and then the first `ready` bytes of `input`, so that one call sends both and large bodies are not
//! copied. A lane that waits holds no buffer.

use std::io;
use std::task::{Context, Poll};

use hapax_proto::h1::body::Framing;
use hapax_proto::h1::chunk::{Decoder, Encoder, LAST, write_last};
use hapax_proto::h1::{Fault, Limits};
use hapax_proto::http::Head;

use crate::buffer::Buf;
use crate::io::{Io, Stream as Socket};
use crate::pipe::PooledPipe;

/// See the module text.
#[derive(Debug, Default)]
pub struct Lane {
    /// Received, not yet sent or consumed.
    pub input: Option<Buf>,
    /// To be sent first.
    pub out: Vec<u8>,
    sent: usize,
    ready: usize,
    /// Bytes went to the sink that are in `out` no more.
    consumed: bool,
    /// Nothing is sent any more.
    discarding: bool,
    /// What was sent, as long as all of it fits, when the message may have to be sent again.
    kept: Option<Vec<u8>>,
    /// How much may be kept.
    keeps: usize,
    body: Body,
    /// The message's body came in chunks.
    chunked: bool,
    decoder: Decoder,
    encoder: Encoder,
    pipe: Option<PooledPipe>,
    spliced: bool,
    /// Payload bytes that were received, framing not counted.
    pub payload: u64,
    /// What of the payload was paid for at the limits of the exchange.
    pub paid: u64,
    /// What may pass under those limits; none without limits.
    pub allowance: Option<Allowance>,
    /// The source frames bodies itself: what ends them is not counted as trailers.
    pub ends_uncounted: bool,
    /// The source frames bodies itself: fields may follow one whose length was announced.
    pub source_frames: bool,
    /// Trailers are not passed on.
    pub drops_trailers: bool,
    /// Trailer fields, in the count of bytes.
    pub trailer_bytes: u64,
    /// Bytes that the sink took.
    pub delivered: u64,
    /// Whether the sink took anything since it was last asked.
    pub progress: Progress,
    /// What the lane waits for when it is pending.
    pub blocked: Blocked,
    /// The sink frames bodies itself: it gets their bytes alone, then the fields behind them, then their end.
    pub frames_itself: bool,
    /// Fields behind the body wait for the sink.
    trailers_due: bool,
    /// The sink was not told of the end yet.
    end_due: bool,
    /// How long the head at the beginning of `out` is.
    pub head: usize,
    /// The head is not in `out`: it went otherwise.
    pub headless: bool,
    /// The sink's stream ends with this message: its last bytes and the end leave in one segment.
    pub ends_sink: bool,
    /// Whether splice may be used, and from how many bytes on.
    pub splice_from: Option<u64>,
    /// The source had at least as much as was asked for: more surely waits there.
    abounds: bool,
    /// The end of what was sent may wait in the kernel for what follows.
    corked: bool,
}

/// What still comes from the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Body {
    #[default]
    Ended,
    Length(u64),
    /// All of the length came. Fields may follow it until the source ends its message.
    Fields,
    Chunked,
    UntilClose,
}

/// What happened since somebody last looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes came from the source.
    pub source: bool,
    /// The sink took bytes.
    pub sink: bool,
}

/// What may pass under a limit. Bytes that were received are paid for at once and sent when nothing is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes that are paid for; below zero, those that are not.
    pub credit: i64,
    /// The most to receive at a time.
    pub grain: usize,
}

/// Whom a pending lane waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blocked {
    /// Nobody: it is done, or runs again at once.
    #[default]
    No,
    /// The source sends nothing.
    Source,
    /// The sink takes nothing.
    Sink,
    /// Time has to pass before more may be sent.
    Limit,
}

/// Why a lane stopped before the end of its message.
#[derive(Debug)]
pub enum LaneFault {
    /// The source broke the connection.
    Source(io::Error),
    /// The source closed within the message.
    Truncated,
    /// The message's framing is broken.
    Malformed(Fault),
    /// The sink broke the connection.
    Sink(io::Error),
}

impl Lane {
    /// Ready for the next message; bytes in `input` stay, they belong to it.
    pub fn reset(&mut self) {
        self.out.clear();
        if self.out.capacity() > MOST_KEPT {
            self.out = Vec::new();
        }
        self.sent = 0;
        self.ready = 0;
        self.consumed = false;
        self.discarding = false;
        self.kept = None;
        self.body = Body::Ended;
        self.pipe = None;
        self.spliced = false;
        self.payload = 0;
        self.paid = 0;
        self.allowance = None;
        self.drops_trailers = false;
        self.ends_uncounted = false;
        self.source_frames = false;
        self.trailer_bytes = 0;
        self.delivered = 0;
        self.progress = Progress::default();
        self.blocked = Blocked::No;
        self.ends_sink = false;
        self.frames_itself = false;
        self.trailers_due = false;
        self.end_due = false;
        self.head = 0;
        self.headless = false;
    }

    /// A message with this framing begins behind the head that was consumed from `input`; the head for the sink is in
    /// `out`. Body bytes that are there already join it.
    pub fn begin(&mut self, framing: Framing, limits: &Limits) -> Result<(), LaneFault> {
        self.chunked = framing == Framing::Chunked;
        self.body = match framing {
            Framing::None | Framing::Length(0) | Framing::Tunnel => Body::Ended,
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => {
                self.decoder.reset();
                self.encoder = Encoder::default();
                Body::Chunked
            }
            Framing::UntilClose => Body::UntilClose,
        };
        if self.has_input() && self.body != Body::Ended {
            self.decode(limits)?;
            self.join_small();
        }
        Ok(())
    }

    /// Whether the source's message is complete.
    pub fn is_received(&self) -> bool {
        self.body == Body::Ended
    }

    /// Whether everything was received and sent.
    pub fn is_done(&self) -> bool {
        self.is_received() && !self.has_output() && !self.end_due
    }

    /// The message, of which nothing was sent, goes to a sink that frames bodies itself and has got the head otherwise.
    /// `stays`: what follows the message is sent there too.
    pub fn begin_frames(&mut self, stays: bool, limits: &Limits) {
        if std::mem::replace(&mut self.headless, true) {
            return;
        }
        self.frames_itself = !stays;
        self.end_due = !stays;
        let body = self.out.split_off(self.head.min(self.out.len()));
        self.out = match self.chunked {
            true => unchunked(&body, limits),
            false => body,
        };
        self.trailers_due = self.body == Body::Ended && self.chunked;
        self.trailers_due &= !self.drops_trailers && !self.decoder.trailers().is_empty();
        if self.body == Body::Ended && !self.chunked && self.payload > 0 {
            self.body = self.behind_length();
        }
    }

    /// What comes behind a body of known length.
    fn behind_length(&self) -> Body {
        match self.source_frames && self.frames_itself && !self.discarding {
            true => Body::Fields,
            false => Body::Ended,
        }
    }

    /// The same message goes, from its beginning, to a sink that wants text: a head was put into `out`.
    pub fn begin_text(&mut self, head: Vec<u8>) {
        self.headless = false;
        self.frames_itself = false;
        self.end_due = false;
        if self.body == Body::Fields {
            self.body = Body::Ended;
        }
        self.head = head.len();
        let body = std::mem::replace(&mut self.out, head);
        if !self.chunked {
            self.out.extend_from_slice(&body);
            return;
        }
        self.encoder = Encoder::default();
        self.encoder.put(&body, &mut self.out);
        if self.body == Body::Ended {
            match self.drops_trailers {
                true => self.out.extend_from_slice(LAST),
                false => write_last(self.decoder.trailers(), &mut self.out),
            }
        }
    }

    /// Whether something waits to be sent.
    pub fn has_output(&self) -> bool {
        self.sent < self.out.len()
            || self.ready > 0
            || self.pipe.as_ref().is_some_and(|pipe| pipe.held() > 0)
    }

    /// Whether received bytes were not consumed.
    pub fn has_input(&self) -> bool {
        self.input.as_ref().is_some_and(|input| !input.is_empty())
    }

    /// Whether everything that was sent can be sent again.
    pub fn can_rewind(&self) -> bool {
        !self.consumed && !self.spliced
    }

    /// Sends everything again.
    pub fn rewind(&mut self) {
        self.sent = 0;
        self.discarding = false;
        self.end_due = self.frames_itself;
        self.delivered = 0;
    }

    /// What is sent from now on is kept, if it is not more than `most` bytes.
    pub fn keep(&mut self, most: usize) {
        self.keeps = most;
        self.kept = (most > 0).then(Vec::new);
    }

    /// Whether all that was sent can be sent again, also what left `out` long ago.
    pub fn can_replay(&self) -> bool {
        self.kept.is_some()
    }

    /// Sends everything again that was kept, and then what was not sent yet.
    pub fn replay(&mut self) {
        let Some(mut all) = self.kept.replace(Vec::new()) else {
            return self.rewind();
        };
        all.extend_from_slice(self.out.get(self.sent..).unwrap_or_default());
        self.out = all;
        self.sent = 0;
        self.end_due = self.frames_itself;
        self.delivered = 0;
        self.consumed = false;
        self.discarding = false;
    }

    fn keep_sent(kept: &mut Option<Vec<u8>>, most: usize, parts: [&[u8]; 2]) {
        let Some(bytes) = kept else { return };
        let more: usize = parts.iter().map(|part| part.len()).sum();
        if bytes.len() + more > most {
            *kept = None;
            return;
        }
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
    }

    /// Makes room in `out` for something new. What goes as frames is kept while it is small: a server that refuses the
    /// stream unseen gets nothing of it, and all of it goes to another one.
    pub fn renew_out(&mut self) {
        let stays = self.headless && !self.consumed && self.out.len() < MOST_JOINED;
        if self.sent > 0 && self.sent == self.out.len() && !stays {
            self.out.clear();
            self.sent = 0;
            self.consumed = true;
        }
    }

    /// The sink is gone: the rest of the source's message is read and dropped, so that the next one can be found.
    pub fn discard(&mut self) {
        self.discarding = true;
        self.end_due = false;
        let unsent = self.out.get(self.sent..).unwrap_or_default();
        let ready = self.input.as_ref();
        let ready = ready.and_then(|input| input.data().get(..self.ready));
        let parts = [unsent, ready.unwrap_or_default()];
        Lane::keep_sent(&mut self.kept, self.keeps, parts);
        self.drop_output();
    }

    /// Reads and drops the rest of the source's message.
    pub fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Socket,
        limits: &Limits,
    ) -> Poll<Result<(), LaneFault>> {
        self.discarding = true;
        self.allowance = None;
        loop {
            self.drop_output();
            if self.body == Body::Ended {
                self.drop_empty();
                return Poll::Ready(Ok(()));
            }
            match self.poll_fetch(cx, source, limits) {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => {
                    self.drop_empty();
                    return Poll::Pending;
                }
                failed => return failed,
            }
        }
    }

    /// What waited counts as sent. `out` stays: it may have to be sent again.
    fn drop_output(&mut self) {
        if let Some(input) = &mut self.input {
            input.consume(self.ready);
        }
        self.consumed |= self.ready > 0;
        self.ready = 0;
        self.sent = self.out.len();
        self.pipe = None;
    }

    /// Moves what can be moved; ready when the message was received and sent whole.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Socket,
        sink: &mut Socket,
        limits: &Limits,
    ) -> Poll<Result<(), LaneFault>> {
        let moved = self.poll_moved(cx, source, sink, limits);
        if moved.is_ready() || self.blocked != Blocked::No {
            self.abounds = false;
            if std::mem::take(&mut self.corked) {
                // Nobody knows when more comes.
                sink.push();
            }
        }
        moved
    }

    fn poll_moved(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Socket,
        sink: &mut Socket,
        limits: &Limits,
    ) -> Poll<Result<(), LaneFault>> {
        self.blocked = Blocked::No;
        if !sink.is_bare() {
            self.splice_from = None;
        }
        for _ in 0..ROUNDS {
            if self.allowance.is_some_and(|allowance| allowance.credit < 0) {
                self.blocked = Blocked::Limit;
                return Poll::Pending;
            }
            // What is known of the end goes with the last bytes.
            if self.body == Body::Fields
                && let Poll::Ready(Err(fault)) = self.poll_fields(cx, source)
            {
                return Poll::Ready(Err(fault));
            }
            match self.poll_flush(cx, sink) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(LaneFault::Sink(error))),
                Poll::Pending => {
                    self.blocked = Blocked::Sink;
                    return Poll::Pending;
                }
            }
            if self.body == Body::Ended {
                self.drop_empty();
                return Poll::Ready(Ok(()));
            }
            match self.poll_fetch(cx, source, limits) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
                Poll::Pending => {
                    self.drop_empty();
                    self.blocked = Blocked::Source;
                    return Poll::Pending;
                }
            }
        }
        // Others have a right to the worker too.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what is there.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>, sink: &mut Socket) -> Poll<io::Result<()>> {
        if self.discarding {
            self.drop_output();
        }
        let is_last = self.ends_sink && self.body == Body::Ended && self.pipe.is_none();
        // Records end in short segments; where bytes go as they are, the kernel makes whole ones itself.
        let follows = self.abounds && self.body != Body::Ended && !sink.is_bare();
        let mut held_back = false;
        if is_last && self.has_output() && !self.frames_itself {
            sink.end_with_next();
        }
        while self.sent < self.out.len() || self.ready > 0 {
            let first = &self.out[self.sent..];
            let second = match &self.input {
                Some(input) => &input.data()[..self.ready],
                None => &[],
            };
            let first_len = first.len();
            let count = match sink.poll_send(cx, first, second, is_last || follows) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            held_back = is_last;
            self.corked = follows;
            let of_first = count.min(first_len);
            if self.kept.is_some() {
                let parts = [
                    first.get(..of_first).unwrap_or_default(),
                    second.get(..count - of_first).unwrap_or_default(),
                ];
                Lane::keep_sent(&mut self.kept, self.keeps, parts);
            }
            self.took(count);
            // `out` is kept until something else is written there: it may have to be sent again.
            self.sent += of_first;
            if count > of_first {
                self.consumed = true;
                self.ready -= count - of_first;
                if let Some(input) = &mut self.input {
                    input.consume(count - of_first);
                }
            }
        }
        if self.frames_itself && self.body == Body::Ended && !self.discarding {
            return self.end_message(cx, sink);
        }
        if held_back {
            // What was sent as if more followed goes out with the end of the stream. A client that is gone by now cannot
            // be told, as after any other send.
            return sink.poll_shutdown(cx).map(|_| Ok(()));
        }
        while let Some(pipe) = self.pipe.as_mut().filter(|pipe| pipe.held() > 0) {
            match sink.poll_splice_to(cx, pipe, false) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => self.took(count),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The message has been sent: the sink ends it.
    fn end_message(&mut self, cx: &mut Context<'_>, sink: &mut Socket) -> Poll<io::Result<()>> {
        // Said a second time they mean nothing.
        if self.trailers_due
            && let Some(stream) = sink.shared_mut()
        {
            stream.send_trailers(self.decoder.trailers());
        }
        self.end_due = false;
        sink.poll_shutdown(cx)
    }

    fn took(&mut self, count: usize) {
        self.delivered += count as u64;
        self.progress.sink = true;
    }

    fn poll_fetch(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Socket,
        limits: &Limits,
    ) -> Poll<Result<(), LaneFault>> {
        if self.body == Body::Fields {
            return self.poll_fields(cx, source);
        }
        if let Some(spliced) = self.poll_splice(cx, source) {
            return spliced;
        }
        self.pipe = None;
        let input = self.input.get_or_insert_with(Buf::take);
        if input.tail() == 0 {
            input.compact();
        }
        let mut room = input.room();
        if let Some(allowance) = self.allowance {
            let most = room.len().min(allowance.grain);
            room = &mut room[..most];
        }
        let asked = room.len();
        self.abounds = false;
        match source.poll_recv(cx, room) {
            Poll::Ready(Ok(0)) => return Poll::Ready(self.source_ended()),
            Poll::Ready(Ok(count)) => {
                input.filled(count);
                self.abounds = count == asked && self.allowance.is_none();
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(LaneFault::Source(error))),
            Poll::Pending => return Poll::Pending,
        }
        self.progress.source = true;
        let before = self.payload;
        let decoded = self.decode(limits);
        if let Some(allowance) = &mut self.allowance {
            let taken = i64::try_from(self.payload - before).unwrap_or(i64::MAX);
            allowance.credit = allowance.credit.saturating_sub(taken);
        }
        Poll::Ready(decoded)
    }

    /// The source ends its message, with fields or without.
    fn poll_fields(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Socket,
    ) -> Poll<Result<(), LaneFault>> {
        let came = match source.shared_mut() {
            Some(stream) => std::task::ready!(stream.poll_trailers(cx)),
            None => Ok(None),
        };
        let fields = match came {
            Ok(fields) => fields.unwrap_or_default(),
            Err(error) => return Poll::Ready(Err(LaneFault::Source(error))),
        };
        self.trailers_due = !self.drops_trailers && !fields.is_empty();
        self.trailer_bytes = counted(&fields) + u64::from(!fields.is_empty());
        *self.decoder.trailers_mut() = fields;
        self.body = Body::Ended;
        Poll::Ready(Ok(()))
    }

    fn source_ended(&mut self) -> Result<(), LaneFault> {
        match self.body {
            Body::UntilClose => {
                self.body = Body::Ended;
                Ok(())
            }
            _ => Err(LaneFault::Truncated),
        }
    }

    /// Large bodies of known length go through a pipe. None: by buffer.
    fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Socket,
    ) -> Option<Poll<Result<(), LaneFault>>> {
        let least = self
            .splice_from
            .filter(|_| !self.discarding && self.allowance.is_none())?;
        let left = match self.body {
            Body::Length(left) if left >= least || self.spliced => left,
            _ => return None,
        };
        if self.has_input() {
            return None;
        }
        if self.pipe.is_none() {
            self.pipe = PooledPipe::take().ok();
        }
        let pipe = self.pipe.as_mut()?;
        self.input = None;
        let limit = usize::try_from(left).unwrap_or(usize::MAX);
        match source.poll_splice_from(cx, pipe, limit) {
            Poll::Pending => {
                self.pipe = None;
                Some(Poll::Pending)
            }
            Poll::Ready(Ok(0)) => Some(Poll::Ready(self.source_ended())),
            Poll::Ready(Ok(count)) => {
                self.spliced = true;
                self.progress.source = true;
                self.payload += count as u64;
                self.body = match left.saturating_sub(count as u64) {
                    0 => Body::Ended,
                    left => Body::Length(left),
                };
                Some(Poll::Ready(Ok(())))
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::InvalidInput => {
                self.splice_from = None;
                None
            }
            Poll::Ready(Err(error)) => Some(Poll::Ready(Err(LaneFault::Source(error)))),
        }
    }

    /// Finds out which of the bytes in `input` go to the sink.
    fn decode(&mut self, limits: &Limits) -> Result<(), LaneFault> {
        if self.body == Body::Chunked {
            self.renew_out();
        }
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        match self.body {
            Body::Ended | Body::Fields => {}
            Body::Length(left) => {
                let count = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
                self.ready = count;
                self.payload += count as u64;
                self.body = match left - count as u64 {
                    0 => self.behind_length(),
                    left => Body::Length(left),
                };
            }
            Body::UntilClose => {
                self.ready = input.len();
                self.payload += input.len() as u64;
            }
            Body::Chunked => {
                let before = self.decoder.position();
                let found = self.decoder.advance(input.data(), limits);
                let found = found.map_err(|mut fault| {
                    // What was consumed before is not in the buffer any more.
                    fault.at = fault.at.saturating_sub(before);
                    LaneFault::Malformed(fault)
                })?;
                self.encoder.announce(found.announced);
                for range in &found.data {
                    let data = input.data().get(range.clone()).unwrap_or_default();
                    self.payload += data.len() as u64;
                    match self.frames_itself {
                        true => self.out.extend_from_slice(data),
                        false => self.encoder.put(data, &mut self.out),
                    }
                }
                input.consume(found.consumed);
                if found.done {
                    // They came, and are counted as such.
                    let trailers = self.decoder.trailers();
                    match self.drops_trailers {
                        _ if self.frames_itself => {
                            self.trailers_due = !self.drops_trailers && !trailers.is_empty();
                        }
                        true => self.out.extend_from_slice(LAST),
                        false => write_last(trailers, &mut self.out),
                    }
                    let end = u64::from(!self.ends_uncounted || !trailers.is_empty());
                    self.trailer_bytes = counted(trailers) + end;
                    self.body = Body::Ended;
                }
            }
        }
        Ok(())
    }

    /// A small body behind a head is copied there: one plain send costs less than a vectored one.
    fn join_small(&mut self) {
        if self.ready > 0 && self.ready <= MOST_JOINED {
            if let Some(input) = &mut self.input {
                self.out.extend_from_slice(&input.data()[..self.ready]);
                input.consume(self.ready);
            }
            self.ready = 0;
        }
    }

    /// Gives the buffer back when nothing is in it.
    pub fn drop_empty(&mut self) {
        if !self.has_input() {
            self.input = None;
        }
    }
}

/// Fields behind a body, in the count of bytes.
fn counted(fields: &Head) -> u64 {
    let lengths = fields.iter().map(|(name, value)| name.len() + value.len());
    lengths.sum::<usize>() as u64
}

/// The data of chunks of ours.
fn unchunked(bytes: &[u8], limits: &Limits) -> Vec<u8> {
    let mut data = Vec::with_capacity(bytes.len());
    if let Ok(found) = Decoder::new().advance(bytes, limits) {
        for range in found.data {
            data.extend_from_slice(bytes.get(range).unwrap_or_default());
        }
    }
    data
}

/// Whether the body bytes that came with a head are in order. The reference looks at them before it acts on the head, so
/// that a fault there is answered as one of the head.
pub fn check_chunks(bytes: &[u8], limits: &Limits) -> Result<(), Fault> {
    Decoder::new().advance(bytes, limits).map(|_| ())
}

/// How often one lane may fetch and send before other tasks have their turn.
const ROUNDS: usize = 16;
const MOST_JOINED: usize = 4096;
/// A pooled lane keeps this much memory for heads.
const MOST_KEPT: usize = 16384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_laid_out_as_frames_and_as_text_again() {
        let limits = Limits::default();
        let mut lane = Lane {
            out: b"HEAD".to_vec(),
            head: 4,
            ..Lane::default()
        };
        let mut input = Buf::take();
        let chunks = b"3\r\nabc\r\n5\r\nde";
        input.room()[..chunks.len()].copy_from_slice(chunks);
        input.filled(chunks.len());
        lane.input = Some(input);
        assert!(lane.begin(Framing::Chunked, &limits).is_ok());
        let text = lane.out.clone();
        lane.begin_frames(false, &limits);
        assert_eq!(lane.out, b"abcde");
        assert!(!lane.is_done() && lane.headless);
        lane.begin_text(b"HEAD".to_vec());
        let unchunk = |text: &[u8]| unchunked(text.get(4..).unwrap_or_default(), &limits);
        assert_eq!(unchunk(&lane.out), unchunk(&text));
        assert!(lane.out.starts_with(b"HEAD"));
    }

    #[test]
    fn what_went_as_frames_can_be_said_again_while_it_is_small() {
        let mut lane = Lane {
            out: b"small".to_vec(),
            sent: 5,
            headless: true,
            ..Lane::default()
        };
        lane.renew_out();
        assert!(lane.can_rewind());
        lane.out.resize(MOST_JOINED, 0);
        lane.sent = MOST_JOINED;
        lane.renew_out();
        assert!(!lane.can_rewind() && lane.out.is_empty());
    }

    #[test]
    fn fields_may_follow_a_body_of_known_length() {
        let limits = Limits::default();
        let mut lane = Lane {
            source_frames: true,
            ..Lane::default()
        };
        let mut input = Buf::take();
        input.room()[..3].copy_from_slice(b"abc");
        input.filled(3);
        lane.input = Some(input);
        assert!(lane.begin(Framing::Length(3), &limits).is_ok());
        assert!(lane.is_received());
        lane.begin_frames(false, &limits);
        assert!(!lane.is_received());
        lane.begin_text(Vec::new());
        assert!(lane.is_received());
    }

    #[test]
    fn a_message_without_body_has_its_end_to_tell() {
        let mut lane = Lane {
            out: b"HEAD".to_vec(),
            head: 4,
            ..Lane::default()
        };
        assert!(lane.begin(Framing::None, &Limits::default()).is_ok());
        lane.begin_frames(false, &Limits::default());
        assert!(lane.out.is_empty() && !lane.is_done());
        lane.discard();
        assert!(lane.is_done());
    }

    #[test]
    fn what_a_sink_did_not_take_can_be_said_to_another() {
        let mut lane = Lane {
            out: b"HEAD".to_vec(),
            ..Lane::default()
        };
        lane.discard();
        assert!(lane.is_done() && lane.can_rewind());
        lane.rewind();
        assert!(lane.has_output() && !lane.discarding);
    }
}
