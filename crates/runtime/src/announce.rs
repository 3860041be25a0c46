//! What signals make the process say about its proxies: on standard error, and to the log targets of each proxy.

use std::sync::atomic::Ordering;

use hapax_core::counter::Count;
use hapax_core::program::{Program, Proxy, ProxyId};

use crate::log::{Level, Logger, Severity};

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A soft stop begins.
    Stopped,
    /// Listeners take no connections for a while.
    Paused,
    /// Listeners take connections again.
    Resumed,
    /// The state of all servers and proxies.
    States,
    /// A soft stop begins after so many milliseconds (`grace`).
    Scheduled(u32),
    /// `grace` is over.
    GraceOver,
    /// `hard-stop-after` is over: what is left is ended.
    HardStop,
    /// It did not end.
    Resisted,
}

/// Tells it.
pub fn announce(logger: &Logger, news: News) {
    let program = logger.program();
    match news {
        News::Stopped => {
            // Listeners stop first, what has none is found stopped after them.
            for listens in [true, false] {
                for (id, proxy) in proxies(program) {
                    if !proxy.ir.disabled && proxy.ir.binds.is_empty() != listens {
                        logger.proxy_stopped(id);
                    }
                }
            }
        }
        News::Paused => gates(logger, "Paused"),
        News::Resumed => gates(logger, "Resumed"),
        News::States => states(logger),
        News::Scheduled(grace) => {
            let text = format!("Scheduling a soft-stop in {grace} ms.");
            logger.say(Severity::Notice, &text);
            logger.message(None, Level::Warning, &text);
        }
        News::GraceOver => {
            let text = "Grace period expired, proceeding with soft-stop now.";
            logger.say(Severity::Notice, text);
            logger.message(None, Level::Notice, text);
        }
        News::HardStop => hard_stop(logger),
        News::Resisted => warn(
            logger,
            None,
            "Some tasks resisted to hard-stop, exiting now.",
        ),
    }
}

fn hard_stop(logger: &Logger) {
    let text = "soft-stop running for too long, performing a hard-stop.";
    warn(logger, None, text);
    for (id, proxy) in proxies(logger.program()) {
        let left = proxy.live.frontend.sessions.value();
        if left > 0 {
            let name = &proxy.ir.name;
            let text =
                format!("Proxy {name} hard-stopped ({left} remaining conns will be closed).");
            warn(logger, Some(id), &text);
        }
    }
}

fn warn(logger: &Logger, proxy: Option<ProxyId>, text: &str) {
    logger.say(Severity::Warning, text);
    logger.message(proxy, Level::Warning, text);
}

fn gates(logger: &Logger, what: &str) {
    for (id, proxy) in proxies(logger.program()) {
        if proxy.ir.disabled || proxy.ir.binds.is_empty() {
            continue;
        }
        let kind = match proxy.ir.kind.has_backend() {
            true => "proxy",
            false => "frontend",
        };
        let text = format!("{what} {kind} {}.", proxy.ir.name);
        warn(logger, Some(id), &text);
    }
}

fn states(logger: &Logger) {
    logger.say(
        Severity::Warning,
        "SIGHUP received, dumping servers states.",
    );
    for (id, proxy) in proxies(logger.program()) {
        let name = &proxy.ir.name;
        let text = format!("SIGHUP received, dumping servers states for proxy {name}.");
        logger.message(Some(id), Level::Notice, &text);
        for text in servers(proxy).chain([summary(proxy)]) {
            logger.say(Severity::Warning, &text);
            logger.message(Some(id), Level::Notice, &text);
        }
    }
}

fn servers(proxy: &Proxy) -> impl Iterator<Item = String> {
    proxy.live.servers.iter().map(|server| {
        let state = match server.running.load(Ordering::Relaxed) {
            true => "UP",
            false => "DOWN",
        };
        format!(
            "SIGHUP: Server {}/{} is {state}. Conn: {} act, {} pend, {} tot.",
            proxy.ir.name,
            server.name,
            server.sessions.value(),
            server.queue.value(),
            server.counters.sum(Count::Sessions)
        )
    })
}

fn summary(proxy: &Proxy) -> String {
    let live = &proxy.live;
    let (active, backup) = (
        live.active.load(Ordering::Relaxed),
        live.backup.load(Ordering::Relaxed),
    );
    let state = if proxy.live.servers.is_empty() {
        "has no servers.".to_owned()
    } else if active + backup == 0 {
        "has no server available !".to_owned()
    } else if active == 0 {
        "is running on backup servers !".to_owned()
    } else {
        format!("has {active} active servers and {backup} backup servers available.")
    };
    format!(
        "SIGHUP: Proxy {} {state} Conn: act(FE+BE): {}+{}, {} pend ({} unass), tot(FE+BE): {}+{}.",
        proxy.ir.name,
        live.frontend.sessions.value(),
        live.backend.sessions.value(),
        live.queue.value(),
        live.queue.value(),
        live.frontend.counters.sum(Count::Sessions),
        live.backend.counters.sum(Count::Sessions)
    )
}

fn proxies(program: &Program) -> impl Iterator<Item = (ProxyId, &Proxy)> {
    let id = |index| ProxyId(u32::try_from(index).unwrap_or(u32::MAX));
    program
        .proxies
        .iter()
        .enumerate()
        .map(move |(index, proxy)| (id(index), proxy))
}
