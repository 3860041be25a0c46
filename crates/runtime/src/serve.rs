//! Starting workers for a program, stopping them, and reaching them from outside.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hapax_core::live::{ProxyLive, ServerLive};
use hapax_core::program::{Program, ProxyId};
use hapax_core::stream::Cause;
use hapax_sys::addr::Addr;
use parking_lot::Mutex;

use crate::announce::{News, announce};
use crate::cli::pools;
use crate::clock;
use crate::frontend::{Door, Places};
use crate::listen::{GateState, Listener};
use crate::local::Local;
use crate::log::intake::Intake;
use crate::log::{Logger, Render, Rounds};
use crate::open::Bound;
use crate::open::hand_over::{Exposed, Offered};
use crate::operate::{self, RuntimeApi};
use crate::plan::Plan;
use crate::stats::errors::Errors;
use crate::stats::info::Facts;
use crate::stats::measure;
use crate::succession::Reload;
use crate::turn;
use crate::wheel::Timer;
use crate::worker::{Inbox, Worker, WorkerSettings, spawn};

/// How to run.
#[derive(Debug)]
pub struct Options {
    /// The listening sockets, as [`crate::open::listeners`] made them.
    pub listeners: Vec<Bound>,
    /// The sockets of the runtime API, in the order of the `stats socket` lines.
    pub runtime_api: Vec<OwnedFd>,
    /// The sockets of the `log-forward` sections.
    pub intakes: Vec<Intake>,
    /// Where a master sends connections to the runtime API, and asks for the listening sockets.
    pub master: Option<OwnedFd>,
    /// What `show info` says about the start.
    pub facts: Facts,
    /// How log formats are rendered.
    pub render: Render,
    /// What reads the configuration again, for a reload inside the process.
    pub reload: Option<Reload>,
}

/// Running workers.
#[derive(Debug)]
pub struct Running {
    pub(crate) program: Arc<ArcSwap<Program>>,
    workers: Mutex<Vec<Worker>>,
    pub(crate) places: Arc<Places>,
    pub(crate) render: Render,
    pub(crate) exposed: Arc<Exposed>,
}

/// Starts `program.live.workers` workers.
pub fn start(program: Arc<Program>, options: Options) -> io::Result<Running> {
    let count = program.live.workers.max(1);
    crate::stats::page::remember(&options.facts);
    let origin_ms = clock::now_ms();
    let places = Arc::new(Places::default());
    let rounds = Rounds::new(&program);
    let tune = &program.global.tune;
    let mut workers = Vec::with_capacity(count);
    let errors = Arc::new(Errors::default());
    let current = Arc::new(ArcSwap::new(program.clone()));
    let asked = may_be_asked(&program, &options);
    let exposed = Exposed::new(match asked {
        true => expose(&program, &options.listeners, &options.runtime_api)?,
        false => Vec::new(),
    });
    let exposed = Arc::new(exposed);
    let mut runtime_api = Some(RuntimeApi {
        sockets: options.runtime_api,
        master: options.master,
        facts: options.facts,
        exposed: exposed.clone(),
        program: current.clone(),
        reload: options.reload,
    });
    let mut intakes = Some(options.intakes);
    let mut by_worker: Vec<Vec<Bound>> = (0..count).map(|_| Vec::new()).collect();
    for bound in options.listeners {
        if let Some(mine) = by_worker.get_mut(bound.worker) {
            mine.push(bound);
        }
    }
    for (index, sockets) in by_worker.into_iter().enumerate() {
        let settings = WorkerSettings {
            index,
            processors: processors(&program, index),
            // Heads are bound by `tune.bufsize` itself; a larger buffer takes a head with a body behind it in one read.
            buffer_size: (tune.bufsize as usize).max(BODY_BUFFER),
            free_buffers: FREE_BUFFERS,
            pipe_size: tune.pipesize as usize,
            pipes: MOST_PIPES,
        };
        let (program, places, rounds) = (program.clone(), places.clone(), rounds.clone());
        let render = options.render;
        let (errors, runtime_api) = (errors.clone(), runtime_api.take());
        let intakes = intakes.take().unwrap_or_default();
        workers.push(Worker::spawn(settings, move |inbox| {
            let load = places.join(index, inbox.clone());
            let logger = Logger::open(program.clone(), &rounds, render);
            let plan = Plan::new(program.clone(), logger);
            let local = Local::new(index, origin_ms, plan, places, load, errors);
            async move {
                if let Some(api) = runtime_api {
                    operate::runtime_api(&local, api);
                    crate::log::intake::start(&local, &program, intakes);
                }
                work(local, sockets, inbox).await;
            }
        })?);
    }
    Ok(Running {
        program: current,
        workers: Mutex::new(workers),
        places,
        render: options.render,
        exposed,
    })
}

/// Whether a process may ask for the listening sockets.
fn may_be_asked(program: &Program, options: &Options) -> bool {
    let mut binds = program.global.stats_sockets.iter();
    options.master.is_some() || binds.any(|bind| bind.options.expose_fd_listeners)
}

/// Copies of the listening sockets, for a process that asks for them.
pub(crate) fn expose(
    program: &Program,
    listeners: &[Bound],
    runtime_api: &[OwnedFd],
) -> io::Result<Vec<Offered>> {
    let binds = &program.global.stats_sockets;
    let mut offered = Vec::new();
    let mut known = std::collections::HashSet::new();
    let listeners = listeners.iter().filter_map(|bound| {
        let bind = program.proxy(bound.proxy).ir.binds.get(bound.listener)?;
        Some((bind, &bound.socket, false))
    });
    let runtime_api = binds.iter().zip(runtime_api);
    let runtime_api = runtime_api.map(|(bind, socket)| (bind, socket, true));
    for (bind, socket, runtime_api) in listeners.chain(runtime_api) {
        // Workers share a socket where the kernel does not spread connections.
        if known.insert(hapax_sys::stream::identity(socket)?) {
            offered.push(Offered {
                socket: socket.try_clone()?,
                network: crate::open::network(bind),
                runtime_api,
            });
        }
    }
    Ok(offered)
}

fn processors(program: &Program, worker: usize) -> Vec<usize> {
    program
        .global
        .cpu_map
        .iter()
        .filter(|(of, _)| usize::from(*of) == worker)
        .flat_map(|(_, cpus)| cpus.iter().map(|&cpu| usize::from(cpu)))
        .collect()
}

impl Running {
    /// The program they run.
    pub fn program(&self) -> Arc<Program> {
        self.program.load_full()
    }

    /// Runs `job` on every worker.
    pub fn on_each(&self, job: impl Fn(&Rc<Local>) + Clone + Send + 'static) {
        self.places.each_inbox(|inbox| {
            let job = job.clone();
            let taken = inbox.send(move || with_local(|local| job(local)));
            if !taken {
                log::warn!("a worker is too busy to take more work");
            }
        });
    }

    /// Runs `job` on one worker, the first that takes it.
    pub fn once(&self, job: impl FnOnce(&Rc<Local>) + Send + 'static) {
        let job = Arc::new(Mutex::new(Some(job)));
        self.on_each(move |local| {
            let job = job.lock().take();
            if let Some(job) = job {
                job(local);
            }
        });
    }

    /// One of the workers tells of the pools of all on standard error.
    pub fn tell_pools(&self) {
        self.once(|local| {
            let all = measure::all(&local.plan().program, local.now());
            // Nobody can be told when it is closed.
            let _ = std::io::stderr().lock().write_all(pools(&all).as_bytes());
        });
    }

    /// One of the workers tells `news` on standard error and to the logs.
    pub fn announce(&self, news: News) {
        self.once(move |local| announce(&local.plan().logger, news));
    }

    /// Soft stop: listeners close, connections end after what they are doing.
    pub fn stop(&self) {
        self.program()
            .live
            .process
            .stopping
            .store(true, Ordering::Relaxed);
        self.exposed.close();
        self.on_each(|local| {
            each_door(|door| door.gate.set(GateState::Stopped));
            // Once the listeners have taken who waits, and those sessions have begun.
            let local = local.clone();
            spawn(async move {
                tokio::task::yield_now().await;
                local.stop();
            });
        });
    }

    /// Listeners take no connections for a while (SIGTTOU).
    pub fn pause(&self) {
        self.on_each(|_| each_door(|door| door.pause()));
    }

    /// Listeners take connections again (SIGTTIN).
    pub fn resume(&self) {
        self.on_each(|_| each_door(Door::resume));
    }

    /// Ends every session now.
    pub fn kill(&self) {
        self.stop();
        self.on_each(|local| local.each_session(|session| session.end(Cause::Killed)));
    }

    /// Closes idle server connections of all workers.
    pub fn drain_pools(&self) {
        self.on_each(|local| {
            let plan = local.plan();
            plan.each_server(|server| server.pool.drain(&server.live));
        });
    }

    /// Sends what the workers have gathered, log lines above all: before the process ends. A worker that does not answer
    /// within `at_most` is not waited for.
    pub fn flush(&self, at_most: Duration) {
        let (tell, told) = std::sync::mpsc::channel();
        self.on_each(move |_| {
            turn::end();
            let _ = tell.send(());
        });
        let deadline = Instant::now() + at_most;
        // The channel is closed when the last worker has done it.
        while told
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .is_ok()
        {}
    }

    /// Waits until all workers have ended (after [`Running::stop`], when their last session ends).
    pub fn join(&self) -> io::Result<()> {
        let workers = std::mem::take(&mut *self.workers.lock());
        for worker in workers {
            worker.join()?;
        }
        Ok(())
    }
}

async fn work(local: Rc<Local>, sockets: Vec<Bound>, inbox: Inbox) {
    LOCAL.with_borrow_mut(|slot| *slot = Some(local.clone()));
    measure::begin(local.worker);
    for bound in sockets {
        let door = open_door(&local, bound);
        DOORS.with_borrow_mut(|doors| doors.push(door));
    }
    let besides = local.clone();
    spawn(async move { crate::succession::serve_besides(&besides).await });
    let mut timer = Timer::new();
    let mut left = false;
    loop {
        let next = clock::now_ms() + HOUSEKEEPING_MS;
        let over = poll_fn(|cx| {
            if local.poll_over(cx).is_ready() {
                return Poll::Ready(true);
            }
            timer.poll_at(cx, next).map(|()| false)
        });
        if over.await {
            if left {
                break;
            }
            // A connection that another worker gave to this one meanwhile is served first.
            left = true;
            local.places.leave(local.worker);
            inbox.empty();
            continue;
        }
        local.trim();
        measure::second();
    }
    // The last session may have ended within this turn.
    turn::end();
    DOORS.with_borrow_mut(Vec::clear);
    crate::succession::end();
    LOCAL.with_borrow_mut(|slot| *slot = None);
}

/// Begins to take connections from a socket.
pub(crate) fn open_door(local: &Rc<Local>, bound: Bound) -> Rc<Door> {
    let most = local.plan().program.global.tune.maxaccept;
    let batch = most.map_or(ACCEPTS_PER_TURN, |most| most as usize);
    let door = Door::new(local, &bound);
    let taker = door.clone();
    spawn(async move {
        let gate = taker.gate.clone();
        let served = Listener::new(bound.socket)
            .serve(gate, batch, |socket, peer| taker.enter(socket, peer))
            .await;
        if let Err(error) = served {
            log::error!("a listener failed: {error}");
        }
    });
    door
}

/// Puts others in the place of this worker's doors.
pub(crate) fn change_doors(change: impl FnOnce(Vec<Rc<Door>>) -> Vec<Rc<Door>>) {
    let changed = change(DOORS.take());
    DOORS.set(changed);
}

/// This worker's doors.
pub(crate) fn doors() -> Vec<Rc<Door>> {
    DOORS.with_borrow(Clone::clone)
}

/// Calls `with` on this worker's things; does nothing on another thread.
pub fn with_local(with: impl FnOnce(&Rc<Local>)) {
    let local = LOCAL.with_borrow(Clone::clone);
    if let Some(local) = local {
        with(&local);
    }
}

/// Lets one of the workers do something; to be called on a worker.
pub fn on_worker(worker: usize, job: impl Fn(&Rc<Local>) + Clone + Send + 'static) {
    on_all_workers(move || {
        with_local(|local| {
            if local.worker == worker {
                job(local);
            }
        });
    });
}

/// Ends the sessions of all workers that use one of `servers`; to be called on a worker.
pub fn end_sessions(servers: impl IntoIterator<Item = Arc<ServerLive>>, cause: Cause) {
    let servers: Vec<_> = servers.into_iter().collect();
    on_all_workers(move || {
        with_local(|local| {
            local.each_session(|session| {
                let in_use = session.server_in_use();
                let ends = |used: Arc<ServerLive>| servers.iter().any(|one| one.is_same_as(&used));
                if in_use.is_some_and(ends) {
                    session.end(cause);
                }
            });
        });
    });
}

/// Another worker accepted a connection that shall be served here.
pub fn enter_door(proxy: ProxyId, listener: usize, socket: OwnedFd, peer: Addr) {
    let doors = DOORS.with_borrow(Clone::clone);
    if let Some(door) = doors.iter().find(|door| door.is_of(proxy, listener)) {
        door.enter(socket, peer);
    }
}

/// The descriptor on which this worker takes connections for a listener.
pub fn descriptor_of(proxy: ProxyId, listener: usize) -> Option<i32> {
    DOORS.with_borrow(|doors| {
        let door = doors.iter().find(|door| door.is_of(proxy, listener))?;
        Some(door.descriptor)
    })
}

/// What happens to the listeners of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorDeed {
    /// They take no connections for a while.
    Pause,
    /// They take connections again.
    Resume,
    /// They close.
    Stop,
}

/// Does it to the listeners of a proxy on all workers; to be called on a worker.
pub fn each_door_of(proxy: &Arc<ProxyLive>, deed: DoorDeed) {
    let proxy = proxy.clone();
    on_all_workers(move || {
        each_door(|door| {
            if door.is_of_proxy(&proxy) {
                match deed {
                    DoorDeed::Pause => door.pause(),
                    DoorDeed::Resume => door.resume(),
                    DoorDeed::Stop => door.gate.set(GateState::Stopped),
                }
            }
        });
    });
}

/// A limit changed: the listeners of all workers look whether they may go on; to be called on a worker.
pub fn reopen_all_doors() {
    on_all_workers(reopen_doors);
}

fn on_all_workers(job: impl Fn() + Clone + Send + 'static) {
    with_local(|local| {
        local.places.each_inbox(|inbox| {
            if !inbox.send(job.clone()) {
                log::warn!("a worker is too busy to take more work");
            }
        });
    });
}

/// A place became free somewhere: this worker's listeners look whether they may go on.
pub fn reopen_doors() {
    each_door(Door::reopen);
}

fn each_door(mut with: impl FnMut(&Rc<Door>)) {
    let doors = DOORS.with_borrow(Clone::clone);
    doors.iter().for_each(&mut with);
}

thread_local! {
    static LOCAL: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
    static DOORS: RefCell<Vec<Rc<Door>>> = const { RefCell::new(Vec::new()) };
}

const ACCEPTS_PER_TURN: usize = 64;
const BODY_BUFFER: usize = 65536;
const FREE_BUFFERS: usize = 1024;
const HOUSEKEEPING_MS: u64 = 1000;
const MOST_PIPES: usize = 1024;
