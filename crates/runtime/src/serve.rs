//! Starting workers for a program, stopping them, and reaching them from outside.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::ir::{self, Address};
use hapax_core::program::{Program, ProxyId};
use hapax_core::stream::Cause;
use hapax_sys::listen::{ListenOptions, SocketFile, listen};
use thiserror::Error;

use crate::clock;
use crate::frontend::{Door, Places};
use crate::listen::{GateState, Listener};
use crate::local::Local;
use crate::plan::{Plan, system_address};
use crate::wheel::pause;
use crate::worker::{Worker, WorkerSettings, spawn};

/// A listening socket and whose it is.
#[derive(Debug)]
pub struct Bound {
    /// The proxy.
    pub proxy: ProxyId,
    /// Index in its binds.
    pub listener: usize,
    /// The worker that accepts from it.
    pub worker: usize,
    /// The socket.
    pub socket: OwnedFd,
}

/// How to run.
#[derive(Debug, Default)]
pub struct Options {
    /// Sockets that are bound already; listeners without one are bound by [`bind`].
    pub sockets: Vec<Bound>,
}

/// A listener that could not be bound.
#[derive(Debug, Error)]
#[error("cannot bind {text} of {proxy}: {error}")]
pub struct BindError {
    /// The proxy's name.
    pub proxy: String,
    /// The address as written.
    pub text: String,
    /// Why.
    pub error: io::Error,
}

/// Running workers.
#[derive(Debug)]
pub struct Running {
    program: Arc<Program>,
    workers: Vec<Worker>,
    places: Arc<Places>,
}

/// Binds every listener of every enabled proxy, one socket per worker where the kernel can spread connections.
pub fn bind(program: &Program, workers: usize) -> (Vec<Bound>, Vec<BindError>) {
    let (mut bound, mut failed) = (Vec::new(), Vec::new());
    for (index, proxy) in program.proxies.iter().enumerate() {
        if proxy.ir.disabled {
            continue;
        }
        for (listener, bind) in proxy.ir.binds.iter().enumerate() {
            match bind_one(program, &proxy.ir, bind, workers) {
                Ok(sockets) => bound.extend(sockets.into_iter().map(|(worker, socket)| Bound {
                    proxy: ProxyId(index as u32),
                    listener,
                    worker,
                    socket,
                })),
                Err(error) => failed.push(BindError {
                    proxy: proxy.ir.name.clone(),
                    text: bind.text.clone(),
                    error,
                }),
            }
        }
    }
    (bound, failed)
}

fn bind_one(
    program: &Program,
    proxy: &ir::Proxy,
    bind: &ir::Bind,
    workers: usize,
) -> io::Result<Vec<(usize, OwnedFd)>> {
    let allowed: Vec<usize> = (0..workers)
        .filter(|worker| {
            bind.options.threads.is_empty() || bind.options.threads.contains(&(*worker as u16))
        })
        .collect();
    let shared = |socket: OwnedFd| -> io::Result<Vec<(usize, OwnedFd)>> {
        allowed
            .iter()
            .map(|&worker| Ok((worker, socket.try_clone()?)))
            .collect()
    };
    let address = match &bind.address {
        Address::Descriptor(number) => return shared(hapax_sys::process::inherited(*number)?),
        other => {
            system_address(other).ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?
        }
    };
    let options = listen_options(program, proxy, bind);
    // Port 0 is chosen by the kernel; several sockets would get several ports.
    let one = address.is_unix()
        || bind.address.port() == 0
        || program.global.no_reuseport
        || bind.options.shards == Some(1);
    if one {
        return shared(listen(&address, &options)?);
    }
    allowed
        .iter()
        .map(|&worker| Ok((worker, listen(&address, &options)?)))
        .collect()
}

/// How a listener is opened.
pub fn listen_options(program: &Program, proxy: &ir::Proxy, bind: &ir::Bind) -> ListenOptions {
    let options = &bind.options;
    let global = &program.global;
    let wanted = options
        .backlog
        .or(proxy.backlog)
        .or(proxy.maxconn)
        .unwrap_or_else(|| program.live.process.maxconn.load(Ordering::Relaxed));
    ListenOptions {
        backlog: if wanted == 0 { DEFAULT_BACKLOG } else { wanted },
        reuse_port: !global.no_reuseport,
        v6only: match (options.v6only, options.v4v6) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        interface: options.interface.clone(),
        transparent: options.transparent,
        defer_accept: options.defer_accept.then_some(DEFER_ACCEPT_SECONDS),
        max_segment: options.mss.map(|mss| mss.unsigned_abs()),
        user_timeout: options.tcp_user_timeout,
        fast_open: options.fast_open.then_some(wanted.max(1)),
        file: SocketFile {
            mode: options.unix_mode.or(global.unix_bind_mode),
            uid: options.unix_uid.or(global.unix_bind_uid),
            gid: options.unix_gid.or(global.unix_bind_gid),
        },
        ..ListenOptions::default()
    }
}

/// Starts `program.live.workers` workers.
pub fn start(program: Arc<Program>, options: Options) -> io::Result<Running> {
    let count = program.live.workers.max(1);
    let origin_ms = clock::now_ms();
    let places = Arc::new(Places::default());
    let mut by_worker: Vec<Vec<Bound>> = (0..count).map(|_| Vec::new()).collect();
    for bound in options.sockets {
        if let Some(mine) = by_worker.get_mut(bound.worker) {
            mine.push(bound);
        }
    }
    let tune = &program.global.tune;
    let mut workers = Vec::with_capacity(count);
    for (index, sockets) in by_worker.into_iter().enumerate() {
        let settings = WorkerSettings {
            index,
            processors: processors(&program, index),
            buffer_size: tune.bufsize as usize,
            free_buffers: FREE_BUFFERS,
            pipe_size: tune.pipesize as usize,
            pipes: MOST_PIPES,
        };
        let (program, places) = (program.clone(), places.clone());
        workers.push(Worker::spawn(settings, move |inbox| {
            places.join(inbox);
            work(index, origin_ms, program, places, sockets)
        })?);
    }
    Ok(Running {
        program,
        workers,
        places,
    })
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

/// Binds what is not bound yet and runs until the workers end.
pub fn run(program: Arc<Program>, mut options: Options) -> Result<Running, RunError> {
    if options.sockets.is_empty() {
        let (bound, failed) = bind(&program, program.live.workers.max(1));
        if !failed.is_empty() {
            return Err(RunError::Bind(failed));
        }
        options.sockets = bound;
    }
    Ok(start(program, options)?)
}

/// Why nothing runs.
#[derive(Debug, Error)]
pub enum RunError {
    /// Listeners could not be bound.
    #[error("{} listeners could not be bound", .0.len())]
    Bind(Vec<BindError>),
    /// A worker could not be started.
    #[error("cannot start a worker: {0}")]
    Start(#[from] io::Error),
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

    /// Soft stop: listeners close, connections end after what they are doing.
    pub fn stop(&self) {
        self.program
            .live
            .process
            .stopping
            .store(true, Ordering::Relaxed);
        self.on_each(|local| {
            each_door(|door| door.gate.set(GateState::Stopped));
            local.stop();
        });
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
            plan.servers()
                .for_each(|server| server.pool.drain(&server.live));
        });
    }

    /// Ends the sessions that use a server.
    pub fn end_sessions_of(&self, proxy: ProxyId, server: usize, cause: Cause) {
        self.on_each(move |local| {
            local.each_session(|session| {
                if session.server.get() == Some((proxy, server)) {
                    session.end(cause);
                }
            });
        });
    }

    /// New sessions follow `program` from now on; its proxies must be those that the listeners were bound for.
    pub fn replace_program(&self, program: &Arc<Program>) {
        let program = program.clone();
        self.on_each(move |local| {
            let before = local.plan();
            local.replace_plan(Plan::new(program.clone(), Some(&before)));
        });
    }

    /// Waits until all workers have ended (after [`Running::stop`], when their last session ends).
    pub fn join(self) -> io::Result<()> {
        for worker in self.workers {
            worker.join()?;
        }
        Ok(())
    }
}

async fn work(
    index: usize,
    origin_ms: u64,
    program: Arc<Program>,
    places: Arc<Places>,
    sockets: Vec<Bound>,
) {
    let plan = Plan::new(program.clone(), None);
    let local = Local::new(index, origin_ms, plan, places);
    LOCAL.with_borrow_mut(|slot| *slot = Some(local.clone()));
    let batch = program
        .global
        .tune
        .maxaccept
        .map_or(ACCEPTS_PER_TURN, |most| most as usize);
    for bound in sockets {
        let door = Door::new(&local, bound.proxy, bound.listener);
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
    loop {
        pause(HOUSEKEEPING_MS).await;
        local.trim();
        if local.stopping.get() && local.living() == 0 {
            break;
        }
    }
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
const DEFAULT_BACKLOG: u32 = 4096;
const DEFER_ACCEPT_SECONDS: u32 = 1;
const FREE_BUFFERS: usize = 4096;
const HOUSEKEEPING_MS: u64 = 1000;
const MOST_PIPES: usize = 1024;
