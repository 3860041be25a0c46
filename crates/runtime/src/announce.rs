//! What signals make the process say about its proxies: on standard error, and to the log targets of each proxy.

use std::sync::atomic::Ordering;

use hapax_core::counter::Count;
use hapax_core::live::Operation;
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
    }
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
        logger.say(Severity::Warning, &text);
        logger.message(Some(id), Level::Warning, &text);
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
        let state = match server.state.lock().operation {
            Operation::Stopped => "DOWN",
            _ => "UP",
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
    let state = if proxy.ir.servers.is_empty() {
        "has no servers.".to_owned()
    } else if active + backup == 0 {
        "has no server available !".to_owned()
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
