//! In which state: status, weight, health counters and numbers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::counter::Count;
use hapax_core::live::{Operation, ServerLive};

use super::columns;
use crate::stats::status;
use crate::stats::value::StatValue;
use crate::stats::view::{Kinds, Subject, View};

columns! {
    "status", ALL, "SGP", "state in upstream's words", status_text;
    "weight", BS, "MaP", "weight in force", weight;
    "act", BS, "SGP|MGP", "usable active servers, or whether the server is an active one", |v| servers(v, false);
    "bck", BS, "SGP|MGP", "usable backup servers, or whether the server is a backup", |v| servers(v, true);
    "chkfail", S, "MCP", "checks that failed while the server was up", |v| checked(v, |server| StatValue::U64(u64::from(server.state.lock().failed_checks)));
    "chkdown", BS, "MCP", "times it went down", down_transitions;
    "lastchg", BS, "MAP", "seconds since it last went up or down", last_change;
    "downtime", BS, "MCP", "seconds it was down", downtime;
    "qlimit", S, "CGS", "limit of its queue (maxqueue)", |v| positive(v.server().map(|s| s.ir.options.maxqueue));
    "pid", ALL, "KGP", "number of the process, always 1", |_| StatValue::U32(1);
    "iid", ALL, "KGS", "number of the proxy", |v| StatValue::U32(v.proxy.live.uuid);
    "sid", ALL, "KGS", "number of the server or listener in its proxy", number;
    "throttle", S, "CGS", "percentage of its weight that a starting server has", throttle;
    "lbtot", BS, "MCP", "times load balancing chose a server", |v| v.count(Count::Chosen);
    "tracked", S, "CNS", "server whose checks decide", tracked;
    "type", ALL, "CGS", "0 frontend, 1 backend, 2 server, 3 listener", kind;
}

fn status_text<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match &view.subject {
        Subject::Frontend => StatValue::text(status::of_frontend(view.program, view.proxy)),
        Subject::Backend if view.counts_servers => {
            let (state, servers) = (
                status::of_backend(&view.proxy.live),
                &view.proxy.live.servers,
            );
            let up =
                |server: &&Arc<ServerLive>| server.state.lock().operation != Operation::Stopped;
            let up = servers.iter().filter(up).count();
            StatValue::Str(format!("{state} ({up}/{})", servers.iter().count()).into())
        }
        Subject::Backend => StatValue::text(status::of_backend(&view.proxy.live)),
        Subject::Listener(listener, bind) => StatValue::text(status::of_listener(listener, bind)),
        Subject::Server(server, health) => StatValue::Str(health.text(server).into()),
    }
}

/// Weights inside are in sixteenths; shown rounded up, as upstream does.
fn weight<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let effective =
        |server: &hapax_core::live::ServerLive| server.effective_weight.load(Ordering::Relaxed);
    StatValue::U32(match view.server() {
        Some(server) => effective(server).div_ceil(16),
        None => view
            .serving()
            .map(|server| effective(server))
            .fold(0, u32::saturating_add)
            .div_ceil(16),
    })
}

fn servers<'v>(view: &'v View<'_>, backup: bool) -> StatValue<'v> {
    if let Some(server) = view.server() {
        return StatValue::U32(u32::from(server.ir.options.backup == backup));
    }
    let servers = view.proxy.live.servers.iter();
    let count = servers
        .filter(|server| server.ir.options.backup == backup && status::is_usable(server))
        .count();
    StatValue::U32(u32::try_from(count).unwrap_or(u32::MAX))
}

fn checked<'v>(
    view: &'v View<'_>,
    read: impl FnOnce(&hapax_core::live::ServerLive) -> StatValue<'v>,
) -> StatValue<'v> {
    match view.server() {
        Some(server)
            if server.ir.options.check.enabled
                && view
                    .health()
                    .is_none_or(|health| !health.own.checks_disabled) =>
        {
            read(server)
        }
        _ => StatValue::Empty,
    }
}

fn down_transitions<'v>(view: &'v View<'_>) -> StatValue<'v> {
    if view.kind() == Kinds::B {
        let times = view.proxy.live.down_transitions.load(Ordering::Relaxed);
        return StatValue::U64(u64::from(times));
    }
    checked(view, |server| {
        StatValue::U64(u64::from(server.state.lock().down_transitions))
    })
}

fn last_change<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match view.health() {
        // As upstream cuts it.
        Some(health) => StatValue::U32(health.own.seconds_since_change(view.now.ms) as u32),
        None => {
            let moment = view.proxy.live.last_change_ms.load(Ordering::Relaxed);
            StatValue::seconds(view.since(moment))
        }
    }
}

/// Time down before the last change, and since then while it is down.
fn downtime<'v>(view: &'v View<'_>) -> StatValue<'v> {
    if let (Some(server), Some(health)) = (view.server(), view.health()) {
        if !server.ir.options.check.enabled {
            return StatValue::Empty;
        }
        let since = match health.own.operation {
            Operation::Stopped => health.own.seconds_since_change(view.now.ms),
            _ => 0,
        };
        let since = u64::try_from(since).unwrap_or(0);
        return StatValue::seconds(health.own.downtime.saturating_add(since));
    }
    let live = &view.proxy.live;
    if live.servers.is_empty() {
        return StatValue::Empty;
    }
    let running = match status::of_backend(live) {
        "DOWN" => view.since(live.last_change_ms.load(Ordering::Relaxed)),
        _ => 0,
    };
    let before = live.downtime.load(Ordering::Relaxed);
    StatValue::seconds(before.saturating_add(running))
}

fn number<'v>(view: &'v View<'_>) -> StatValue<'v> {
    StatValue::U32(match &view.subject {
        Subject::Listener(listener, _) => listener.id,
        Subject::Server(server, _) => server.id,
        Subject::Frontend | Subject::Backend => 0,
    })
}

fn throttle<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let (Some(server), Some(health)) = (view.server(), view.health()) else {
        return StatValue::Empty;
    };
    if health.own.operation != Operation::Starting || health.own.admin.in_drain() {
        return StatValue::Empty;
    }
    let whole = u64::from(server.user_weight.load(Ordering::Relaxed)) * 16;
    let now = u64::from(server.effective_weight.load(Ordering::Relaxed));
    match whole {
        0 => StatValue::Empty,
        whole => StatValue::U32(u32::try_from((now * 100 + 15) / whole).unwrap_or(100)),
    }
}

fn tracked<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match view.server().and_then(|s| s.ir.options.track.as_ref()) {
        Some((backend, server)) => {
            let own = &view.proxy.ir.name;
            let backend = if backend.is_empty() { own } else { backend };
            StatValue::Str(format!("{backend}/{server}").into())
        }
        None => StatValue::Empty,
    }
}

fn kind<'v>(view: &'v View<'_>) -> StatValue<'v> {
    StatValue::U32(match &view.subject {
        Subject::Frontend => 0,
        Subject::Backend => 1,
        Subject::Server(..) => 2,
        Subject::Listener(..) => 3,
    })
}

fn positive<'v>(limit: Option<u32>) -> StatValue<'v> {
    match limit {
        Some(limit) if limit > 0 => StatValue::U32(limit),
        _ => StatValue::Empty,
    }
}
