//! Starting workers for a program, stopping them, and reaching them from outside.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use hapax_core::program::{Program, ProxyId};
use hapax_core::stream::Cause;
use hapax_sys::addr::Addr;
use parking_lot::Mutex;

use crate::announce::{News, announce};
use crate::check::{Checks, Share};
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
use crate::resolver;
use crate::stats::errors::Errors;
use crate::stats::info::Facts;
use crate::stats::measure;
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
}

/// Running workers.
#[derive(Debug)]
pub struct Running {
    program: Arc<Program>,
    workers: Mutex<Vec<Worker>>,
    places: Arc<Places>,
    render: Render,
    exposed: Arc<Exposed>,
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
    let exposed = Arc::new(expose(&program, &options)?);
    let mut runtime_api = Some(RuntimeApi {
        sockets: options.runtime_api,
        master: options.master,
        facts: options.facts,
        exposed: exposed.clone(),
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
            let plan = Plan::new(program.clone(), None, logger.clone());
            let local = Local::new(index, origin_ms, plan, places, load, errors);
            let share = Share {
                worker: index,
                workers: count,
                origin_ms,
            };
            async move {
                if let Some(api) = runtime_api {
                    operate::runtime_api(&local, api);
                    crate::log::forward::start(&program);
                    resolver::start(&local);
                    crate::log::intake::start(&local, &program, intakes);
                }
                let checks = Checks::start(&program, &logger, share);
                if let Err(error) = &checks {
                    log::error!("checks cannot run: {error}");
                }
                work(local, sockets, inbox).await;
            }
        })?);
    }
    Ok(Running {
        program,
        workers: Mutex::new(workers),
        places,
        render: options.render,
        exposed,
    })
}

/// Copies of the listening sockets, for a process that asks for them; none when nothing lets it ask.
fn expose(program: &Program, options: &Options) -> io::Result<Exposed> {
    let binds = &program.global.stats_sockets;
    let asked =
        options.master.is_some() || binds.iter().any(|bind| bind.options.expose_fd_listeners);
    let mut offered = Vec::new();
    let mut known = std::collections::HashSet::new();
    if asked {
        let listeners = options.listeners.iter().filter_map(|bound| {
            let bind = program.proxy(bound.proxy).ir.binds.get(bound.listener)?;
            Some((bind, &bound.socket))
        });
        for (bind, socket) in listeners.chain(binds.iter().zip(&options.runtime_api)) {
            // Workers share a socket where the kernel does not spread connections.
            if known.insert(hapax_sys::stream::identity(socket)?) {
                offered.push(Offered {
                    socket: socket.try_clone()?,
                    interface: bind.options.interface.clone().unwrap_or_default(),
                });
            }
        }
    }
    Ok(Exposed::new(offered))
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
    pub fn program(&self) -> &Arc<Program> {
        &self.program
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

    /// One of the workers tells `news` on standard error and to the logs.
    pub fn announce(&self, news: News) {
        self.once(move |local| announce(&local.plan().logger, news));
    }

    /// Soft stop: listeners close, connections end after what they are doing.
    pub fn stop(&self) {
        self.program
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

    /// Ends the sessions that use a server.
    pub fn end_sessions_of(&self, proxy: ProxyId, server: usize, cause: Cause) {
        self.on_each(move |local| {
            end_own_sessions(local, |at, of| (at, of) == (proxy, server), cause)
        });
    }

    /// New sessions follow `program` from now on; its proxies must be those that the listeners were bound for.
    pub fn replace_program(&self, program: &Arc<Program>) {
        let (program, rounds, render) = (program.clone(), Rounds::new(program), self.render);
        self.on_each(move |local| {
            let before = local.plan();
            let logger = Logger::open(program.clone(), &rounds, render);
            local.replace_plan(Plan::new(program.clone(), Some(&before), logger));
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
    let program = local.plan().program.clone();
    let batch = program
        .global
        .tune
        .maxaccept
        .map_or(ACCEPTS_PER_TURN, |most| most as usize);
    for bound in sockets {
        let door = Door::new(&local, &bound);
        DOORS.with_borrow_mut(|doors| doors.push(door.clone()));
        spawn(async move {
            let gate = door.gate.clone();
            let served = Listener::new(bound.socket)
                .serve(gate, batch, |socket, peer| door.enter(socket, peer))
                .await;
            if let Err(error) = served {
                log::error!("a listener failed: {error}");
            }
        });
    }
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
    LOCAL.with_borrow_mut(|slot| *slot = None);
}

/// Calls `with` on this worker's things; does nothing on another thread.
pub fn with_local(with: impl FnOnce(&Rc<Local>)) {
    let local = LOCAL.with_borrow(Clone::clone);
    if let Some(local) = local {
        with(&local);
    }
}

/// Lets one of the workers do something; to be called on a worker.
pub fn on_worker(worker: usize, job: impl FnOnce(&Rc<Local>) + Clone + Send + 'static) {
    with_local(|local| {
        local.places.each_inbox(|inbox| {
            let job = job.clone();
            let own = move |local: &Rc<Local>| {
                if local.worker == worker {
                    job(local);
                }
            };
            if !inbox.send(move || with_local(own)) {
                log::warn!("a worker is too busy to begin a check");
            }
        });
    });
}

/// Ends the sessions of all workers that use a server which `which` names; to be called on a worker.
pub fn end_sessions(which: impl Fn(ProxyId, usize) -> bool + Clone + Send + 'static, cause: Cause) {
    with_local(|local| {
        local.places.each_inbox(|inbox| {
            let which = which.clone();
            let taken =
                inbox.send(move || with_local(|local| end_own_sessions(local, which, cause)));
            if !taken {
                log::warn!("a worker is too busy to end sessions");
            }
        });
    });
}

fn end_own_sessions(local: &Local, which: impl Fn(ProxyId, usize) -> bool, cause: Cause) {
    local.each_session(|session| {
        if session
            .server
            .get()
            .is_some_and(|(proxy, server)| which(proxy, server))
        {
            session.end(cause);
        }
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
pub fn each_door_of(proxy: ProxyId, deed: DoorDeed) {
    on_all_workers(move || {
        each_door(|door| {
            if door.is_of_proxy(proxy) {
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
