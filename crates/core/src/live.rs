//! Live state: what changes while a configuration runs. Long-lived and keyed by name, so that a new configuration
//! attaches to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;

use crate::contract::{Dispatch, TlsContext};
use crate::counter::{Counters, Gauge, Rate};
use crate::histogram::Histogram;
use crate::ir;
use crate::keyword::Registry;
use crate::resolution::ResolversLive;
use crate::ring::Ring;
use crate::variable::ProcessVariables;

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
                connection_rate_limit: AtomicU32::new(config.global.maxconnrate),
                session_rate_limit: AtomicU32::new(config.global.maxsessrate),
                jobs: AtomicU32::new(0),
                variables: ProcessVariables::default(),
            },
            proxies: config
                .proxies
                .iter()
                .zip(proxy_numbers(config))
                .map(|(proxy, number)| {
                    let live = ProxyLive::new(proxy, number, workers);
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
    /// The limit of connections per second in force; 0 is none.
    pub connection_rate_limit: AtomicU32,
    /// The limit of sessions per second in force; 0 is none.
    pub session_rate_limit: AtomicU32,
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
    /// `maxconn` of the frontend in force; 0 is the process limit.
    pub maxconn: AtomicU32,
    /// See [`FrontState`].
    front_state: AtomicU8,
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
            maxconn: AtomicU32::new(0),
            front_state: AtomicU8::new(0),
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

    /// Whether the frontend takes connections.
    pub fn front_state(&self) -> FrontState {
        match self.front_state.load(Ordering::Relaxed) {
            0 => FrontState::Open,
            1 => FrontState::Paused,
            _ => FrontState::Stopped,
        }
    }

    /// Notes whether the frontend takes connections.
    pub fn set_front_state(&self, state: FrontState) {
        self.front_state.store(state as u8, Ordering::Relaxed);
    }

    /// Algorithm and queues.
    pub fn dispatch(&self) -> Option<&Arc<dyn Dispatch>> {
        self.dispatch.get()
    }
}

/// What an administrator made of a frontend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontState {
    /// It takes connections.
    Open,
    /// Connections wait in the kernel's queues.
    Paused,
    /// Its listeners are closed for good.
    Stopped,
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
    /// How long requests took that servers answered; backends only.
    pub latency: Histogram,
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
            latency: Histogram::new(workers),
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

/// Live state of a server.
#[derive(Debug)]
pub struct ServerLive {
    /// Its name.
    pub name: String,
    /// The number in statistics (`sid`).
    pub id: u32,
    /// Position in the backend.
    pub index: usize,
    /// Name of its backend.
    pub backend: String,
    /// What its line said.
    pub ir: Arc<ir::Server>,
    /// Counters.
    pub counters: Counters,
    /// Current sessions (streams assigned to it).
    pub sessions: Gauge,
    /// Sessions per second.
    pub session_rate: Rate,
    /// Requests waiting in its queue.
    pub queue: Gauge,
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
    /// Whether load balancing may choose it: running (up, or coming up) and not in maintenance or drain, weight above 0.
    pub usable: AtomicBool,
    /// Whether persistence may choose it: running, drain included.
    pub running: AtomicBool,
    /// The weight in force, in upstream's internal unit: user weight times 16 (slowstart gives what lies between).
    pub effective_weight: AtomicU32,
    /// Whether slowstart may change `effective_weight`: not under algorithms with fixed tables.
    pub ramps: AtomicBool,
    /// The weight the user set (0-256).
    pub user_weight: AtomicU32,
    /// The `maxconn` in force; 0 is no limit. Set through the dispatch's room, which keeps `limit` in step.
    pub maxconn: AtomicU32,
    /// Sessions it may have right now: `maxconn`, or what `minconn` and `fullconn` make of it; `u32::MAX` without limit.
    pub limit: AtomicU32,
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
    /// What TLS needs, where the server speaks it.
    pub tls: OnceLock<Arc<dyn TlsContext>>,
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
            options: ir::ServerOptions::default(),
        };
        ServerLive::new(&server, &proxy.name, 0, 0, workers)
    }

    fn new(
        server: &ir::Server,
        backend: &str,
        index: usize,
        id: u32,
        workers: usize,
    ) -> ServerLive {
        let options = &server.options;
        let out = options.disabled || is_unresolved(server);
        let up = !out && options.check.begins_up();
        ServerLive {
            name: server.name.clone(),
            id,
            index,
            backend: backend.to_owned(),
            ir: Arc::new(server.clone()),
            counters: Counters::new(workers),
            sessions: Gauge::default(),
            session_rate: Rate::new(workers),
            queue: Gauge::default(),
            last_session_ms: AtomicU64::new(0),
            averages: Averages::default(),
            latency: Histogram::new(workers),
            idle: AtomicI32::new(0),
            idle_safe: AtomicI32::new(0),
            idle_by_worker: (0..workers.max(1)).map(|_| AtomicI32::new(0)).collect(),
            used: AtomicI32::new(0),
            most_used: AtomicI32::new(0),
            needed: AtomicI32::new(0),
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
            was_named: AtomicBool::new(false),
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
            tls: OnceLock::new(),
        }
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

/// Where a server is between down and up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Operation {
    /// Down.
    Stopped,
    /// Coming up under slowstart.
    Starting,
    /// Up.
    #[default]
    Running,
    /// Soft-stopped by `disable-on-404`.
    Stopping,
}

/// Administrative states; several may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admin {
    /// Maintenance forced by the configuration or the administrator.
    pub maintenance: bool,
    /// Maintenance that came with the configuration (`disabled`).
    pub from_configuration: bool,
    /// Maintenance inherited from a tracked server.
    pub inherited_maintenance: bool,
    /// Maintenance because the name does not resolve.
    pub unresolved: bool,
    /// Drain forced by the administrator.
    pub drain: bool,
    /// Drain inherited from a tracked server.
    pub inherited_drain: bool,
}

impl Admin {
    /// Whether in maintenance for any reason.
    pub fn in_maintenance(self) -> bool {
        self.maintenance || self.from_configuration || self.inherited_maintenance || self.unresolved
    }

    /// Whether draining for any reason.
    pub fn in_drain(self) -> bool {
        self.drain || self.inherited_drain
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The status.
    pub status: CheckStatus,
    /// HTTP status or exit code, 0 when there was none.
    pub code: i32,
    /// How long it took, ms.
    pub duration_ms: u32,
    /// Upstream's additional text; may be empty.
    pub info: String,
}

/// Check statuses in upstream's words (management manual 9.1, field `check_status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs, reason = "see CheckStatus::name and ::text")]
pub enum CheckStatus {
    Unknown,
    Initializing,
    SocketError,
    L4Ok,
    L4Timeout,
    L4Connection,
    L6Ok,
    L6Timeout,
    L6Response,
    L7Ok,
    L7OkConditionally,
    L7Timeout,
    L7Response,
    L7Status,
    ProcessOk,
    ProcessTimeout,
    ProcessError,
    Checked,
    Observed,
}

impl CheckStatus {
    /// The short name in the CSV.
    pub fn name(self) -> &'static str {
        match self {
            CheckStatus::Unknown => "UNK",
            CheckStatus::Initializing => "INI",
            CheckStatus::SocketError => "SOCKERR",
            CheckStatus::L4Ok => "L4OK",
            CheckStatus::L4Timeout => "L4TOUT",
            CheckStatus::L4Connection => "L4CON",
            CheckStatus::L6Ok => "L6OK",
            CheckStatus::L6Timeout => "L6TOUT",
            CheckStatus::L6Response => "L6RSP",
            CheckStatus::L7Ok => "L7OK",
            CheckStatus::L7OkConditionally => "L7OKC",
            CheckStatus::L7Timeout => "L7TOUT",
            CheckStatus::L7Response => "L7RSP",
            CheckStatus::L7Status => "L7STS",
            CheckStatus::ProcessOk => "PROCOK",
            CheckStatus::ProcessTimeout => "PROCTOUT",
            CheckStatus::ProcessError => "PROCERR",
            CheckStatus::Checked => "CHECKED",
            CheckStatus::Observed => "HANA",
        }
    }

    /// The number in state files.
    pub fn number(self) -> u32 {
        let name = self.name();
        let found = NUMBERED.iter().position(|known| *known == name);
        found.map_or(0, |number| number as u32)
    }

    /// The status of a number in a state file; unknown for those that no check here ends with.
    pub fn numbered(number: u32) -> CheckStatus {
        let name = NUMBERED.get(number as usize);
        let known = [
            CheckStatus::Initializing,
            CheckStatus::SocketError,
            CheckStatus::L4Ok,
            CheckStatus::L4Timeout,
            CheckStatus::L4Connection,
            CheckStatus::L6Ok,
            CheckStatus::L6Timeout,
            CheckStatus::L6Response,
            CheckStatus::L7Ok,
            CheckStatus::L7OkConditionally,
            CheckStatus::L7Timeout,
            CheckStatus::L7Response,
            CheckStatus::L7Status,
        ];
        let found = known
            .into_iter()
            .find(|status| Some(&status.name()) == name);
        found.unwrap_or(CheckStatus::Unknown)
    }

    /// Whether the check got as far as a code of the protocol.
    pub fn has_code(self) -> bool {
        matches!(
            self,
            CheckStatus::L7Ok
                | CheckStatus::L7OkConditionally
                | CheckStatus::L7Status
                | CheckStatus::ProcessOk
                | CheckStatus::ProcessTimeout
                | CheckStatus::ProcessError
        )
    }

    /// Whether the check passed.
    pub fn passed(self) -> bool {
        matches!(
            self,
            CheckStatus::L4Ok
                | CheckStatus::L6Ok
                | CheckStatus::L7Ok
                | CheckStatus::L7OkConditionally
                | CheckStatus::ProcessOk
        )
    }
}

/// The statuses by their numbers in state files.
const NUMBERED: &[&str] = &[
    "UNK", "INI", "", "CHECKED", "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT",
    "L6RSP", "L7TOUT", "L7RSP", "", "L7OK", "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

/// Whether a server's name gave no address (`init-addr none`): it waits in maintenance.
fn is_unresolved(server: &ir::Server) -> bool {
    let address = server.address.ip();
    server.host_name.is_some() && address.is_some_and(|ip| ip.is_unspecified())
}

/// The host name a server starts with; those that stand for a service record have none yet.
fn host_name(server: &ir::Server) -> Option<String> {
    server
        .host_name
        .clone()
        .filter(|name| !name.starts_with('_'))
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
