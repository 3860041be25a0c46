//! Live state: what changes while a configuration runs. Long-lived and keyed by name, so that a new configuration
//! attaches to it.

mod check;
mod server;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::contract::{Dispatch, TlsContext};
use crate::counter::{Counters, Gauge, Rate};
use crate::ir;
use crate::keyword::Registry;
use crate::resolution::ResolversLive;
use crate::ring::Ring;
use crate::variable::ProcessVariables;

pub use check::*;
pub use server::*;

use server::is_unresolved;

/// Live state of the process.
#[derive(Debug)]
pub struct Live {
    /// Number of workers.
    pub workers: usize,
    /// Process-wide counters.
    pub process: ProcessLive,
    /// One per proxy, in the order of the configuration.
    pub proxies: Vec<Arc<ProxyLive>>,
    /// The rings, those that every process has first.
    pub rings: Vec<Arc<Ring>>,
    /// One per `resolvers` section, in the order of the configuration.
    pub resolvers: Vec<Arc<ResolversLive>>,
    /// Every row, for what the runtime API reads; set by the program.
    pub registry: OnceLock<&'static Registry>,
}

impl Live {
    /// Fresh live state for a configuration, everything at its start: checked servers are up, disabled ones in
    /// maintenance. `dispatch` of the proxies is attached by the caller.
    pub fn new(config: &ir::Config, workers: usize, started_wall_us: u64) -> Live {
        Live {
            workers,
            process: ProcessLive {
                connections: Gauge::default(),
                counters: Counters::new(workers),
                connection_rate: Rate::new(workers),
                session_rate: Rate::new(workers),
                bytes_out_rate: Rate::new(workers),
                maxconn_reached: AtomicU32::new(0),
                streams: AtomicU32::new(0),
                dropped_logs: AtomicU64::new(0),
                started_wall_us,
                stopping: AtomicBool::new(false),
                maxconn: AtomicU32::new(config.global.maxconn.unwrap_or(0)),
                jobs: AtomicU32::new(0),
                variables: ProcessVariables::default(),
            },
            proxies: config
                .proxies
                .iter()
                .zip(proxy_numbers(config))
                .map(|(proxy, number)| Arc::new(ProxyLive::new(proxy, number, workers)))
                .collect(),
            rings: rings(config),
            resolvers: config
                .resolvers
                .iter()
                .map(|ir| Arc::new(ResolversLive::new(ir, config.global.dns_families)))
                .collect(),
            registry: OnceLock::new(),
        }
    }

    /// The ring of that name.
    pub fn ring(&self, name: &str) -> Option<&Arc<Ring>> {
        self.rings.iter().find(|ring| ring.name == name)
    }

    /// The `resolvers` section of that name.
    pub fn resolvers(&self, name: &str) -> Option<&Arc<ResolversLive>> {
        self.resolvers
            .iter()
            .find(|section| section.ir.name == name)
    }
}

fn rings(config: &ir::Config) -> Vec<Arc<Ring>> {
    let built_in = ir::Ring::BUILT_IN.map(|(name, description)| ir::Ring {
        description: description.to_owned(),
        ..ir::Ring::named(name)
    });
    let all = built_in.iter().chain(&config.rings);
    all.map(|ring| Arc::new(Ring::new(ring))).collect()
}

/// The numbers of the proxies in statistics, in the order of the configuration.
pub fn proxy_numbers(config: &ir::Config) -> Vec<u32> {
    let mut numbers = Numbers::default();
    if !config.global.stats_sockets.is_empty() {
        // Upstream holds the runtime sockets in a proxy of their own, which takes number 1.
        numbers.next = 1;
    }
    for proxy in &config.proxies {
        numbers.reserve(proxy.id);
    }
    let proxies = config.proxies.iter();
    proxies.map(|proxy| numbers.take(proxy.id)).collect()
}

/// Gives numbers to what has none: its position from 1, or the next free one. Numbers given by the configuration use
/// their position up.
#[derive(Debug, Default)]
struct Numbers {
    taken: std::collections::BTreeSet<u32>,
    next: u32,
}

impl Numbers {
    fn reserve(&mut self, id: Option<u32>) {
        self.taken.extend(id);
    }

    fn take(&mut self, id: Option<u32>) -> u32 {
        if let Some(id) = id {
            self.next += 1;
            return id;
        }
        loop {
            self.next += 1;
            if self.taken.insert(self.next) {
                return self.next;
            }
        }
    }

    /// As listeners are numbered: from the one before.
    fn take_after(&mut self, id: Option<u32>) -> u32 {
        if let Some(id) = id {
            self.next = id;
            return id;
        }
        self.take(None)
    }
}

/// Process-wide live state.
#[derive(Debug)]
pub struct ProcessLive {
    /// Current connections from clients, `CurrConns`.
    pub connections: Gauge,
    /// Connections ever, requests ever and so on.
    pub counters: Counters,
    /// New connections per second.
    pub connection_rate: Rate,
    /// New sessions per second.
    pub session_rate: Rate,
    /// Bytes to clients per second.
    pub bytes_out_rate: Rate,
    /// Times the process limit of connections was reached.
    pub maxconn_reached: AtomicU32,
    /// Streams ever, for numbering.
    pub streams: AtomicU32,
    /// Log lines that could not be sent.
    pub dropped_logs: AtomicU64,
    /// Wall clock at the start, microseconds since 1970.
    pub started_wall_us: u64,
    /// Set once the process stops accepting.
    pub stopping: AtomicBool,
    /// The process limit of connections in force.
    pub maxconn: AtomicU32,
    /// Jobs that keep a stopping process alive (connections).
    pub jobs: AtomicU32,
    /// `proc` variables.
    pub variables: ProcessVariables,
}

/// Live state of a proxy.
#[derive(Debug)]
pub struct ProxyLive {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: ir::ProxyKind,
    /// The number in statistics (`iid`).
    pub uuid: u32,
    /// The frontend side.
    pub frontend: SideLive,
    /// The backend side.
    pub backend: SideLive,
    /// Listeners, in the order of the binds.
    pub listeners: Vec<Arc<ListenerLive>>,
    /// Servers, in file order.
    pub servers: Vec<Arc<ServerLive>>,
    /// Algorithm and queues; set once when the program is linked, absent without a backend side.
    pub dispatch: OnceLock<Arc<dyn Dispatch>>,
    /// Requests waiting in the backend's queue.
    pub queue: Gauge,
    /// When the backend last changed between up and down, ms.
    pub last_change_ms: AtomicU64,
    /// Times it went down.
    pub down_transitions: AtomicU32,
    /// Accumulated down time before `last_change_ms`, seconds.
    pub downtime: AtomicU64,
    /// Effective weight of usable servers.
    pub total_weight: AtomicU32,
    /// Usable active servers.
    pub active: AtomicU32,
    /// Usable backup servers.
    pub backup: AtomicU32,
}

impl ProxyLive {
    fn new(proxy: &ir::Proxy, uuid: u32, workers: usize) -> ProxyLive {
        let mut listener_numbers = Numbers::default();
        let mut server_numbers = Numbers::default();
        for bind in &proxy.binds {
            listener_numbers.reserve(bind.options.id);
        }
        for server in &proxy.servers {
            server_numbers.reserve(server.options.id);
        }
        let listeners = proxy.binds.iter().map(|bind| {
            let id = listener_numbers.take_after(bind.options.id);
            Arc::new(ListenerLive {
                name: bind
                    .options
                    .name
                    .clone()
                    .unwrap_or_else(|| format!("sock-{id}")),
                id,
                counters: Counters::new(workers),
                sessions: Gauge::default(),
                tls: OnceLock::new(),
            })
        });
        let listeners = listeners.collect();
        let servers = proxy.servers.iter().enumerate().map(|(index, server)| {
            let id = server_numbers.take(server.options.id);
            Arc::new(ServerLive::new(server, &proxy.name, index, id, workers))
        });
        let servers: Vec<_> = servers.collect();
        let usable = |server: &Arc<ServerLive>| server.usable.load(Ordering::Relaxed);
        let fell = !servers.iter().any(usable) && proxy.servers.iter().any(is_unresolved);
        ProxyLive {
            name: proxy.name.clone(),
            kind: proxy.kind,
            uuid,
            frontend: SideLive::new(workers),
            backend: SideLive::new(workers),
            listeners,
            servers,
            dispatch: OnceLock::new(),
            queue: Gauge::default(),
            last_change_ms: AtomicU64::new(0),
            down_transitions: AtomicU32::new(u32::from(fell)),
            downtime: AtomicU64::new(0),
            total_weight: AtomicU32::new(0),
            active: AtomicU32::new(0),
            backup: AtomicU32::new(0),
        }
    }

    /// Algorithm and queues.
    pub fn dispatch(&self) -> Option<&Arc<dyn Dispatch>> {
        self.dispatch.get()
    }
}

/// One side of a proxy.
#[derive(Debug)]
pub struct SideLive {
    /// Counters.
    pub counters: Counters,
    /// Current sessions.
    pub sessions: Gauge,
    /// Sessions per second.
    pub session_rate: Rate,
    /// Connections per second.
    pub connection_rate: Rate,
    /// HTTP requests per second.
    pub request_rate: Rate,
    /// When the last session came, ms; 0 is never.
    pub last_session_ms: AtomicU64,
    /// Recent averages of timers.
    pub averages: Averages,
}

impl SideLive {
    /// Zeros.
    pub fn new(workers: usize) -> SideLive {
        SideLive {
            counters: Counters::new(workers),
            sessions: Gauge::default(),
            session_rate: Rate::new(workers),
            connection_rate: Rate::new(workers),
            request_rate: Rate::new(workers),
            last_session_ms: AtomicU64::new(0),
            averages: Averages::default(),
        }
    }
}

/// Sliding averages over the last 1024 requests, and maxima: queue, connect, response and total time in ms.
#[derive(Debug, Default)]
pub struct Averages {
    sums: [AtomicU32; 4],
    highest: [AtomicU32; 4],
}

impl Averages {
    /// Adds the times of one exchange (queue, connect, response, total; ms); negative ones count as 0.
    pub fn add(&self, times: [i64; 4]) {
        for ((sum, highest), time) in self.sums.iter().zip(&self.highest).zip(times) {
            let time = time.clamp(0, i64::from(u32::MAX / 2048)) as u32;
            let old = sum.load(Ordering::Relaxed);
            sum.store(old - old.div_ceil(1024) + time, Ordering::Relaxed);
            if time > highest.load(Ordering::Relaxed) {
                highest.fetch_max(time, Ordering::Relaxed);
            }
        }
    }

    /// The averages, rounded as upstream rounds them: up.
    pub fn values(&self) -> [u32; 4] {
        std::array::from_fn(|i| self.sums[i].load(Ordering::Relaxed).div_ceil(1024))
    }

    /// The maxima.
    pub fn highest(&self) -> [u32; 4] {
        std::array::from_fn(|i| self.highest[i].load(Ordering::Relaxed))
    }

    /// Forgets the maxima.
    pub fn clear_highest(&self) {
        for highest in &self.highest {
            highest.store(0, Ordering::Relaxed);
        }
    }
}

/// Live state of a listener.
#[derive(Debug)]
pub struct ListenerLive {
    /// Its name in statistics; `sock-N` when it has none.
    pub name: String,
    /// Its number in statistics (`sid`).
    pub id: u32,
    /// Counters.
    pub counters: Counters,
    /// Current connections.
    pub sessions: Gauge,
    /// What TLS needs, where the listener speaks it.
    pub tls: OnceLock<Arc<dyn TlsContext>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_positions() {
        let mut servers = Numbers::default();
        let given = [Some(2), None, Some(1), None];
        given.iter().for_each(|id| servers.reserve(*id));
        assert_eq!(given.map(|id| servers.take(id)), [2, 3, 1, 5]);
        let mut listeners = Numbers::default();
        let given = [Some(2), None, Some(1), None, None];
        given.iter().for_each(|id| listeners.reserve(*id));
        assert_eq!(given.map(|id| listeners.take_after(id)), [2, 3, 1, 4, 5]);
    }
}
