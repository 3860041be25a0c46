//! A client's connection of HTTP/2: one task drives its frames, and each of its streams is a [`Client`] with one request.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use hapax_core::counter::{Count, Counters};
use hapax_core::ir::{BindProtocol, H2LogErrors, LogOrigin, Tune};
use hapax_core::live::ListenerLive;
use hapax_core::stream::{Cause, Common, Phase, Session};
use hapax_core::trace::{Event, Origin, Source};
use hapax_proto::h2::{Code, Config, Connection, PREFACE, Role};

pub mod pulse;
pub mod wire;

use super::client::{Client, Interrupted, poll_interrupted, within};
use crate::buffer::Buf;
use crate::clock;
use crate::frontend::Admission;
use crate::io::{Io, Shared, Stream};
use crate::local::{Local, Registration};
use crate::plan::Plan;
use crate::trace;
use crate::wheel::{NEVER, Timer};
use crate::worker::spawn;
use pulse::{Pulse, Silent};
use wire::{MOST_DRAINED, ROUNDS, Sent};

/// Whether the connection is one of HTTP/2 from its first byte on: by ALPN, or by `proto h2`.
pub fn is_agreed(client: &Client) -> bool {
    match protocol(client) {
        Some(BindProtocol::Http1 | BindProtocol::None) => false,
        Some(BindProtocol::Http2) => true,
        None => client
            .session
            .tls
            .as_ref()
            .is_some_and(|tls| tls.protocol.as_deref() == Some(b"h2")),
    }
}

fn protocol(client: &Client) -> Option<BindProtocol> {
    let binds = &client.frontend().ir.binds;
    binds.get(client.session.listener)?.options.protocol
}

/// Whether the first bytes of the connection, which are there, are the preface of HTTP/2. What only may become it is waited
/// for.
pub async fn is_begun(client: &mut Client, deadline: u64) -> bool {
    if protocol(client).is_some() || client.frontend().ir.options.no_h2_upgrade {
        return false;
    }
    loop {
        let here = client.input.as_ref().map_or(&[][..], Buf::data);
        let common = here.len().min(PREFACE.len());
        if PREFACE.get(..common) != here.get(..common) {
            return false;
        }
        if common == PREFACE.len() {
            return true;
        }
        let Client {
            socket,
            input,
            timer,
            handle,
            ..
        } = &mut *client;
        let Some(input) = input.as_mut().filter(|input| input.tail() > 0) else {
            return false;
        };
        let came = within(timer, handle, deadline, |cx| {
            socket.poll_recv(cx, input.room())
        });
        match came.await {
            Ok(Ok(count)) if count > 0 => input.filled(count),
            _ => return false,
        }
    }
}

/// Serves the connection to its end.
pub async fn serve(client: Box<Client>) {
    let agreed = is_agreed(&client);
    let Client {
        local,
        plan,
        socket,
        mut session,
        input,
        timer,
        handle,
        admission,
        ..
    } = *client;
    session.http2 = true;
    let common = session.share();
    let pulse = Pulse::new(idle_ping(&plan, &session));
    let config = config(&plan, &session);
    let mut driver = Driver {
        shared: Shared::new(Connection::new(config), socket),
        local,
        plan,
        session,
        admission,
        handle,
        timer,
        first: input,
        common,
        pulse,
        requests: 0,
        idle_since: clock::now_ms(),
        moved: clock::now_ms(),
        told: false,
        parted: false,
        ended: false,
        rested: false,
        silent: false,
    };
    // What it does, its streams do.
    driver.handle.idle.set(true);
    for count in [
        Count::Http2Sessions,
        Count::Http2Connections,
        Count::Http2Begun,
    ] {
        driver.count(count);
    }
    if agreed {
        driver.count(Count::Http2FromStart);
    }
    driver.trace(Event::H2_NEW, "new H2 connection");
    poll_fn(|cx| driver.poll(cx)).await;
    let failure = driver.shared.connection.borrow().failure();
    if let Some(code) = failure.filter(|&code| code != Code::NoError) {
        driver.trace(Event::H2_ERR, &format!("H2 connection error {code}"));
    }
    driver.trace(Event::H2_END, "H2 connection ends");
    driver.close();
}

/// `idle-ping` of the listener.
fn idle_ping(plan: &Plan, session: &Session) -> Option<u32> {
    let binds = &plan.proxy(session.frontend).ir.binds;
    binds.get(session.listener)?.options.idle_ping
}

fn config(plan: &Plan, session: &Session) -> Config {
    let tune: &Tune = &plan.program.global.tune;
    let h2 = &tune.h2;
    let mut config = Config::new(Role::Server);
    config.limits = plan.at(session.frontend).request_limits;
    config.initial_window = h2.front.window(tune);
    config.receive_room = h2.front.room(tune);
    config.max_streams = h2.front.streams(tune);
    config.total_streams = h2.total_streams;
    config.max_frame = h2.frame(tune);
    config.header_table = h2.header_table;
    config.most_block = tune.bufsize as usize;
    config.most_glitches = h2.front.glitches;
    config.connect_protocol = !plan.program.global.h2_no_websocket;
    config
}

/// What drives a connection.
struct Driver {
    shared: Rc<Shared>,
    local: Rc<Local>,
    plan: Rc<Plan>,
    session: Session,
    admission: Rc<Admission>,
    handle: Registration,
    timer: Timer,
    /// What came before it was known that this is HTTP/2.
    first: Option<Buf>,
    /// What its streams share.
    common: Rc<Common>,
    /// `idle-ping`.
    pulse: Pulse,
    requests: u32,
    /// Since when it has no stream.
    idle_since: u64,
    /// When bytes were sent last, or there were none to send.
    moved: u64,
    /// The client knows that it is to leave.
    told: bool,
    /// It knows what was served.
    parted: bool,
    /// The client sends no more.
    ended: bool,
    /// Memory was given back.
    rested: bool,
    /// It did not answer a ping.
    silent: bool,
}

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.connection.borrow_mut().drive(cx.waker());
        if let Some(first) = self.first.take() {
            let mut connection = self.shared.connection.borrow_mut();
            connection.receive(first.data());
            self.common.glitches.set(connection.glitches());
        }
        let before = self.requests;
        for _ in 0..ROUNDS {
            self.begin_streams();
            if self.requests.wrapping_sub(before) >= MOST_BEGUN {
                break;
            }
            if self.poll_send(cx).is_err() {
                return Poll::Ready(());
            }
            if self.shared.vanished.get() {
                return Poll::Ready(());
            }
            match self.poll_receive(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(())) => return Poll::Ready(()),
                Poll::Pending => return self.poll_wait(cx),
            }
        }
        self.begin_streams();
        if self.poll_send(cx).is_err() {
            return Poll::Ready(());
        }
        // Others have a right to the worker too.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what has gathered. An error is the end of the connection.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), ()> {
        let mut connection = self.shared.connection.borrow_mut();
        let mut wire = self.shared.wire.borrow_mut();
        self.observe(&mut connection);
        match wire::send(&mut connection, &mut wire, cx) {
            Sent::All | Sent::Held { some: true } => self.moved = clock::now_ms(),
            Sent::Held { some: false } => {}
            Sent::Broken => {
                connection.lost();
                return Err(());
            }
        }
        Ok(())
    }

    /// Takes what came. An error is the end of the connection.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if self.ended {
            return Poll::Pending;
        }
        let mut connection = self.shared.connection.borrow_mut();
        let mut wire = self.shared.wire.borrow_mut();
        connection.bears_glitches = wire::bears_glitches(&self.plan.program.global.tune.h2);
        let received = wire::poll_receive(&mut connection, &mut wire, cx);
        self.common.glitches.set(connection.glitches());
        self.observe(&mut connection);
        drop((connection, wire));
        match received {
            Poll::Ready(Ok(())) => {
                self.begin_streams();
                self.tell();
            }
            Poll::Ready(Err(())) => self.ended = true,
            Poll::Pending => {}
        }
        received
    }

    /// Frames that came and are about to go are told of.
    fn observe(&self, connection: &mut Connection) {
        let on = self.plan.traces.is_on(Source::H2);
        connection.watch(on);
        if on {
            self.traced().frames(connection);
        }
    }

    fn traced(&self) -> trace::Multiplexed<'_> {
        let live = self.plan.live(self.session.frontend);
        let listener = live.listeners.get(self.session.listener);
        trace::Multiplexed {
            plan: &self.plan,
            origin: Origin {
                thread: Some(self.local.worker as u64),
                listener: listener.map(|listener| trace::address::<ListenerLive>(listener)),
                frontend: Some(live.uuid.into()),
                session: Some(Rc::as_ptr(&self.admission).addr() as u64),
                ..Origin::default()
            },
            with: "client",
        }
    }

    /// The connection begins, ends, or is broken.
    fn trace(&self, event: Event, text: &str) {
        if self.plan.traces.is_on(Source::H2) {
            self.traced().tell(event, text);
        }
    }

    /// Streams that the client has opened get their tasks.
    fn begin_streams(&mut self) {
        loop {
            let next = self.shared.connection.borrow_mut().next_opened();
            let Some(id) = next else { break };
            self.begin_stream(id);
        }
    }

    fn begin_stream(&mut self, id: u32) {
        let client = Box::new(Client {
            handle: self.local.register(),
            local: self.local.clone(),
            plan: self.plan.clone(),
            socket: self.shared.stream(id),
            session: self.session.clone(),
            input: None,
            timer: Timer::new(),
            admission: self.admission.clone(),
            requests: self.requests,
            last_server: None,
            kept: None,
            upgraded: None,
        });
        self.requests = self.requests.saturating_add(1);
        client.handle.begin(&client.session, &client.plan);
        spawn(client.serve_stream());
    }

    fn counters(&self) -> &Counters {
        &self.plan.live(self.session.frontend).frontend.counters
    }

    fn count(&self, what: Count) {
        let live = self.plan.live(self.session.frontend);
        let listener = live.listeners.get(self.session.listener);
        let listener = listener.map(|listener| &listener.counters);
        for counters in listener.into_iter().chain([self.counters()]) {
            counters.add(self.local.worker, what, 1);
        }
    }

    /// Counts what came, and logs what was wrong with it, as requests that were none.
    fn tell(&mut self) {
        let tally = std::mem::take(&mut self.shared.connection.borrow_mut().tally);
        wire::count(&tally, self.counters(), self.local.worker);
        let logged = self.plan.program.global.tune.h2.log_errors;
        let lines = match logged {
            H2LogErrors::None => 0,
            H2LogErrors::Connection => tally.connection_complaints,
            H2LogErrors::Stream => tally.connection_complaints + tally.stream_complaints,
        };
        for _ in 0..lines {
            self.complain();
        }
    }

    fn complain(&self) {
        let mut exchange = self.local.take_exchange();
        let stream = &mut exchange.stream;
        stream.backend = self.session.frontend;
        stream.status = 0;
        stream.times.start = self.session.accepted_ms;
        stream.times.start_wall_us = self.session.accepted_wall_us;
        stream.worker = self.local.worker as u16;
        stream.log_origin = LogOrigin::SessionError;
        exchange.notes.bad_request = true;
        exchange.end_by(Cause::Proxy, Phase::Request);
        exchange.stream.times.end = self.local.now().ms;
        super::finish::log_session(&self.plan, &self.session, self.local.now(), &mut exchange);
        self.local.give_exchange(exchange);
    }

    /// Nothing can be done now: the connection ends, or waits.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = clock::now_ms();
        let timeouts = &self.plan.proxy(self.session.frontend).ir.timeouts;
        let mut connection = self.shared.connection.borrow_mut();
        let output = connection.has_output();
        if connection.failure().is_some() && !output {
            return Poll::Ready(());
        }
        let idle = connection.streams() == 0;
        if idle && connection.is_leaving() && !output {
            if !self.parted && !connection.is_left() {
                self.parted = true;
                connection.part();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(());
        }
        if !idle {
            self.idle_since = now;
            self.rested = false;
            self.pulse.stop();
        }
        if self.local.stopping.get() && !self.told {
            self.told = true;
            connection.dismiss();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let beat = match idle {
            true => self.pulse.beat(&mut connection, now),
            false => Ok(NEVER),
        };
        let keeps = match self.requests {
            0 => timeouts.http_request,
            _ => timeouts.http_keep_alive.or(timeouts.http_request),
        };
        // Who answers pings is there; only these limits hold all the same.
        let (keeps, since) = match keeps {
            None => (timeouts.client, self.idle_since.max(self.pulse.answered)),
            keeps => (keeps, self.idle_since),
        };
        let after = |since: u64, timeout: Option<u32>| {
            timeout.map_or(NEVER, |timeout| since + u64::from(timeout))
        };
        let deadline = match (output, idle) {
            (true, _) => after(self.moved, timeouts.client),
            (false, true) => after(since, keeps),
            (false, false) => NEVER,
        };
        // What it may need again at once it keeps for a moment.
        let rests = match idle && !self.rested {
            true => self.idle_since + REST_AFTER_MS,
            false => NEVER,
        };
        if rests <= now {
            self.rested = true;
            connection.rest();
        }
        drop(connection);
        let (beat, deadline) = match beat {
            Ok(beat) => (beat, deadline),
            Err(Silent) => {
                self.silent = true;
                (NEVER, now)
            }
        };
        let next = if rests <= now { NEVER } else { rests }.min(beat);
        let interrupted = poll_interrupted(cx, &mut self.timer, &self.handle, deadline.min(next));
        match interrupted {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Interrupted::Deadline) if next < deadline => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(_) => {}
        }
        let mut connection = self.shared.connection.borrow_mut();
        if output {
            connection.lost();
        } else {
            if !self.silent {
                connection.part();
            }
            connection.part();
            drop(connection);
            let _ = self.poll_send(cx);
        }
        Poll::Ready(())
    }

    fn close(mut self) {
        self.count(Count::Http2Ended);
        self.shared.connection.borrow_mut().lost();
        self.tell();
        let mut wire = self.shared.wire.borrow_mut();
        if !self.shared.vanished.get() {
            drain(&mut wire);
            wire.say_goodbye();
        }
        wire.traffic.count(self.counters(), self.local.worker);
    }
}

/// Bytes that nobody read would make the close a reset, and what was said last might be lost.
fn drain(wire: &mut Stream) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut bytes = Buf::take();
    for _ in 0..MOST_DRAINED {
        bytes.clear();
        match wire.poll_recv(&mut cx, bytes.room()) {
            Poll::Ready(Ok(count)) if count > 0 => {}
            _ => break,
        }
    }
}

/// When so many streams have begun, others have their turn.
const MOST_BEGUN: u32 = 32;
/// After this silence a connection gives memory back.
const REST_AFTER_MS: u64 = 500;
