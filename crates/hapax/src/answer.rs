//! What the running process does about signals (management manual, 4 and 12): soft stop, pause, report.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use hapax_core::counter::Count;
use hapax_core::ir::ProxyKind;
use hapax_core::live::ProxyLive;
use hapax_core::program::{Program, ProxyId};
use hapax_runtime::log::{Level, Logger, Severity};
use hapax_runtime::serve::Running;
use hapax_sys::process;
use hapax_sys::signal::Signal;

/// Does what a signal asks for.
pub fn signal(signal: Signal, running: &Arc<Running>, stopping: &mut bool) {
    match signal {
        Signal::SIGUSR1 if *stopping => {}
        Signal::SIGUSR1 => {
            *stopping = true;
            stop(running);
        }
        Signal::SIGTTOU => {
            listeners(running, "Paused");
            running.pause();
        }
        Signal::SIGTTIN => {
            listeners(running, "Resumed");
            running.resume();
        }
        Signal::SIGHUP => running.once(|local| report(&local.plan().logger)),
        // The way the process ends tells its parent which signal it was.
        other => {
            let _ = hapax_sys::signal::restore(other);
            let _ = hapax_sys::signal::unblock_all();
            let _ = process::kill(std::process::id().cast_signed(), Some(other));
        }
    }
}

/// Soft stop, after `grace` and no longer than `hard-stop-after`.
fn stop(running: &Arc<Running>) {
    let program = running.program();
    let global = &program.global;
    // Old files have `grace` in proxies; the process waits for the longest.
    let proxies = program.proxies.iter().filter_map(|proxy| proxy.ir.grace);
    let grace = proxies.chain(global.grace).max().unwrap_or(0);
    let hard = global.hard_stop_after;
    if grace == 0 {
        soft_stop(running);
        if hard.is_none() {
            return;
        }
    } else {
        running.once(move |local| {
            let text = format!("Scheduling a soft-stop in {grace} ms.");
            let logger = &local.plan().logger;
            logger.say(Severity::Notice, &text);
            logger.message(None, Level::Warning, &text);
        });
    }
    let stopping = running.clone();
    // The process ends with its workers, whether or not this thread still waits.
    let started = thread::Builder::new().name("stop".into()).spawn(move || {
        if grace > 0 {
            thread::sleep(Duration::from_millis(u64::from(grace)));
            stopping.once(|local| {
                let text = "Grace period expired, proceeding with soft-stop now.";
                let logger = &local.plan().logger;
                logger.say(Severity::Notice, text);
                logger.message(None, Level::Notice, text);
            });
            soft_stop(&stopping);
        }
        if let Some(hard) = hard {
            thread::sleep(Duration::from_millis(u64::from(hard)));
            hard_stop(&stopping);
        }
    });
    if let Err(error) = started {
        log::error!("the stop cannot be timed, stopping now: {error}");
        soft_stop(running);
    }
}

fn soft_stop(running: &Running) {
    running.once(|local| {
        let logger = &local.plan().logger;
        let (listening, others): (Vec<_>, Vec<_>) =
            enabled(logger.program()).partition(|id| listens(logger.program(), *id));
        for id in listening.into_iter().chain(others) {
            logger.proxy_stopped(id);
        }
    });
    running.stop();
}

/// Ends what is left, and the process even if something does not end.
fn hard_stop(running: &Running) {
    running.once(|local| {
        let logger = &local.plan().logger;
        warn(
            logger,
            None,
            "soft-stop running for too long, performing a hard-stop.",
        );
        for id in enabled(logger.program()) {
            let live = &logger.program().proxy(id).live;
            let left = live.frontend.sessions.value();
            if left > 0 {
                let text = format!(
                    "Proxy {} hard-stopped ({left} remaining conns will be closed).",
                    live.name
                );
                warn(logger, Some(id), &text);
            }
        }
    });
    running.kill();
    thread::sleep(LAST_CHANCE);
    let (told, wait) = std::sync::mpsc::channel();
    running.once(move |local| {
        let logger = &local.plan().logger;
        warn(
            logger,
            None,
            "Some tasks resisted to hard-stop, exiting now.",
        );
        logger.flush();
        // Nobody waits any more when the worker was that slow.
        let _ = told.send(());
    });
    let _ = wait.recv_timeout(LAST_CHANCE);
    std::process::exit(0);
}

/// SIGTTOU and SIGTTIN: the line of every proxy that listens.
fn listeners(running: &Running, what: &'static str) {
    running.once(move |local| {
        let logger = &local.plan().logger;
        let program = logger.program();
        for id in enabled(program).filter(|id| listens(program, *id)) {
            let ir = &program.proxy(id).ir;
            let kind = match ir.kind {
                ProxyKind::Listen => "proxy",
                _ => "frontend",
            };
            warn(logger, Some(id), &format!("{what} {kind} {}.", ir.name));
        }
    });
}

/// SIGHUP: the state of all servers and proxies.
fn report(logger: &Logger) {
    logger.say(
        Severity::Warning,
        "SIGHUP received, dumping servers states.",
    );
    for (index, proxy) in logger.program().proxies.iter().enumerate() {
        let id = ProxyId(index as u32);
        let name = &proxy.ir.name;
        let text = format!("SIGHUP received, dumping servers states for proxy {name}.");
        logger.message(Some(id), Level::Notice, &text);
        let say = |text: &str| {
            logger.say(Severity::Warning, text);
            logger.message(Some(id), Level::Notice, text);
        };
        for server in &proxy.live.servers {
            let state = match server.running.load(Ordering::Relaxed) {
                true => "UP",
                false => "DOWN",
            };
            say(&format!(
                "SIGHUP: Server {name}/{} is {state}. Conn: {} act, {} pend, {} tot.",
                server.name,
                server.sessions.value(),
                server.queue.value(),
                server.counters.sum(Count::Sessions)
            ));
        }
        say(&proxy_line(&proxy.live));
    }
}

fn proxy_line(live: &ProxyLive) -> String {
    let active = live.active.load(Ordering::Relaxed);
    let backup = live.backup.load(Ordering::Relaxed);
    let state = match (live.servers.is_empty(), active, backup) {
        (true, ..) => "has no servers.".to_owned(),
        (_, 0, 0) => "has no server available !".to_owned(),
        (_, 0, _) => "is running on backup servers !".to_owned(),
        _ => format!("has {active} active servers and {backup} backup servers available."),
    };
    format!(
        "SIGHUP: Proxy {} {state} Conn: act(FE+BE): {}+{}, {} pend ({} unass), tot(FE+BE): {}+{}.",
        live.name,
        live.frontend.sessions.value(),
        live.backend.sessions.value(),
        live.queue.value(),
        live.queue.value(),
        live.frontend.counters.sum(Count::Sessions),
        live.backend.counters.sum(Count::Sessions)
    )
}

fn warn(logger: &Logger, proxy: Option<ProxyId>, text: &str) {
    logger.say(Severity::Warning, text);
    logger.message(proxy, Level::Warning, text);
}

fn enabled(program: &Program) -> impl Iterator<Item = ProxyId> {
    let proxies = program.proxies.iter().enumerate();
    proxies
        .filter(|(_, proxy)| !proxy.ir.disabled)
        .map(|(index, _)| ProxyId(index as u32))
}

fn listens(program: &Program, id: ProxyId) -> bool {
    !program.proxy(id).ir.binds.is_empty()
}

/// How long sessions may take to end once they are told to.
const LAST_CHANCE: Duration = Duration::from_secs(1);
