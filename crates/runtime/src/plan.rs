//! What one worker made of the program: its own view of proxies and servers, with what it computed once.

use std::cell::{Cell, Ref, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::ir;
use hapax_core::live::{ProxyLive, ServerLive, is_same_way};
use hapax_core::program::{Program, Proxy, ProxyId};
use hapax_core::trace::Traces;
use hapax_proto::h1::Limits;
use hapax_sys::addr::{Addr, SockAddr, UnixAddr};
use hapax_sys::connect::ConnectOptions;
use hashbrown::HashMap;

use crate::http::pool::Pool;
use crate::io::Stream as Socket;
use crate::log::Logger;
use crate::pauses;

/// A program as one worker uses it. Sessions hold it to their end.
#[derive(Debug)]
pub struct Plan {
    /// The program.
    pub program: Arc<Program>,
    /// This worker's logger for the program.
    pub logger: Rc<Logger>,
    /// Per proxy, by [`ProxyId`].
    pub proxies: Vec<ProxyPlan>,
    /// Whether a proxy sends on to where clients wanted to go (`option transparent`).
    pub transparent: bool,
    slow_starters: RefCell<Vec<ProxyId>>,
    /// What is printed about its traffic.
    pub observation: ir::Observation,
    /// What is told of its work.
    pub traces: Arc<Traces>,
}

/// A proxy as one worker uses it.
#[derive(Debug)]
pub struct ProxyPlan {
    /// Servers by index, those of the configuration and behind them those that came while the process ran; made when they
    /// are first needed: most servers of a large configuration are idle.
    servers: RefCell<Vec<Option<Rc<ServerPlan>>>>,
    /// Where `dispatch` and `option transparent` send what no server is chosen for.
    pub direct: Option<Rc<ServerPlan>>,
    /// What a request's head may be.
    pub request_limits: Limits,
    /// What a response's head may be.
    pub response_limits: Limits,
}

/// A server as one worker uses it: how to connect, and this worker's idle connections.
#[derive(Debug)]
pub struct ServerPlan {
    /// Its live state.
    pub live: Arc<ServerLive>,
    /// How to connect.
    pub connect: ConnectOptions,
    /// Idle connections of this worker.
    pub pool: Rc<Pool>,
    address: RefCell<Option<(u32, SockAddr)>>,
    source_ports: Option<(u16, u16)>,
    /// `usesrc`.
    pub presented: Option<ir::Presented>,
    next_port: Cell<u16>,
}

impl Plan {
    /// The plan of the first program.
    pub fn new(program: Arc<Program>, logger: Rc<Logger>) -> Plan {
        let proxies = program.proxies.iter();
        let proxies = proxies
            .map(|proxy| ProxyPlan::new(&program.global, proxy, &HashMap::new()))
            .collect();
        Plan::of(program, logger, proxies)
    }

    /// The plan of a program that takes the place of another: servers that both name keep their idle connections. Other
    /// tasks have their turn while it is made.
    pub async fn succeeding(program: Arc<Program>, before: &Plan, logger: Rc<Logger>) -> Plan {
        let mut known = HashMap::new();
        for proxies in before.proxies.chunks(PROXIES_PER_TURN) {
            pauses::step(|| {
                for proxy in proxies {
                    let servers = proxy.servers.borrow();
                    let servers = servers.iter().flatten();
                    known.extend(servers.map(|server| (server.live.mark(), server.clone())));
                }
            });
            tokio::task::yield_now().await;
        }
        let mut proxies = Vec::with_capacity(program.proxies.len());
        for chunk in program.proxies.chunks(PROXIES_PER_TURN) {
            let plans = chunk.iter();
            let plans = plans.map(|proxy| ProxyPlan::new(&program.global, proxy, &known));
            pauses::step(|| proxies.extend(plans));
            tokio::task::yield_now().await;
        }
        Plan::of(program, logger, proxies)
    }

    /// Closes idle connections that no later plan goes on with. Other tasks have their turn meanwhile.
    pub async fn close_left_over(&self) {
        for proxies in self.proxies.chunks(PROXIES_PER_TURN) {
            pauses::step(|| {
                for proxy in proxies {
                    for server in proxy.servers.borrow().iter().flatten() {
                        if Rc::strong_count(server) == 1 && Rc::strong_count(&server.pool) == 1 {
                            server.pool.drain(&server.live);
                        }
                    }
                }
            });
            tokio::task::yield_now().await;
        }
    }

    fn of(program: Arc<Program>, logger: Rc<Logger>, proxies: Vec<ProxyPlan>) -> Plan {
        crate::io::limit_tls(program.global.tls.maxconn);
        let transparent = program
            .proxies
            .iter()
            .any(|proxy| proxy.ir.options.transparent);
        Plan {
            slow_starters: RefCell::new(slow_starters(&program)),
            observation: program.global.observation,
            traces: program.live.process.traces.clone(),
            program,
            logger,
            proxies,
            transparent,
        }
    }

    /// A proxy of the program.
    #[inline]
    pub fn proxy(&self, id: ProxyId) -> &Proxy {
        self.program.proxy(id)
    }

    /// The live state of a proxy.
    #[inline]
    pub fn live(&self, id: ProxyId) -> &ProxyLive {
        &self.program.proxy(id).live
    }

    /// What this worker computed for a proxy.
    #[inline]
    pub fn at(&self, id: ProxyId) -> &ProxyPlan {
        &self.proxies[id.0 as usize]
    }

    /// Proxies with servers that may be coming up slowly.
    pub fn slow_starters(&self) -> Ref<'_, [ProxyId]> {
        Ref::map(self.slow_starters.borrow(), Vec::as_slice)
    }

    /// A server of a proxy.
    #[inline]
    pub fn server(&self, id: ProxyId, index: usize) -> Option<Rc<ServerPlan>> {
        if let Some(Some(server)) = self.at(id).servers.borrow().get(index) {
            return Some(server.clone());
        }
        self.first_used(id, index)
    }

    #[cold]
    fn first_used(&self, id: ProxyId, index: usize) -> Option<Rc<ServerPlan>> {
        let proxy = self.proxy(id);
        let live = proxy.live.servers.get(index)?;
        let mut servers = self.at(id).servers.borrow_mut();
        if servers.len() <= index {
            servers.resize(proxy.live.servers.len().max(index + 1), None);
        }
        let made = || Rc::new(ServerPlan::new(live, &proxy.ir, &self.program.global));
        Some(servers.get_mut(index)?.get_or_insert_with(made).clone())
    }

    /// Calls `each` for all servers that were used.
    pub fn each_server(&self, mut each: impl FnMut(&Rc<ServerPlan>)) {
        for proxy in &self.proxies {
            proxy.servers.borrow().iter().flatten().for_each(&mut each);
        }
    }

    /// Servers were added or deleted: forgets those that were deleted, with their idle connections.
    pub fn follow_changes(&self) {
        self.slow_starters.replace(slow_starters(&self.program));
        let deleted = |server: &ServerPlan| server.live.deleted.load(Ordering::Relaxed);
        for proxy in &self.proxies {
            for place in proxy.servers.borrow_mut().iter_mut() {
                if let Some(server) = place.take_if(|server| deleted(server)) {
                    server.pool.drain(&server.live);
                }
            }
        }
    }
}

impl ProxyPlan {
    fn new(global: &ir::Global, proxy: &Proxy, before: &Known) -> ProxyPlan {
        let limits = |relaxed| Limits {
            max_fields: usize::from(global.tune.http_maxhdr),
            // Upstream's message storage keeps this much of a buffer for itself.
            max_head: (global.tune.bufsize as usize).saturating_sub(HEAD_RESERVE),
            max_kept: (global.tune.bufsize as usize)
                .saturating_sub(global.tune.maxrewrite as usize),
            relaxed,
            looks_on: false,
            any_payload: global.tune.h1_any_payload,
            trusts_both_lengths: global.tune.h1_trust_both_lengths,
        };
        ProxyPlan {
            servers: RefCell::new(known_servers(global, proxy, before)),
            direct: elsewhere(&proxy.ir)
                .map(|address| Rc::new(ServerPlan::unnamed(address, proxy, global))),
            request_limits: limits(proxy.ir.options.relaxed_request),
            response_limits: limits(proxy.ir.options.relaxed_response),
        }
    }
}

/// The servers that the plan before has used.
fn known_servers(
    global: &ir::Global,
    proxy: &Proxy,
    before: &Known,
) -> Vec<Option<Rc<ServerPlan>>> {
    let mut servers = Vec::new();
    if before.is_empty() {
        return servers;
    }
    // By position: those that are deleted keep theirs.
    for index in 0..proxy.live.servers.configured() {
        let live = proxy.live.servers.get(index);
        if let Some((live, known)) = live.and_then(|live| Some((live, before.get(&live.mark())?))) {
            servers.resize(index + 1, None);
            let server = ServerPlan::new(live, &proxy.ir, global).succeeding(known);
            servers[index] = Some(server);
        }
    }
    servers
}

fn slow_starters(program: &Program) -> Vec<ProxyId> {
    let proxies = program.proxies.iter().zip((0..).map(ProxyId));
    let changed = program.live.server_changes.load(Ordering::Relaxed) > 0;
    let starters = proxies.filter(|(proxy, _)| {
        let mut servers = proxy.live.servers.iter();
        (proxy.servers.slowstart || changed)
            && servers.any(|server| server.ir.options.slowstart > 0)
    });
    starters.map(|(_, id)| id).collect()
}

/// Where a proxy sends without servers. What `option transparent` has no address for stands as one that is none.
fn elsewhere(proxy: &ir::Proxy) -> Option<ir::Address> {
    let none = || ir::Address::Inet((std::net::Ipv4Addr::UNSPECIFIED, 0).into());
    let transparent = proxy.options.transparent.then(none);
    proxy.dispatch.clone().or(transparent)
}

impl ServerPlan {
    /// A server without a name, which nothing lists.
    pub fn unnamed(address: ir::Address, proxy: &Proxy, global: &ir::Global) -> ServerPlan {
        // Its counters are never read: only this worker writes them.
        let workers = proxy.live.backend.workers();
        let live = ServerLive::unnamed(address, &proxy.ir, workers);
        ServerPlan::new(&Arc::new(live), &proxy.ir, global)
    }

    fn new(live: &Arc<ServerLive>, proxy: &ir::Proxy, global: &ir::Global) -> ServerPlan {
        ServerPlan {
            live: live.clone(),
            connect: connect_options(&live.ir.options, proxy, global),
            pool: Rc::default(),
            address: RefCell::new(None),
            source_ports: source(&live.ir.options, proxy).and_then(|source| source.ports),
            presented: source(&live.ir.options, proxy).and_then(|source| source.presented.clone()),
            next_port: Cell::new(0),
        }
    }

    /// The same server goes on as the other, or with its connections at least, if those may still be used.
    fn succeeding(mut self, known: &Rc<ServerPlan>) -> Rc<ServerPlan> {
        if self.connect == known.connect
            && self.source_ports == known.source_ports
            && self.presented == known.presented
        {
            if Arc::ptr_eq(&self.live, &known.live) {
                return known.clone();
            }
            if is_same_way(&self.live.ir, &known.live.ir) {
                self.pool = known.pool.clone();
            }
        }
        Rc::new(self)
    }

    /// Where to connect for a client that asked for `client_port`; none when the address cannot be connected to.
    pub fn address(&self, client_port: u16) -> Option<SockAddr> {
        let generation = self.live.generation.load(Ordering::Relaxed);
        let port = self.live.port();
        let fixed = port == ir::ServerPort::Fixed;
        if fixed
            && let Some((made_at, address)) = &*self.address.borrow()
            && *made_at == generation
        {
            return Some(*address);
        }
        let mut target = system_address(&self.live.address.load())?;
        if let Addr::Inet(inet) = &mut target {
            match port {
                ir::ServerPort::Fixed => {}
                ir::ServerPort::SameAsClient => inet.set_port(client_port),
                ir::ServerPort::Offset(offset) => {
                    inet.set_port((i32::from(client_port) + offset) as u16);
                }
            }
        }
        let address = SockAddr::new(&target).ok()?;
        if fixed {
            *self.address.borrow_mut() = Some((generation, address));
        }
        Some(address)
    }

    /// Whether its address is none: connections go where the client wanted to go (`server clear 0.0.0.0:0`).
    pub fn is_anywhere(&self) -> bool {
        let line = &self.live.ir;
        line.address.ip().is_some_and(|ip| ip.is_unspecified())
            && line.host_name.is_none()
            && self
                .live
                .inet()
                .is_some_and(|own| own.ip().is_unspecified())
    }

    /// The same for a server that is anywhere, and a client that wanted to go to `destination`.
    pub fn address_at(&self, mut destination: SocketAddr) -> Option<SockAddr> {
        match (self.live.port(), self.live.inet()?.port()) {
            (ir::ServerPort::SameAsClient, _) | (ir::ServerPort::Fixed, 0) => {}
            (ir::ServerPort::Fixed, port) => destination.set_port(port),
            (ir::ServerPort::Offset(offset), _) => {
                destination.set_port((i32::from(destination.port()) + offset) as u16);
            }
        }
        SockAddr::new(&Addr::Inet(destination)).ok()
    }

    /// Starts a connection, from the next free port when the configuration names a range; as if it came `from` there, where
    /// that is given.
    ///
    /// # Errors
    /// The system's; that no port is free when all of the range are taken.
    pub fn open(&self, address: &SockAddr, from: Option<SocketAddr>) -> io::Result<Socket> {
        if let Some(from) = from {
            let options = ConnectOptions {
                source: Some(from),
                transparent: true,
                ..self.connect.clone()
            };
            return Socket::connect(address, &options);
        }
        let Some((first, last)) = self.source_ports else {
            return Socket::connect(address, &self.connect);
        };
        let mut options = self.connect.clone();
        for _ in first..=last {
            let port = self.next_source_port(first, last);
            if let Some(source) = &mut options.source {
                source.set_port(port);
            }
            match Socket::connect(address, &options) {
                Err(error) if is_taken(&error) => {}
                other => return other,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// The source port to try next.
    fn next_source_port(&self, first: u16, last: u16) -> u16 {
        let port = self.next_port.get();
        let port = if (first..=last).contains(&port) {
            port
        } else {
            first
        };
        self.next_port.set(port.checked_add(1).unwrap_or(first));
        port
    }
}

impl Drop for ServerPlan {
    fn drop(&mut self) {
        // Who goes on with the connections counts them.
        if Rc::strong_count(&self.pool) == 1 {
            self.pool.drain(&self.live);
        }
    }
}

/// The system's form of an address of the configuration; none for descriptors.
pub fn system_address(address: &ir::Address) -> Option<Addr> {
    Some(match address {
        ir::Address::Inet(inet) => Addr::Inet(*inet),
        ir::Address::Unix(path) => Addr::Unix(UnixAddr::Path(path.into())),
        ir::Address::Abstract { name, zero_padded } => Addr::Unix(UnixAddr::Abstract {
            name: name.clone().into_bytes(),
            padded: *zero_padded,
        }),
        ir::Address::Descriptor(_) | ir::Address::SocketPair(_) => return None,
    })
}

/// How connections to a server of `proxy` are opened.
pub fn connect_options(
    server: &ir::ServerOptions,
    proxy: &ir::Proxy,
    global: &ir::Global,
) -> ConnectOptions {
    let source = source(server, proxy);
    let size = |bytes: u32| (bytes > 0).then_some(bytes);
    ConnectOptions {
        source: source.map(|source| source.address),
        namespace: server.namespace.as_deref().map(str::to_owned),
        interface: source.and_then(|source| source.interface.clone()),
        nodelay: true,
        keepalive: proxy
            .options
            .server_keepalive
            .then(|| crate::frontend::keepalive(&proxy.server_probes)),
        user_timeout: server.tcp_user_timeout,
        fast_open: server.fast_open,
        receive_buffer: size(global.tune.rcvbuf_server),
        send_buffer: size(global.tune.sndbuf_server),
        unsent_low_water: size(global.tune.notsent_lowat_server),
        ..ConnectOptions::default()
    }
}

fn source<'a>(
    server: &'a ir::ServerOptions,
    proxy: &'a ir::Proxy,
) -> Option<&'a ir::SourceAddress> {
    server.source.as_ref().or(proxy.source.as_ref())
}

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable
    )
}

/// The servers of the plan before, by their marks.
type Known = HashMap<usize, Rc<ServerPlan>>;

const HEAD_RESERVE: usize = 64;
/// Proxies that are planned before others have their turn.
const PROXIES_PER_TURN: usize = 32;

#[cfg(test)]
mod tests;
