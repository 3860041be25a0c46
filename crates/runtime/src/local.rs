//! What one worker thread owns: its plan, its pools, its sessions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use hapax_core::contract::Now;
use hapax_core::counter::Count;
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, ProxyId};
use hapax_core::stream::{Cause, Session};

use tokio::task::AbortHandle;

use crate::clock;
use crate::departure::Departure;
use crate::frontend::Places;
use crate::http::exchange::Exchange;
use crate::http::lobby::{self, Lobby};
use crate::plan::Plan;
use crate::sessions::About;
use crate::stats::errors::Errors;

/// The worker's own things; every task of the worker holds it.
#[derive(Debug)]
pub struct Local {
    /// Number of the worker: its slot in counters.
    pub worker: usize,
    /// Monotonic milliseconds at the start of the process; `Now::ms` counts from there.
    pub origin_ms: u64,
    /// What all workers share about limits.
    pub places: Arc<Places>,
    /// How many connections this worker has, as others see it.
    pub load: Arc<AtomicU32>,
    /// Messages that could not be parsed, for `show errors`.
    pub errors: Arc<Errors>,
    /// No new connections are taken, kept ones are closed.
    pub stopping: Cell<bool>,
    /// How the stop closes them.
    pub(crate) departure: Departure,
    /// Connections that wait for a request and have no task.
    pub lobby: Lobby,
    plan: RefCell<Rc<Plan>>,
    #[allow(
        clippy::vec_box,
        reason = "they are large, and move in and out for every request"
    )]
    exchanges: RefCell<Vec<Box<Exchange>>>,
    sessions: RefCell<Vec<Slot>>,
    free: Cell<u32>,
    living: Cell<u32>,
    /// Tasks that the soft stop ends.
    ended_by_stop: RefCell<Vec<AbortHandle>>,
    /// Who waits for the worker's end.
    over: RefCell<Option<Waker>>,
    pub(crate) scratch: RefCell<Vec<u8>>,
    /// The changes of the lists of servers that were seen.
    server_changes: Cell<u64>,
}

#[derive(Debug)]
enum Slot {
    Free(u32),
    Used(Rc<Handle>),
}

/// How others reach the task of a session.
#[derive(Debug, Default)]
pub struct Handle {
    waker: RefCell<Option<Waker>>,
    /// Why the session shall end, once somebody wants that.
    pub ended_by: Cell<Option<Cause>>,
    /// Whether it waits for the next request of a client.
    pub idle: Cell<bool>,
    /// The soft stop closes it while it waits.
    pub leaving: Cell<bool>,
    /// The plan it began with, in which its proxies and server have their numbers.
    plan: RefCell<Option<Rc<Plan>>>,
    /// The server it uses: proxy and index.
    pub server: Cell<Option<(ProxyId, usize)>>,
    /// Whose session it is.
    pub about: Cell<About>,
    /// When it began what it does, ms of the process clock.
    pub since_ms: Cell<u64>,
    /// The backend, once chosen.
    pub backend: Cell<Option<ProxyId>>,
}

impl Handle {
    /// Notes whose session it is.
    pub fn begin(&self, session: &Session, plan: &Rc<Plan>) {
        *self.plan.borrow_mut() = Some(plan.clone());
        self.about.set(About {
            source: session.source,
            destination: session.destination,
            frontend: session.frontend,
            listener: session.listener,
            accepted_wall_us: session.accepted_wall_us,
        });
        self.since_ms.set(session.accepted_ms);
    }

    /// The configuration it began with.
    pub fn program(&self) -> Option<Arc<Program>> {
        let plan = self.plan.borrow();
        Some(plan.as_ref()?.program.clone())
    }

    /// The server it uses.
    pub fn server_in_use(&self) -> Option<Arc<ServerLive>> {
        let (proxy, index) = self.server.get()?;
        let plan = self.plan.borrow();
        let servers = &plan.as_ref()?.live(proxy).servers;
        servers.get(index).cloned()
    }

    /// Ends the session.
    pub fn end(&self, cause: Cause) {
        self.ended_by.set(Some(cause));
        self.wake();
    }

    /// Polls the session again.
    pub fn wake(&self) {
        let waker = self.waker.borrow().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Notes whom to wake.
    #[inline]
    pub fn watch(&self, waker: &Waker) {
        let mut held = self.waker.borrow_mut();
        if !held.as_ref().is_some_and(|held| held.will_wake(waker)) {
            *held = Some(waker.clone());
        }
    }
}

/// A session's entry; dropping it removes the entry.
#[derive(Debug)]
pub struct Registration {
    local: Rc<Local>,
    index: u32,
    handle: Rc<Handle>,
}

impl std::ops::Deref for Registration {
    type Target = Handle;
    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let freed = Slot::Free(self.local.free.replace(self.index));
        let mut sessions = self.local.sessions.borrow_mut();
        if let Some(slot) = sessions.get_mut(self.index as usize) {
            *slot = freed;
        }
        self.local.living.set(self.local.living.get() - 1);
        self.local.look_over();
    }
}

impl Local {
    /// A worker's things, before its first session.
    pub fn new(
        worker: usize,
        origin_ms: u64,
        plan: Plan,
        places: Arc<Places>,
        load: Arc<AtomicU32>,
        errors: Arc<Errors>,
    ) -> Rc<Local> {
        Rc::new(Local {
            worker,
            origin_ms,
            places,
            load,
            errors,
            stopping: Cell::new(false),
            departure: Departure::default(),
            lobby: Lobby::default(),
            plan: RefCell::new(Rc::new(plan)),
            exchanges: RefCell::new(Vec::new()),
            sessions: RefCell::new(Vec::new()),
            free: Cell::new(NONE),
            living: Cell::new(0),
            ended_by_stop: RefCell::default(),
            over: RefCell::new(None),
            scratch: RefCell::new(Vec::new()),
            server_changes: Cell::new(0),
        })
    }

    /// The plan for sessions that begin now.
    pub fn plan(&self) -> Rc<Plan> {
        self.plan.borrow().clone()
    }

    /// Replaces the plan for sessions that begin from now on.
    pub fn replace_plan(&self, plan: Plan) {
        *self.plan.borrow_mut() = Rc::new(plan);
    }

    /// The time as rules and counters see it.
    #[inline]
    pub fn now(&self) -> Now {
        Now {
            ms: clock::now_ms().saturating_sub(self.origin_ms) + 1,
            wall_us: clock::wall_us(),
        }
    }

    /// The clock's time for a time of [`Local::now`].
    pub fn at(&self, ms: u64) -> u64 {
        ms.saturating_add(self.origin_ms).saturating_sub(1)
    }

    /// Counts connections that came or went; only this worker does.
    pub fn add_load(&self, more: i32) {
        let load = self.load.load(Ordering::Relaxed);
        self.load
            .store(load.saturating_add_signed(more), Ordering::Relaxed);
    }

    /// Enters a session.
    pub fn register(self: &Rc<Local>) -> Registration {
        let handle = Rc::new(Handle::default());
        let mut sessions = self.sessions.borrow_mut();
        let index = self.free.get();
        let index = match sessions.get_mut(index as usize) {
            Some(slot) => {
                if let Slot::Free(next) = *slot {
                    self.free.set(next);
                }
                *slot = Slot::Used(handle.clone());
                index
            }
            None => {
                sessions.push(Slot::Used(handle.clone()));
                (sessions.len() - 1) as u32
            }
        };
        self.living.set(self.living.get() + 1);
        Registration {
            local: self.clone(),
            index,
            handle,
        }
    }

    /// Sessions of this worker.
    pub fn living(&self) -> u32 {
        self.living.get() + self.lobby.len()
    }

    /// Calls `with` for every session that has a task.
    pub fn each_session(&self, mut with: impl FnMut(&Handle)) {
        self.each_handle(|handle| with(handle));
    }

    /// The same, with what keeps the handle.
    pub fn each_handle(&self, with: impl FnMut(&Rc<Handle>)) {
        let handles: Vec<Rc<Handle>> = self
            .sessions
            .borrow()
            .iter()
            .filter_map(|slot| match slot {
                Slot::Used(handle) => Some(handle.clone()),
                Slot::Free(_) => None,
            })
            .collect();
        handles.iter().for_each(with);
    }

    /// Stops: connections that wait for a request are closed, the others after their response.
    pub fn stop(self: &Rc<Local>) {
        self.stopping.set(true);
        for task in self.ended_by_stop.take() {
            task.abort();
        }
        lobby::wake_all(self);
        self.departure.begin(self);
        self.each_session(Handle::wake);
        self.look_over();
    }

    /// The soft stop ends this task.
    pub fn ends_with_stop(&self, task: AbortHandle) {
        self.ended_by_stop.borrow_mut().push(task);
    }

    /// Ready once the worker stops and its last session has ended.
    pub fn poll_over(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_over() {
            return Poll::Ready(());
        }
        *self.over.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn look_over(&self) {
        let waker = self.is_over().then(|| self.over.take()).flatten();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is_over(&self) -> bool {
        self.stopping.get() && self.living() == 0
    }

    pub(crate) fn take_exchange(&self) -> Box<Exchange> {
        self.exchanges.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give_exchange(&self, mut exchange: Box<Exchange>) {
        exchange.reset();
        let mut exchanges = self.exchanges.borrow_mut();
        if exchanges.len() < MOST_EXCHANGES {
            exchanges.push(exchange);
        }
    }

    /// Once per second: frees what nobody needed.
    pub fn trim(&self) {
        let mut exchanges = self.exchanges.borrow_mut();
        let keep = exchanges.len() - exchanges.len() / 4;
        exchanges.truncate(keep);
        drop(exchanges);
        let plan = self.plan();
        let now_ms = clock::now_ms();
        plan.each_server(|server| {
            if !server.pool.is_at_rest() {
                server.pool.purge(&server.live, now_ms);
            }
        });
        let changes = &plan.program.live.server_changes;
        let changes = changes.load(std::sync::atomic::Ordering::Relaxed);
        if self.server_changes.replace(changes) != changes {
            plan.follow_changes();
        }
        if self.worker == 0 {
            for &id in plan.slow_starters().iter() {
                let notices = hapax_balance::health::slowstart::step(plan.live(id), self.now());
                crate::check::announce(&plan.logger, id, &notices);
            }
        }
        crate::buffer::trim();
    }

    /// Adds to a counter of the process.
    #[inline]
    pub fn count(&self, counters: &hapax_core::counter::Counters, what: Count, amount: u64) {
        counters.add(self.worker, what, amount);
    }
}

const NONE: u32 = u32::MAX;
const MOST_EXCHANGES: usize = 4096;
