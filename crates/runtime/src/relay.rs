//! Two-way forwarding between a client and a server: TCP mode, tunnels after an upgrade or CONNECT.
//!
//! Bytes go through a pooled buffer; a direction that fills its buffer repeatedly goes over to
//! splice(2), and back when little arrives. An end from one side is passed on as a half-close, and
//! the other direction goes on.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use hapax_core::bandwidth::Bandwidth;

use crate::buffer::Buf;
use crate::clock;
use crate::io::Io;
use crate::pipe::PooledPipe;
use crate::wheel::{NEVER, Timer};

/// One of the two ends of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who connected to us.
    Client,
    /// Whom we connected to.
    Server,
}

/// When a direction is spliced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Splice {
    /// Never.
    Never,
    /// While much arrives (`option splice-auto`, and hapax's own choice).
    #[default]
    Bulk,
    /// Always (`option splice-request`, `option splice-response`).
    Always,
}

/// How to forward. Times are milliseconds without activity; `None` is for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct RelaySettings {
    /// `timeout client`.
    pub client: Option<u64>,
    /// `timeout server`.
    pub server: Option<u64>,
    /// `timeout tunnel`: in place of both, when set.
    pub tunnel: Option<u64>,
    /// `timeout client-fin`: in place of the client's, once the client was told that no more comes.
    pub client_fin: Option<u64>,
    /// `timeout server-fin`: in place of the server's, once the server was told that no more comes.
    pub server_fin: Option<u64>,
    /// Splicing from client to server.
    pub splice_up: Splice,
    /// Splicing from server to client.
    pub splice_down: Splice,
    /// `option independent-streams`: sending to a side is no activity of that side.
    pub independent: bool,
    /// `option nolinger` for the client: once it has ended its stream and all was sent to it, whoever owns it resets it.
    pub cuts_client: bool,
    /// `option nolinger` for the server: when no more comes for it the session ends, and whoever owns it resets it.
    pub cuts_server: bool,
}

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// Both sides ended their streams and everything was delivered.
    Closed,
    /// A side broke the connection or could not be written to.
    Failed(Side, io::Error),
    /// A side was silent, or did not take what was sent to it, for too long.
    TimedOut(Side),
}

/// The state of one forwarded session.
#[derive(Debug)]
pub struct Relay {
    settings: RelaySettings,
    up: Direction,
    down: Direction,
    /// When each side last did something, in milliseconds.
    client: u64,
    server: u64,
    /// Who timed out first.
    timed_out: Option<Side>,
}

impl Relay {
    /// Starts to forward now.
    pub fn new(settings: RelaySettings) -> Relay {
        Relay {
            up: Direction::new(settings.splice_up, settings.cuts_server),
            down: Direction::new(settings.splice_down, false),
            client: clock::now_ms(),
            server: clock::now_ms(),
            timed_out: None,
            settings,
        }
    }

    /// Bytes that were already received from `side`; they are sent first, and counted.
    pub fn preload(&mut self, side: Side, bytes: Buf) {
        let direction = self.fed_by_mut(side);
        direction.received += bytes.len() as u64;
        direction.buffer = Some(bytes);
    }

    /// Keeps the bytes of `side` back, up to `most` of them, until [`release`](Self::release).
    pub fn hold(&mut self, side: Side, most: usize) {
        self.fed_by_mut(side).held = Some(most);
    }

    /// What is kept back of a side's bytes, and whether more may join it; none when nothing is kept back.
    pub fn held(&self, side: Side) -> Option<(&[u8], bool)> {
        let direction = self.fed_by(side);
        let most = direction.held?;
        let bytes = direction.buffer.as_ref().map_or(&[][..], Buf::data);
        Some((bytes, direction.state == State::Open && bytes.len() < most))
    }

    /// The bytes of a side flow again.
    pub fn release(&mut self, side: Side) {
        self.fed_by_mut(side).held = None;
    }

    /// Limits the bytes that flow from now on; those of a side that has none flow as they come.
    pub fn limit(&mut self, limits: &[Bandwidth]) {
        for (direction, outgoing) in [(&mut self.up, false), (&mut self.down, true)] {
            let of_direction = limits.iter().filter(|limit| limit.outgoing == outgoing);
            direction.limits = of_direction.cloned().collect();
            if !direction.limits.is_empty() {
                direction.policy = Splice::Never;
                direction.splicing = false;
                direction.paid = 0;
            }
        }
    }

    /// Bytes received from a side.
    pub fn received(&self, from: Side) -> u64 {
        self.fed_by(from).received
    }

    /// Bytes of a side that were sent on to the other one.
    pub fn delivered(&self, from: Side) -> u64 {
        self.fed_by(from).delivered
    }

    /// Whether a side has ended its stream.
    pub fn has_ended(&self, side: Side) -> bool {
        self.fed_by(side).state != State::Open
    }

    /// Forwards until the session ends.
    pub async fn run(
        &mut self,
        client: &mut impl Io,
        server: &mut impl Io,
        timer: &mut Timer,
    ) -> End {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(end) = self.poll(cx, client, server) {
                    return Poll::Ready(end);
                }
                ready!(timer.poll_at(cx, self.deadline()));
                if let Some(end) = self.expire(clock::now_ms()) {
                    return Poll::Ready(end);
                }
            }
        })
        .await
    }

    /// Moves what can be moved; ready when the session has ended for another reason than time.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut impl Io,
        server: &mut impl Io,
    ) -> Poll<End> {
        let before = self.marks();
        let up = self.up.poll(cx, client, server);
        self.down.cuts = self.settings.cuts_client && self.up.state != State::Open;
        let down = self.down.poll(cx, server, client);
        self.note_activity(before);
        let end = match (up, down) {
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => End::Closed,
            (Poll::Ready(Ok(())), _) if self.up.cuts => End::Closed,
            (_, Poll::Ready(Ok(()))) if self.down.cuts => End::Closed,
            // What the server sent before it broke the connection was delivered by polling `down`.
            (Poll::Ready(Err(fault)), _) => fault.end(Side::Client),
            (_, Poll::Ready(Err(fault))) => fault.end(Side::Server),
            _ => return Poll::Pending,
        };
        // What came first names the session's end.
        Poll::Ready(self.timed_out.map_or(end, End::TimedOut))
    }

    /// When [`expire`](Self::expire) has something to do if nothing happens before.
    pub fn deadline(&self) -> u64 {
        let (client, server) = (self.limits(Side::Client), self.limits(Side::Server));
        let limits = client.0.min(client.1).min(server.0).min(server.1);
        limits.min(self.up.paused_until).min(self.down.paused_until)
    }

    /// Ends what has timed out. A side that was silent for too long is taken to have ended its
    /// stream: the other side is told, and may go on sending until its own time is over. A side that
    /// takes nothing ends the session.
    pub fn expire(&mut self, now: u64) -> Option<End> {
        for side in [Side::Client, Side::Server] {
            let (silent, slow) = self.limits(side);
            if silent.min(slow) > now {
                continue;
            }
            let first = *self.timed_out.get_or_insert(side);
            if slow <= now {
                return Some(End::TimedOut(first));
            }
            self.fed_by_mut(side).state = State::Ended;
        }
        None
    }

    /// Until when `side` may be silent, and until when it may leave what was sent to it.
    fn limits(&self, side: Side) -> (u64, u64) {
        let settings = &self.settings;
        let (from, to, last, plain, fin) = match side {
            Side::Client => (
                &self.up,
                &self.down,
                self.client,
                settings.client,
                settings.client_fin,
            ),
            Side::Server => (
                &self.down,
                &self.up,
                self.server,
                settings.server,
                settings.server_fin,
            ),
        };
        let told = to.state == State::Shut;
        let Some(timeout) = fin.filter(|_| told).or(settings.tunnel).or(plain) else {
            return (NEVER, NEVER);
        };
        // It can only be silent while we would read; it can only be slow while it has to take.
        let reading = from.state == State::Open
            && from.paused_until == NEVER
            && (from.held.is_some() || !from.is_holding());
        let until = |since: Option<u64>| since.map_or(NEVER, |since| since.saturating_add(timeout));
        (until(reading.then_some(last)), until(to.blocked_since))
    }

    fn note_activity(&mut self, before: (u64, u64, u64, u64)) {
        let after = self.marks();
        let now = clock::now_ms();
        let both = !self.settings.independent;
        if after.0 != before.0 || (both && after.3 != before.3) {
            self.client = now;
        }
        if after.2 != before.2 || (both && after.1 != before.1) {
            self.server = now;
        }
        for (direction, delivered) in [(&mut self.up, before.1), (&mut self.down, before.3)] {
            if !direction.is_holding() || direction.held.is_some() {
                direction.blocked_since = None;
            } else if direction.delivered != delivered || direction.blocked_since.is_none() {
                direction.blocked_since = Some(now);
            }
        }
    }

    /// What was received and delivered, upwards and downwards; an end counts as one more.
    fn marks(&self) -> (u64, u64, u64, u64) {
        let (up, down) = (&self.up, &self.down);
        (up.mark(), up.delivered, down.mark(), down.delivered)
    }

    fn fed_by(&self, side: Side) -> &Direction {
        match side {
            Side::Client => &self.up,
            Side::Server => &self.down,
        }
    }

    fn fed_by_mut(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.up,
            Side::Server => &mut self.down,
        }
    }
}

/// Bytes from one side, the source, to the other, the sink.
#[derive(Debug)]
struct Direction {
    state: State,
    buffer: Option<Buf>,
    pipe: Option<PooledPipe>,
    policy: Splice,
    /// The end of the source ends the session; the sink is not told by a half-close.
    cuts: bool,
    splicing: bool,
    full_reads: u8,
    small_moves: u8,
    received: u64,
    delivered: u64,
    blocked_since: Option<u64>,
    /// Nothing is sent yet, and no more than this is received.
    held: Option<usize>,
    /// The limits on it, and how many of its bytes they know of.
    limits: Vec<Bandwidth>,
    paid: u64,
    /// Until then nothing flows, because of a limit.
    paused_until: u64,
    /// How many bytes are received together, because of a limit.
    grain: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The source has ended; what is held is still to be sent.
    Ended,
    /// The sink was told.
    Shut,
}

enum Fault {
    Source(io::Error),
    Sink(io::Error),
}

impl Fault {
    fn end(self, source: Side) -> End {
        match (self, source) {
            (Fault::Source(error), side) => End::Failed(side, error),
            (Fault::Sink(error), Side::Client) => End::Failed(Side::Server, error),
            (Fault::Sink(error), Side::Server) => End::Failed(Side::Client, error),
        }
    }
}

impl Direction {
    fn new(policy: Splice, cuts: bool) -> Direction {
        Direction {
            cuts,
            state: State::Open,
            buffer: None,
            pipe: None,
            policy,
            splicing: policy == Splice::Always,
            full_reads: 0,
            small_moves: 0,
            received: 0,
            delivered: 0,
            blocked_since: None,
            held: None,
            limits: Vec::new(),
            paid: 0,
            paused_until: NEVER,
            grain: None,
        }
    }

    /// How many bytes may flow together now; none where nothing limits them. Pays for those that flowed.
    fn allowance(&mut self) -> Option<usize> {
        let now = clock::now_ms();
        let taken = self.received.saturating_sub(self.paid);
        self.paid = self.received;
        let (mut wait, mut grain) = (0, None);
        for limit in &mut self.limits {
            limit.refill(now);
            limit.pay(taken);
            wait = limit.wait().max(wait);
            grain = Some(grain.map_or(limit.grain(), |least: usize| least.min(limit.grain())));
        }
        self.paused_until = if wait > 0 { now + wait } else { NEVER };
        grain
    }

    fn is_holding(&self) -> bool {
        self.buffer
            .as_ref()
            .is_some_and(|buffer| !buffer.is_empty())
            || self.pipe.as_ref().is_some_and(|pipe| pipe.held() > 0)
    }

    fn mark(&self) -> u64 {
        self.received + u64::from(self.state != State::Open)
    }

    /// Ready when the sink was told that the source has ended.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Io,
        sink: &mut impl Io,
    ) -> Poll<Result<(), Fault>> {
        if let Some(most) = self.held {
            return self.poll_held(cx, source, most);
        }
        for _ in 0..ROUNDS {
            match self.poll_flush(cx, sink) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Fault::Sink(error))),
                Poll::Pending => return Poll::Pending,
            }
            match self.state {
                State::Shut => return Poll::Ready(Ok(())),
                State::Ended => {
                    self.buffer = None;
                    self.pipe = None;
                    if self.cuts {
                        self.state = State::Shut;
                        continue;
                    }
                    match sink.poll_shutdown(cx) {
                        // A sink that is gone already need not be told.
                        Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::NotConnected => {
                            return Poll::Ready(Err(Fault::Sink(error)));
                        }
                        Poll::Ready(_) => self.state = State::Shut,
                        Poll::Pending => return Poll::Pending,
                    }
                    continue;
                }
                State::Open => {}
            }
            if !self.limits.is_empty() {
                self.grain = self.allowance();
                if self.paused_until != NEVER {
                    // What was received has gone on; the next bytes come when it is paid for.
                    self.buffer = None;
                    return Poll::Pending;
                }
            }
            match self.poll_fetch(cx, source, sink) {
                Poll::Ready(Ok(0)) => self.state = State::Ended,
                Poll::Ready(Ok(count)) => self.received += count as u64,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Fault::Source(error))),
                Poll::Pending => {
                    // While it waits, a session holds neither buffer nor pipe.
                    self.buffer = None;
                    self.pipe = None;
                    return Poll::Pending;
                }
            }
        }
        // Others have a right to the worker too.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Receives what comes, and sends nothing.
    fn poll_held(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Io,
        most: usize,
    ) -> Poll<Result<(), Fault>> {
        while self.state == State::Open {
            let buffer = self.buffer.get_or_insert_with(Buf::take);
            let room = most.saturating_sub(buffer.len()).min(buffer.tail());
            let Some(room) = buffer
                .room()
                .get_mut(..room)
                .filter(|room| !room.is_empty())
            else {
                break;
            };
            match source.poll_recv(cx, room) {
                Poll::Ready(Ok(0)) => self.state = State::Ended,
                Poll::Ready(Ok(count)) => {
                    buffer.filled(count);
                    self.received += count as u64;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Fault::Source(error))),
                Poll::Pending => {
                    if buffer.is_empty() {
                        self.buffer = None;
                    }
                    break;
                }
            }
        }
        Poll::Pending
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, sink: &mut impl Io) -> Poll<io::Result<()>> {
        while let Some(buffer) = self.buffer.as_mut().filter(|buffer| !buffer.is_empty()) {
            match sink.poll_send(cx, buffer.data(), &[], false) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    buffer.consume(count);
                    self.delivered += count as u64;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        while let Some(pipe) = self.pipe.as_mut().filter(|pipe| pipe.held() > 0) {
            let Some(socket) = sink.spliceable() else {
                return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
            };
            match socket.poll_splice_to(cx, pipe, false) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => self.delivered += count as u64,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_fetch(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Io,
        sink: &mut impl Io,
    ) -> Poll<io::Result<usize>> {
        if self.splicing {
            if sink.spliceable().is_some()
                && let Some(socket) = source.spliceable()
                && let Some(pipe) = take_pipe(&mut self.pipe)
            {
                self.buffer = None;
                match socket.poll_splice_from(cx, pipe, usize::MAX) {
                    Poll::Ready(Err(error)) if is_unsupported(&error) => {}
                    Poll::Ready(Ok(count)) => {
                        self.note_spliced(count);
                        return Poll::Ready(Ok(count));
                    }
                    other => return other,
                }
                self.policy = Splice::Never;
            }
            self.splicing = false;
            self.full_reads = 0;
        }
        self.pipe = None;
        let buffer = self.buffer.get_or_insert_with(Buf::take);
        let mut room = buffer.room();
        if let Some(grain) = self.grain.filter(|grain| *grain < room.len()) {
            room = &mut room[..grain];
        }
        let size = room.len();
        let count = match source.poll_recv(cx, room) {
            Poll::Ready(Ok(count)) => count,
            other => return other,
        };
        buffer.filled(count);
        self.full_reads = if count == size {
            self.full_reads.saturating_add(1)
        } else {
            0
        };
        self.splicing = match self.policy {
            Splice::Never => false,
            Splice::Bulk => self.full_reads >= FULL_READS_BEFORE_SPLICE,
            Splice::Always => true,
        };
        Poll::Ready(Ok(count))
    }

    fn note_spliced(&mut self, count: usize) {
        if self.policy != Splice::Bulk {
            return;
        }
        self.small_moves = if count < SMALL_MOVE {
            self.small_moves + 1
        } else {
            0
        };
        if self.small_moves >= SMALL_MOVES_BEFORE_BUFFER {
            self.splicing = false;
            self.small_moves = 0;
            self.full_reads = 0;
        }
    }
}

fn take_pipe(slot: &mut Option<PooledPipe>) -> Option<&mut PooledPipe> {
    if slot.is_none() {
        *slot = PooledPipe::take().ok();
    }
    slot.as_mut()
}

fn is_unsupported(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, Unsupported};
    matches!(error.kind(), InvalidInput | Unsupported)
}

/// How often one direction may fetch and send before other tasks have their turn.
const ROUNDS: usize = 32;
const FULL_READS_BEFORE_SPLICE: u8 = 2;
const SMALL_MOVE: usize = 4096;
const SMALL_MOVES_BEFORE_BUFFER: u8 = 4;

#[cfg(test)]
mod tests;
