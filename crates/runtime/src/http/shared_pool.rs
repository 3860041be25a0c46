//! Connections of HTTP/2 to a server, each with its driver: who may open a stream on which of them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use hapax_core::counter::Count;
use hapax_core::ir::{Tune, TuneH2};
use hapax_core::live::{ProxyLive, ServerLive};
use hapax_core::stream::Endpoint;
use hapax_core::trace::{Event, Origin, Source};
use hapax_proto::h1::Limits;
use hapax_proto::h2::{Code, Config, Connection, Role};

use super::multiplex::pulse::Pulse;
use super::multiplex::wire::{self, MOST_DRAINED, ROUNDS, Sent};
use super::pool::{InUse, Kind, ServerConnection, Way, count_idle};
use crate::buffer::Buf;
use crate::clock;
use crate::frontend::Admission;
use crate::io::{Io, Shared, Stream};
use crate::local::Local;
use crate::plan::{Plan, ServerPlan};
use crate::trace;
use crate::wheel::Timer;
use crate::worker;

/// This worker's connections to one server that streams share.
#[derive(Debug, Default)]
pub struct SharedPool {
    /// Those that became idle last stand at the end.
    connections: RefCell<Vec<Rc<Multiplexed>>>,
    /// The least number of idle ones since the last purge: nobody needed those.
    low: Cell<usize>,
}

/// Who asks for a stream.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The session it belongs to.
    pub session: &'a Rc<Admission>,
    /// Where from and where to.
    pub way: Way,
    /// The name that the server is asked for over TLS, and what `pool-conn-name` gave.
    pub names: (Option<&'a [u8]>, Option<&'a [u8]>),
    /// What it may use.
    pub reach: Reach,
}

/// Which connections of others a stream may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// None.
    Own,
    /// Those that nobody uses now.
    Idle,
    /// All that were used again before.
    Proven,
    /// All.
    All,
}

/// A connection.
#[derive(Debug)]
pub struct Multiplexed {
    shared: Rc<Shared>,
    local: Endpoint,
    kind: Kind,
    /// Streams so far.
    begun: Cell<u32>,
    /// The session whose streams it carries.
    owner: RefCell<Weak<Admission>>,
    /// It may be used by no other session at any time.
    private: bool,
    /// None while it is idle.
    in_use: RefCell<Option<InUse>>,
    /// Streams before it became idle, as they were counted.
    counted: Cell<u32>,
}

impl SharedPool {
    /// Goes on with a new connection as one of HTTP/2, of which the first stream is opened.
    pub fn begin(
        connection: ServerConnection,
        session: &Rc<Admission>,
        private: bool,
        config: Config,
        tune: TuneH2,
        surroundings: (&Rc<Local>, &Arc<ProxyLive>),
    ) -> Option<ServerConnection> {
        let server = connection.server().clone();
        let local = connection.local;
        let (socket, in_use, kind) = connection.into_socket();
        let shared = Shared::new(Connection::new(config), socket?);
        let made = Rc::new(Multiplexed {
            shared,
            local,
            kind,
            begun: Cell::new(0),
            owner: RefCell::new(Rc::downgrade(session)),
            private,
            in_use: RefCell::new(Some(in_use)),
            counted: Cell::new(0),
        });
        let first = made.open(&server)?;
        server
            .pool
            .shared
            .connections
            .borrow_mut()
            .push(made.clone());
        let (local, backend) = surroundings;
        let driver = Driver {
            one: made,
            pulse: Pulse::new(server.live.ir.options.idle_ping),
            timer: Timer::new(),
            server,
            local: local.clone(),
            backend: backend.clone(),
            tune,
        };
        worker::spawn(driver.run());
        Some(first)
    }

    /// A stream on a connection that is there already, and how many it had before.
    pub fn take(&self, server: &Rc<ServerPlan>, asking: &Asking<'_>) -> Option<ServerConnection> {
        let connections = self.connections.borrow();
        let usable = || connections.iter().filter(|one| one.serves(server, asking));
        let found = usable()
            .find(|one| !one.is_idle() && one.is_of(asking.session))
            .or_else(|| usable().find(|one| one.is_idle()))
            .or_else(|| usable().next());
        let Some(found) = found else {
            self.low.set(0);
            return None;
        };
        if found.is_idle() {
            count_idle(&server.live, found.counted.get(), -1);
            *found.in_use.borrow_mut() = Some(InUse::new(server));
            *found.owner.borrow_mut() = Rc::downgrade(asking.session);
        }
        let idle = connections.iter().filter(|one| one.is_idle()).count();
        self.low.set(self.low.get().min(idle));
        found.open(server)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.connections.borrow().is_empty()
    }

    /// How many of them nobody uses.
    pub fn idle(&self) -> usize {
        let connections = self.connections.borrow();
        connections.iter().filter(|one| one.is_idle()).count()
    }

    /// Those that may not be used any more leave.
    pub fn purge(&self, live: &ServerLive) {
        let generation = live.generation.load(Ordering::Relaxed);
        self.dismiss(|one| {
            one.kind.generation != generation
                || (one.private && one.owner.borrow().strong_count() == 0)
        });
    }

    /// Half of those leave that nobody needed since this was called last.
    pub fn trim(&self) {
        let idle = self.idle();
        let unused = self.low.replace(idle).min(idle).div_ceil(2);
        let left = Cell::new(unused);
        self.dismiss(|one| {
            let goes = left.get() > 0 && one.is_idle();
            left.set(left.get() - usize::from(goes));
            goes
        });
    }

    /// One leaves that nobody uses; tells whether there was one.
    pub fn end_one(&self) -> bool {
        let found = Cell::new(false);
        self.dismiss(|one| one.is_idle() && !found.replace(true));
        found.get()
    }

    /// All leave as soon as nobody uses them.
    pub fn drain(&self) {
        self.dismiss(|_| true);
    }

    fn dismiss(&self, which: impl Fn(&Multiplexed) -> bool) {
        for one in self.connections.borrow().iter().filter(|one| which(one)) {
            let mut connection = one.shared.connection.borrow_mut();
            if !connection.is_leaving() {
                connection.leave();
            }
        }
    }

    fn forget(&self, one: &Rc<Multiplexed>) {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|other| !Rc::ptr_eq(one, other));
    }
}

impl Multiplexed {
    fn is_idle(&self) -> bool {
        self.in_use.borrow().is_none()
    }

    fn is_named(&self, server: &ServerPlan, (asked, own): (Option<&[u8]>, Option<&[u8]>)) -> bool {
        match server.live.ir.options.pool_name {
            Some(_) => self.kind.name.as_deref() == own,
            None => self.shared.wire.borrow().is_named(asked),
        }
    }

    fn is_of(&self, session: &Rc<Admission>) -> bool {
        std::ptr::eq(self.owner.borrow().as_ptr(), Rc::as_ptr(session))
    }

    fn serves(&self, server: &ServerPlan, asking: &Asking<'_>) -> bool {
        let own = self.is_of(asking.session);
        let reached = match asking.reach {
            _ if own && (self.private || !self.is_idle()) => true,
            _ if self.private => false,
            Reach::Own => false,
            Reach::Idle => self.is_idle(),
            Reach::Proven => self.begun.get() > 1,
            Reach::All => true,
        };
        let most = server.live.ir.options.max_reuse;
        reached
            && self.kind.way == asking.way
            && (most < 0 || i64::from(self.begun.get()) <= i64::from(most))
            && self.kind.generation == server.live.generation.load(Ordering::Relaxed)
            && self.is_named(server, asking.names)
            && self.shared.connection.borrow().has_place()
    }

    /// Opens a stream.
    fn open(&self, server: &Rc<ServerPlan>) -> Option<ServerConnection> {
        let id = self.shared.connection.borrow_mut().open_stream()?;
        let before = self.begun.get();
        self.begun.set(before.saturating_add(1));
        let socket = self.shared.stream(id);
        Some(ServerConnection::sharing(
            socket, server, before, self.local,
        ))
    }
}

/// What a connection to a server is to say and allow.
pub fn config(tune: &Tune, limits: Limits) -> Config {
    let h2 = &tune.h2;
    let mut config = Config::new(Role::Client);
    config.limits = limits;
    config.initial_window = h2.back.window(tune);
    config.receive_room = h2.back.room(tune);
    config.max_streams = h2.back.streams(tune);
    config.max_frame = h2.frame(tune);
    config.header_table = h2.header_table;
    config.most_block = tune.bufsize as usize;
    config
}

/// What drives a connection.
struct Driver {
    one: Rc<Multiplexed>,
    server: Rc<ServerPlan>,
    local: Rc<Local>,
    backend: Arc<ProxyLive>,
    tune: TuneH2,
    /// `idle-ping`.
    pulse: Pulse,
    timer: Timer,
}

impl Driver {
    async fn run(mut self) {
        for count in [Count::Http2Connections, Count::Http2Begun] {
            self.count(count);
        }
        self.trace(Event::H2_NEW, "new H2 connection");
        poll_fn(|cx| self.poll(cx)).await;
        let failure = self.one.shared.connection.borrow().failure();
        if let Some(code) = failure.filter(|&code| code != Code::NoError) {
            self.trace(Event::H2_ERR, &format!("H2 connection error {code}"));
        }
        self.trace(Event::H2_END, "H2 connection ends");
        self.close();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.one.shared.connection.borrow_mut().drive(cx.waker());
        for _ in 0..ROUNDS {
            if self.poll_send(cx).is_err() {
                return Poll::Ready(());
            }
            match self.poll_receive(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(())) => return Poll::Ready(()),
                Poll::Pending => return self.poll_wait(cx),
            }
        }
        if self.poll_send(cx).is_err() {
            return Poll::Ready(());
        }
        // Others have a right to the worker too.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what has gathered. An error is the end of the connection.
    fn poll_send(&self, cx: &mut Context<'_>) -> Result<(), ()> {
        let mut connection = self.one.shared.connection.borrow_mut();
        let mut wire = self.one.shared.wire.borrow_mut();
        self.observe(&mut connection);
        if wire::send(&mut connection, &mut wire, cx) == Sent::Broken {
            // What the server said before may still be there.
            self.drain(&mut connection, &mut wire, cx);
            return Err(());
        }
        Ok(())
    }

    /// Frames that came and are about to go are told of.
    fn observe(&self, connection: &mut Connection) {
        let plan = self.local.plan();
        let on = plan.traces.is_on(Source::H2);
        connection.watch(on);
        if on {
            self.traced(&plan).frames(connection);
        }
    }

    fn traced<'a>(&'a self, plan: &'a Plan) -> trace::Multiplexed<'a> {
        trace::Multiplexed {
            plan,
            origin: Origin {
                thread: Some(self.local.worker as u64),
                backend: Some(self.backend.uuid.into()),
                server: Some(trace::address::<ServerLive>(&self.server.live)),
                ..Origin::default()
            },
            with: &self.server.live.name,
        }
    }

    /// The connection begins, ends, or is broken.
    fn trace(&self, event: Event, text: &str) {
        let plan = self.local.plan();
        if plan.traces.is_on(Source::H2) {
            self.traced(&plan).tell(event, text);
        }
    }

    /// Reads what is left of a connection that takes nothing more.
    fn drain(&self, connection: &mut Connection, wire: &mut Stream, cx: &mut Context<'_>) {
        let mut buffer = Buf::take();
        for _ in 0..MOST_DRAINED {
            buffer.clear();
            match wire.poll_recv(cx, buffer.room()) {
                Poll::Ready(Ok(count)) if count > 0 => {
                    buffer.filled(count);
                    connection.receive(buffer.data());
                }
                _ => break,
            }
        }
        connection.lost();
    }

    /// Takes what came. An error is the end of the connection.
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        let mut connection = self.one.shared.connection.borrow_mut();
        let mut wire = self.one.shared.wire.borrow_mut();
        let received = wire::poll_receive(&mut connection, &mut wire, cx);
        if received == Poll::Ready(Ok(())) {
            let most = self.tune.back.glitches;
            if most > 0 && connection.glitches() >= most && !wire::bears_glitches(&self.tune) {
                connection.fail(Code::EnhanceYourCalm);
            }
            self.observe(&mut connection);
            self.tell(&mut connection);
        }
        received
    }

    /// Nothing can be done now: the connection ends, becomes idle, or waits.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut connection = self.one.shared.connection.borrow_mut();
        let output = connection.has_output();
        if connection.failure().is_some() {
            return Poll::Ready(());
        }
        if connection.streams() > 0 {
            self.pulse.stop();
            return Poll::Pending;
        }
        // Who reads nothing of what was sent to it gets nothing more.
        if connection.is_leaving() || connection.is_flooded() {
            return Poll::Ready(());
        }
        if !self.one.is_idle() && !output {
            let stays = self.stays();
            *self.one.in_use.borrow_mut() = None;
            connection.rest();
            self.one.shared.wire.borrow_mut().rest();
            let before = self.one.begun.get().saturating_sub(1);
            self.one.counted.set(before);
            count_idle(&self.server.live, before, 1);
            if !stays {
                return Poll::Ready(());
            }
            drop(connection);
            let mut connections = self.server.pool.shared.connections.borrow_mut();
            connections.retain(|other| !Rc::ptr_eq(&self.one, other));
            connections.push(self.one.clone());
        } else {
            drop(connection);
        }
        self.poll_pulse(cx)
    }

    /// Whether the server is still there is asked from time to time (`idle-ping`).
    fn poll_pulse(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut connection = self.one.shared.connection.borrow_mut();
            let Ok(due) = self.pulse.beat(&mut connection, clock::now_ms()) else {
                connection.part();
                return Poll::Ready(());
            };
            drop(connection);
            if self.timer.poll_at(cx, due).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Whether the connection, of which the last stream has ended, waits for others.
    fn stays(&self) -> bool {
        let live = &self.server.live;
        let options = &live.ir.options;
        let most = options.max_reuse;
        let full = options.pool_max_conn >= 0
            && live.idle.load(Ordering::Relaxed) >= options.pool_max_conn;
        !self.local.stopping.get()
            && (most < 0 || i64::from(self.one.begun.get()) <= i64::from(most))
            && self.one.kind.generation == live.generation.load(Ordering::Relaxed)
            && (self.one.private
                || (!full
                    && options.pool_purge_delay > 0
                    && self.server.pool.has_use(&self.server.live)))
    }

    fn count(&self, what: Count) {
        let counters = &self.backend.backend.counters;
        counters.add(worker::index(), what, 1);
    }

    fn tell(&self, connection: &mut Connection) {
        let tally = std::mem::take(&mut connection.tally);
        wire::count(&tally, &self.backend.backend.counters, worker::index());
    }

    fn close(self) {
        self.server.pool.shared.forget(&self.one);
        if self.one.in_use.borrow_mut().take().is_none() {
            count_idle(&self.server.live, self.one.counted.get(), -1);
        }
        self.count(Count::Http2Ended);
        let mut connection = self.one.shared.connection.borrow_mut();
        let mut wire = self.one.shared.wire.borrow_mut();
        let mut cx = Context::from_waker(Waker::noop());
        wire::send(&mut connection, &mut wire, &mut cx);
        connection.lost();
        self.tell(&mut connection);
        wire.say_goodbye();
        wire.traffic
            .count(&self.server.live.counters, worker::index());
    }
}

#[cfg(test)]
mod tests {
    use hapax_proto::h2::frame::kind;

    use super::*;

    /// How much a server may send of one stream when this much was said about all of them.
    fn granted(room: Option<u32>) -> u32 {
        let mut tune = Tune::default();
        tune.h2.back.receive_room = room;
        let mut client = Connection::new(config(&tune, Limits::default()));
        let before = client.output().waiting();
        client.sent(before);
        assert_eq!(client.open_stream(), Some(1));
        let frame = |kind: u8, flags: u8, payload: &[u8]| {
            let mut frame = Vec::new();
            hapax_proto::h2::frame::write(&mut frame, kind, flags, u32::from(kind != 4), payload);
            frame
        };
        client.receive(&frame(kind::SETTINGS, 0, &[]));
        client.receive(&frame(kind::HEADERS, 4, b"\x88"));
        client.receive(&frame(kind::DATA, 0, &[0; 10_000]));
        let mut into = vec![0; 10_000];
        let mut cx = Context::from_waker(Waker::noop());
        assert!(client.poll_read(1, &mut cx, &mut into).is_ready());
        let mut left = client.output().pending();
        let mut granted = 0;
        while let Some((head, rest)) = left.split_at_checked(9) {
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            let (payload, rest) = rest.split_at(length);
            if head[3] == kind::WINDOW_UPDATE && head[8] == 1 {
                granted += payload
                    .iter()
                    .fold(0, |number, byte| number << 8 | u32::from(*byte));
            }
            left = rest;
        }
        granted
    }

    // exercises: section/tune.h2.be.rxbuf
    #[test]
    fn one_stream_of_a_server_may_use_the_room_of_all() {
        let usual = granted(None);
        assert!(usual > 1 << 20, "{usual}");
        assert!(granted(Some(8 << 20)) > 4 * usual);
    }
}
