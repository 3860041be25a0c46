//! Taking connections for a frontend: limits on connections and rates, pausing and resuming.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hapax_core::contract::Outcome;
use hapax_core::counter::Count;
use hapax_core::ir::Mode;
use hapax_core::live::{ListenerLive, ProxyLive};
use hapax_core::program::ProxyId;
use hapax_core::stream::{Endpoint, Session};
use hapax_core::trace::{Origin, Source};
use hapax_sys::addr::{Addr, local_addr, original_destination};
use hapax_sys::option::Keepalive;

use parking_lot::{MappedRwLockReadGuard, RwLockReadGuard};

use crate::admission::{self, Accepted};
use crate::http::Client;
use crate::io::{Stream as Socket, TlsPlace};
use crate::listen::{Gate, GateState};
use crate::local::Local;
use crate::monitored;
use crate::open::Bound;
use crate::plan::Plan;
use crate::trace;
use crate::vanish::{mark, vanish};
use crate::wheel::{Timer, pause};
use crate::worker::{Inbox, spawn};

/// One listener of this worker.
#[derive(Debug)]
pub struct Door {
    local: Rc<Local>,
    proxy: Cell<ProxyId>,
    listener: Cell<usize>,
    /// On which it takes connections.
    pub descriptor: i32,
    /// What the socket is, under whatever descriptor.
    pub identity: u64,
    /// The plan it was opened under, once the one in force has no place for it.
    former: RefCell<Option<Rc<Plan>>>,
    /// Lets connections in or not.
    pub gate: Rc<Gate>,
    /// Accepted while another worker took the last place; served first when one is free.
    waiting: RefCell<VecDeque<(OwnedFd, Addr)>>,
    rate_pause: Cell<bool>,
    /// The administrator shut it (SIGTTOU).
    held: Cell<bool>,
}

/// What all workers share about limits: whether somebody waits for a place, and how many connections each of them has.
#[derive(Debug, Default)]
pub struct Places {
    wanted: AtomicBool,
    /// Connections stay where they are while the workers go over to another plan.
    held: AtomicBool,
    desks: parking_lot::RwLock<Vec<Desk>>,
}

/// A worker as the others see it.
#[derive(Debug)]
struct Desk {
    worker: usize,
    inbox: Inbox,
    /// Its connections; it alone writes this.
    load: Arc<AtomicU32>,
}

impl Places {
    /// Adds a worker that listens. Answers where it counts its connections.
    pub fn join(&self, worker: usize, inbox: Inbox) -> Arc<AtomicU32> {
        let load = Arc::default();
        self.desks.write().push(Desk {
            worker,
            inbox,
            load: Arc::clone(&load),
        });
        load
    }

    /// All workers.
    pub fn each_inbox(&self, mut with: impl FnMut(&Inbox)) {
        self.desks.read().iter().for_each(|desk| with(&desk.inbox));
    }

    /// Leaves work for a worker, unless it is far behind or gone.
    #[must_use]
    pub fn tell(&self, worker: usize, job: impl FnOnce() + Send + 'static) -> bool {
        let desks = self.desks.read();
        let desk = desks.iter().find(|desk| desk.worker == worker);
        desk.is_some_and(|desk| desk.inbox.hand((), |()| job()).is_ok())
    }

    /// The worker among those of `threads` (all, when there is none) that has so much less to do than one with `load`
    /// connections that it should have the next one.
    ///
    /// It cannot leave as long as the answer is held.
    fn lighter(&self, load: u32, threads: &[u16]) -> Option<MappedRwLockReadGuard<'_, Inbox>> {
        let desks = self.desks.read();
        if self.held.load(Ordering::Relaxed) {
            return None;
        }
        let serves = |desk: &&Desk| {
            threads.is_empty() || threads.iter().any(|&of| usize::from(of) == desk.worker)
        };
        let (least, at) = desks
            .iter()
            .enumerate()
            .filter(|(_, desk)| serves(desk))
            .map(|(at, desk)| (desk.load.load(Ordering::Relaxed), at))
            .min_by_key(|(load, _)| *load)?;
        let given = load > least + least / 4 + LEAN;
        given.then(|| RwLockReadGuard::map(desks, |desks| &desks[at].inbox))
    }

    /// Whether connections stay where they are. Once that is said, no worker is about to give one away.
    pub fn hold(&self, held: bool) {
        let _nobody = self.desks.write();
        self.held.store(held, Ordering::Relaxed);
    }

    /// A worker is about to end: nobody gives it a connection from now on.
    pub fn leave(&self, worker: usize) {
        self.desks.write().retain(|desk| desk.worker != worker);
    }

    fn want(&self) {
        self.wanted.store(true, Ordering::SeqCst);
    }

    fn freed(&self) {
        if self.wanted.load(Ordering::Relaxed) && self.wanted.swap(false, Ordering::SeqCst) {
            self.each_inbox(|inbox| {
                // A full inbox means that the worker is busy; it looks again when one of its own sessions ends.
                let _ = inbox.send(crate::serve::reopen_doors);
            });
        }
    }
}

/// The places that a connection takes in the limits; given back when it is dropped.
#[derive(Debug)]
pub struct Admission {
    local: Rc<Local>,
    proxy: Arc<ProxyLive>,
    listener: Arc<ListenerLive>,
    /// Where clients speak TLS.
    secured: Option<TlsPlace>,
    /// A session came of it.
    began: Cell<bool>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.local.add_load(-1);
        self.told_of();
        self.listener.sessions.down();
        self.proxy.frontend.sessions.down();
        let live = &self.local.plan().program.live.clone();
        live.process.connections.down();
        live.process.jobs.fetch_sub(1, Ordering::Relaxed);
        self.local.places.freed();
    }
}

impl Admission {
    /// A trace may be told that the session ends.
    fn told_of(&self) {
        let plan = self.local.plan();
        if plan.traces.is_on(Source::Session) && self.began.get() {
            let origin = Origin {
                thread: Some(self.local.worker as u64),
                listener: Some(trace::address::<ListenerLive>(&self.listener)),
                frontend: Some(self.proxy.uuid.into()),
                session: Some(trace::address(self)),
                ..Origin::default()
            };
            trace::session_ends(&plan, origin);
        }
    }
}

impl Door {
    /// A door for a listening socket.
    pub fn new(local: &Rc<Local>, bound: &Bound) -> Rc<Door> {
        Rc::new(Door {
            local: local.clone(),
            proxy: Cell::new(bound.proxy),
            listener: Cell::new(bound.listener),
            descriptor: bound.socket.as_raw_fd(),
            identity: bound.identity,
            former: RefCell::default(),
            gate: Gate::new(),
            waiting: RefCell::default(),
            rate_pause: Cell::new(false),
            held: Cell::new(false),
        })
    }

    /// The plan under which its connections begin.
    fn plan(&self) -> Rc<Plan> {
        let former = self.former.borrow();
        former.clone().unwrap_or_else(|| self.local.plan())
    }

    /// Under the plan that is in force from now on it is another proxy's, or has another number.
    pub fn go_on(&self, proxy: ProxyId, listener: usize) {
        self.proxy.set(proxy);
        self.listener.set(listener);
    }

    /// The plan in force has no place for it any more: it closes, and serves who has come that far under `former`. Answers
    /// whether nobody waits.
    pub fn leave(&self, former: &Rc<Plan>) -> bool {
        self.former
            .borrow_mut()
            .get_or_insert_with(|| former.clone());
        self.gate.set(GateState::Stopped);
        self.waiting.borrow().is_empty()
    }

    /// Whether the plan in force has no place for it.
    pub fn is_former(&self) -> bool {
        self.former.borrow().is_some()
    }

    /// The proxy and the number of the listener, under the plan in force.
    pub fn place(&self) -> (ProxyId, usize) {
        (self.proxy.get(), self.listener.get())
    }

    /// Keeps the door shut until [`Door::resume`], whatever becomes free.
    pub fn pause(&self) {
        self.held.set(true);
        self.gate.set(GateState::Paused);
    }

    /// Opens the door again, as far as limits and rates allow.
    pub fn resume(self: &Rc<Door>) {
        self.held.set(false);
        if !self.rate_pause.get() {
            self.serve_waiting();
        }
    }

    /// A connection came.
    pub fn enter(self: &Rc<Door>, socket: OwnedFd, peer: Addr) {
        if self.local.plan().program.global.reject_privileged_ports && is_privileged(&peer) {
            // Closed without a word, a count or a line in a log.
            return;
        }
        self.waiting.borrow_mut().push_back((socket, peer));
        self.serve_waiting();
    }

    /// Looks whether there is a place now.
    pub fn reopen(self: &Rc<Door>) {
        if self.gate.state() == GateState::Paused && !self.rate_pause.get() {
            self.serve_waiting();
        }
    }

    fn serve_waiting(self: &Rc<Door>) {
        loop {
            if self.waiting.borrow().is_empty() {
                break;
            }
            let plan = self.plan();
            let Some(admission) = self.admit(&plan) else {
                self.gate.set(GateState::Paused);
                return;
            };
            let Some(mut accepted) = self.waiting.borrow_mut().pop_front() else {
                break;
            };
            if let Some(lighter) = self.lighter(&plan) {
                let (proxy, listener) = self.place();
                let handed = lighter.hand(accepted, move |(socket, peer)| {
                    crate::serve::enter_door(proxy, listener, socket, peer);
                });
                drop(lighter);
                match handed {
                    Ok(()) => {
                        // Gives the places back; the other worker takes them.
                        drop(admission);
                        continue;
                    }
                    // The other one is far behind after all.
                    Err(back) => accepted = back,
                }
            }
            let (socket, peer) = accepted;
            self.begin(plan, socket, peer, admission);
        }
        self.regulate();
    }

    /// The kernel spreads connections by hash, which is uneven while they are few. Who has many more than another worker
    /// gives the new one away.
    fn lighter(&self, plan: &Plan) -> Option<MappedRwLockReadGuard<'_, Inbox>> {
        if self.local.stopping.get() || self.is_former() {
            return None;
        }
        let bind = plan
            .proxy(self.proxy.get())
            .ir
            .binds
            .get(self.listener.get())?;
        let load = self.local.load.load(Ordering::Relaxed);
        self.local.places.lighter(load - 1, &bind.options.threads)
    }

    /// Whether it is that of a listener.
    pub fn is_of(&self, proxy: ProxyId, listener: usize) -> bool {
        self.place() == (proxy, listener) && !self.is_former()
    }

    /// Whether it is one of the proxy.
    pub fn is_of_proxy(&self, proxy: &ProxyLive) -> bool {
        self.plan().live(self.proxy.get()).is_same_as(proxy)
    }

    /// Takes a place in every limit, or none.
    fn admit(&self, plan: &Plan) -> Option<Admission> {
        let proxy = plan.proxy(self.proxy.get());
        let listener = proxy.live.listeners.get(self.listener.get())?;
        let process = &plan.program.live.process;
        let no_limit = |limit: u32| if limit == 0 { u32::MAX } else { limit };
        let of_process = no_limit(process.maxconn.load(Ordering::Relaxed));
        let of_proxy = no_limit(proxy.live.maxconn.load(Ordering::Relaxed));
        let of_listener = proxy
            .ir
            .binds
            .get(self.listener.get())
            .map_or(u32::MAX, |bind| no_limit(bind.options.maxconn));
        self.local.places.want();
        if !process.connections.try_up(of_process) {
            if self.gate.state() == GateState::Open {
                process.maxconn_reached.fetch_add(1, Ordering::Relaxed);
            }
            return None;
        }
        if !proxy.live.frontend.sessions.try_up(of_proxy) {
            process.connections.down();
            return None;
        }
        if !listener.sessions.try_up(of_listener) {
            proxy.live.frontend.sessions.down();
            process.connections.down();
            return None;
        }
        let secured = match listener.tls.get() {
            // Last, as the others see when it is given back.
            Some(_) => match TlsPlace::of_client() {
                Some(place) => Some(place),
                None => {
                    listener.sessions.down();
                    proxy.live.frontend.sessions.down();
                    process.connections.down();
                    return None;
                }
            },
            None => None,
        };
        self.local.places.wanted.store(false, Ordering::SeqCst);
        process.jobs.fetch_add(1, Ordering::Relaxed);
        self.local.add_load(1);
        Some(Admission {
            local: self.local.clone(),
            proxy: proxy.live.clone(),
            listener: listener.clone(),
            secured,
            began: Cell::new(false),
        })
    }

    /// Opens the gate, or keeps it shut for a moment when a rate is exceeded.
    fn regulate(self: &Rc<Door>) {
        let plan = self.plan();
        let process = &plan.program.live.process;
        let proxy = plan.proxy(self.proxy.get());
        let now = self.local.now().ms;
        let listener = proxy.live.listeners.get(self.listener.get());
        let is_secured = listener.is_some_and(|listener| listener.tls.get().is_some());
        let of_tls = process.tls_rate_limit.load(Ordering::Relaxed);
        let over = [
            (if is_secured { of_tls } else { 0 }, &process.tls_rate),
            (
                process.connection_rate_limit.load(Ordering::Relaxed),
                &process.connection_rate,
            ),
            (
                process.session_rate_limit.load(Ordering::Relaxed),
                &process.session_rate,
            ),
            (
                proxy.ir.rate_limit_sessions,
                &proxy.live.frontend.session_rate,
            ),
        ]
        .into_iter()
        .filter(|(limit, rate)| *limit > 0 && rate.per_second(now) >= *limit)
        .map(|(limit, _)| limit)
        .min();
        let Some(limit) = over else {
            self.gate.set(match self.held.get() {
                true => GateState::Paused,
                false => GateState::Open,
            });
            return;
        };
        self.gate.set(GateState::Paused);
        if !self.rate_pause.replace(true) {
            let door = self.clone();
            spawn(async move {
                pause(u64::from((1000 / limit).max(1))).await;
                door.rate_pause.set(false);
                door.serve_waiting();
            });
        }
    }

    fn begin(&self, plan: Rc<Plan>, socket: OwnedFd, peer: Addr, admission: Admission) {
        let worker = self.local.worker;
        let now = self.local.now();
        let process = &plan.program.live.process;
        let proxy = plan.proxy(self.proxy.get());
        let side = &proxy.live.frontend;
        process.counters.add(worker, Count::Connections, 1);
        process.connection_rate.add(worker, now.ms);
        process.session_rate.add(worker, now.ms);
        if admission.secured.is_some() {
            process.tls_rate.add(worker, now.ms);
        }
        side.counters.add(worker, Count::Connections, 1);
        side.connection_rate.add(worker, now.ms);
        let listener = &admission.listener.counters;
        listener.add(worker, Count::Connections, 1);
        let mut session = Session {
            destination: self.destination(&plan, &socket),
            source: endpoint(&peer),
            received_proxy: false,
            frontend: self.proxy.get(),
            listener: self.listener.get(),
            accepted_ms: now.ms,
            accepted_wall_us: now.wall_us,
            ..Session::default()
        };
        let header = match admission::connection(&self.local, &plan, &mut session) {
            Accepted::Yes(header) => header,
            Accepted::No(refused) => {
                let count = match refused {
                    Outcome::SilentDrop { reset_ttl } => {
                        vanish(&socket, session.source, reset_ttl);
                        Count::DeniedRequests
                    }
                    _ => {
                        let _ = hapax_sys::option::set_reset_on_close(&socket);
                        Count::DeniedConnections
                    }
                };
                admission::count_refused(&self.local, &plan, &session, count);
                return;
            }
        };
        if session.marks.changed {
            mark(&socket, session.source, &mut session.marks);
        }
        prepare(&socket, &plan, self.proxy.get());
        // On the heap: as an argument of the task's future it would take its room twice.
        let client = Box::new(Client {
            admission: Rc::new(admission),
            handle: self.local.register(),
            local: self.local.clone(),
            socket: Socket::new(socket),
            session,
            input: None,
            timer: Timer::new(),
            requests: 0,
            last_server: None,
            kept: None,
            upgraded: None,
            plan: plan.clone(),
        });
        client.handle.begin(&client.session, &client.plan);
        client.admission.began.set(true);
        trace::session_begins(&client);
        if admission::is_due(&plan, &client.session, header) {
            spawn(async move {
                if let Some(mut client) = admission::admit(client, header).await {
                    count_session(&client);
                    let mode = client.frontend().ir.mode;
                    client.requests = 0;
                    let ir = &client.frontend().ir;
                    if let Some(answer) = monitored::answer(ir, &client.session.source) {
                        return monitored::serve(client, answer).await;
                    }
                    match mode {
                        Mode::Http => client.serve(None).await,
                        Mode::Tcp | Mode::Log => crate::tcp::serve(client).await,
                    }
                }
            });
            return;
        }
        count_session(&client);
        if let Some(answer) = monitored::answer(&proxy.ir, &client.session.source) {
            spawn(monitored::serve(client, answer));
            return;
        }
        match proxy.ir.mode {
            Mode::Http => spawn(client.serve(None)),
            Mode::Tcp | Mode::Log => spawn(crate::tcp::serve(client)),
        }
    }

    /// The address the client asked for: the listener's own, when it listens on one only. Where connections go on to that
    /// address, the firewall may have redirected them here.
    fn destination(&self, plan: &Plan, socket: &OwnedFd) -> Endpoint {
        let bind = plan
            .proxy(self.proxy.get())
            .ir
            .binds
            .get(self.listener.get());
        if plan.transparent {
            let v6 = bind.is_some_and(
                |bind| matches!(&bind.address, hapax_core::ir::Address::Inet(address) if address.is_ipv6()),
            );
            if let Ok(original) = original_destination(socket, v6) {
                return endpoint(&original);
            }
        }
        if let Some(bind) = bind
            && !bind.options.transparent
            && let hapax_core::ir::Address::Inet(address) = &bind.address
            && !address.ip().is_unspecified()
            && address.port() != 0
        {
            return Endpoint::Inet(*address);
        }
        local_addr(socket).map_or(Endpoint::Unknown, |address| endpoint(&address))
    }
}

/// A connection becomes a session: no rule refused it.
fn count_session(client: &Client) {
    let worker = client.local.worker;
    let side = &client.plan.live(client.session.frontend).frontend;
    side.counters.add(worker, Count::Sessions, 1);
    side.session_rate.add(worker, client.local.now().ms);
    let listener = &client.admission.listener.counters;
    listener.add(worker, Count::Sessions, 1);
}

/// Whether a port is one that only the superuser may send from (`harden.reject-privileged-ports.tcp`).
fn is_privileged(peer: &Addr) -> bool {
    matches!(peer, Addr::Inet(inet) if (1..1024).contains(&inet.port()))
}

fn prepare(socket: &OwnedFd, plan: &Plan, proxy: ProxyId) {
    let proxy = &plan.proxy(proxy).ir;
    let options = &proxy.options;
    let global = &plan.program.global.tune;
    if options.client_keepalive {
        let _ = hapax_sys::option::set_keepalive(socket, keepalive(&proxy.client_probes));
    }
    size_buffers(socket, global);
}

/// `tune.rcvbuf.client`, `tune.sndbuf.client` and `tune.notsent-lowat.client`.
fn size_buffers(socket: &OwnedFd, tune: &hapax_core::ir::Tune) {
    if tune.rcvbuf_client > 0 {
        let _ = hapax_sys::option::set_receive_buffer(socket, tune.rcvbuf_client);
    }
    if tune.sndbuf_client > 0 {
        let _ = hapax_sys::option::set_send_buffer(socket, tune.sndbuf_client);
    }
    if tune.notsent_lowat_client > 0 {
        // Sockets that are not TCP have none.
        let _ = hapax_sys::option::set_unsent_low_water(socket, tune.notsent_lowat_client);
    }
}

/// The system's form of how probes are sent.
pub(crate) fn keepalive(probes: &hapax_core::ir::TcpProbes) -> Keepalive {
    Keepalive {
        idle: probes.idle,
        interval: probes.interval,
        count: probes.count,
    }
}

/// An address as rules and logs see it.
pub fn endpoint(address: &Addr) -> Endpoint {
    match address {
        Addr::Inet(address) => Endpoint::Inet(*address),
        Addr::Unix(_) => Endpoint::Unix,
    }
}

/// One worker may have this many connections more than another, and a quarter more; short connections would change hands
/// all the time otherwise.
const LEAN: u32 = 2;

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::sync::atomic::Ordering;

    use hapax_core::ir::Tune;
    use nix::sys::socket::{getsockopt, sockopt};

    #[test]
    fn who_has_many_connections_more_gives_the_next_one_away() {
        let places = super::Places::default();
        let loads = [0, 1, 2].map(|worker| places.join(worker, super::Inbox::default()));
        let lighter = |load, threads: &[u16]| places.lighter(load, threads).is_some();
        assert!(!lighter(2, &[]));
        assert!(lighter(3, &[]));
        loads[0].store(40, Ordering::Relaxed);
        loads[2].store(40, Ordering::Relaxed);
        assert!(!lighter(40, &[0, 2]), "the idle one does not listen there");
        assert!(!lighter(52, &[0, 2]));
        assert!(lighter(53, &[0, 2]));
    }

    // exercises: section/tune.rcvbuf.client
    // exercises: section/tune.sndbuf.client
    // exercises: section/tune.notsent-lowat.client
    #[test]
    fn clients_have_the_buffers_that_were_asked_for() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("address");
        let socket = OwnedFd::from(std::net::TcpStream::connect(address).expect("connect"));
        let tune = Tune {
            rcvbuf_client: 20_000,
            sndbuf_client: 30_000,
            notsent_lowat_client: 40_000,
            ..Tune::default()
        };
        super::size_buffers(&socket, &tune);
        // Linux grants twice of what is asked for.
        assert_eq!(getsockopt(&socket, sockopt::RcvBuf).expect("read"), 40_000);
        assert_eq!(getsockopt(&socket, sockopt::SndBuf).expect("read"), 60_000);
        let unsent = hapax_sys::option::unsent_low_water(&socket).expect("read");
        assert_eq!(unsent, 40_000);
    }
}
