//! The master process (management manual 3 `-W` and 9.4, configuration manual `master-worker`): it reads no traffic. It forks
//! the process that serves, tells it to end when a new one is ready, and starts itself anew for a reload, so that a new
//! version of the program is taken too. What it must remember over that stands in `HAPROXY_PROCESSES`, in HAProxy's form.

mod cli;
mod family;
mod in_place;
mod notify;
mod program;
mod supervise;

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use hapax_core::diagnostic::Severity;
use hapax_core::ir;
use hapax_core::keyword::Registry;
use hapax_runtime::open::hand_over::OldProcess;
use hapax_sys::process::{self, Forked};
use hapax_sys::signal::{self, Signal, Signals};
use hapax_sys::stream;

use self::family::{Child, Family, Kind};
use self::notify::Notifier;
use self::supervise::Supervision;
use crate::args::{self, Args, Master};
use crate::message::Printer;
use crate::startup_log::StartupLog;
use crate::{capability, environment, start, system_text, version};

/// What to go on with.
#[derive(Debug)]
pub enum Begun {
    /// There is no master: this process serves.
    Alone,
    /// This is the process that serves, under a master.
    Worker(Worker),
    /// The master has ended.
    End(ExitCode),
}

/// A process that serves and its master.
#[derive(Debug)]
pub struct Worker {
    /// Where the master sends connections to the runtime API.
    pub pair: OwnedFd,
    /// Who has the sockets, at a reload.
    pub old: Option<OldProcess>,
    /// The master waits at its other end.
    ready: UnixStream,
    /// Standard streams are closed once it serves.
    null: Option<std::fs::File>,
    /// The descriptor that `old` names.
    _old: Option<OwnedFd>,
}

impl Worker {
    /// Tells the master that connections are taken from now on.
    pub fn ready(&mut self) {
        if let Some(null) = self.null.take() {
            let _ = process::silence(&null);
        }
        // A master that is gone is noticed elsewhere.
        let _ = self.ready.write_all(b"R");
    }
}

/// Signals that a master answers.
const SIGNALS: &[Signal] = &[
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGCHLD,
    Signal::SIGTTOU,
    Signal::SIGTTIN,
    Signal::SIGQUIT,
    Signal::SIGALRM,
];

/// Becomes a master and forks, if the command line or the configuration wants one.
pub fn begin(args: &Args, folder: PathBuf, registry: &Registry, printer: &mut Printer) -> Begun {
    let Ok(sources) = hapax_config::files::load(&args.files) else {
        // Who reads the files again says why.
        return Begun::Alone;
    };
    let (global, programs) = hapax_config::discover::discover(
        &sources,
        registry,
        &capability::capabilities(),
        &capability::environment,
    );
    environment::discovered(&global, args);
    if args.master.is_none() && !global.master_worker {
        if args.master_socket.is_some() {
            let text =
                "a master CLI socket was defined, but master-worker mode (-W) is not enabled.";
            printer.say(Severity::Alert, text);
            return Begun::End(ExitCode::FAILURE);
        }
        return Begun::Alone;
    }
    if args.check {
        return Begun::Alone;
    }
    match become_master(args, folder, (&global, &programs), printer) {
        Ok(begun) => begun,
        Err(text) => {
            for text in text.split('\n') {
                printer.say(Severity::Alert, text);
            }
            Begun::End(ExitCode::FAILURE)
        }
    }
}

fn become_master(
    args: &Args,
    folder: PathBuf,
    (global, programs): (&ir::Global, &[ir::ExternalProgram]),
    printer: &mut Printer,
) -> Result<Begun, String> {
    let text = |error: std::io::Error| system_text(&error);
    if (global.quiet || args.quiet) && !args.verbose {
        printer.set_quiet(true);
    }
    let again = std::env::var_os(environment::AGAIN).is_some();
    let mut parent = None;
    if (args.daemon || global.daemon) && !args.foreground && !again {
        match go_to_background(printer).map_err(text)? {
            Background::Parent(code) => return Ok(Begun::End(code)),
            Background::Child(waiting) => parent = Some(waiting),
        }
    }
    environment::set("HAPROXY_MWORKER", Some("1"));
    if again {
        environment::set(environment::AGAIN, None);
    } else {
        environment::set("HAPROXY_STARTUP_VERSION", Some(version::VERSION));
    }
    let mut family = Family::restore(again).map_err(text)?;
    environment::set(environment::PROCESSES, None);
    let log = StartupLog::new().ok();
    printer.keep(log.clone());
    write_pidfile(args, global)?;
    let sockets = cli::open(args)?;
    // Caught before the first child may end.
    let signals = Signals::catch(SIGNALS).map_err(text)?;
    end_survivors(&mut family, global);
    let daemon = parent.is_some() || (again && (args.daemon || global.daemon) && !args.foreground);
    let null = if daemon {
        Some(process::null().map_err(text)?)
    } else {
        None
    };
    if !program::start(programs, &mut family, printer)? {
        return Ok(Begun::End(ExitCode::FAILURE));
    }
    let (pair, theirs) = stream::socket_pair().map_err(text)?;
    let (mut ready, mut told) = UnixStream::pair().map_err(text)?;
    let old = old_process(args, &family);
    match process::fork().map_err(text)? {
        Forked::Child => {
            drop(signals);
            drop((pair, ready, sockets));
            signal::let_wait(start::HARMLESS).map_err(text)?;
            printer.renew();
            // The master speaks first.
            let _ = told.read(&mut [0]);
            // The descriptor of the old worker is asked for its sockets later.
            let kept = family.take_current();
            environment::set("HAPROXY_MASTER_CLI", None);
            Ok(Begun::Worker(Worker {
                pair: theirs,
                old,
                ready: told,
                null,
                _old: kept,
            }))
        }
        Forked::Parent(pid) => {
            drop((theirs, told));
            let text = format!("Initializing new worker ({pid})");
            printer.say(Severity::Notice, &text);
            // A worker that is gone already is reaped soon.
            let _ = ready.write_all(b"G");
            family.children.push(Child::starting(pid, pair));
            let supervision = Supervision {
                family,
                folder,
                words: args::again(&args.words),
                old: args.old.clone(),
                no_exit: global.no_exit_on_failure,
                in_place: global.reload_in_place,
                restarts: global.restart_worker,
                first: !again,
                notifier: Notifier::new(args.master == Some(Master::Notify)),
                null,
                parent,
                log,
                carries_sockets: args.old_sockets.as_deref() != Some("/dev/null"),
            };
            Ok(Begun::End(supervise::run(
                supervision,
                signals,
                ready,
                sockets,
                printer,
            )))
        }
    }
}

/// Who may have the listening sockets: what the command line says, or the last worker.
fn old_process(args: &Args, family: &Family) -> Option<OldProcess> {
    match args.old_sockets.as_deref() {
        Some(path) => start::old_process(path),
        None => {
            let pair = family.current()?.pair.as_ref()?;
            Some(OldProcess::Pair(pair.as_raw_fd()))
        }
    }
}

/// Workers that survived more reloads than `mworker-max-reloads` are ended.
fn end_survivors(family: &mut Family, global: &ir::Global) {
    let Some(most) = global.mworker_max_reloads else {
        return;
    };
    for child in &mut family.children {
        if child.kind == Kind::Worker && child.reloads > most {
            child.exceeds = Some(most);
            // One that is gone already needs no signal.
            let _ = process::kill(child.pid, Some(Signal::SIGTERM));
        }
    }
}

fn write_pidfile(args: &Args, global: &ir::Global) -> Result<(), String> {
    let path = args.pidfile.as_ref().or(global.pidfile.as_ref());
    let Some(path) = path else {
        return Ok(());
    };
    process::write_pids(path.as_ref(), &[std::process::id()])
        .map_err(|_| format!("[haproxy.main()] Cannot create pidfile {path}"))
}

enum Background {
    /// The process that was started; how it ends.
    Parent(ExitCode),
    /// The one in the background. The other waits to hear how the start went.
    Child(UnixStream),
}

fn go_to_background(printer: &mut Printer) -> std::io::Result<Background> {
    let (mut here, there) = UnixStream::pair()?;
    match process::fork()? {
        Forked::Parent(_) => {
            drop(there);
            let mut byte = [0];
            let code = match here.read(&mut byte) {
                Ok(1) => byte[0],
                _ => 1,
            };
            Ok(Background::Parent(ExitCode::from(code)))
        }
        Forked::Child => {
            process::new_session()?;
            printer.renew();
            Ok(Background::Child(there))
        }
    }
}
