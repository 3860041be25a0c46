//! The servers of one backend as a whole: algorithm, persistence, connection limits and queues.
//!
//! LIFECYCLE of a request: `assign` takes a slot, or parks the request under a number; a slot that comes free goes to
//! the oldest number of the server's queue and the backend's, is taken on its behalf, and waits as "granted" until the
//! request asks again or cancels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

use hapax_core::contract::{Assigned, Balancer, Dispatch, KeyValue, Ticket, Wish};
use hapax_core::ir;
use hapax_core::live::{ProxyLasting, ProxyLive, ServerLasting, ServerLive, Servers};
use parking_lot::Mutex;

use crate::farm::has_room;
use crate::queue::{Place, Queues, Reach};

/// Algorithm and queues of a backend.
#[derive(Debug)]
pub struct Backend {
    servers: Servers,
    lasting: Arc<ProxyLasting>,
    balancer: Box<dyn Balancer>,
    fullconn: u32,
    keyed: bool,
    exact: bool,
    dynamic: AtomicBool,
    persist: bool,
    limited: AtomicBool,
    /// The last time that was told, ms.
    clock: AtomicU64,
    waiting: AtomicUsize,
    queues: Mutex<Queues>,
}

impl Backend {
    /// The dispatch of a proxy with servers. `fullconn` is the value in force (see [`default_fullconn`]).
    pub fn new(proxy: &ir::Proxy, live: &ProxyLive, fullconn: u32) -> Backend {
        let balancer = proxy.balance.build(proxy, &live.servers);
        let backend = Backend {
            balancer,
            fullconn: fullconn.max(1),
            keyed: !proxy.balance.key().is_none(),
            exact: proxy.balance.name() == "leastconn",
            dynamic: AtomicBool::new(live.servers.iter().any(|server| changes_its_limit(server))),
            persist: proxy.options.persist,
            limited: AtomicBool::new(false),
            clock: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            queues: Mutex::new(Queues::new(live.servers.len())),
            servers: live.servers.clone(),
            lasting: live.lasting().clone(),
        };
        let fixed =
            proxy.balance.name() == "static-rr" || backend.keyed && !proxy.hash_type.consistent;
        for server in &backend.servers {
            if server.ramps.load(Ordering::Relaxed) == fixed {
                server.ramps.store(!fixed, Ordering::Relaxed);
            }
        }
        backend.refresh_limits();
        backend
    }

    /// Whether choosing and counting must be one step: a limit to keep, or loads to compare.
    fn locked(&self) -> bool {
        self.exact || self.limited.load(Ordering::Relaxed)
    }

    fn server(&self, index: usize) -> Option<&ServerLive> {
        self.servers.get(index).map(Arc::as_ref)
    }

    /// Whether clients that belong to a server may be sent to it; under `option persist` also when it is down.
    fn keeps_clients(&self, index: usize) -> bool {
        self.server(index)
            .is_some_and(|server| self.persist || server.running.load(Ordering::Relaxed))
    }

    /// The server that persistence asks for, if it may be used.
    fn persistent(&self, wish: &Wish<'_>) -> Option<usize> {
        wish.persistent
            .filter(|&index| wish.forced || self.keeps_clients(index))
    }

    fn is_usable(&self, index: usize) -> bool {
        self.server(index)
            .is_some_and(|server| server.usable.load(Ordering::Relaxed))
    }

    /// Persistence, then the algorithm. `queues` is the lock under which limits are kept, if there are any.
    fn place(
        &self,
        wish: &Wish<'_>,
        ticket: &mut Ticket,
        waker: &Waker,
        queues: Option<&mut Queues>,
    ) -> Assigned {
        ticket.balanced = false;
        ticket.rank = rank(wish);
        let Some(queues) = queues else {
            let chosen = self.persistent(wish).or_else(|| {
                ticket.balanced = true;
                self.balancer.choose(wish.key, wish.avoid)
            });
            return match chosen {
                Some(index) => self.take(index),
                None => Assigned::NoServer,
            };
        };
        self.clock.store(wish.now.ms, Ordering::Relaxed);
        if self.dynamic.load(Ordering::Relaxed) {
            self.refresh_limits();
        }
        if let Some(index) = self.persistent(wish)
            && let Some(assigned) = self.take_or_wait(index, ticket, waker, queues)
        {
            return assigned;
        }
        if !self.keyed && queues.len(None) > 0 {
            // A dynamic limit may have grown meanwhile; who came first shall profit.
            let assigned = self.wait(None, wish.avoid, ticket, waker, queues);
            self.serve_left_over(queues);
            return assigned;
        }
        match self.balancer.choose(wish.key, wish.avoid) {
            // Rather a slot of a server that is busy than the one that failed just now.
            Some(index) if Some(index) == wish.avoid && !self.keyed && !self.is_alone(index) => {
                queues.left_over = true;
                self.wait(None, wish.avoid, ticket, waker, queues)
            }
            Some(index) => {
                ticket.balanced = true;
                // The queue of the one server that the key allows may be full.
                self.take_or_wait(index, ticket, waker, queues)
                    .unwrap_or(Assigned::QueueFull(index))
            }
            None if (0..self.servers.len()).any(|index| self.is_usable(index)) => {
                self.wait(None, wish.avoid, ticket, waker, queues)
            }
            None => Assigned::NoServer,
        }
    }

    /// A slot of the server, or a place in its queue; none when that is at `maxqueue`: persistence then gives way to the
    /// algorithm, and a hashed key gets no server, as in HAProxy 3.2.
    fn take_or_wait(
        &self,
        index: usize,
        ticket: &mut Ticket,
        waker: &Waker,
        queues: &mut Queues,
    ) -> Option<Assigned> {
        let server = self.server(index)?;
        if has_room(server) {
            return Some(self.take(index));
        }
        let maxqueue = server.ir.options.maxqueue as usize;
        if maxqueue > 0 && queues.len(Some(index)) >= maxqueue {
            return None;
        }
        Some(self.wait(Some(index), None, ticket, waker, queues))
    }

    fn take(&self, index: usize) -> Assigned {
        match self.servers.lasting(index) {
            Some(server) => {
                server.sessions.up();
                self.balancer.connections_changed(index);
                Assigned::Server(index)
            }
            None => Assigned::NoServer,
        }
    }

    fn wait(
        &self,
        server: Option<usize>,
        avoid: Option<usize>,
        ticket: &mut Ticket,
        waker: &Waker,
        queues: &mut Queues,
    ) -> Assigned {
        ticket.number = queues.park(server, avoid, ticket.rank, waker);
        ticket.server = server;
        self.count_up(server);
        Assigned::Wait
    }

    fn count_up(&self, server: Option<usize>) {
        self.waiting.fetch_add(1, Ordering::Release);
        match server.and_then(|index| self.server(index)) {
            Some(server) => server.queue.up(),
            None => self.lasting.queue.up(),
        };
    }

    fn count_down(&self, server: Option<usize>) {
        self.waiting.fetch_sub(1, Ordering::Release);
        match server.and_then(|index| self.server(index)) {
            Some(server) => server.queue.down(),
            None => self.lasting.queue.down(),
        }
        if let Some(index) = server {
            self.balancer.connections_changed(index);
        }
    }

    /// Gives free slots of all servers that clients may be sent to.
    fn serve_all(&self, queues: &mut Queues) {
        for index in 0..self.servers.len() {
            if self.keeps_clients(index) {
                self.serve_waiting(index, queues);
            }
        }
    }

    /// Gives free slots of a server to who waits for them. In the queue of one that is down there is only who is forced to it.
    fn serve_waiting(&self, index: usize, queues: &mut Queues) {
        let Some(server) = self.server(index) else {
            return;
        };
        let reach = if !self.is_usable(index) || !self.takes_part(server) {
            Reach::Own
        } else if self.is_alone(index) {
            Reach::All
        } else {
            Reach::Willing
        };
        while server.sessions.value() < server.limit.load(Ordering::Relaxed) {
            let Some(from) = queues.grant(index, reach) else {
                return;
            };
            self.count_down(from);
            self.take(index);
        }
    }

    /// Gives slots that those who waited did not want to who has come now.
    fn serve_left_over(&self, queues: &mut Queues) {
        if std::mem::take(&mut queues.left_over) {
            self.serve_all(queues);
        }
    }

    /// Whether there is no other server for those in the backend's queue.
    fn is_alone(&self, index: usize) -> bool {
        !self.servers.iter().any(|other| {
            other.index != index && other.usable.load(Ordering::Relaxed) && self.takes_part(other)
        })
    }

    /// Whether load balancing uses a server: a backup only when no active server is usable.
    fn takes_part(&self, server: &ServerLive) -> bool {
        !server.ir.options.backup
            || !self
                .servers
                .iter()
                .any(|other| !other.ir.options.backup && other.usable.load(Ordering::Relaxed))
    }

    /// What `minconn` and `fullconn` allow right now (configuration manual 5.2, `minconn`).
    fn refresh_limits(&self) {
        let mut limited = false;
        for server in &self.servers {
            let maxconn = server.maxconn.load(Ordering::Relaxed);
            let minconn = server.ir.options.minconn;
            let limit = if maxconn == 0 {
                u32::MAX
            } else if minconn == 0 || minconn >= maxconn {
                maxconn
            } else {
                let sessions = u64::from(self.lasting.backend.sessions.value());
                if sessions >= u64::from(self.fullconn) {
                    maxconn
                } else {
                    let share = u64::from(maxconn) * sessions / u64::from(self.fullconn);
                    minconn.max(u32::try_from(share).unwrap_or(maxconn))
                }
            };
            let now = self.clock.load(Ordering::Relaxed);
            let limit = crate::health::slowstart::limit(server, limit, now);
            if server.limit.load(Ordering::Relaxed) != limit {
                server.limit.store(limit, Ordering::Relaxed);
            }
            limited |= limit != u32::MAX;
        }
        self.limited.store(limited, Ordering::Relaxed);
    }

    /// Gives a slot back under the lock, to who waits for it.
    fn release_locked(&self, server: usize, live: &ServerLasting) {
        let mut queues = self.queues.lock();
        live.sessions.down();
        self.balancer.connections_changed(server);
        if self.waiting.load(Ordering::Acquire) > 0 {
            if self.dynamic.load(Ordering::Relaxed) {
                self.refresh_limits();
            }
            self.serve_waiting(server, &mut queues);
        }
    }

    fn disperse(&self, from: Option<usize>, queues: &mut Queues) -> usize {
        let count = queues.disperse(from);
        for _ in 0..count {
            self.count_down(from);
        }
        count
    }
}

impl Dispatch for Backend {
    fn assign(&self, wish: &Wish<'_>, ticket: &mut Ticket, waker: &Waker) -> Assigned {
        if ticket.number == 0 && !self.locked() {
            return self.place(wish, ticket, waker, None);
        }
        let mut queues = self.queues.lock();
        if ticket.number != 0 {
            match queues.ask(ticket.server, ticket.rank, ticket.number, waker) {
                Place::Granted(grant) => {
                    ticket.number = 0;
                    served_as(ticket, grant.position);
                    return Assigned::Server(grant.server);
                }
                Place::Waiting(_) => return Assigned::Wait,
                Place::Gone => ticket.number = 0,
            }
        }
        self.place(wish, ticket, waker, Some(&mut queues))
    }

    fn choose(&self, key: KeyValue<'_>) -> Option<usize> {
        self.balancer.choose(key, None)
    }

    fn cancel(&self, ticket: &mut Ticket) {
        if ticket.number == 0 {
            return;
        }
        let mut queues = self.queues.lock();
        let place = queues.leave(ticket.server, ticket.rank, ticket.number);
        ticket.number = 0;
        match place {
            Place::Waiting(position) => {
                served_as(ticket, position);
                self.count_down(ticket.server);
            }
            Place::Granted(grant) => {
                drop(queues);
                served_as(ticket, grant.position);
                self.release(grant.server);
            }
            Place::Gone => {}
        }
    }

    fn release(&self, server: usize) {
        let Some(live) = self.servers.lasting(server) else {
            return;
        };
        let limited = self.limited.load(Ordering::Relaxed);
        if !limited && self.waiting.load(Ordering::Acquire) == 0 {
            live.sessions.down();
            self.balancer.connections_changed(server);
        } else {
            self.release_locked(server, live);
        }
        // Requests of another configuration may wait for it.
        for view in self.lasting.views() {
            let others = view
                .dispatch()
                .filter(|other| !std::ptr::addr_eq(Arc::as_ptr(other), std::ptr::from_ref(self)));
            if let Some(others) = others {
                others.slots_freed();
            }
        }
    }

    fn slots_freed(&self) {
        self.balancer.connections_changed_elsewhere();
        if self.waiting.load(Ordering::Acquire) > 0 {
            let mut queues = self.queues.lock();
            self.serve_all(&mut queues);
        }
    }

    fn servers_changed(&self) {
        self.balancer.servers_changed();
        let mut queues = self.queues.lock();
        queues.grow(self.servers.len());
        if self.servers.iter().any(|server| changes_its_limit(server)) {
            self.dynamic.store(true, Ordering::Relaxed);
        }
        self.refresh_limits();
        self.serve_all(&mut queues);
    }

    fn requeue(&self, server: usize) -> u32 {
        let mut queues = self.queues.lock();
        u32::try_from(self.disperse(Some(server), &mut queues)).unwrap_or(u32::MAX)
    }
}

/// Whether what a server takes at a time depends on the load, or on how long it has been up.
fn changes_its_limit(server: &ServerLive) -> bool {
    server.ir.options.minconn > 0 || server.ir.options.slowstart > 0
}

/// The place in a queue that a request has now.
fn rank(wish: &Wish<'_>) -> (i16, i64) {
    let arrival = i64::try_from(wish.now.ms).unwrap_or(i64::MAX);
    let time = arrival.saturating_add(i64::from(wish.priority.offset));
    (wish.priority.class, time)
}

/// Notes for the log how many of the queue were served while the request waited.
fn served_as(ticket: &mut Ticket, position: u32) {
    match ticket.server {
        Some(_) => ticket.server_position = ticket.server_position.saturating_add(position),
        None => ticket.backend_position = ticket.backend_position.saturating_add(position),
    }
}

/// `fullconn` where none is given: a tenth of the maxconn of the frontends that may use the backend (configuration manual,
/// `fullconn`), rounded up.
pub fn default_fullconn(frontend_maxconn: u32) -> u32 {
    frontend_maxconn.div_ceil(10).max(1)
}

#[cfg(test)]
mod succession_tests;
#[cfg(test)]
mod tests;
