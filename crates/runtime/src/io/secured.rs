//! TLS over a socket: records in pooled buffers, which a connection that waits does not hold.
//!
//! Bytes that are sent are taken when their records have left: a call that has to wait is to be repeated with the same
//! bytes, as all callers do that keep what was not taken.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use hapax_core::secured::Secured;
use hapax_tls::handshake::{Handshake, HandshakeFault, Step};
use hapax_tls::record::{self, MOST_AROUND, MOST_CONTENT, RecordFault, content};
use hapax_tls::session::{CLOSING, NO_RENEGOTIATION, Records};

mod place;

pub use place::{Place, is_full, limit, taken};

use super::{Io, Socket};
use crate::buffer::{self, Buf};

/// TLS over a socket.
#[derive(Debug)]
pub struct Layer {
    state: State,
    secured: Option<Arc<Secured>>,
    /// Received and not opened yet, behind what was opened and not taken yet.
    incoming: Option<Buf>,
    /// So many bytes at the start of `incoming` were opened.
    opened: usize,
    /// So many behind them are what is left of their record.
    tail: usize,
    /// Sealed and not sent yet.
    outgoing: Option<Buf>,
    /// So many bytes of the caller are in `outgoing`.
    promised: usize,
    /// The peer sends no more.
    ended: bool,
    /// The peer was told that no more comes.
    closed: bool,
    /// It is to be told so with what is sent next.
    ends: bool,
    /// Of a connection to a server; one of a client took its place when it was accepted.
    _place: Option<Place>,
}

#[derive(Debug)]
enum State {
    Handshake(Box<Handshake>, Vec<u8>),
    Open(Records),
    Failed,
}

/// Why a handshake failed.
#[derive(Debug)]
pub enum LayerFault {
    /// The peer closed before its end.
    Closed,
    /// The connection broke.
    Broken(io::Error),
    /// What came did not do, and what is known of the connection.
    Handshake(HandshakeFault, Box<Secured>),
}

impl Layer {
    /// Begins with a handshake.
    pub fn new(handshake: Handshake, early: Option<Buf>) -> Layer {
        let place = handshake.is_of_client().then(Place::of_server);
        Layer {
            state: State::Handshake(Box::new(handshake), Vec::new()),
            secured: None,
            incoming: early,
            opened: 0,
            tail: 0,
            outgoing: None,
            promised: 0,
            ended: false,
            closed: false,
            ends: false,
            _place: place,
        }
    }

    /// What was agreed on.
    pub fn secured(&self) -> Option<&Arc<Secured>> {
        self.secured.as_ref()
    }

    /// Whether bytes wait here, opened or not.
    pub fn holds_bytes(&self) -> bool {
        self.incoming.is_some()
    }

    /// Whether nothing is under way.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.state, State::Open(_))
            && self.incoming.is_none()
            && self.outgoing.is_none()
            && !self.ended
            && !self.closed
    }

    /// Shrinks what can be made again.
    pub fn rest(&mut self) {
        if let State::Open(records) = &mut self.state {
            records.rest();
        }
    }

    /// Makes the handshake.
    pub fn poll_handshake(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LayerFault>> {
        loop {
            let State::Handshake(handshake, out) = &mut self.state else {
                return Poll::Ready(match self.state {
                    State::Failed => Err(LayerFault::Closed),
                    _ => Ok(()),
                });
            };
            while !out.is_empty() {
                match ready!(socket.poll_send(cx, out, &[], false)) {
                    Ok(count) => {
                        out.drain(..count);
                    }
                    Err(error) => return self.fail(LayerFault::Broken(error)),
                }
            }
            let bytes = match &mut self.incoming {
                Some(incoming) => incoming.data_mut(),
                None => &mut [],
            };
            let (used, step) = handshake.advance(bytes, out);
            if let Some(incoming) = &mut self.incoming {
                incoming.consume(used);
                if incoming.is_empty() {
                    self.incoming = None;
                }
            }
            match step {
                Err(fault) => {
                    let known = Box::new(handshake.failed(&fault));
                    // What the peer is told about it; it may not be there any more.
                    let _ = socket.poll_send(cx, out, &[], false);
                    return self.fail(LayerFault::Handshake(fault, known));
                }
                Ok(_) if !out.is_empty() => {}
                Ok(Step::Done) => {
                    if let Err(fault) = self.open() {
                        return self.fail(LayerFault::Handshake(fault, Box::default()));
                    }
                }
                Ok(Step::More) => match ready!(poll_fill(&mut self.incoming, socket, cx)) {
                    Ok(0) => return self.fail(LayerFault::Closed),
                    Ok(_) => {}
                    Err(error) => return self.fail(LayerFault::Broken(error)),
                },
            }
        }
    }

    fn fail(&mut self, fault: LayerFault) -> Poll<Result<(), LayerFault>> {
        self.state = State::Failed;
        self.incoming = None;
        Poll::Ready(Err(fault))
    }

    /// The handshake is over.
    fn open(&mut self) -> Result<(), HandshakeFault> {
        let State::Handshake(handshake, _) = std::mem::replace(&mut self.state, State::Failed)
        else {
            return Ok(());
        };
        let established = handshake.finish()?;
        self.secured = Some(Arc::new(established.secured));
        self.state = State::Open(established.records);
        self.ended = established.ended;
        if !established.early.is_empty() {
            // Opened bytes stand before those that are not.
            let rest = self.incoming.take();
            let rest = rest.as_ref().map_or(&[][..], Buf::data);
            let mut incoming = Buf::with_size(
                buffer::size().max(established.early.len() + rest.len() + LEAST_ROOM),
            );
            let fits = incoming.push(&established.early) && incoming.push(rest);
            debug_assert!(fits, "the buffer was made for it");
            self.opened = established.early.len();
            self.incoming = Some(incoming);
        }
        Ok(())
    }

    /// See [`Io::poll_recv`].
    pub fn poll_recv(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if into.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        loop {
            let taken = self.take(into);
            self.decline(socket);
            match taken {
                Ok(0) if self.ended => return Poll::Ready(Ok(0)),
                Ok(0) => {}
                Ok(count) => return Poll::Ready(Ok(count)),
                Err(fault) => return Poll::Ready(Err(self.refuse(socket, &fault))),
            }
            match poll_fill(&mut self.incoming, socket, cx) {
                // Without a farewell, which upstream takes as an end all the same.
                Poll::Ready(Ok(0)) => {
                    self.ended = true;
                    self.incoming = None;
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Opens what is there; 0 when more must come first, or nothing more comes.
    fn take(&mut self, into: &mut [u8]) -> Result<usize, RecordFault> {
        let State::Open(records) = &mut self.state else {
            return Err(RecordFault::Unexpected);
        };
        let mut taken = 0;
        while let Some(incoming) = &mut self.incoming {
            if self.opened > 0 {
                let room = into.get_mut(taken..).unwrap_or_default();
                let count = room.len().min(self.opened);
                room[..count].copy_from_slice(&incoming.data()[..count]);
                incoming.consume(count);
                self.opened -= count;
                taken += count;
                if self.opened > 0 {
                    return Ok(taken);
                }
                incoming.consume(std::mem::take(&mut self.tail));
                if incoming.is_empty() {
                    self.incoming = None;
                    break;
                }
                continue;
            }
            if taken == into.len() || self.ended {
                if self.ended {
                    self.incoming = None;
                }
                break;
            }
            let Some(whole) = record::whole(incoming.data())? else {
                break;
            };
            let Some(record) = incoming.data_mut().get_mut(..whole) else {
                break;
            };
            let room = match record::may_be_data(record) {
                true => &mut into[taken..],
                false => &mut [],
            };
            let moves = room.len() >= whole;
            if taken > 0 && !moves {
                // It fits another time.
                break;
            }
            let opened = records.rx.open(record, room)?;
            match (opened.kind, opened.start) {
                (content::DATA, None) => {
                    taken += opened.length;
                    incoming.consume(whole);
                }
                (content::DATA, Some(start)) => {
                    incoming.consume(start);
                    self.opened = opened.length;
                    self.tail = whole - start - opened.length;
                    if self.opened == 0 {
                        incoming.consume(std::mem::take(&mut self.tail));
                    }
                }
                (kind, start) => {
                    let bytes = match start {
                        None => &into[taken..taken + opened.length],
                        Some(start) => &record[start..start + opened.length],
                    };
                    self.ended |= records.control(kind, bytes)?;
                    incoming.consume(whole);
                }
            }
            if incoming.is_empty() {
                self.incoming = None;
            }
        }
        Ok(taken)
    }

    /// Tells a client that asked for a new handshake that there is none.
    fn decline(&mut self, socket: &mut Socket) {
        let State::Open(records) = &mut self.state else {
            return;
        };
        if !records.declines() || self.closed {
            return;
        }
        let outgoing = self.outgoing.get_or_insert_with(roomy);
        if outgoing.room().len() >= NO_RENEGOTIATION.len() + MOST_AROUND
            && let Ok(length) =
                (records.tx).seal(content::ALERT, &NO_RENEGOTIATION, &[], outgoing.room())
        {
            outgoing.filled(length);
        }
        // What does not leave now leaves before what is sent next.
        let mut cx = Context::from_waker(Waker::noop());
        let _ = self.poll_flush(socket, &mut cx, false);
    }

    /// The peer did what it may not.
    fn refuse(&mut self, socket: &mut Socket, fault: &RecordFault) -> io::Error {
        if let State::Open(records) = &mut self.state
            && self.outgoing.is_none()
        {
            let alert = match fault {
                RecordFault::Forged => Some(20),
                RecordFault::TooLong => Some(22),
                RecordFault::Malformed | RecordFault::Unexpected => Some(10),
                RecordFault::Alert(_) | RecordFault::WornOut => None,
            };
            let mut room = [0; 2 + MOST_AROUND];
            if let Some(alert) = alert
                && let Ok(length) = records.tx.seal(content::ALERT, &[2, alert], &[], &mut room)
            {
                let mut cx = Context::from_waker(Waker::noop());
                let _ = socket.poll_send(&mut cx, &room[..length], &[], false);
            }
        }
        self.state = State::Failed;
        self.incoming = None;
        self.outgoing = None;
        io::Error::new(io::ErrorKind::ConnectionReset, fault.to_string())
    }

    /// See [`Io::poll_send`].
    pub fn poll_send(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(socket, cx, more))?;
        if self.promised > 0 {
            return Poll::Ready(Ok(std::mem::take(&mut self.promised)));
        }
        if first.is_empty() && second.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let sealed = self.seal(first, second);
        self.promised = sealed.map_err(|fault| io::Error::new(io::ErrorKind::BrokenPipe, fault))?;
        ready!(self.poll_flush(socket, cx, more))?;
        Poll::Ready(Ok(std::mem::take(&mut self.promised)))
    }

    /// Seals as much as fits; answers how much that is.
    fn seal(&mut self, mut first: &[u8], mut second: &[u8]) -> Result<usize, RecordFault> {
        let State::Open(records) = &mut self.state else {
            return Err(RecordFault::Unexpected);
        };
        if self.closed {
            return Err(RecordFault::Unexpected);
        }
        let wanted = first.len() + second.len();
        let outgoing = self.outgoing.get_or_insert_with(sealed);
        while !(first.is_empty() && second.is_empty()) {
            if records.is_key_due() {
                let Some(room) = outgoing.room().get_mut(..MOST_AROUND + KEY_UPDATE) else {
                    break;
                };
                let length = records.change_key(room)?;
                outgoing.filled(length);
            }
            let Some(room) = outgoing.room().len().checked_sub(records.tx.around()) else {
                break;
            };
            let most = room.min(MOST_CONTENT);
            let left = first.len() + second.len();
            if most == 0 || (most < left && most < WORTH_A_RECORD) {
                break;
            }
            let (one, rest) = first.split_at(first.len().min(most));
            let (other, after) = second.split_at(second.len().min(most - one.len()));
            let length = records
                .tx
                .seal(content::DATA, one, other, outgoing.room())?;
            outgoing.filled(length);
            (first, second) = (rest, after);
        }
        if self.ends
            && first.is_empty()
            && second.is_empty()
            && outgoing.tail() >= CLOSING.len() + MOST_AROUND
        {
            let length = (records.tx).seal(content::ALERT, &CLOSING, &[], outgoing.room())?;
            outgoing.filled(length);
            self.closed = true;
        }
        Ok(wanted - first.len() - second.len())
    }

    fn poll_flush(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
        more: bool,
    ) -> Poll<io::Result<()>> {
        while let Some(outgoing) = self
            .outgoing
            .as_mut()
            .filter(|outgoing| !outgoing.is_empty())
        {
            let count = ready!(socket.poll_send(cx, outgoing.data(), &[], more))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            outgoing.consume(count);
        }
        self.outgoing = None;
        Poll::Ready(Ok(()))
    }

    /// See [`super::Stream::end_with_next`].
    pub fn end_with_next(&mut self) {
        self.ends = true;
    }

    /// See [`Io::poll_shutdown`].
    pub fn poll_shutdown(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.farewell();
        ready!(self.poll_flush(socket, cx, true))?;
        socket.poll_shutdown(cx)
    }

    /// Seals the farewell, once.
    fn farewell(&mut self) {
        let State::Open(records) = &mut self.state else {
            return;
        };
        if self.closed {
            return;
        }
        self.closed = true;
        let outgoing = self.outgoing.get_or_insert_with(roomy);
        if outgoing.tail() < CLOSING.len() + MOST_AROUND {
            outgoing.compact();
        }
        if let Ok(length) = records
            .tx
            .seal(content::ALERT, &CLOSING, &[], outgoing.room())
        {
            outgoing.filled(length);
        }
    }

    /// See [`super::Stream::say_goodbye`].
    pub fn say_goodbye(&mut self, socket: &mut Socket) {
        self.farewell();
        let mut cx = Context::from_waker(Waker::noop());
        let _ = self.poll_flush(socket, &mut cx, false);
    }

    /// See [`Io::is_quiet`]: tickets that came meanwhile are taken.
    pub fn is_quiet(&mut self, socket: &mut Socket) -> bool {
        if self.ended || self.closed || self.opened > 0 || !matches!(self.state, State::Open(_)) {
            return false;
        }
        if self.incoming.is_none() && socket.is_quiet() {
            return true;
        }
        let mut cx = Context::from_waker(Waker::noop());
        match poll_fill(&mut self.incoming, socket, &mut cx) {
            Poll::Ready(Ok(0) | Err(_)) => return false,
            Poll::Ready(Ok(_)) | Poll::Pending => {}
        }
        // Data would not fit, and is left where it is.
        let mut nothing = [0];
        matches!(self.take(&mut nothing), Ok(0))
            && !self.ended
            && self.incoming.is_none()
            && socket.is_quiet()
    }
}

/// Receives more; a buffer without bytes is not kept.
fn poll_fill(
    incoming: &mut Option<Buf>,
    socket: &mut Socket,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let buffer = incoming.get_or_insert_with(roomy);
    if buffer.tail() < LEAST_ROOM {
        buffer.compact();
    }
    if buffer.capacity() < LEAST_ROOM {
        // It came from elsewhere, smaller than a record.
        let mut larger = roomy();
        let _ = larger.push(buffer.data());
        *buffer = larger;
    }
    let polled = socket.poll_recv(cx, buffer.room());
    if let Poll::Ready(Ok(count)) = &polled {
        buffer.filled(*count);
    }
    if buffer.is_empty() {
        *incoming = None;
    }
    polled
}

/// A buffer that takes the largest record.
fn roomy() -> Buf {
    match buffer::size() >= LEAST_ROOM {
        true => Buf::take(),
        false => Buf::with_size(LEAST_ROOM),
    }
}

/// A buffer that takes what a buffer of the caller holds, in records.
fn sealed() -> Buf {
    match buffer::size() >= LEAST_ROOM {
        true => Buf::take_with_margin(),
        false => Buf::with_size(LEAST_ROOM),
    }
}

/// The largest record that may come, and a little more.
const LEAST_ROOM: usize = MOST_CONTENT + 2048 + 64;
const KEY_UPDATE: usize = 5;
/// What is left of a buffer is not filled with a record smaller than this, unless it is the last one.
const WORTH_A_RECORD: usize = 4096;
