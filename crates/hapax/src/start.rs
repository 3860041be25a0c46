//! From a checked configuration to a running process: limits, sockets, rights, daemon, workers, signals.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_balance::health::{self, Notice};
use hapax_balance::{Backend, default_fullconn};
use hapax_core::contract::{Dispatch, Now};
use hapax_core::diagnostic::Severity;
use hapax_core::ir;
use hapax_core::keyword::Registry;
use hapax_core::live::Live;
use hapax_core::program::{Program, Proxy, ProxyId};
use hapax_runtime::log::date;
use hapax_runtime::log::intake::Intake;
use hapax_runtime::open::hand_over::{self, Inherited};
use hapax_runtime::open::{self, BindError, Bound};
use hapax_runtime::profile;
use hapax_runtime::serve::{self, Options, Running};
use hapax_runtime::stats::{self, info::Facts};
use hapax_sample::variable::set_process;
use hapax_sys::capability::{Capability, keep_over_change_of_user, limit_to};
use hapax_sys::process::Forked;
use hapax_sys::signal::{Signal, Signals};
use hapax_sys::{identity, namespace, process, time};

use crate::added_server::AddedServers;
use crate::answer::{self, Ending};
use crate::args::{Args, OldProcess};
use crate::limits::{self, Limits};
use crate::load::Loaded;
use crate::master::Worker;
use crate::message::Printer;
use crate::reload::Reloader;
use crate::system_text;
use crate::version;

/// Signals that the process answers (management manual, 4 and 12).
const SIGNALS: &[Signal] = &[
    Signal::SIGUSR1,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGTTOU,
    Signal::SIGTTIN,
    Signal::SIGQUIT,
    Signal::SIGUSR2,
    Signal::SIGALRM,
];

/// Those that end no process: they wait while it starts.
pub const HARMLESS: &[Signal] = &[
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR2,
    Signal::SIGALRM,
];

/// Starts, serves, and returns at the end of the process.
pub fn start(
    args: &Args,
    registry: &'static Registry,
    loaded: Loaded,
    worker: Option<Worker>,
    printer: &mut Printer,
) -> ExitCode {
    let programs = loaded.config.programs.clone();
    match prepare(args, registry, loaded, worker, printer) {
        Ok(Some(prepared)) => {
            let reloader = Reloader::new(args, registry, programs);
            run(prepared, &reloader, printer)
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(text) => {
            printer.say(Severity::Alert, &text);
            ExitCode::FAILURE
        }
    }
}

/// A process that is ready to serve.
struct Prepared {
    program: Arc<Program>,
    listeners: Vec<Bound>,
    runtime_api: Vec<OwnedFd>,
    intakes: Vec<Intake>,
    facts: Facts,
    signals: Signals,
    worker: Option<Worker>,
    /// Whether the start is told about in detail.
    tells: bool,
}

/// Everything that may fail; none in the parent of a daemon.
fn prepare(
    args: &Args,
    registry: &'static Registry,
    loaded: Loaded,
    worker: Option<Worker>,
    printer: &mut Printer,
) -> Result<Option<Prepared>, String> {
    let Loaded {
        mut config,
        sources,
        warned,
        began,
        tls,
    } = loaded;
    let listens = config
        .proxies
        .iter()
        .any(|proxy| !proxy.disabled && !proxy.binds.is_empty());
    if !listens && config.log_forwards.is_empty() && config.global.stats_sockets.is_empty() {
        return Err(
            "[haproxy.main()] No enabled listener found (check for 'bind' directives) ! Exiting."
                .into(),
        );
    }
    renice(&config.global, printer);
    let workers = workers(&config.global);
    let limits = limit(args, &mut config, workers, printer)?;
    let mut old = take_over(args, worker.as_ref(), printer)?;
    let mut refuse = |errors: Vec<BindError>| {
        for error in errors {
            printer.say(Severity::Alert, &error.text(&sources));
        }
        "[haproxy.main()] Some protocols failed to start their listeners! Exiting.".to_owned()
    };
    let runtime_api = open::runtime_api(&config.global, &mut old).map_err(&mut refuse)?;
    let intakes =
        open::intakes(&config.log_forwards, &config.global, &mut old).map_err(&mut refuse)?;
    keep_namespaces(&config)?;
    let listeners =
        open::listeners(&config.proxies, &config.global, workers, &mut old).map_err(refuse)?;
    // Nobody serves what is left.
    drop(old);
    let alone = worker.is_none();
    let background = alone && config.global.daemon;
    let pidfile = config.global.pidfile.as_deref().filter(|_| background);
    let pidfile = open_pidfile(pidfile)?;
    let host_name = identity::host_name().unwrap_or_default();
    let null = process::null().map_err(|error| system_text(&error))?;
    // The zone's file is out of reach in a chroot.
    let _ = date::zone();
    drop_rights(&config.global)?;
    if !config.global.setuid_wanted {
        // Where the system has no such thing, nothing is lost.
        let _ = process::give_up_new_rights();
    }
    profile::set(config.global.profiling);
    if config.global.set_dumpable {
        allow_core_dumps(printer);
    }
    if background && !detach(pidfile.as_ref(), &null)? {
        return Ok(None);
    }
    drop(null);
    // A master tells them itself.
    for &(what, pid) in args.old.iter().filter(|_| alone) {
        let signal = match what {
            OldProcess::Finish => Signal::SIGUSR1,
            OldProcess::Terminate => Signal::SIGTERM,
        };
        // An old process that is gone already needs no signal.
        let _ = process::kill(pid, Some(signal));
    }
    let tells = tells(args, &config.global);
    if tells {
        printer.plain(&version::machinery());
    }
    let facts = Facts {
        version: version::VERSION.into(),
        release_date: version::DATE.into(),
        ulimit_n: u32::try_from(limits.files).unwrap_or(u32::MAX),
        maxsock: u32::try_from(limits.sockets).unwrap_or(u32::MAX),
        hard_maxconn: limits.maxconn,
        maxpipes: limits.pipes,
        memmax_mb: args.memory.map_or(0, |megabytes| megabytes as u32),
        warnings: u32::from(warned),
        boot_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
        startup_logs: printer.said().as_bytes().to_vec(),
    };
    let signals = Signals::catch(SIGNALS).map_err(|error| system_text(&error))?;
    let live = Arc::new(Live::new(&config, workers, time::realtime() / 1000));
    // Nothing has set it before.
    let _ = live.registry.set(registry);
    let _ = live.server_maker.set(Arc::new(AddedServers(registry)));
    let counted_before = std::mem::take(&mut config.counted_before);
    let program = Arc::new(Program::link(config, live, host_name));
    for notice in attach(&program) {
        printer.say(Severity::Warning, &notice.text);
    }
    stats::file::take_over(&program, &counted_before);
    tls.attach(&program);
    let now = Now {
        ms: 0,
        wall_us: time::realtime() / 1000,
    };
    for variable in &program.global.variables {
        set_process(&program, now, variable);
    }
    Ok(Some(Prepared {
        program,
        listeners,
        runtime_api,
        intakes,
        facts,
        signals,
        worker,
        tells,
    }))
}

/// The process that a `-x` names; none for `/dev/null`.
pub fn old_process(path: &str) -> Option<hand_over::OldProcess> {
    if path == "/dev/null" {
        return None;
    }
    let pair = path
        .strip_prefix("sockpair@")
        .and_then(|text| text.parse().ok());
    Some(match pair {
        Some(number) => hand_over::OldProcess::Pair(number),
        None => hand_over::OldProcess::Path(path.into()),
    })
}

/// The listening sockets of the process before.
fn take_over(
    args: &Args,
    worker: Option<&Worker>,
    printer: &mut Printer,
) -> Result<Inherited, String> {
    let old = match worker {
        Some(worker) => worker.old.clone(),
        None => args.old_sockets.as_deref().and_then(old_process),
    };
    let Some(old) = old else {
        return Ok(Inherited::default());
    };
    Inherited::ask(&old).or_else(|error| {
        printer.say(Severity::Warning, &error.to_string());
        // A former worker that is gone already has closed its sockets.
        if matches!(old, hand_over::OldProcess::Pair(_)) {
            return Ok(Inherited::default());
        }
        Err("Failed to get the sockets from the old process!".into())
    })
}

/// `tune.renice.runtime`: the priority from now on. That of the start ends with it.
fn renice(global: &ir::Global, printer: &mut Printer) {
    if let Some(priority) = global.renice_runtime
        && let Err(error) = process::set_priority(priority)
    {
        let text = format!(
            "[haproxy.main()] couldn't set the runtime nice value to {priority}: {}",
            system_text(&error)
        );
        printer.say(Severity::Warning, &text);
    }
}

/// Whether the start is told about in detail.
fn tells(args: &Args, global: &ir::Global) -> bool {
    args.verbose || global.observation.events
}

/// How many workers a configuration asks for.
pub fn workers(global: &ir::Global) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    global.nbthread.map_or_else(cores, usize::from).max(1)
}

/// `maxconn`, open files and memory.
fn limit(
    args: &Args,
    config: &mut ir::Config,
    workers: usize,
    printer: &mut Printer,
) -> Result<Limits, String> {
    let granted = hapax_sys::limits::open_files().map_err(|error| system_text(&error))?;
    let mut limits = limits::compute(config, workers as u16, granted.hard);
    config.global.maxconn = Some(limits.maxconn);
    if tells(args, &config.global) {
        printer.plain(&format!(
            "Note: setting global.maxconn to {}.",
            limits.maxconn
        ));
    }
    if let Some(text) = limits::apply(limits, !config.global.no_strict_limits)? {
        limits.files = limits.files.min(granted.hard);
        printer.say(Severity::Warning, &text);
    }
    if let Some(megabytes) = args.memory.filter(|&megabytes| megabytes > 0) {
        let bytes = megabytes.saturating_mul(1 << 20);
        let limit = hapax_sys::limits::Limit {
            soft: bytes,
            hard: bytes,
        };
        hapax_sys::limits::set_address_space(limit)
            .map_err(|_| format!("[haproxy.main()] Cannot fix MEM limit to {megabytes} megs."))?;
    }
    Ok(limits)
}

fn open_pidfile(path: Option<&str>) -> Result<Option<File>, String> {
    let Some(path) = path else {
        return Ok(None);
    };
    File::create(path)
        .map(Some)
        .map_err(|_| format!("[haproxy.main()] Cannot create pidfile {path}"))
}

fn write_pid(mut file: &File, pid: u32) {
    // The process serves whether or not its number could be written.
    let _ = writeln!(file, "{pid}");
}

/// chroot, group and user, in the order in which each still has the rights it needs.
fn drop_rights(global: &ir::Global) -> Result<(), String> {
    if let Some(folder) = &global.chroot {
        identity::chroot(Path::new(folder))
            .map_err(|_| format!("[haproxy.main()] Cannot chroot({folder})."))?;
    }
    if let Some(gid) = global.gid.filter(|&gid| gid != 0) {
        identity::set_group(gid, &[gid])
            .map_err(|_| format!("[haproxy.main()] Cannot set gid {gid}."))?;
    }
    let kept: Vec<_> = global.capabilities.iter().map(capability).collect();
    if let Some(uid) = global.uid.filter(|&uid| uid != 0) {
        if !kept.is_empty() && identity::effective_uid() == 0 {
            keep_over_change_of_user().map_err(|error| system_text(&error))?;
        }
        identity::set_user(uid).map_err(|_| format!("[haproxy.main()] Cannot set uid {uid}."))?;
        if !kept.is_empty() {
            limit_to(&kept).map_err(|error| {
                format!(
                    "[haproxy.main()] Cannot keep capabilities: {}",
                    system_text(&error)
                )
            })?;
        }
    }
    Ok(())
}

/// The system's name of a right that `setcap` keeps.
fn capability(named: &ir::Capability) -> Capability {
    match named {
        ir::Capability::NetRaw => Capability::NetRaw,
        ir::Capability::NetAdmin => Capability::NetAdmin,
        ir::Capability::NetBindService => Capability::NetBindService,
        ir::Capability::SysAdmin => Capability::SysAdmin,
    }
}

/// `set-dumpable`: a process that changed its user leaves no core file otherwise.
fn allow_core_dumps(printer: &mut Printer) {
    let unlimited = hapax_sys::limits::Limit {
        soft: u64::MAX,
        hard: u64::MAX,
    };
    let set = hapax_sys::limits::set_core_size(unlimited).and_then(|()| process::set_dumpable());
    if let Err(error) = set {
        let text = format!(
            "[haproxy.main()] Failed to set the core dumps: {}",
            system_text(&error)
        );
        printer.say(Severity::Warning, &text);
    }
}

/// Goes to the background. False in the parent, once the child's number is written.
fn detach(pidfile: Option<&File>, null: &File) -> Result<bool, String> {
    match process::fork() {
        Ok(Forked::Parent(child)) => {
            if let Some(file) = pidfile {
                write_pid(file, child.unsigned_abs());
            }
            Ok(false)
        }
        Ok(Forked::Child) => {
            let quiet = process::new_session().and_then(|()| process::silence(null));
            quiet.map_err(|error| system_text(&error))?;
            Ok(true)
        }
        Err(error) => Err(format!(
            "[haproxy.main()] Cannot fork: {}",
            system_text(&error)
        )),
    }
}

/// Serves until a signal ends it or everything is done after a soft stop.
fn run(prepared: Prepared, reloader: &Arc<Reloader>, printer: &mut Printer) -> ExitCode {
    let Prepared {
        program,
        listeners,
        runtime_api,
        intakes,
        facts,
        signals,
        mut worker,
        tells,
    } = prepared;
    let master = match worker
        .as_ref()
        .map(|worker| worker.pair.try_clone())
        .transpose()
    {
        Ok(master) => master,
        Err(error) => {
            printer.say(Severity::Alert, &system_text(&error));
            return ExitCode::FAILURE;
        }
    };
    let options = Options {
        listeners,
        runtime_api,
        intakes,
        master,
        facts,
        render: hapax_sample::log_format::render,
        reload: Some(reloader.reload()),
    };
    if tells {
        hapax_runtime::observe::started();
    }
    let running = match serve::start(program, options) {
        Ok(running) => running,
        Err(error) => {
            printer.say(Severity::Alert, &system_text(&error));
            return ExitCode::FAILURE;
        }
    };
    let running = Arc::new(running);
    reloader.begin(&running);
    printer.keep(None);
    if let Some(worker) = &mut worker {
        worker.ready();
    }
    match serve_until_end(&running, &signals) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            printer.say(Severity::Alert, &system_text(&error));
            ExitCode::FAILURE
        }
    }
}

/// Opens what servers are reached through, while names of namespaces are in reach.
fn keep_namespaces(config: &ir::Config) -> Result<(), String> {
    let servers = config.proxies.iter().flat_map(|proxy| &proxy.servers);
    let servers = servers.map(|server| &server.options);
    let rings = config.rings.iter().flat_map(|ring| &ring.servers);
    let all = servers.chain(rings.map(|server| &server.options));
    for name in all.filter_map(|options| options.namespace.as_deref()) {
        namespace::keep(name)
            .map_err(|error| format!("Cannot open namespace '{name}': {}.", system_text(&error)))?;
    }
    Ok(())
}

/// Answers signals until the workers have ended.
fn serve_until_end(running: &Arc<Running>, signals: &Signals) -> std::io::Result<()> {
    let (here, there) = hapax_sys::stream::socket_pair()?;
    let waker = there.try_clone()?;
    let workers = running.clone();
    let joined = std::thread::Builder::new()
        .name("join".into())
        .spawn(move || {
            let result = workers.join();
            // Tells the waiting thread that there is nothing left to wait for.
            let _ = hapax_sys::stream::shutdown(&there, hapax_sys::stream::Half::Write);
            result
        })?;
    let mut ending = Ending::new(waker);
    while let Some(signal) = hapax_sys::signal::wait(signals, here.as_fd())? {
        answer::signal(signal, running, &mut ending);
    }
    if ending.is_forced() {
        return Ok(());
    }
    joined
        .join()
        .unwrap_or_else(|_| Err(std::io::Error::other("the workers could not be joined")))
}

/// Gives every backend its algorithm and queues, and its servers the state that a file tells; says what that changed.
fn attach(program: &Program) -> Vec<Notice> {
    let mut notices = Vec::new();
    let now = Now::default();
    let backends = program.proxies.iter().zip(sent_to_backends(program));
    for (proxy, connections) in backends.filter(|(proxy, _)| proxy.ir.kind.has_backend()) {
        attach_backend(proxy, connections);
        health::refresh_totals(&proxy.live, now);
        for server in &proxy.live.servers {
            if let Some(restored) = &server.ir.options.restored {
                notices.extend(health::restore(&proxy.live, server, restored, now));
            }
        }
    }
    notices
}

/// Gives backends their algorithm and queues, unless they have them: a proxy that a former program attached keeps its queues.
pub fn attach_backends(program: &Program) {
    let backends = program.proxies.iter().zip(sent_to_backends(program));
    for (proxy, connections) in backends.filter(|(proxy, _)| proxy.ir.kind.has_backend()) {
        attach_backend(proxy, connections);
    }
}

fn attach_backend(proxy: &Proxy, connections: u32) {
    if proxy.live.dispatch().is_some() {
        return;
    }
    let fullconn = proxy
        .ir
        .fullconn
        .unwrap_or_else(|| default_fullconn(connections));
    let backend = Backend::new(&proxy.ir, &proxy.live, fullconn);
    let backend: Arc<dyn Dispatch> = Arc::new(backend);
    if proxy.live.servers.len() > proxy.live.servers.configured() {
        backend.servers_changed();
    }
    let _ = proxy.live.dispatch.set(backend);
}

/// Connections that all frontends together may send to each backend, in the order of the proxies.
fn sent_to_backends(program: &Program) -> Vec<u32> {
    let process = program.live.process.maxconn.load(Ordering::Relaxed);
    let mut sent = vec![0_u32; program.proxies.len()];
    let mut targets = Vec::new();
    let frontends = program.proxies.iter();
    for frontend in frontends.filter(|proxy| proxy.ir.kind.has_frontend()) {
        let named = frontend.use_backend.iter().copied().flatten();
        targets.clear();
        targets.extend(frontend.default_backend.into_iter().chain(named));
        targets.sort_unstable();
        targets.dedup();
        for ProxyId(backend) in &targets {
            if let Some(sum) = sent.get_mut(*backend as usize) {
                *sum = sum.saturating_add(frontend.ir.maxconn.unwrap_or(process));
            }
        }
    }
    sent
}
