//! Live state: what changes while a configuration runs. Long-lived and keyed by name, so that a new configuration
//! attaches to it.

mod health;
mod numbers;
mod proxy;
mod server;
mod servers;
mod succession;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::contract::{ServerMaker, TlsContext};
use crate::counter::{Counters, Gauge, Rate};
use crate::ir;
use crate::keyword::Registry;
use crate::resolution::ResolversLive;
use crate::ring::Ring;
use crate::trace::Traces;
use crate::variable::ProcessVariables;

pub use health::*;
pub use numbers::proxy_numbers;
pub use proxy::*;
pub use server::*;
pub use servers::Servers;
pub use succession::is_same_way;

/// Live state of the process.
#[derive(Debug)]
pub struct Live {
    /// Number of workers.
    pub workers: usize,
    /// Process-wide counters.
    pub process: Arc<ProcessLive>,
    /// One per proxy, in the order of the configuration.
    pub proxies: Vec<Arc<ProxyLive>>,
    /// The rings, those that every process has first.
    pub rings: Vec<Arc<Ring>>,
    /// One per `resolvers` section, in the order of the configuration.
    pub resolvers: Vec<Arc<ResolversLive>>,
    /// Changes with each server that is added or deleted.
    pub server_changes: AtomicU64,
    /// Who makes servers of what the runtime API reads; set by the program.
    pub server_maker: OnceLock<Arc<dyn ServerMaker>>,
    /// Every row, for what the runtime API reads; set by the program.
    pub registry: OnceLock<&'static Registry>,
    /// Certificates and what goes with them, for the runtime API; set by the room of TLS.
    pub tls: OnceLock<Arc<dyn TlsContext>>,
}

impl Live {
    /// Fresh live state for a configuration, everything at its start: checked servers are up, disabled ones in
    /// maintenance. `dispatch` of the proxies is attached by the caller.
    pub fn new(config: &ir::Config, workers: usize, started_wall_us: u64) -> Live {
        Live {
            workers,
            process: Arc::new(ProcessLive {
                connections: Gauge::default(),
                counters: Counters::new(workers),
                connection_rate: Rate::new(workers),
                session_rate: Rate::new(workers),
                bytes_out_rate: Rate::new(workers),
                tls_rate: Rate::new(workers),
                tls_key_rate: Rate::new(workers),
                tls_server_key_rate: Rate::new(workers),
                maxconn_reached: AtomicU32::new(0),
                streams: AtomicU32::new(0),
                dropped_logs: AtomicU64::new(0),
                started_wall_us,
                stopping: AtomicBool::new(false),
                maxconn: AtomicU32::new(config.global.maxconn.unwrap_or(0)),
                connection_rate_limit: AtomicU32::new(config.global.maxconnrate),
                session_rate_limit: AtomicU32::new(config.global.maxsessrate),
                tls_rate_limit: AtomicU32::new(config.global.tls.maxrate),
                jobs: AtomicU32::new(0),
                anonymous_key: AtomicU32::new(config.global.anonymous_key),
                variables: ProcessVariables::default(),
                traces: Arc::new(Traces::new(&config.traces.settings)),
            }),
            proxies: config
                .proxies
                .iter()
                .zip(proxy_numbers(config))
                .map(|(proxy, number)| {
                    let live = ProxyLive::new(proxy, number, workers, None);
                    let maxconn = proxy.maxconn.filter(|&limit| limit > 0);
                    let maxconn = maxconn.or(config.global.maxconn).unwrap_or(0);
                    live.maxconn.store(maxconn, Ordering::Relaxed);
                    Arc::new(live)
                })
                .collect(),
            rings: rings(config),
            resolvers: config
                .resolvers
                .iter()
                .map(|ir| Arc::new(ResolversLive::new(ir, config.global.dns_families)))
                .collect(),
            server_changes: AtomicU64::new(0),
            server_maker: OnceLock::new(),
            registry: OnceLock::new(),
            tls: OnceLock::new(),
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
    /// Connections of clients with TLS per second.
    pub tls_rate: Rate,
    /// Handshakes with clients that made new sessions per second.
    pub tls_key_rate: Rate,
    /// The same with servers.
    pub tls_server_key_rate: Rate,
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
    /// The limit of connections per second in force; 0 is none.
    pub connection_rate_limit: AtomicU32,
    /// The limit of sessions per second in force; 0 is none.
    pub session_rate_limit: AtomicU32,
    /// The limit of connections with TLS per second in force; 0 is none.
    pub tls_rate_limit: AtomicU32,
    /// Jobs that keep a stopping process alive (connections).
    pub jobs: AtomicU32,
    /// The key of `set anon on`; 0 is none.
    pub anonymous_key: AtomicU32,
    /// `proc` variables.
    pub variables: ProcessVariables,
    /// What tells of its work.
    pub traces: Arc<Traces>,
}
