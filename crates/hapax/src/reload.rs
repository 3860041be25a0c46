//! The configuration is read again, and takes the place of the one in force, while the process serves (`reload configuration`).
//!
//! Everything that may fail comes first; a file that is refused, or asks for what only a new process can have, changes nothing.

pub mod fixed;

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use hapax_balance::health;
use hapax_core::contract::Now;
use hapax_core::diagnostic::Severity;
use hapax_core::ir;
use hapax_core::keyword::Registry;
use hapax_core::live::{Live, ServerLive};
use hapax_core::program::Program;
use hapax_runtime::open;
use hapax_runtime::profile;
use hapax_runtime::serve::Running;
use hapax_runtime::succession::{Done, Reload};
use hapax_sample::variable::set_process;
use hapax_sys::time;
use parking_lot::Mutex;

use crate::args::Args;
use crate::limits;
use crate::load::{self, Loaded};
use crate::message::Printer;
use crate::start::{attach_backends, workers};
use crate::system_text;

/// What a reload works with.
pub struct Reloader {
    args: Args,
    registry: &'static Registry,
    running: OnceLock<Weak<Running>>,
    /// The `program` sections, which are the master's.
    programs: Vec<ir::ExternalProgram>,
    /// One at a time.
    turn: Mutex<()>,
}

impl Reloader {
    /// Reads what `args` name.
    pub fn new(
        args: &Args,
        registry: &'static Registry,
        programs: Vec<ir::ExternalProgram>,
    ) -> Arc<Reloader> {
        Arc::new(Reloader {
            args: args.clone(),
            registry,
            programs,
            running: OnceLock::new(),
            turn: Mutex::new(()),
        })
    }

    /// The workers serve from now on.
    pub fn begin(&self, running: &Arc<Running>) {
        let _ = self.running.set(Arc::downgrade(running));
    }

    /// How the runtime API reaches it: each reload has a thread.
    pub fn reload(self: &Arc<Self>) -> Reload {
        let reloader = self.clone();
        Reload::new(move |done: Done| {
            let reloader = reloader.clone();
            let done = Arc::new(Mutex::new(Some(done)));
            let theirs = done.clone();
            let thread = std::thread::Builder::new().name("reload".into());
            let started = thread.spawn(move || {
                let answer = reloader.run();
                if let Some(done) = theirs.lock().take() {
                    done(answer);
                }
            });
            if let Err(error) = started
                && let Some(done) = done.lock().take()
            {
                done(Err(format!("{}\n", system_text(&error))));
            }
        })
    }

    /// What there is to say: about what was applied, or why nothing was.
    fn run(&self) -> Result<String, String> {
        let Some(_turn) = self.turn.try_lock() else {
            return Err("Another reload is under way.\n".into());
        };
        let running = self.running.get().and_then(Weak::upgrade);
        let Some(running) = running else {
            return Err("The process does not serve yet.\n".into());
        };
        let begun = Instant::now();
        // Nothing is printed: who asked gets it.
        let mut printer = Printer::new(true);
        let refused = |printer: &Printer| format!("{}Nothing was changed.\n", printer.said());
        let Ok(loaded) = load::load(&self.args, self.registry, &mut printer) else {
            return Err(refused(&printer));
        };
        match self.apply(&running, loaded, &mut printer) {
            Ok(pause) => {
                let (all, pause) = (begun.elapsed().as_micros(), pause.as_micros());
                let said = printer.said();
                Ok(format!(
                    "{said}{APPLIED} in {all} us, no worker was kept for more than {pause} us.\n"
                ))
            }
            Err(text) => {
                printer.say(Severity::Alert, &text);
                Err(refused(&printer))
            }
        }
    }

    fn apply(
        &self,
        running: &Running,
        loaded: Loaded,
        printer: &mut Printer,
    ) -> Result<Duration, String> {
        let Loaded {
            mut config,
            sources,
            tls,
            ..
        } = loaded;
        let before = running.program();
        let enabled = |proxy: &ir::Proxy| !proxy.disabled && !proxy.binds.is_empty();
        if !config.proxies.iter().any(enabled) && config.global.stats_sockets.is_empty() {
            return Err("No enabled listener found (check for 'bind' directives) !".into());
        }
        let count = before.live.workers;
        if workers(&config.global) != count {
            return Err(fixed::refusal("nbthread"));
        }
        fixed::check(&before, &self.programs, &config)?;
        let granted = hapax_sys::limits::open_files().map_err(|error| system_text(&error))?;
        let wanted = limits::compute(&config, count as u16, granted.hard);
        config.global.maxconn = Some(wanted.maxconn);
        if let Some(text) = limits::apply(wanted, !config.global.no_strict_limits)? {
            printer.say(Severity::Warning, &text);
        }
        let mut own = running.listening().map_err(|error| error.to_string())?;
        let listeners = open::listeners(&config.proxies, &config.global, count, &mut own);
        let listeners = listeners.map_err(|errors| {
            for error in errors {
                printer.say(Severity::Alert, &error.text(&sources));
            }
            "Some protocols failed to start their listeners!".to_owned()
        })?;
        // Who waits in a queue that is held open after its listener is gone is served by nobody.
        drop(own);
        let live = Arc::new(Live::succeeding(&config, &before));
        let program = Arc::new(Program::link(config, live, before.host_name.clone()));
        tls.attach(&program);
        let made_known = |changed: &[(usize, Arc<ServerLive>)]| make_known(&program, changed);
        let pause = running
            .succeed(program.clone(), listeners, made_known)
            .map_err(|error| error.to_string())?;
        if program.global.profiling != before.global.profiling {
            profile::set(program.global.profiling);
        }
        let now = Now {
            ms: 0,
            wall_us: time::realtime() / 1000,
        };
        for variable in &program.global.variables {
            let mut known = before.global.variables.iter();
            if !known.any(|one| one == variable) {
                set_process(&program, now, variable);
            }
        }
        Ok(pause)
    }
}

/// What the last line of the answer of a reload that went well begins with.
pub const APPLIED: &str = "Configuration applied";

/// Backends that are new, or have other servers or another algorithm than before, begin to choose.
fn make_known(program: &Program, changed: &[(usize, Arc<ServerLive>)]) {
    for (_, server) in changed {
        health::publish(server, &mut server.state.lock());
    }
    let backends = program.proxies.iter();
    let new: Vec<_> = backends
        .filter(|proxy| proxy.ir.kind.has_backend() && proxy.live.dispatch().is_none())
        .collect();
    attach_backends(program);
    for proxy in new {
        health::recount(&proxy.live);
        let others = proxy.live.kin();
        others.iter().for_each(|other| health::recount(other));
    }
}
