//! A configuration takes the place of another while the workers run: what both name goes on.
//!
//! The new program is made elsewhere. Each worker makes its plan from it while traffic goes on, and then goes over to it
//! between two polls of other tasks. Connections end under the plan that they began with.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use hapax_core::live::{FrontState, Live, ServerLive};
use hapax_core::program::Program;
use hashbrown::HashMap;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::task::AbortHandle;

use crate::check::{Checks, Share};
use crate::frontend::Door;
use crate::local::Local;
use crate::log::forward::Forwarding;
use crate::log::{Logger, Rounds};
use crate::ocsp_update;
use crate::open::Bound;
use crate::open::hand_over::Inherited;
use crate::pauses;
use crate::plan::Plan;
use crate::resolver;
use crate::serve::{self, Running, with_local};
use crate::worker::spawn;

/// Reads the configuration again and puts it in the place of the one in force, on a thread of its own; the answer is called
/// with what there is to say.
#[derive(Clone)]
pub struct Reload(Arc<dyn Fn(Done) + Send + Sync>);

/// Takes the answer of a reload.
pub type Done = Box<dyn FnOnce(Result<String, String>) + Send>;

impl Reload {
    /// A reload that does `work`, which must not block.
    pub fn new(work: impl Fn(Done) + Send + Sync + 'static) -> Reload {
        Reload(Arc::new(work))
    }

    /// Begins it.
    pub fn begin(&self, done: Done) {
        (self.0)(done);
    }
}

impl std::fmt::Debug for Reload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reload")
    }
}

/// Why no other configuration came into force.
#[derive(Debug, Error)]
pub enum SuccessionError {
    /// The process ends.
    #[error("the process is stopping")]
    Stopping,
    /// A worker does not answer.
    #[error("a worker is too busy")]
    Busy,
    /// The system refused something.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl Running {
    /// Copies of the sockets on which the workers listen, for a configuration that has use for them. To be dropped before
    /// [`Running::succeed`]: who is left in a queue that is held open is served by nobody.
    ///
    /// # Errors
    /// Of the system, or that a worker does not answer.
    pub fn listening(&self) -> Result<Inherited, SuccessionError> {
        let (tell, told) = mpsc::channel();
        let workers = self.send_each(move |local| {
            let doors = serve::doors();
            let doors = doors.iter().filter(|door| !door.is_former());
            let copies = doors.map(|door| {
                let copy = hapax_sys::process::inherited(door.descriptor);
                (door.place(), local.worker, door.identity, copy)
            });
            let _ = tell.send(copies.collect::<Vec<_>>());
        });
        let mut copies: Vec<_> = all(&told, workers)?.into_iter().flatten().collect();
        copies.sort_by_key(|((proxy, listener), worker, ..)| (proxy.0, *listener, *worker));
        let program = self.program();
        let mut known = std::collections::HashSet::new();
        let mut inherited = Inherited::default();
        for ((proxy, listener), _, identity, copy) in copies {
            // Workers share a socket where the kernel does not spread connections.
            if !known.insert(identity) {
                continue;
            }
            if let Some(bind) = program.proxy(proxy).ir.binds.get(listener) {
                inherited.add(copy?, bind);
            }
        }
        Ok(inherited)
    }

    /// Puts `after` in the place of the program in force. `listeners` are the sockets of its proxies; `known` is called with
    /// the servers whose lines say something else than before, once that is in force.
    ///
    /// # Errors
    /// When nothing changed, because the process ends or a worker does not answer.
    ///
    /// Answers the longest time for which that kept a worker from anything else.
    pub fn succeed(
        &self,
        after: Arc<Program>,
        listeners: Vec<Bound>,
        known: impl FnOnce(&[(usize, Arc<ServerLive>)]),
    ) -> Result<Duration, SuccessionError> {
        let before = self.program();
        if before.live.process.stopping.load(Ordering::Relaxed) {
            return Err(SuccessionError::Stopping);
        }
        let offered = match self.exposed.is_empty() {
            true => Vec::new(),
            false => serve::expose(&after, &listeners, &[])?,
        };
        self.make_plans(&after)?;
        self.exposed.replace(offered)?;
        known(&Live::take_over(&before, &after));
        let count = after.live.workers.max(1);
        let mut by_worker: Vec<Vec<Bound>> = (0..count).map(|_| Vec::new()).collect();
        for bound in listeners {
            if let Some(mine) = by_worker.get_mut(bound.worker) {
                mine.push(bound);
            }
        }
        let by_worker = Arc::new(Mutex::new(by_worker));
        self.places.hold(true);
        let (tell, told) = mpsc::channel();
        let (tell_pause, pauses) = mpsc::channel();
        let current = self.program.clone();
        let workers = self.send_each(move |local| {
            if local.worker == 0
                && let Some(next) = NEXT.with_borrow(|next| Some(next.as_ref()?.program.clone()))
            {
                current.store(next);
            }
            let sockets = by_worker.lock().get_mut(local.worker).map(std::mem::take);
            let former = local.plan();
            pauses::step(|| go_over(local, sockets.unwrap_or_default()));
            let _ = tell.send(());
            let (local, tell_pause) = (local.clone(), tell_pause.clone());
            spawn(async move {
                serve_besides(&local).await;
                former.close_left_over().await;
                drop(former);
                let _ = tell_pause.send(pauses::longest());
            });
        });
        let gone_over = all(&told, workers);
        self.places.hold(false);
        retire(before);
        gone_over?;
        let pauses = all(&pauses, workers)?;
        Ok(Duration::from_nanos(pauses.into_iter().max().unwrap_or(0)))
    }

    /// Every worker makes its plan.
    fn make_plans(&self, after: &Arc<Program>) -> Result<(), SuccessionError> {
        let (tell, told) = mpsc::channel();
        let (after, rounds, render) = (after.clone(), Rounds::new(after), self.render);
        let workers = self.send_each(move |local| {
            let (local, after, tell) = (local.clone(), after.clone(), tell.clone());
            let rounds = rounds.clone();
            spawn(async move {
                let open = || Logger::open(after.clone(), &rounds, render);
                let logger = pauses::step(open);
                tokio::task::yield_now().await;
                let plan = Plan::succeeding(after, &local.plan(), logger).await;
                NEXT.set(Some(plan));
                let _ = tell.send(());
            });
        });
        all(&told, workers).map(drop)
    }

    /// Does `job` on every worker; answers how many took it.
    fn send_each(&self, job: impl Fn(&Rc<Local>) + Clone + Send + 'static) -> usize {
        let mut workers = 0;
        self.places.each_inbox(|inbox| {
            let job = job.clone();
            let taken = inbox.send(move || with_local(|local| job(local)));
            workers += usize::from(taken);
        });
        workers
    }
}

/// What all workers answer.
fn all<T>(told: &mpsc::Receiver<T>, workers: usize) -> Result<Vec<T>, SuccessionError> {
    let until = Instant::now() + PATIENCE;
    let mut answers = Vec::with_capacity(workers);
    while answers.len() < workers {
        let left = until.saturating_duration_since(Instant::now());
        match told.recv_timeout(left) {
            Ok(answer) => answers.push(answer),
            Err(_) => return Err(SuccessionError::Busy),
        }
    }
    Ok(answers)
}

/// The worker goes over to the plan that it made.
fn go_over(local: &Rc<Local>, sockets: Vec<Bound>) {
    let Some(next) = NEXT.take() else {
        return;
    };
    let before = local.plan();
    local.replace_plan(next);
    let plan = local.plan();
    serve::change_doors(|doors| {
        let mut former = Vec::new();
        let mut known: HashMap<u64, Rc<Door>> = HashMap::with_capacity(doors.len());
        for door in doors {
            match door.is_former() {
                true => former.push(door),
                false => former.extend(known.insert(door.identity, door)),
            }
        }
        let mut doors = Vec::with_capacity(sockets.len());
        for bound in sockets {
            if let Some(door) = known.remove(&bound.identity) {
                door.go_on(bound.proxy, bound.listener);
                doors.push(door);
                continue;
            }
            let state = plan.live(bound.proxy).front_state();
            if state != FrontState::Stopped {
                let door = serve::open_door(local, bound);
                if state == FrontState::Paused {
                    door.pause();
                }
                doors.push(door);
            }
        }
        former.extend(known.into_values());
        // Those that somebody waits at are looked at until nobody does.
        former.retain(|door| !door.leave(&before));
        doors.extend(former);
        doors
    });
}

/// Checks on every worker; rings and the resolution of names on the first.
pub(crate) async fn serve_besides(local: &Rc<Local>) {
    let plan = local.plan();
    if local.worker == 0 {
        FORWARDING.with_borrow_mut(|forwarding| forwarding.follow(&plan.program, local.origin_ms));
        // Names that are still followed are never without a follower.
        let mut resolving = resolver::start(local);
        resolving.extend(ocsp_update::start(local));
        let before = RESOLVING.replace(resolving);
        before.iter().for_each(AbortHandle::abort);
    }
    let share = Share {
        worker: local.worker,
        workers: plan.program.live.workers.max(1),
        origin_ms: local.origin_ms,
    };
    // Those before end first: a server is checked by one task.
    pauses::step(|| drop(CHECKS.take()));
    match Checks::start(&plan.program, &plan.logger, share).await {
        // Another plan may be in force by now.
        Ok(checks) if Rc::ptr_eq(&plan, &local.plan()) => CHECKS.set(Some(checks)),
        Ok(_) => {}
        Err(error) => log::error!("checks cannot run: {error}"),
    }
}

/// The worker ends.
pub(crate) fn end() {
    CHECKS.set(None);
    NEXT.set(None);
}

/// Takes a program apart once nobody uses it, away from the workers.
fn retire(program: Arc<Program>) {
    static RETIRED: Mutex<Option<mpsc::Sender<Arc<Program>>>> = Mutex::new(None);
    let mut retired = RETIRED.lock();
    let sender = retired.get_or_insert_with(|| {
        let (sender, programs) = mpsc::channel();
        let started = std::thread::Builder::new()
            .name("retired".into())
            .spawn(move || take_apart(&programs));
        if let Err(error) = started {
            log::error!("old configurations are dropped by workers: {error}");
        }
        sender
    });
    let _ = sender.send(program);
}

fn take_apart(programs: &mpsc::Receiver<Arc<Program>>) {
    let mut held: Vec<Arc<Program>> = Vec::new();
    loop {
        let next = match held.is_empty() {
            true => programs
                .recv()
                .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            false => programs.recv_timeout(LOOK),
        };
        match next {
            Ok(program) => held.push(program),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        held.retain(|program| Arc::strong_count(program) > 1);
    }
}

thread_local! {
    static NEXT: RefCell<Option<Plan>> = const { RefCell::new(None) };
    static CHECKS: RefCell<Option<Checks>> = const { RefCell::new(None) };
    static RESOLVING: RefCell<Vec<AbortHandle>> = const { RefCell::new(Vec::new()) };
    static FORWARDING: RefCell<Forwarding> = RefCell::default();
}

/// How long a worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether somebody uses an old configuration still.
const LOOK: Duration = Duration::from_millis(500);
