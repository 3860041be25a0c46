//! The life of a master after it forked: children that end, signals, reloads, and its command line.

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
use hapax_runtime::cli::master::{self as command_line, MasterAccess, Supervisor, Target};
use hapax_runtime::open::hand_over::connect_over;
use hapax_sys::pass::{receive_descriptors, send_descriptors};
use hapax_sys::process::{self, Ended};
use hapax_sys::signal::{Signal, Signals};
use hapax_sys::watch::Watched;

use super::family::{Child, Family, Kind, now};
use super::in_place::{self, Outcome};
use super::notify::Notifier;
use crate::args::OldProcess;
use crate::environment;
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
                    tokio::task::spawn_local(command_line::serve(listening, master, access));
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

    /// Clients that asked for the reload, and were passed on over it, get the outcome.
    fn answer_clients(&mut self, success: bool) {
        let logs = self.supervision.log.as_ref().map(StartupLog::read);
        self.answer(success, &logs.unwrap_or_default());
    }

    fn answer(&mut self, success: bool, said: &[u8]) {
        let mut text = format!("Success={}\n--\n", u8::from(success)).into_bytes();
        text.extend(said);
        text.push(b'\n');
        let own = &self.supervision.family.own;
        for end in [&own.0, &own.1] {
            let mut marks = [0; 64];
            while let Ok((1.., clients)) = receive_descriptors(end, &mut marks) {
                for client in clients {
                    let mut client = UnixStream::from(client);
                    // The answer is small; a client that does not read it is not waited for.
                    let _ = client.write_all(&text);
                }
            }
        }
    }

    /// Starts this process anew, once the worker that is being started has come to serve or ended.
    fn reload_when_loaded(&mut self) {
        if self.loading || self.stopping || self.applying {
            return;
        }
        let Some(hard) = self.reload.take() else {
            return;
        };
        if !hard && self.supervision.in_place && self.apply_in_place() {
            return;
        }
        self.reload_by_process(hard);
    }

    /// Has the current worker apply the files; false when there is none that can be asked.
    fn apply_in_place(&mut self) -> bool {
        let current = self.supervision.family.current();
        let pair = current.and_then(|child| child.pair.as_ref());
        let connection = pair.and_then(|pair| connect_over(pair).ok());
        let (Some(connection), Some(own)) = (connection, self.own.upgrade()) else {
            return false;
        };
        self.applying = true;
        self.printer.say(Severity::Notice, "Reloading in place");
        self.supervision.notifier.reloading();
        tokio::task::spawn_local(async move {
            let outcome = in_place::apply(connection).await;
            own.0.borrow_mut().applied(outcome);
        });
        true
    }

    /// The worker has applied the files, or has not.
    fn applied(&mut self, outcome: Outcome) {
        self.applying = false;
        let said = match outcome {
            // A worker that is gone is replaced, too.
            Outcome::NeedsProcess => {
                if !self.stopping {
                    self.reload.take();
                    self.reload_by_process(false);
                }
                return;
            }
            Outcome::Applied(said) => {
                self.printer.say(Severity::Notice, "Loading success.");
                self.supervision.family.failed = 0;
                self.supervision.notifier.ready();
                self.answer(true, said.as_bytes());
                return self.reload_when_loaded();
            }
            Outcome::Refused(said) => said,
        };
        for line in said.lines() {
            self.printer.plain(line);
        }
        self.printer
            .say(Severity::Warning, "The worker goes on as it was.");
        self.supervision.family.failed = self.supervision.family.failed.saturating_add(1);
        self.supervision.notifier.failed();
        self.answer(false, said.as_bytes());
        self.reload_when_loaded();
    }

    /// Starts this process anew, and with it a worker.
    fn reload_by_process(&mut self, hard: bool) {
        let text = if hard {
            "Reloading HAProxy (hard-reload)"
        } else {
            "Reloading HAProxy"
        };
        self.printer.say(Severity::Notice, text);
        self.supervision.notifier.reloading();
        let error = self.start_anew(hard);
        let text = format!(
            "Failed to reexecute the master process [{}]: {}",
            std::process::id(),
            system_text(&error)
        );
        self.printer.say(Severity::Warning, &text);
        environment::set(environment::AGAIN, None);
        environment::set(environment::PROCESSES, None);
        self.supervision.family.failed = self.supervision.family.failed.saturating_add(1);
        self.supervision.notifier.failed();
        self.answer_clients(false);
    }

    fn start_anew(&self, hard: bool) -> std::io::Error {
        let supervision = &self.supervision;
        let family = &supervision.family;
        let workers = family
            .children
            .iter()
            .filter(|child| child.kind == Kind::Worker);
        let mut words: Vec<OsString> = Vec::new();
        let pids: Vec<OsString> = workers.map(|child| child.pid.to_string().into()).collect();
        if !pids.is_empty() {
            words.push(if hard { "-st" } else { "-sf" }.into());
            words.extend(pids);
        }
        if let Some(pair) = family.current().and_then(|child| child.pair.as_ref())
            && supervision.carries_sockets
        {
            use std::os::fd::AsRawFd;
            words.push("-x".into());
            words.push(format!("sockpair@{}", pair.as_raw_fd()).into());
        }
        words.extend(supervision.words.iter().cloned());
        environment::set(environment::AGAIN, Some("1"));
        environment::set(environment::PROCESSES, Some(&family.remember()));
        let pairs = family
            .children
            .iter()
            .filter_map(|child| child.pair.as_ref());
        for fd in pairs.chain([&family.own.0, &family.own.1]) {
            if let Err(error) = process::keep_on_exec(fd) {
                return error;
            }
        }
        // `-C` and relative paths are meant from where the first one was started.
        let _ = std::env::set_current_dir(&supervision.folder);
        let program = std::env::args_os().next().unwrap_or_else(|| "hapax".into());
        process::execute(&program, &words)
    }
}

impl Supervisor for Master {
    fn processes(&self, debug: bool) -> String {
        let state = self.0.borrow();
        show(&state.supervision.family, debug)
    }

    fn startup_logs(&self) -> Vec<u8> {
        let state = self.0.borrow();
        let log = state.supervision.log.as_ref();
        log.map(StartupLog::read).unwrap_or_default()
    }

    fn version(&self) -> &str {
        version::VERSION
    }

    fn uptime(&self) -> String {
        let seconds = now().saturating_sub(self.0.borrow().supervision.family.started);
        let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
        format!(
            "[{days}:{hours:02}:{:02}:{:02}] ",
            seconds / 60 % 60,
            seconds % 60
        )
    }

    fn reload_failed(&self) -> bool {
        self.0.borrow().supervision.family.failed > 0
    }

    fn find(&self, target: Target) -> Option<i32> {
        let state = self.0.borrow();
        let children = state.supervision.family.children.iter();
        let mut workers = children.filter(|child| child.kind == Kind::Worker);
        let found = match target {
            Target::Number(1) => return state.supervision.family.current().map(|child| child.pid),
            Target::Number(_) => None,
            Target::Pid(pid) => workers.find(|child| child.pid == pid),
        };
        found.map(|child| child.pid)
    }

    fn connect(&self, pid: i32) -> Option<OwnedFd> {
        let state = self.0.borrow();
        let mut children = state.supervision.family.children.iter();
        let pair = children.find(|child| child.pid == pid)?.pair.as_ref()?;
        connect_over(pair).ok()
    }

    fn reload(&self, hard: bool, client: OwnedFd) {
        use std::os::fd::AsRawFd;
        let mut state = self.0.borrow_mut();
        // The client waits in the master's own pair until the outcome is known.
        let _ = send_descriptors(
            &state.supervision.family.own.0,
            b"\0",
            &[client.as_raw_fd()],
        );
        state.reload = Some(hard);
        state.reload_when_loaded();
    }
}

/// The table of `show proc`.
fn show(family: &Family, debug: bool) -> String {
    let mut text = row(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"]);
    end(
        &mut text,
        debug.then_some(("<ipc_fd[0]>".into(), "<ipc_fd[1]>".into())),
    );
    let number = |fd: &OwnedFd| {
        use std::os::fd::AsRawFd;
        fd.as_raw_fd().to_string()
    };
    text += &row([
        &std::process::id().to_string(),
        "master",
        &format!("{} [failed: {}]", family.reloads, family.failed),
        &uptime(family.started),
        version::VERSION,
    ]);
    end(
        &mut text,
        debug.then(|| (number(&family.own.0), number(&family.own.1))),
    );
    for (title, kind, former) in [
        ("# workers", Some(Kind::Worker), false),
        ("# old workers", None, true),
        ("# programs", None, false),
        ("# old programs", None, true),
    ] {
        let wanted = if title.ends_with("workers") {
            Kind::Worker
        } else {
            Kind::Program
        };
        let rows = family.children.iter();
        let mut rows = rows
            .filter(|child| child.kind == wanted && (child.reloads > 0 && !child.stays) == former)
            .peekable();
        if rows.peek().is_none() && kind.is_none() {
            continue;
        }
        text += title;
        text.push('\n');
        for child in rows {
            let what = match child.kind {
                Kind::Worker => "worker",
                Kind::Program => child.name.as_str(),
            };
            text += &row([
                &child.pid.to_string(),
                what,
                &child.reloads.to_string(),
                &uptime(child.started),
                &child.version,
            ]);
            let pair = child.pair.as_ref().map_or_else(|| "-1".into(), number);
            end(&mut text, debug.then(|| (pair, "-1".into())));
        }
    }
    text
}

fn row(columns: [&str; 5]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("{column:<15}"))
        .collect();
    columns.join(" ")
}

fn end(text: &mut String, descriptors: Option<(String, String)>) {
    if let Some((first, second)) = descriptors {
        text.push_str(&format!("\t\t {first:<15} {second:<15}"));
    }
    text.push('\n');
}

fn uptime(started: u64) -> String {
    let seconds = now().saturating_sub(started);
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    format!(
        "{days}d{hours:02}h{:02}m{:02}s",
        seconds / 60 % 60,
        seconds % 60
    )
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
