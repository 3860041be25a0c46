//! Health checks: one light task for each checked server, on one of the workers.
//!
//! A check connects, or also asks and compares the answer (`probe`, `request`, `answer`); `hapax_balance::health` decides
//! what its result means for the server and for those that track it (`followers`), and what it has to say goes to the
//! logs.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use hapax_balance::health::{Notice, Transition, report};
use hapax_core::contract::Now;
use hapax_core::live::CheckResult;
use hapax_core::program::{Program, ProxyId};
use hapax_core::stream::Cause;

use crate::log::{Level, Logger, Severity};
use crate::{clock, serve, worker};

mod answer;
mod followers;
mod probe;
mod recipe;
mod request;
mod schedule;
mod script;
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
        share: Share,
    ) -> Result<Checks, BadPattern> {
        let running = Rc::new(Cell::new(true));
        let schedule = Schedule::of(program);
        let followers = Rc::new(Followers::of(program));
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
                    followers: followers.clone(),
                    origin_ms: share.origin_ms,
                    running: running.clone(),
                };
                let own = schedule.of_server(position - 1);
                worker::spawn(check.run(schedule.first(position - 1), own));
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
    followers: Rc<Followers>,
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
                state.check_running = !state.admin.in_maintenance() && !state.checks_disabled;
                state.check_running
            };
            if wanted {
                let result =
                    probe::check(&self.recipe, &self.program, self.proxy, server, &mut timer).await;
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
        let proxy = self.program.proxy(self.proxy);
        let Some(server) = proxy.live.servers.get(self.server) else {
            return;
        };
        let report = report(&proxy.live, &proxy.ir.options, server, result, now);
        let transition = report.transition;
        end_sessions(&self.program, (self.proxy, self.server), transition);
        announce(&self.logger, self.proxy, &report.notices);
        let followers =
            self.followers
                .after(&self.program, (self.proxy, self.server), transition, now);
        for (proxy, server, notices) in followers {
            end_sessions(&self.program, (proxy, server), transition);
            announce(&self.logger, proxy, &notices);
        }
    }
}

/// `on-marked-down` and `on-marked-up` of a server that changed.
fn end_sessions(program: &Program, (proxy, server): (ProxyId, usize), transition: Transition) {
    let live = &program.proxy(proxy).live;
    let Some(options) = live.servers.get(server).map(|server| &server.ir.options) else {
        return;
    };
    match transition {
        Transition::Down if options.shutdown_on_down => {
            serve::end_sessions(move |at, of| (at, of) == (proxy, server), Cause::Down);
        }
        Transition::Up if options.shutdown_backup_on_up && !options.backup => {
            let backups: Arc<[bool]> = live
                .servers
                .iter()
                .map(|server| server.ir.options.backup)
                .collect();
            let which = move |at, of: usize| at == proxy && backups.get(of) == Some(&true);
            serve::end_sessions(which, Cause::Up);
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
    }
}

fn is_checked(server: &hapax_core::ir::Server) -> bool {
    server.options.check.enabled && server.options.track.is_none()
}

#[cfg(test)]
mod tests;
