//! Live state of a proxy, its sides and its listeners.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

use super::numbers::Numbers;
use super::server::{ServerLive, is_unresolved};
use super::servers::Servers;
use crate::contract::{Dispatch, TlsContext};
use crate::counter::{Counters, Gauge, Rate};
use crate::histogram::Histogram;
use crate::ir;

/// Live state of a proxy, as one configuration sees it.
#[derive(Debug)]
pub struct ProxyLive {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: ir::ProxyKind,
    /// The number in statistics (`iid`).
    pub uuid: u32,
    /// Listeners, in the order of the binds.
    pub listeners: Vec<Arc<ListenerLive>>,
    /// Servers, in file order; those that were added while it runs behind them.
    pub servers: Servers,
    /// Algorithm and queues; set once when the program is linked, absent without a backend side.
    pub dispatch: OnceLock<Arc<dyn Dispatch>>,
    /// Effective weight of usable servers.
    pub total_weight: AtomicU32,
    /// Usable active servers.
    pub active: AtomicU32,
    /// Usable backup servers.
    pub backup: AtomicU32,
    lasting: Arc<ProxyLasting>,
}

/// What stays when a configuration that still names the proxy takes the place of another.
#[derive(Debug)]
pub struct ProxyLasting {
    /// The frontend side.
    pub frontend: Side,
    /// The backend side.
    pub backend: Side,
    /// `maxconn` of the frontend in force; 0 is the process limit.
    pub maxconn: AtomicU32,
    /// See [`FrontState`].
    front_state: AtomicU8,
    /// The cookie of persistence, once the runtime API changed it.
    pub cookie: arc_swap::ArcSwapOption<ir::Cookie>,
    /// Requests waiting in the backend's queue.
    pub queue: Gauge,
    /// When the backend last changed between up and down, ms.
    pub last_change_ms: AtomicU64,
    /// Times it went down.
    pub down_transitions: AtomicU32,
    /// Accumulated down time before `last_change_ms`, seconds.
    pub downtime: AtomicU64,
    /// The views of all configurations that somebody still uses, once there was more than one.
    kin: Mutex<Vec<Weak<ProxyLive>>>,
    /// Whether there may be more than one.
    has_kin: AtomicBool,
}

impl Deref for ProxyLive {
    type Target = ProxyLasting;

    #[inline]
    fn deref(&self) -> &ProxyLasting {
        &self.lasting
    }
}

impl ProxyLive {
    /// What a configuration makes of a proxy. One that `before` knows keeps what lasts, and so do its servers and listeners.
    pub(super) fn new(
        proxy: &ir::Proxy,
        uuid: u32,
        workers: usize,
        before: Option<&ProxyLive>,
    ) -> ProxyLive {
        let mut listener_numbers = Numbers::default();
        let mut server_numbers = Numbers::default();
        for bind in &proxy.binds {
            listener_numbers.reserve(bind.options.id);
        }
        for server in &proxy.servers {
            server_numbers.reserve(server.options.id);
        }
        // Names may be given twice: what lasts goes to the first.
        let mut listeners_before: HashMap<&str, &Arc<ListenerLasting>> = before
            .iter()
            .flat_map(|before| before.listeners.iter().rev())
            .map(|listener| (listener.name.as_str(), &listener.lasting))
            .collect();
        let listeners = proxy.binds.iter().map(|bind| {
            let id = listener_numbers.take_after(bind.options.id);
            let name = bind.options.name.clone();
            let name = name.unwrap_or_else(|| format!("sock-{id}"));
            let lasting = listeners_before.remove(name.as_str());
            Arc::new(ListenerLive {
                lasting: lasting.cloned().unwrap_or_else(|| {
                    Arc::new(ListenerLasting {
                        counters: Counters::new(workers),
                        sessions: Gauge::default(),
                    })
                }),
                name,
                id,
                tls: OnceLock::new(),
            })
        });
        let listeners = listeners.collect();
        let mut known: HashMap<&str, &Arc<ServerLive>> = before
            .iter()
            .flat_map(|before| before.servers.iter().rev())
            .map(|server| (server.name.as_str(), server))
            .collect();
        let name: Arc<str> = proxy.name.as_str().into();
        let servers = proxy.servers.iter().enumerate().map(|(index, server)| {
            let id = server_numbers.take(server.options.id);
            let known = known.remove(server.name.as_str()).map(|known| &**known);
            let live = ServerLive::new(server, &name, index, id, workers, known);
            Arc::new(live)
        });
        let servers: Vec<_> = servers.collect();
        let names: HashSet<&str> = proxy.servers.iter().map(|server| &*server.name).collect();
        let added = before.iter().flat_map(|before| before.servers.iter());
        let added = added.filter(|server| server.added && !names.contains(&*server.name));
        let added: Vec<_> = added.collect();
        let usable = |server: &Arc<ServerLive>| server.usable.load(Ordering::Relaxed);
        let fell =
            !servers.iter().any(usable) && proxy.servers.iter().any(|server| is_unresolved(server));
        ProxyLive {
            name: name.clone(),
            kind: proxy.kind,
            uuid,
            listeners,
            servers: with_added(Servers::new(servers), &added),
            dispatch: OnceLock::new(),
            total_weight: AtomicU32::new(0),
            active: AtomicU32::new(0),
            backup: AtomicU32::new(0),
            lasting: match before {
                Some(before) => before.lasting.clone(),
                None => Arc::new(ProxyLasting::new(workers, fell)),
            },
        }
    }

    /// Adds a server while the process runs: in maintenance, under the number that its line gives or the lowest that is
    /// free. None when there were too many ever.
    pub fn add_server(
        &self,
        server: &ir::SharedServer,
        tls: Option<Arc<dyn TlsContext>>,
        workers: usize,
        now_ms: u64,
    ) -> Option<Arc<ServerLive>> {
        let id = server.options.id.unwrap_or_else(|| {
            let taken: std::collections::BTreeSet<u32> =
                self.servers.iter().map(|server| server.id).collect();
            (1..).find(|id| !taken.contains(id)).unwrap_or(u32::MAX)
        });
        let added = self.servers.add(|index| {
            let live = ServerLive::added(server, &self.name, (index, id), workers, now_ms);
            if let Some(tls) = tls {
                let _ = live.tls.set(tls);
            }
            live
        })?;
        if let Some(dispatch) = self.dispatch() {
            dispatch.servers_changed();
        }
        Some(added)
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

    /// What stays with the next configuration.
    pub fn lasting(&self) -> &Arc<ProxyLasting> {
        &self.lasting
    }

    /// The views that other configurations have of this proxy, as long as somebody uses them: what happens to a server
    /// concerns them too.
    pub fn kin(&self) -> Vec<Arc<ProxyLive>> {
        let mut kin = self.lasting.views();
        kin.retain(|other| !std::ptr::eq(Arc::as_ptr(other), self));
        kin
    }

    /// Lets views of one proxy know of each other.
    pub(super) fn meet(self: &Arc<Self>, before: &Arc<ProxyLive>) {
        let mut kin = self.kin.lock();
        kin.retain(|other| other.strong_count() > 0);
        for one in [before, self] {
            if !kin.iter().any(|known| known.as_ptr() == Arc::as_ptr(one)) {
                kin.push(Arc::downgrade(one));
            }
        }
        self.has_kin.store(true, Ordering::Release);
    }

    /// Whether both are views of one proxy.
    pub fn is_same_as(&self, other: &ProxyLive) -> bool {
        Arc::ptr_eq(&self.lasting, &other.lasting)
    }
}

/// Servers that came while another configuration was in force stay.
fn with_added(servers: Servers, added: &[&Arc<ServerLive>]) -> Servers {
    for server in added {
        let taken = |id: u32| servers.iter().any(|other| other.id == id);
        let id = match taken(server.id) {
            false => server.id,
            true => (1..).find(|id| !taken(*id)).unwrap_or(u32::MAX),
        };
        // There is room for as many as there were.
        let _ = servers.add(|index| server.staying(index, id));
    }
    servers
}

impl Drop for ProxyLive {
    fn drop(&mut self) {
        if self.has_kin.load(Ordering::Acquire) {
            let mut kin = self.kin.lock();
            kin.retain(|other| other.strong_count() > 0);
            self.has_kin.store(kin.len() > 1, Ordering::Release);
        }
    }
}

impl ProxyLasting {
    /// The views of all configurations that somebody still uses; none as long as there was only one.
    pub fn views(&self) -> Vec<Arc<ProxyLive>> {
        if !self.has_kin.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.kin.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn new(workers: usize, fell: bool) -> ProxyLasting {
        ProxyLasting {
            frontend: Side::new(workers),
            backend: Side::new(workers),
            maxconn: AtomicU32::new(0),
            front_state: AtomicU8::new(0),
            cookie: arc_swap::ArcSwapOption::empty(),
            queue: Gauge::default(),
            last_change_ms: AtomicU64::new(0),
            down_transitions: AtomicU32::new(u32::from(fell)),
            downtime: AtomicU64::new(0),
            kin: Mutex::new(Vec::new()),
            has_kin: AtomicBool::new(false),
        }
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

/// One side of a proxy; it comes into being when it is first looked at: most backends of a large configuration are idle.
#[derive(Debug)]
pub struct Side {
    workers: u32,
    live: OnceLock<Box<SideLive>>,
}

impl Side {
    fn new(workers: usize) -> Side {
        Side {
            workers: u32::try_from(workers).unwrap_or(u32::MAX),
            live: OnceLock::new(),
        }
    }

    /// How many workers count here.
    pub fn workers(&self) -> usize {
        self.workers as usize
    }
}

impl Deref for Side {
    type Target = SideLive;

    #[inline]
    fn deref(&self) -> &SideLive {
        let begin = || Box::new(SideLive::new(self.workers as usize));
        self.live.get_or_init(begin)
    }
}

/// What is known of one side of a proxy.
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

/// Live state of a listener, as one configuration sees it.
#[derive(Debug)]
pub struct ListenerLive {
    /// Its name in statistics; `sock-N` when it has none.
    pub name: String,
    /// Its number in statistics (`sid`).
    pub id: u32,
    /// What TLS needs, where the listener speaks it.
    pub tls: OnceLock<Arc<dyn TlsContext>>,
    lasting: Arc<ListenerLasting>,
}

/// What stays when a configuration that still names the listener takes the place of another.
#[derive(Debug)]
pub struct ListenerLasting {
    /// Counters.
    pub counters: Counters,
    /// Current connections.
    pub sessions: Gauge,
}

impl Deref for ListenerLive {
    type Target = ListenerLasting;

    fn deref(&self) -> &ListenerLasting {
        &self.lasting
    }
}
