//! Connections to a server, and those of them that wait idle on this worker: last in, first out.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::live::ServerLive;
use hapax_core::stream::Endpoint;
use hapax_sys::addr::local_addr;

use super::shared_pool::SharedPool;
use crate::frontend::endpoint;
use crate::io::{Io, Layer, Stream as Socket};
use crate::plan::ServerPlan;
use crate::worker;

/// A connection to a server that an exchange uses.
#[derive(Debug)]
pub struct ServerConnection {
    /// The socket.
    pub socket: ServerSocket,
    /// Requests that were sent on it before the current one.
    pub reuses: u32,
    /// Our end of it.
    pub local: Endpoint,
    in_use: InUse,
    /// The server's generation when it was opened.
    generation: u32,
    /// Where from and where to.
    way: Way,
    /// What `pool-conn-name` gave.
    pub name: Option<Box<[u8]>>,
}

/// A socket to a server. A server that has not closed yet is told of its end by a reset, so that no port stays behind
/// in TIME_WAIT.
#[derive(Debug)]
pub struct ServerSocket {
    /// None only when something else goes on with it.
    socket: Option<Socket>,
    live: Arc<ServerLive>,
}

impl ServerSocket {
    /// Counts what passed through it at its server.
    fn count_traffic(&mut self) {
        let counters = &self.live.counters;
        if let Some(socket) = &mut self.socket {
            socket.traffic.count(counters, worker::index());
        }
    }
}

/// This worker's idle connections to one server.
#[derive(Debug, Default)]
pub struct Pool {
    idle: RefCell<Vec<Idle>>,
    /// Connections that streams share.
    pub shared: SharedPool,
    /// Connections of this worker in use, and the most of them at once lately: so many are worth keeping.
    used: Cell<u32>,
    peak: Cell<u32>,
    recent_peak: Cell<u32>,
    /// The least number of idle connections since the last purge: nobody needed those.
    low: Cell<usize>,
    purged_ms: Cell<u64>,
    /// Whether connections were in use since it was last found at rest.
    stirred: Cell<bool>,
}

#[derive(Debug)]
struct Idle {
    socket: ServerSocket,
    reuses: u32,
    local: Endpoint,
    generation: u32,
    way: Way,
    name: Option<Box<[u8]>>,
}

/// What a connection is opened by, where clients decide that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Way {
    /// The client's port, where the server's port depends on it.
    pub port: u16,
    /// The address that the server is shown (`usesrc`).
    pub from: Option<SocketAddr>,
}

/// What a request asks of an idle connection.
#[derive(Debug, Clone)]
pub struct Wanted<N> {
    /// What it is opened by.
    pub way: Way,
    /// The name that the server was asked for over TLS.
    pub server_name: Option<N>,
    /// What `pool-conn-name` gives; counts instead where that is set.
    pub own_name: Option<N>,
    /// Whether it must have been used again before.
    pub proven: bool,
}

/// An idle connection on its way to another worker.
#[derive(Debug)]
pub struct Travelling {
    socket: OwnedFd,
    layer: Option<Box<Layer>>,
    reuses: u32,
    local: Endpoint,
    generation: u32,
    way: Way,
    name: Option<Box<[u8]>>,
}

/// What requests on one connection have in common, beside the name that the server was asked for over TLS.
#[derive(Debug)]
pub struct Kind {
    /// The server's generation when it was opened.
    pub generation: u32,
    /// Where from and where to.
    pub way: Way,
    /// What `pool-conn-name` gave.
    pub name: Option<Box<[u8]>>,
}

impl ServerConnection {
    /// A connection that was just started.
    pub fn new(socket: Socket, server: &Rc<ServerPlan>, way: Way) -> ServerConnection {
        let local = socket
            .with_fd(|fd| local_addr(fd))
            .map_or(Endpoint::Unknown, |address| endpoint(&address));
        ServerConnection {
            local,
            socket: ServerSocket {
                socket: Some(socket),
                live: server.live.clone(),
            },
            reuses: 0,
            generation: server.live.generation.load(Ordering::Relaxed),
            in_use: InUse::new(server),
            way,
            name: None,
        }
    }

    /// Its server.
    pub fn server(&self) -> &Rc<ServerPlan> {
        &self.in_use.server
    }

    /// A stream of a connection that others use too.
    pub fn sharing(
        socket: Socket,
        server: &Rc<ServerPlan>,
        reuses: u32,
        local: Endpoint,
    ) -> ServerConnection {
        ServerConnection {
            local,
            socket: ServerSocket {
                socket: Some(socket),
                live: server.live.clone(),
            },
            reuses,
            generation: server.live.generation.load(Ordering::Relaxed),
            in_use: InUse::sharing(server),
            way: Way::default(),
            name: None,
        }
    }

    /// The socket alone, counted as in use as long as the second part of the answer is held; then what others must have in
    /// common with who opened it.
    pub fn into_socket(mut self) -> (Option<Socket>, InUse, Kind) {
        let socket = self.socket.socket.take();
        let kind = Kind {
            generation: self.generation,
            way: self.way,
            name: self.name,
        };
        (socket, self.in_use, kind)
    }

    /// Whether another exchange may use it later.
    pub fn may_stay(&self) -> bool {
        let live = &self.server().live;
        let most = live.ir.options.max_reuse;
        (most < 0 || i64::from(self.reuses) < i64::from(most))
            && self.generation == live.generation.load(Ordering::Relaxed)
    }

    /// Gives it back to its server's pool, or closes it.
    pub fn park(mut self) {
        self.socket.rest();
        self.socket.count_traffic();
        let server = self.server().clone();
        let options = &server.live.ir.options;
        let full = options.pool_max_conn >= 0
            && server.live.idle.load(Ordering::Relaxed) >= options.pool_max_conn;
        if full
            || options.pool_purge_delay == 0
            || !self.may_stay()
            || !server.pool.has_use(&server.live)
        {
            return;
        }
        count_idle(&server.live, self.reuses, 1);
        server.pool.idle.borrow_mut().push(Idle {
            socket: self.socket,
            reuses: self.reuses,
            local: self.local,
            generation: self.generation,
            way: self.way,
            name: self.name,
        });
    }
}

impl Deref for ServerSocket {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        self.socket.as_ref().expect(HELD)
    }
}

impl DerefMut for ServerSocket {
    fn deref_mut(&mut self) -> &mut Socket {
        self.socket.as_mut().expect(HELD)
    }
}

const HELD: &str = "it is taken only by `into_socket`, which ends its owner";

impl Drop for ServerSocket {
    fn drop(&mut self) {
        self.count_traffic();
        if let Some(socket) = &self.socket
            && !socket.is_half_closed()
        {
            let _ = socket.reset_on_close();
        }
    }
}

/// Counts a connection as in use while it lives.
#[derive(Debug)]
pub struct InUse {
    server: Rc<ServerPlan>,
    /// One of those that share a connection, which is counted itself.
    shares: bool,
}

impl InUse {
    /// One that shares.
    pub fn sharing(server: &Rc<ServerPlan>) -> InUse {
        InUse {
            server: server.clone(),
            shares: true,
        }
    }

    /// One more.
    pub fn new(server: &Rc<ServerPlan>) -> InUse {
        let used = server.live.used.fetch_add(1, Ordering::Relaxed) + 1;
        if used > server.live.needed.load(Ordering::Relaxed) {
            server.live.needed.store(used, Ordering::Relaxed);
            server.live.most_used.fetch_max(used, Ordering::Relaxed);
        }
        let pool = &server.pool;
        pool.used.set(pool.used.get() + 1);
        pool.peak.set(pool.peak.get().max(pool.used.get()));
        pool.stirred.set(true);
        InUse {
            server: server.clone(),
            shares: false,
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if self.shares {
            return;
        }
        self.server.live.used.fetch_sub(1, Ordering::Relaxed);
        let pool = &self.server.pool;
        pool.used.set(pool.used.get() - 1);
    }
}

/// Counts an idle connection that comes or goes.
pub fn count_idle(live: &ServerLive, reuses: u32, more: i32) {
    live.idle.fetch_add(more, Ordering::Relaxed);
    if let Some(own) = live.idle_by_worker.get(worker::index()) {
        // Only this worker writes it.
        own.store(own.load(Ordering::Relaxed) + more, Ordering::Relaxed);
    }
    if reuses > 0 {
        live.idle_safe.fetch_add(more, Ordering::Relaxed);
    }
}

impl Idle {
    fn suits<N: AsRef<[u8]>>(&self, server: &ServerLive, wanted: &Wanted<N>) -> bool {
        let is_named = match server.ir.options.pool_name {
            Some(_) => self.name.as_deref() == wanted.own_name.as_ref().map(AsRef::as_ref),
            None => self
                .socket
                .is_named(wanted.server_name.as_ref().map(AsRef::as_ref)),
        };
        is_named && self.way == wanted.way && (self.reuses > 0 || !wanted.proven)
    }

    /// Whether it is still open, and leads where the server is.
    fn is_good(&mut self, server: &ServerLive) -> bool {
        self.generation == server.generation.load(Ordering::Relaxed) && self.socket.is_quiet()
    }
}

impl Pool {
    /// Takes the connection that was parked last, is still open and is what is wanted.
    pub fn take(
        &self,
        server: &Rc<ServerPlan>,
        wanted: &Wanted<&[u8]>,
    ) -> Option<ServerConnection> {
        let mut idle = self.idle.borrow_mut();
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            if !idle[at].suits(&server.live, wanted) {
                continue;
            }
            let mut taken = idle.remove(at);
            count_idle(&server.live, taken.reuses, -1);
            if !taken.is_good(&server.live) {
                continue;
            }
            self.low.set(self.low.get().min(idle.len()));
            return Some(ServerConnection {
                socket: taken.socket,
                local: taken.local,
                reuses: taken.reuses + 1,
                in_use: InUse::new(server),
                generation: taken.generation,
                way: taken.way,
                name: taken.name,
            });
        }
        self.low.set(0);
        None
    }

    /// Ends an idle connection of this worker; tells whether there was one.
    pub fn end_one(&self, live: &ServerLive) -> bool {
        let mut idle = self.idle.borrow_mut();
        if idle.is_empty() {
            return self.shared.end_one();
        }
        let ended = idle.remove(0);
        count_idle(live, ended.reuses, -1);
        true
    }

    /// Lets a connection go to another worker that has none: the one that waited longest.
    pub fn give(&self, server: &ServerLive, wanted: &Wanted<Box<[u8]>>) -> Option<Travelling> {
        let mut idle = self.idle.borrow_mut();
        let mut at = 0;
        while at < idle.len() {
            if !idle[at].suits(server, wanted) || !idle[at].socket.is_plain() {
                at += 1;
                continue;
            }
            let mut taken = idle.remove(at);
            count_idle(server, taken.reuses, -1);
            if !taken.is_good(server) {
                continue;
            }
            self.low.set(self.low.get().min(idle.len()));
            let (socket, layer) = taken.socket.socket.take()?.into_parts()?;
            return Some(Travelling {
                socket,
                layer,
                reuses: taken.reuses,
                local: taken.local,
                generation: taken.generation,
                way: taken.way,
                name: taken.name,
            });
        }
        None
    }

    /// A connection that another worker gave.
    pub fn adopt(server: &Rc<ServerPlan>, given: Travelling) -> ServerConnection {
        ServerConnection {
            socket: ServerSocket {
                socket: Some(Socket::from_parts(given.socket, given.layer)),
                live: server.live.clone(),
            },
            local: given.local,
            reuses: given.reuses + 1,
            in_use: InUse::new(server),
            generation: given.generation,
            way: given.way,
            name: given.name,
        }
    }

    /// Whether one more idle connection, given back by who uses it now, is likely to be used again: by this worker, or by any.
    pub fn has_use(&self, server: &ServerLive) -> bool {
        let here = self.len() as u32 + self.used.get();
        let all = server.idle.load(Ordering::Relaxed) + server.used.load(Ordering::Relaxed);
        here <= self.peak.get().max(self.recent_peak.get())
            || all <= server.needed.load(Ordering::Relaxed)
    }

    /// Whether it holds nothing and nobody took anything lately: there is nothing to purge.
    pub fn is_at_rest(&self) -> bool {
        !self.stirred.get() && self.shared.is_empty() && self.idle.borrow().is_empty()
    }

    /// Closes what its server closed or what may not be used any more, and every `pool-purge-delay` half of what nobody
    /// needed since the last time.
    pub fn purge(&self, live: &ServerLive, now_ms: u64) {
        let mut idle = self.idle.borrow_mut();
        let generation = live.generation.load(Ordering::Relaxed);
        self.shared.purge(live);
        idle.retain_mut(|idle| {
            let stays = idle.generation == generation && idle.socket.is_quiet();
            if !stays {
                count_idle(live, idle.reuses, -1);
            }
            stays
        });
        let delay = u64::from(live.ir.options.pool_purge_delay);
        if now_ms.saturating_sub(self.purged_ms.get()) >= delay {
            self.purged_ms.set(now_ms);
            let unused = self.low.get().min(idle.len());
            // Those at the bottom waited longest.
            for old in idle.drain(..unused.div_ceil(2)) {
                count_idle(live, old.reuses, -1);
            }
            self.low.set(idle.len());
            self.shared.trim();
            self.recent_peak.set(self.peak.replace(self.used.get()));
            let used = live.used.load(Ordering::Relaxed);
            let less = live.needed.load(Ordering::Relaxed).saturating_add(used) / 2;
            live.needed.store(less.max(used), Ordering::Relaxed);
            let lately = self.recent_peak.get() > 0 || less.max(used) > 0;
            self.stirred.set(lately);
        }
    }

    /// Closes all.
    pub fn drain(&self, live: &ServerLive) {
        self.shared.drain();
        for closed in self.idle.take() {
            count_idle(live, closed.reuses, -1);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.idle.borrow().len() + self.shared.idle()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
