//! The life of a master after it forked: children that end, and signals.

mod command_line;
mod reload;

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::{Rc, Weak};

use hapax_core::diagnostic::Severity;
use hapax_runtime::cli::Listening;
use hapax_runtime::cli::master::{self, MasterAccess, Supervisor};
use hapax_sys::process::{self, Ended};
use hapax_sys::signal::{Signal, Signals};
use hapax_sys::watch::Watched;

use super::family::{Child, Family, Kind, now};
use super::notify::Notifier;
use crate::args::OldProcess;
use crate::message::Printer;
use crate::startup_log::StartupLog;
use crate::{system_text, version};

/// What a master works with.
pub struct Supervision {
    /// Its children.
    pub family: Family,
    /// Where it was started.
    pub folder: PathBuf,
    /// What it was started with, without what was about old processes.
    pub words: Vec<OsString>,
    /// Old processes, to be told when the new worker is ready.
    pub old: Vec<(OldProcess, i32)>,
    /// `master-worker no-exit-on-failure`.
    pub no_exit: bool,
    /// `reload-in-place`.
    pub in_place: bool,
    /// `restart-worker`.
    pub restarts: bool,
    /// Whether this is a start and no reload.
    pub first: bool,
    /// The service manager.
    pub notifier: Notifier,
    /// What standard streams become once the start went well, for a daemon.
    pub null: Option<File>,
    /// Who waits to hear how the start went.
    pub parent: Option<UnixStream>,
    /// What is said during the start.
    pub log: Option<StartupLog>,
    /// Whether a new worker gets the sockets of the one before.
    pub carries_sockets: bool,
}

/// A socket of the command line.
pub type CommandSocket = (OwnedFd, MasterAccess);

/// Lives until the last child has ended.
pub fn run(
    supervision: Supervision,
    signals: Signals,
    ready: UnixStream,
    sockets: Vec<CommandSocket>,
    printer: &mut Printer,
) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.say(Severity::Alert, &system_text(&error));
            return ExitCode::FAILURE;
        }
    };
    let printer = std::mem::replace(printer, Printer::new(true));
    let master = Rc::new_cyclic(|own| {
        Master(RefCell::new(State {
            own: own.clone(),
            supervision,
            printer,
            reload: None,
            loading: true,
            applying: false,
            stopping: false,
            exit: 0,
            parting: false,
        }))
    });
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        for (socket, access) in sockets {
            match Listening::new(socket) {
                Ok(listening) => {
                    let master: Rc<dyn Supervisor> = master.clone();
                    tokio::task::spawn_local(master::serve(listening, master, access));
                }
                Err(error) => log::error!("the master's command line cannot listen: {error}"),
            }
        }
        let listener = master.clone();
        tokio::task::spawn_local(async move { listener.wait_until_ready(ready).await });
        match master.answer_signals(signals).await {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                let text = system_text(&error);
                master.0.borrow_mut().printer.say(Severity::Alert, &text);
                ExitCode::FAILURE
            }
        }
    })
}

struct Master(RefCell<State>);

struct State {
    own: Weak<Master>,
    supervision: Supervision,
    printer: Printer,
    /// A reload that waits; whether old workers end at once.
    reload: Option<bool>,
    /// The new worker has neither come to serve nor ended.
    loading: bool,
    /// The worker is applying the files.
    applying: bool,
    stopping: bool,
    exit: i32,
    /// Programs that were left were told to end.
    parting: bool,
}

impl Master {
    async fn wait_until_ready(&self, ready: UnixStream) {
        let ready = ready
            .set_nonblocking(true)
            .and_then(|()| tokio::net::UnixStream::from_std(ready));
        let Ok(ready) = ready else {
            return;
        };
        let read = loop {
            if ready.readable().await.is_err() {
                return;
            }
            match ready.try_read(&mut [0]) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                other => break other,
            }
        };
        if matches!(read, Ok(1)) {
            self.0.borrow_mut().loaded();
        }
    }

    async fn answer_signals(&self, signals: Signals) -> std::io::Result<u8> {
        let mut watched = Watched::new(signals.as_fd().try_clone_to_owned()?);
        loop {
            let mut waiting = watched.register()?.readable().await?;
            while let Some(signal) = signals.next()? {
                if let Some(code) = self.0.borrow_mut().signal(signal) {
                    return Ok(code);
                }
            }
            waiting.clear_ready();
        }
    }
}

impl State {
    /// What a signal asks for; the exit code when everything is over.
    fn signal(&mut self, signal: Signal) -> Option<u8> {
        match signal {
            Signal::SIGCHLD => self.reap(),
            Signal::SIGUSR2 | Signal::SIGHUP => {
                self.reload.get_or_insert(false);
                self.reload_when_loaded();
                None
            }
            Signal::SIGTERM | Signal::SIGINT | Signal::SIGUSR1 => {
                if !self.stopping {
                    self.stopping = true;
                    self.printer
                        .say(Severity::Warning, "Exiting Master process...");
                    self.supervision.notifier.stopping();
                }
                self.tell_all(signal);
                None
            }
            // A master has no pools to tell of.
            Signal::SIGQUIT | Signal::SIGALRM => None,
            other => {
                self.tell_all(other);
                None
            }
        }
    }

    /// The new worker serves.
    fn loaded(&mut self) {
        let pid = self.starting().map(|child| {
            child.ready = true;
            child.pid
        });
        if pid.is_none() {
            return;
        }
        self.printer.say(Severity::Notice, "Loading success.");
        self.supervision.family.failed = 0;
        for &(what, pid) in &self.supervision.old {
            let signal = match what {
                OldProcess::Finish => Signal::SIGUSR1,
                OldProcess::Terminate => Signal::SIGTERM,
            };
            // An old process that is gone already needs no signal.
            let _ = process::kill(pid, Some(signal));
        }
        self.supervision.notifier.ready();
        self.tell_parent(0);
        if let Some(null) = self.supervision.null.take() {
            let _ = process::silence(&null);
        }
        self.end_of_loading(true);
    }

    /// Says how a reload went, and begins one that was asked for meanwhile.
    fn end_of_loading(&mut self, success: bool) {
        self.loading = false;
        self.answer_clients(success);
        self.reload_when_loaded();
    }

    fn starting(&mut self) -> Option<&mut Child> {
        let mut children = self.supervision.family.children.iter_mut();
        children.find(|child| child.kind == Kind::Worker && !child.ready)
    }

    fn reap(&mut self) -> Option<u8> {
        while let Ok(Some(ended)) = process::reap() {
            let children = &mut self.supervision.family.children;
            let Some(at) = children.iter().position(|child| child.pid == ended.pid) else {
                continue;
            };
            let child = children.remove(at);
            if let Some(code) = self.ended(&child, ended) {
                return Some(code);
            }
        }
        self.reload_when_loaded();
        let children = &self.supervision.family.children;
        if children.iter().any(|child| child.kind == Kind::Worker) || self.loading {
            return None;
        }
        if !children.is_empty() {
            // Programs go with the workers.
            if !self.parting {
                self.parting = true;
                self.tell_all(Signal::SIGTERM);
            }
            return None;
        }
        let text = format!("All workers exited. Exiting... ({})", self.exit);
        self.printer.say(Severity::Warning, &text);
        Some(u8::try_from(self.exit).unwrap_or(1))
    }

    /// A child has ended. The exit code, when the start failed by it.
    fn ended(&mut self, child: &Child, ended: Ended) -> Option<u8> {
        let how = format!("exited with code {} ({})", ended.code, reason(ended.code));
        let pid = child.pid;
        if child.kind == Kind::Worker && !child.ready {
            let text = format!("Failed to load worker ({pid}) {how}");
            self.printer.say(Severity::Warning, &text);
            self.supervision.notifier.failed();
            if self.supervision.first {
                let code = u8::try_from(ended.code).unwrap_or(1).max(1);
                self.tell_all(Signal::SIGTERM);
                self.tell_parent(code);
                return Some(code);
            }
            self.supervision.family.failed = self.supervision.family.failed.saturating_add(1);
            self.end_of_loading(false);
            return None;
        }
        let what = match child.kind {
            Kind::Worker => "worker".to_owned(),
            Kind::Program => format!("program '{}'", child.name),
        };
        if child.reloads > 0 && !child.stays {
            let limit = child.exceeds.map_or(String::new(), |most| {
                format!(", as it exceeds max reloads ({most})")
            });
            let text = format!("Former {what} ({pid}) {how}{limit}");
            self.printer.say(Severity::Warning, &text);
            return None;
        }
        let severity = if ended.code == 0 && child.kind == Kind::Worker {
            Severity::Warning
        } else {
            Severity::Alert
        };
        let text = format!("Current {what} ({pid}) {how}");
        self.printer.say(severity, &text);
        if ended.code != TERMINATED {
            self.exit = ended.code;
        }
        if matches!(ended.code, 0 | TERMINATED | INTERRUPTED) {
            return None;
        }
        if child.kind == Kind::Worker {
            let text = format!(
                "A worker process unexpectedly died and this can only be explained by a bug in haproxy or its dependencies.\n\
                 Please check that you are running an up to date and maintained version of haproxy and open a bug report.\n{}",
                version::short()
            );
            self.printer.say(Severity::Warning, text.trim_end());
        }
        if child.kind == Kind::Worker && self.restarts(child) {
            self.printer
                .say(Severity::Notice, "Starting another worker.");
            self.reload = Some(true);
            return None;
        }
        if !self.supervision.no_exit {
            let text = "exit-on-failure: killing every processes with SIGTERM";
            self.printer.say(Severity::Alert, text);
            self.tell_all(Signal::SIGTERM);
        }
        None
    }

    /// Whether another worker takes the place of one that died; one that dies at once has a reason to.
    fn restarts(&self, child: &Child) -> bool {
        let lived = now().saturating_sub(child.started);
        self.supervision.restarts && !self.stopping && lived >= SHORTEST_LIFE
    }

    fn tell_all(&self, signal: Signal) {
        for child in &self.supervision.family.children {
            // One that is gone is about to be reaped.
            let _ = process::kill(child.pid, Some(signal));
        }
    }

    fn tell_parent(&mut self, code: u8) {
        if let Some(mut parent) = self.supervision.parent.take() {
            // Nobody waits any more.
            let _ = parent.write_all(&[code]);
        }
    }
}

/// What an exit code above 128 says about the signal; `Exit` otherwise.
fn reason(code: i32) -> &'static str {
    match code - 128 {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        10 => "User defined signal 1",
        11 => "Segmentation fault",
        12 => "User defined signal 2",
        13 => "Broken pipe",
        14 => "Alarm clock",
        15 => "Terminated",
        24 => "CPU time limit exceeded",
        25 => "File size limit exceeded",
        31 => "Bad system call",
        _ => "Exit",
    }
}

/// Seconds that a worker must have lived for another one to be started in its place.
const SHORTEST_LIFE: u64 = 1;
const INTERRUPTED: i32 = 130;
const TERMINATED: i32 = 143;
