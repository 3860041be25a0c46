//! Health checks: one light task for each checked server, on one of the workers.
//!
//! A check connects, or also asks and compares the answer (`probe`, `request`, `answer`); `hapax_balance::health` decides
//! what its result means for the server and for those that track it (`followers`), and what it has to say goes to the
//! logs.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hapax_balance::health::{Notice, Report, Transition, agent_report, inherit, report};
use hapax_core::contract::Now;
use hapax_core::ir;
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, Proxy, ProxyId};
use hapax_core::stream::Cause;
use tokio::task::AbortHandle;

use crate::log::{Level, Logger, Severity};
use crate::wheel::Timer;
use crate::{clock, mail, pauses, serve, trace, worker};

mod agent;
mod answer;
mod external;
mod followers;
mod frames;
pub(crate) mod probe;
mod recipe;
mod request;
mod scene;
mod schedule;
mod script;
mod spop;
mod verdict;

pub(crate) use followers::Followers;
pub use recipe::BadPattern;
use recipe::Recipe;
use schedule::Schedule;

/// Which part of the checks a worker does.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// Number of the worker.
    pub worker: usize,
    /// How many workers share the checks.
    pub workers: usize,
    /// Monotonic milliseconds at the start of the process; `Now::ms` counts from there.
    pub origin_ms: u64,
}

/// The running checks of a worker. When it is dropped they end, those that wait for an answer once they have it.
#[derive(Debug)]
pub struct Checks {
    running: Rc<Cell<bool>>,
    tasks: Vec<(AbortHandle, Rc<Cell<bool>>)>,
}

impl Checks {
    /// Starts this worker's share of a program's checks.
    ///
    /// # Errors
    /// When a pattern of `http-check expect` does not compile, which the check of the configuration rules out.
    pub async fn start(
        program: &Arc<Program>,
        logger: &Rc<Logger>,
        share: Share,
    ) -> Result<Checks, BadPattern> {
        let mut checks = Checks {
            running: Rc::new(Cell::new(true)),
            tasks: Vec::new(),
        };
        let schedule = pauses::step(|| Schedule::of(program));
        let mut position = 0;
        let proxies: Vec<_> = program.proxies.iter().enumerate().collect();
        for proxies in proxies.chunks(PROXIES_PER_TURN) {
            pauses::step(|| {
                let all = (program, logger, share);
                checks.begin(all, proxies, &schedule, &mut position)
            })?;
            tokio::task::yield_now().await;
        }
        Ok(checks)
    }

    /// Starts this worker's share of the checks of some proxies.
    fn begin(
        &mut self,
        (program, logger, share): (&Arc<Program>, &Rc<Logger>, Share),
        proxies: &[(usize, &Proxy)],
        schedule: &Schedule,
        position: &mut usize,
    ) -> Result<(), BadPattern> {
        for &(index, proxy) in proxies {
            let live = &proxy.live.servers;
            let roles = || {
                live.iter()
                    .flat_map(|server| Role::of(&server.ir).map(move |role| (server, role)))
            };
            // Those that were added while the process ran are in no configuration.
            let some = proxy.servers.checks || live.len() > live.configured();
            if proxy.ir.disabled || !some || roles().next().is_none() {
                continue;
            }
            let recipe = Rc::new(Recipe::new(&proxy.ir)?);
            for (server, role) in roles() {
                *position += 1;
                let position = *position;
                if (position - 1) % share.workers.max(1) != share.worker {
                    continue;
                }
                // Nobody else starts it once it stays with a new program.
                role.watched(server).store(true, Ordering::Relaxed);
                let busy = Rc::new(Cell::new(false));
                let check = Check {
                    program: program.clone(),
                    logger: logger.clone(),
                    proxy: ProxyId(index as u32),
                    server: server.index,
                    role,
                    recipe: recipe.clone(),
                    origin_ms: share.origin_ms,
                    running: self.running.clone(),
                    busy: busy.clone(),
                };
                let own = schedule.of_server(position - 1);
                let task = worker::spawn_for_now(check.run(schedule.first(position - 1), own));
                self.tasks.push((task, busy));
            }
        }
        Ok(())
    }

    /// How many servers this worker checks.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.running.set(false);
        for (task, busy) in &self.tasks {
            if !busy.get() {
                task.abort();
            }
        }
    }
}

/// Who is asked about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The server.
    Server,
    /// Its agent.
    Agent,
}

impl Role {
    /// Who is asked about `server`.
    fn of(server: &ir::Server) -> impl Iterator<Item = Role> + use<> {
        let options = &server.options;
        let agent = options.agent.as_ref().is_some_and(|agent| agent.enabled);
        let own = is_checked(server).then_some(Role::Server);
        own.into_iter().chain(agent.then_some(Role::Agent))
    }

    /// Whether somebody asks.
    fn watched(self, server: &ServerLive) -> &AtomicBool {
        match self {
            Role::Server => &server.checks_run,
            Role::Agent => &server.agent_runs,
        }
    }

    /// How often, ms.
    fn inter(self, server: &ir::Server) -> u32 {
        match (self, &server.options.agent) {
            (Role::Agent, Some(agent)) => agent.inter,
            _ => server.options.check.inter,
        }
    }
}

/// The check of one server.
struct Check {
    program: Arc<Program>,
    logger: Rc<Logger>,
    proxy: ProxyId,
    server: usize,
    role: Role,
    recipe: Rc<Recipe>,
    origin_ms: u64,
    running: Rc<Cell<bool>>,
    /// It waits for an answer.
    busy: Rc<Cell<bool>>,
}

impl Check {
    async fn run(self, first_ms: u64, mut schedule: Schedule) {
        let most = self.program.global.tune.bufsize as usize;
        let mut timer = Timer::new();
        let mut next = self.resume(first_ms);
        let mut begun_before = 0;
        loop {
            self.wait(&mut timer, next).await;
            if !self.running.get() {
                return;
            }
            let Some(server) = self.program.proxy(self.proxy).live.servers.get(self.server) else {
                return;
            };
            if server.deleted.load(Ordering::Relaxed) || server.added && !self.is_current() {
                return;
            }
            match self.role {
                Role::Server => {
                    // One that began under the program before ends first.
                    if begun_before < MOST_WAITS && server.state.lock().check_running {
                        begun_before += 1;
                        next = clock::now_ms() + WAIT_MS;
                        continue;
                    }
                    if begin(server) {
                        self.busy.set(true);
                        let about = (&*self.program, &*self.logger);
                        let proxy = self.program.proxy(self.proxy);
                        trace::check(&self.program, proxy, server, None);
                        let result =
                            probe::check(&self.recipe, about, self.proxy, server, &mut timer).await;
                        self.busy.set(false);
                        trace::check(&self.program, proxy, server, Some(&result));
                        self.conclude(server, |proxy, now| {
                            report(&proxy.live, &proxy.ir.options, server, result, now)
                        });
                        // A program that was replaced meanwhile is checked by others.
                        if !self.running.get() {
                            return;
                        }
                    }
                    let check = &server.ir.options.check;
                    next = clock::now_ms() + schedule.interval(check, &server.state.lock());
                    server.due_ms[0].store(next, Ordering::Relaxed);
                }
                Role::Agent => {
                    if begin_agent(server) {
                        let answer = agent::ask(&self.recipe, (server, most), &mut timer).await;
                        if !self.running.get() {
                            return;
                        }
                        // What it says while it is paused is ignored.
                        if server.state.lock().active_agent().is_some() {
                            self.conclude(server, |proxy, now| {
                                agent_report(&proxy.live, &proxy.ir, server, answer, now)
                            });
                        }
                    }
                    next = clock::now_ms() + schedule.spread(self.role.inter(&server.ir));
                    server.due_ms[1].store(next, Ordering::Relaxed);
                }
            }
        }
    }

    /// When it begins: when it was due under the program before, or after its share of the start.
    fn resume(&self, first_ms: u64) -> u64 {
        let now = clock::now_ms();
        let due = self
            .program
            .proxy(self.proxy)
            .live
            .servers
            .get(self.server)
            .map_or(0, |server| {
                let due =
                    server.due_ms[usize::from(self.role == Role::Agent)].load(Ordering::Relaxed);
                due.min(now + u64::from(self.role.inter(&server.ir)))
            });
        match due {
            0 => now + first_ms,
            due => due.max(now),
        }
    }

    /// Whether no other program took the place of this one.
    fn is_current(&self) -> bool {
        let mut current = false;
        serve::with_local(|local| current = Arc::ptr_eq(&local.plan().program, &self.program));
        current
    }

    /// Waits until `next`, or less where the traffic may say that the check is urgent: such servers are looked at as often
    /// as `fastinter` says.
    async fn wait(&self, timer: &mut Timer, next: u64) {
        let server = self.program.proxy(self.proxy).live.servers.get(self.server);
        let check = server.map(|server| &server.ir.options.check);
        let glance = check
            .filter(|check| self.role == Role::Server && check.observe != ir::Observe::None)
            .map(|check| u64::from(check.fastinter))
            .filter(|fastinter| *fastinter > 0);
        let (Some(server), Some(glance)) = (server, glance) else {
            return timer.at(next).await;
        };
        loop {
            timer.at(next.min(clock::now_ms() + glance)).await;
            let urgent = server.state.lock().observed.hurried;
            if urgent || clock::now_ms() >= next || !self.running.get() {
                return;
            }
        }
    }

    /// Lets everybody know what a result did to the server, those first that follow it.
    fn conclude(&self, server: &ServerLive, change: impl FnOnce(&Proxy, Now) -> Report) {
        let now = Now {
            ms: clock::now_ms().saturating_sub(self.origin_ms),
            wall_us: clock::wall_us(),
        };
        let before = server.state.lock().admin;
        let report = change(self.program.proxy(self.proxy), now);
        let place = (self.proxy, self.server);
        let mut tell = |proxy, notices: &[Notice]| announce(&self.logger, proxy, notices);
        let changed = before != server.state.lock().admin;
        spread(
            &self.program,
            &Followers::of(&self.program),
            place,
            (report, changed),
            now,
            &mut tell,
        );
    }
}

/// Starts the checks, or the agent, of a server that came while the program runs, on one of the workers; to be called on a
/// worker, when the administrator first lets them run.
pub(crate) fn watch(program: &Arc<Program>, (proxy, index): (ProxyId, usize), of_agent: bool) {
    let role = match of_agent {
        true => Role::Agent,
        false => Role::Server,
    };
    let server = program.proxy(proxy).live.servers.get(index);
    let Some(server) = server.filter(|server| server.added) else {
        return;
    };
    if role.watched(server).swap(true, Ordering::Relaxed) {
        return;
    }
    let program = program.clone();
    serve::on_worker(index % program.live.workers.max(1), move |local| {
        let recipe = match Recipe::new(&program.proxy(proxy).ir) {
            Ok(recipe) => Rc::new(recipe),
            Err(error) => return log::error!("a check cannot run: {error}"),
        };
        let check = Check {
            logger: local.plan().logger.clone(),
            proxy,
            server: index,
            role,
            recipe,
            origin_ms: local.origin_ms,
            running: Rc::new(Cell::new(true)),
            busy: Rc::default(),
            program: program.clone(),
        };
        let schedule = Schedule::of_added(&check.program, index);
        worker::spawn(check.run(0, schedule));
    });
}

/// Begins a check, unless there is to be none.
fn begin(server: &ServerLive) -> bool {
    let mut state = server.state.lock();
    state.observed.hurried = false;
    state.check_running = !state.admin.in_maintenance() && !state.checks_disabled;
    state.check_running
}

/// The same for an agent, which maintenance does not stop.
fn begin_agent(server: &ServerLive) -> bool {
    let mut state = server.state.lock();
    let agent = state.agent.as_mut();
    agent.is_some_and(|agent| {
        agent.running = !agent.paused;
        agent.running
    })
}

/// What a change of a server brings with it: sessions that end, lines in logs, and servers that follow. `report.1` says
/// whether maintenance or drain changed.
fn spread(
    program: &Program,
    followers: &Followers,
    place: (ProxyId, usize),
    (report, admin): (Report, bool),
    now: Now,
    tell: &mut dyn FnMut(ProxyId, &[Notice]),
) {
    let transition = report.transition;
    end_sessions(program, place, transition);
    tell(place.0, &report.notices);
    if admin {
        followers.each(program, place, |proxy, server, leader| {
            let live = &program.proxy(proxy).live;
            tell(proxy, &inherit(live, server, leader, now));
        });
    }
    for (proxy, server, notices) in followers.after(program, place, transition, now) {
        end_sessions(program, (proxy, server), transition);
        tell(proxy, &notices);
    }
}

/// What the traffic did to a server reaches everybody whom it concerns.
pub(crate) fn observed(
    program: &Program,
    logger: &Logger,
    place: (ProxyId, usize),
    report: Report,
    now: Now,
) {
    let followers = Followers::of(program);
    let mut tell = |proxy, notices: &[Notice]| announce(logger, proxy, notices);
    spread(program, &followers, place, (report, false), now, &mut tell);
}

/// `on-marked-down` and `on-marked-up` of a server that changed.
fn end_sessions(program: &Program, (proxy, server): (ProxyId, usize), transition: Transition) {
    let live = &program.proxy(proxy).live;
    let Some(options) = live.servers.get(server).map(|server| &server.ir.options) else {
        return;
    };
    match transition {
        Transition::Down if options.shutdown_on_down => {
            serve::end_sessions(live.servers.get(server).cloned(), Cause::Down);
        }
        Transition::Up if options.shutdown_backup_on_up && !options.backup => {
            let backups = live.servers.iter();
            let backups = backups.filter(|server| server.ir.options.backup);
            serve::end_sessions(backups.cloned(), Cause::Up);
        }
        _ => {}
    }
}

/// Says what happened to a server or backend on standard error and in the proxy's logs. The runtime API uses it too when
/// it changes a server's state.
pub fn announce(logger: &Logger, proxy: ProxyId, notices: &[Notice]) {
    for notice in notices {
        let severity = if notice.level == 0 {
            Severity::Alert
        } else {
            Severity::Warning
        };
        logger.say(severity, notice.console.as_ref().unwrap_or(&notice.text));
        logger.message(Some(proxy), Level::from_number(notice.level), &notice.text);
        if let Some(level) = notice.mail {
            let text = notice.console.as_ref().unwrap_or(&notice.text);
            mail::alert(logger.program(), proxy, level, text);
        }
    }
}

fn is_checked(server: &ir::Server) -> bool {
    server.options.check.enabled && server.options.track.is_none()
}

/// Proxies whose checks are started before others have their turn.
const PROXIES_PER_TURN: usize = 32;
/// How often a check of the program before is waited for, and how long each time.
const MOST_WAITS: u32 = 600;
const WAIT_MS: u64 = 20;

#[cfg(test)]
mod tests;
