//! Health checks: one light task for each checked server, on one of the workers.
//!
//! A check connects, or also asks and compares the answer (`probe`, `request`, `answer`); its result goes to the judge,
//! who knows what it means for the server, and what the judge has to say goes to the logs. Nothing here knows the rules
//! of rise and fall beyond the choice of the interval.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::live::CheckResult;
use hapax_core::program::{Program, ProxyId};

use crate::log::{Level, Logger, Severity};
use crate::{clock, worker};

mod answer;
mod probe;
mod recipe;
mod request;
mod schedule;

pub use recipe::BadPattern;
use recipe::Recipe;
use schedule::Schedule;

/// Takes a result into the state of a server and of those that track it.
pub type Judge = fn(&Program, ProxyId, usize, CheckResult, Now) -> Verdict;

/// What a result changed.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What there is to say, in order.
    pub notices: Vec<Notice>,
    /// Proxies with a server whose state or weight changed.
    pub changed: Vec<ProxyId>,
    /// Servers that went down: proxy and index. Their idle connections are not used any more.
    pub down: Vec<(ProxyId, usize)>,
}

/// A line about a server or a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whose log targets get it.
    pub proxy: ProxyId,
    /// The level in the logs.
    pub level: Level,
    /// The text in the logs.
    pub log: String,
    /// What standard error says; none is the same text as a warning.
    pub console: Option<(Severity, String)>,
}

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

/// The running checks of a worker; they end when it is dropped.
#[derive(Debug)]
pub struct Checks {
    running: Rc<Cell<bool>>,
    count: usize,
}

impl Checks {
    /// Starts this worker's share of a program's checks.
    ///
    /// # Errors
    /// When a pattern of `http-check expect` does not compile, which the check of the configuration rules out.
    pub fn start(
        program: &Arc<Program>,
        logger: &Rc<Logger>,
        judge: Judge,
        share: Share,
    ) -> Result<Checks, BadPattern> {
        let running = Rc::new(Cell::new(true));
        let schedule = Schedule::of(program);
        let (mut position, mut count) = (0, 0);
        for (index, proxy) in program.proxies.iter().enumerate() {
            if proxy.ir.disabled
                || !proxy
                    .live
                    .servers
                    .iter()
                    .any(|server| is_checked(&server.ir))
            {
                continue;
            }
            let recipe = Rc::new(Recipe::new(&proxy.ir)?);
            for server in &proxy.live.servers {
                if !is_checked(&server.ir) {
                    continue;
                }
                position += 1;
                if (position - 1) % share.workers.max(1) != share.worker {
                    continue;
                }
                count += 1;
                let check = Check {
                    program: program.clone(),
                    logger: logger.clone(),
                    proxy: ProxyId(index as u32),
                    server: server.index,
                    recipe: recipe.clone(),
                    judge,
                    origin_ms: share.origin_ms,
                    running: running.clone(),
                };
                worker::spawn(check.run(schedule.first(position - 1), schedule));
            }
        }
        Ok(Checks { running, count })
    }

    /// How many servers this worker checks.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.running.set(false);
    }
}

/// The check of one server.
struct Check {
    program: Arc<Program>,
    logger: Rc<Logger>,
    proxy: ProxyId,
    server: usize,
    recipe: Rc<Recipe>,
    judge: Judge,
    origin_ms: u64,
    running: Rc<Cell<bool>>,
}

impl Check {
    async fn run(self, first_ms: u64, mut schedule: Schedule) {
        let mut timer = crate::wheel::Timer::new();
        let mut next = clock::now_ms() + first_ms;
        loop {
            timer.at(next).await;
            if !self.running.get() {
                return;
            }
            let Some(server) = self.program.proxy(self.proxy).live.servers.get(self.server) else {
                return;
            };
            let wanted = {
                let mut state = server.state.lock();
                state.check_running = !state.admin.in_maintenance();
                state.check_running
            };
            if wanted {
                let result = probe::check(&self.recipe, server, &mut timer).await;
                // A program that was replaced meanwhile checks by itself.
                if !self.running.get() {
                    return;
                }
                self.conclude(result);
            }
            let check = &server.ir.options.check;
            next = clock::now_ms() + schedule.interval(check, &server.state.lock());
        }
    }

    fn conclude(&self, result: CheckResult) {
        let now = Now {
            ms: clock::now_ms().saturating_sub(self.origin_ms),
            wall_us: clock::wall_us(),
        };
        if let Some(server) = self.program.proxy(self.proxy).live.servers.get(self.server) {
            server.state.lock().check_running = false;
        }
        let verdict = (self.judge)(&self.program, self.proxy, self.server, result, now);
        announce(&self.program, &self.logger, verdict);
    }
}

/// Makes a verdict known: to the pools, to the dispatch of the backends, on standard error and to the logs. The runtime
/// API uses it too when it changes a server's state.
pub fn announce(program: &Program, logger: &Logger, verdict: Verdict) {
    for (proxy, index) in verdict.down {
        if let Some(server) = program.proxy(proxy).live.servers.get(index) {
            server.generation.fetch_add(1, Ordering::Release);
        }
    }
    for proxy in verdict.changed {
        if let Some(dispatch) = program.proxy(proxy).live.dispatch() {
            dispatch.servers_changed();
        }
    }
    for notice in verdict.notices {
        match &notice.console {
            Some((severity, text)) => logger.say(*severity, text),
            None => logger.say(Severity::Warning, &notice.log),
        }
        logger.message(Some(notice.proxy), notice.level, &notice.log);
    }
}

fn is_checked(server: &hapax_core::ir::Server) -> bool {
    server.options.check.enabled && server.options.track.is_none()
}

#[cfg(test)]
mod tests;
