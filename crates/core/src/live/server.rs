//! Live state of a server: what its connections, checks and the administrator make of it.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;

use super::health::{Admin, CheckResult, Operation};
use super::proxy::Averages;
use crate::contract::TlsContext;
use crate::counter::{Counters, Gauge, Rate};
use crate::histogram::Histogram;
use crate::ir;
use crate::server_state::admin;

/// Live state of a server, as one configuration sees it.
#[derive(Debug)]
pub struct ServerLive {
    /// Its name.
    pub name: String,
    /// The number in statistics (`sid`).
    pub id: u32,
    /// Position in the backend.
    pub index: usize,
    /// Name of its backend.
    pub backend: Arc<str>,
    /// What its line said.
    pub ir: Arc<ir::Server>,
    /// What TLS needs, where the server speaks it.
    pub tls: OnceLock<Arc<dyn TlsContext>>,
    /// Whether it came while the process ran (`add server`).
    pub added: bool,
    /// Whether the checks of an added server were started.
    pub checks_run: AtomicBool,
    /// Whether its agent was.
    pub agent_runs: AtomicBool,
    lasting: Arc<ServerLasting>,
}

/// What stays when a configuration that still names the server takes the place of another.
///
/// What load balancing looks at stands first, side by side.
#[derive(Debug)]
#[repr(C)]
pub struct ServerLasting {
    /// Current sessions (streams assigned to it).
    pub sessions: Gauge,
    /// Requests waiting in its queue.
    pub queue: Gauge,
    /// Sessions it may have right now: `maxconn`, or what `minconn` and `fullconn` make of it; `u32::MAX` without limit.
    pub limit: AtomicU32,
    /// The weight in force, in upstream's internal unit: user weight times 16 (slowstart gives what lies between).
    pub effective_weight: AtomicU32,
    /// Whether load balancing may choose it: running (up, or coming up) and not in maintenance or drain, weight above 0.
    pub usable: AtomicBool,
    /// Whether persistence may choose it: running, drain included.
    pub running: AtomicBool,
    /// Whether slowstart may change `effective_weight`: not under algorithms with fixed tables.
    pub ramps: AtomicBool,
    /// The weight the user set (0-256).
    pub user_weight: AtomicU32,
    /// The `maxconn` in force; 0 is no limit. Set through the dispatch's room, which keeps `limit` in step.
    pub maxconn: AtomicU32,
    /// The address in force.
    pub address: ArcSwap<ir::Address>,
    /// The host name in force: that of its line, or of the service record it stands for.
    pub host_name: ArcSwapOption<String>,
    /// Whether a service record gave it a name at any time.
    pub was_named: AtomicBool,
    /// Whether the port of the address counts although its line gave none.
    pub has_port: AtomicBool,
    /// Health and administrative state; the atomics above follow it.
    pub state: Mutex<ServerState>,
    /// Errors of the traffic in a row (`observe`).
    pub errors_in_a_row: AtomicU32,
    /// Bumped whenever connections in pools must not be used any more (address changed, went down).
    pub generation: AtomicU32,
    /// When its next check is due and when its agent is asked next, ms of the machine's clock; 0 before the first.
    pub due_ms: [AtomicU64; 2],
    /// Deleted while the process ran; nothing lists or chooses it any more.
    pub deleted: AtomicBool,
    /// Whether its traffic goes without TLS.
    pub plain: AtomicBool,
    traffic: OnceLock<Box<ServerTraffic>>,
    workers: u32,
}

/// What its traffic leaves behind; it comes into being when it is first looked at: most servers of a large configuration
/// are idle.
#[derive(Debug)]
pub struct ServerTraffic {
    /// Counters.
    pub counters: Counters,
    /// Sessions per second.
    pub session_rate: Rate,
    /// When the last session came, ms; 0 is never.
    pub last_session_ms: AtomicU64,
    /// Recent averages of timers.
    pub averages: Averages,
    /// How long requests took that it answered.
    pub latency: Histogram,
    /// Idle connections in the pools of all workers.
    pub idle: AtomicI32,
    /// Those of them that were used again before, so that other clients' first requests may have them too.
    pub idle_safe: AtomicI32,
    /// The idle connections of each worker.
    pub idle_by_worker: Box<[AtomicI32]>,
    /// Connections in use.
    pub used: AtomicI32,
    /// The most of them ever.
    pub most_used: AtomicI32,
    /// The most connections in use at once lately; what is more than needed goes down by half per purge of the pools.
    pub needed: AtomicI32,
}

impl Deref for ServerLasting {
    type Target = ServerTraffic;

    #[inline]
    fn deref(&self) -> &ServerTraffic {
        let begin = || Box::new(ServerTraffic::new(self.workers as usize));
        self.traffic.get_or_init(begin)
    }
}

impl ServerTraffic {
    fn new(workers: usize) -> ServerTraffic {
        ServerTraffic {
            counters: Counters::new(workers),
            session_rate: Rate::new(workers),
            last_session_ms: AtomicU64::new(0),
            averages: Averages::default(),
            latency: Histogram::new(workers),
            idle: AtomicI32::new(0),
            idle_safe: AtomicI32::new(0),
            idle_by_worker: (0..workers.max(1)).map(|_| AtomicI32::new(0)).collect(),
            used: AtomicI32::new(0),
            most_used: AtomicI32::new(0),
            needed: AtomicI32::new(0),
        }
    }
}

impl Deref for ServerLive {
    type Target = ServerLasting;

    #[inline]
    fn deref(&self) -> &ServerLasting {
        &self.lasting
    }
}

impl ServerLive {
    /// The place that `dispatch ADDRESS` sends everything to: a server without a name, which no list shows.
    pub fn unnamed(address: ir::Address, proxy: &ir::Proxy, workers: usize) -> ServerLive {
        let server = ir::Server {
            name: String::new(),
            span: proxy.span,
            text: String::new(),
            address,
            port: ir::ServerPort::Fixed,
            host_name: None,
            options: ir::ServerOptions::default().into(),
        };
        ServerLive::new(
            &server.into(),
            &proxy.name.as_str().into(),
            0,
            0,
            workers,
            None,
        )
    }

    pub(super) fn new(
        server: &ir::SharedServer,
        backend: &Arc<str>,
        index: usize,
        id: u32,
        workers: usize,
        before: Option<&ServerLive>,
    ) -> ServerLive {
        let lasting = match before {
            Some(before) => before.lasting.clone(),
            None => Arc::new(ServerLasting::new(server, workers)),
        };
        ServerLive::of(server, backend, (index, id), lasting)
    }

    fn of(
        server: &ir::SharedServer,
        backend: &Arc<str>,
        (index, id): (usize, u32),
        lasting: Arc<ServerLasting>,
    ) -> ServerLive {
        ServerLive {
            name: server.name.clone(),
            id,
            index,
            backend: backend.clone(),
            ir: server.share(),
            tls: OnceLock::new(),
            added: false,
            checks_run: AtomicBool::new(false),
            agent_runs: AtomicBool::new(false),
            lasting,
        }
    }

    /// A server that comes while the process runs: it begins in maintenance, its checks and its agent at rest.
    pub(super) fn added(
        server: &ir::SharedServer,
        backend: &Arc<str>,
        (index, id): (usize, u32),
        workers: usize,
        now_ms: u64,
    ) -> ServerLive {
        let mut lasting = ServerLasting::new(server, workers);
        lasting.usable = AtomicBool::new(false);
        lasting.running = AtomicBool::new(false);
        // Its own weight counts from when it leaves maintenance.
        lasting.effective_weight = AtomicU32::new(16);
        lasting.state = Mutex::new(ServerState {
            operation: Operation::Stopped,
            health: 0,
            admin: Admin {
                maintenance: true,
                from_configuration: server.options.disabled,
                ..Admin::default()
            },
            last_change_ms: now_ms,
            checks_disabled: server.options.check.enabled,
            never_paused: true,
            agent: lasting.state.into_inner().agent.map(|agent| {
                Box::new(AgentState {
                    paused: true,
                    ..*agent
                })
            }),
            ..ServerState::default()
        });
        ServerLive {
            added: true,
            ..ServerLive::of(server, backend, (index, id), Arc::new(lasting))
        }
    }

    /// The same server, which was added, as another configuration sees it.
    pub(super) fn staying(&self, index: usize, id: u32) -> ServerLive {
        ServerLive {
            name: self.name.clone(),
            id,
            index,
            backend: self.backend.clone(),
            ir: self.ir.clone(),
            tls: self.tls.clone(),
            added: true,
            checks_run: AtomicBool::new(false),
            agent_runs: AtomicBool::new(false),
            lasting: self.lasting.clone(),
        }
    }

    /// Whether it was added by a name, and nothing gave it an address since.
    pub fn lacks_address(&self) -> bool {
        let own = self.inet();
        let unknown = own.is_some_and(|address| address.ip().is_unspecified());
        self.added && self.ir.host_name.is_some() && unknown
    }

    /// Whether load balancing may choose it at the start, as far as its line decides.
    pub fn begins_usable(&self) -> bool {
        begins_up(&self.ir) && self.ir.options.weight > 0
    }

    /// A number that all views of one server have, and no other server as long as one of them is held.
    pub fn mark(&self) -> usize {
        Arc::as_ptr(&self.lasting).addr()
    }

    /// What stays with the next configuration.
    pub fn lasting(&self) -> &Arc<ServerLasting> {
        &self.lasting
    }

    /// Whether both are views of one server.
    pub fn is_same_as(&self, other: &ServerLive) -> bool {
        Arc::ptr_eq(&self.lasting, &other.lasting)
    }

    /// What its port means now.
    pub fn port(&self) -> ir::ServerPort {
        match self.has_port.load(Ordering::Relaxed) {
            true => ir::ServerPort::Fixed,
            false => self.ir.port,
        }
    }

    /// The internet address in force.
    pub fn inet(&self) -> Option<SocketAddr> {
        match **self.address.load() {
            ir::Address::Inet(address) => Some(address),
            _ => None,
        }
    }
}

impl ServerLasting {
    fn new(server: &ir::Server, workers: usize) -> ServerLasting {
        let options = &server.options;
        let out = options.disabled || is_unresolved(server);
        let up = begins_up(server);
        ServerLasting {
            sessions: Gauge::default(),
            queue: Gauge::default(),
            usable: AtomicBool::new(up && options.weight > 0),
            running: AtomicBool::new(up),
            effective_weight: AtomicU32::new(options.weight * 16),
            ramps: AtomicBool::new(true),
            user_weight: AtomicU32::new(options.weight),
            maxconn: AtomicU32::new(options.maxconn),
            limit: AtomicU32::new(match options.maxconn {
                0 => u32::MAX,
                maxconn => maxconn,
            }),
            address: ArcSwap::from_pointee(server.address.clone()),
            host_name: ArcSwapOption::from_pointee(host_name(server)),
            was_named: AtomicBool::new(was_named(server)),
            has_port: AtomicBool::new(false),
            state: Mutex::new(ServerState {
                operation: if up {
                    Operation::Running
                } else {
                    Operation::Stopped
                },
                health: if out {
                    0
                } else {
                    options.check.initial_health()
                },
                admin: Admin {
                    from_configuration: options.disabled,
                    unresolved: is_unresolved(server),
                    ..Admin::default()
                },
                agent: options
                    .agent
                    .as_ref()
                    .filter(|agent| agent.enabled)
                    .map(|_| Box::default()),
                // Upstream starts it up and takes it down at once.
                down_transitions: u32::from(is_unresolved(server) && !options.disabled),
                ..ServerState::default()
            }),
            errors_in_a_row: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            due_ms: [AtomicU64::new(0), AtomicU64::new(0)],
            deleted: AtomicBool::new(false),
            plain: AtomicBool::new(!speaks_tls(server)),
            traffic: OnceLock::new(),
            workers: u32::try_from(workers).unwrap_or(u32::MAX),
        }
    }
}

/// Health and administrative state of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerState {
    /// Where it is between down and up.
    pub operation: Operation,
    /// Consecutive good checks while down, or upstream's `rise + fall - 1 - failures` while up: 0 to rise+fall-1.
    pub health: u32,
    /// Administrative states in force.
    pub admin: Admin,
    /// When the operation state last changed, ms.
    pub last_change_ms: u64,
    /// Times it went down.
    pub down_transitions: u32,
    /// Checks that failed while it was up.
    pub failed_checks: u32,
    /// Accumulated down time before `last_change_ms`, seconds.
    pub downtime: u64,
    /// The last check's result.
    pub check: Option<CheckResult>,
    /// Whether a check runs right now.
    pub check_running: bool,
    /// How long before the start it last changed, seconds, as a state file says; counts while nothing changed since.
    pub age_at_start: i64,
    /// The number of the last check's result, as a state file says; none once a check was done.
    pub restored_result: Option<u32>,
    /// Where checks go, as the administrator said.
    pub check_address: Option<std::net::IpAddr>,
    /// See `check_address`.
    pub check_port: Option<u16>,
    /// The administrator turned the checks off.
    pub checks_disabled: bool,
    /// It was added in maintenance and has not left it: nothing paused its checks.
    pub never_paused: bool,
    /// The agent, of servers that have one.
    pub agent: Option<Box<AgentState>>,
    /// Where the agent is when that was changed.
    pub moved_agent: Option<Box<MovedAgent>>,
    /// Errors of the traffic in a row, and how often there were too many (`observe`).
    pub observed: Observed,
}

impl ServerState {
    /// Whether no agent says that the server is down.
    pub fn agent_agrees(&self) -> bool {
        let agent = self.agent.as_ref();
        agent.is_none_or(|agent| agent.up || agent.paused)
    }

    /// The agent, unless it is paused.
    pub fn active_agent(&self) -> Option<&AgentState> {
        self.agent.as_deref().filter(|agent| !agent.paused)
    }

    /// Seconds since the last change.
    pub fn seconds_since_change(&self, now_ms: u64) -> i64 {
        let since = now_ms.saturating_sub(self.last_change_ms) / 1000;
        let before = match self.last_change_ms {
            0 => self.age_at_start,
            _ => 0,
        };
        before.saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }
}

/// What is known from the agent of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentState {
    /// Whether it says that the server is up; true as long as it says nothing.
    pub up: bool,
    /// The last result.
    pub check: Option<CheckResult>,
    /// Whether it is being asked right now.
    pub running: bool,
    /// Paused by the administrator (`disable agent`).
    pub paused: bool,
}

impl Default for AgentState {
    fn default() -> Self {
        AgentState {
            up: true,
            check: None,
            running: false,
            paused: false,
        }
    }
}

/// Where an agent was moved to through the runtime API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MovedAgent {
    /// `agent-addr`.
    pub address: Option<std::net::IpAddr>,
    /// `agent-port`.
    pub port: Option<u16>,
    /// `agent-send`.
    pub send: Option<Vec<u8>>,
}

/// What the traffic told about a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// How often there were too many errors in a row (`hanafail` of the statistics).
    pub faults: u32,
    /// The next check must come soon, whatever its interval.
    pub hurried: bool,
}

/// Whether it is up at the start.
fn begins_up(server: &ir::Server) -> bool {
    let options = &server.options;
    !options.disabled && !is_unresolved(server) && options.check.begins_up()
}

/// Whether a server's name gave no address (`init-addr none`): it waits in maintenance.
pub(super) fn is_unresolved(server: &ir::Server) -> bool {
    let address = server.address.ip();
    server.host_name.is_some() && address.is_some_and(|ip| ip.is_unspecified())
}

/// Whether its line says `ssl`.
pub(super) fn speaks_tls(server: &ir::Server) -> bool {
    let tls = server.options.tls.as_ref();
    tls.is_some_and(|tls| tls.enabled)
}

/// The host name a server starts with; those that stand for a service record have none yet.
pub(super) fn host_name(server: &ir::Server) -> Option<String> {
    let restored = server.options.restored.as_ref();
    if let Some(host) = restored.and_then(|restored| restored.host(server)) {
        return Some(host.clone());
    }
    server
        .host_name
        .clone()
        .filter(|name| !name.starts_with('_'))
}

/// Whether a state file says that the administrator gave it a name.
fn was_named(server: &ir::Server) -> bool {
    let own = server.host_name.as_ref();
    let restored = server.options.restored.as_ref();
    own.is_some_and(|own| !own.starts_with('_'))
        && restored.is_some_and(|restored| {
            restored.host.is_some() && restored.admin & admin::NAME_SET != 0
        })
}
