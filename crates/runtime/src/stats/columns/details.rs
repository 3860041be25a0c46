//! What it is: address, cookie, mode, algorithm, and the counters of the frontend's connections.

use hapax_balance::persistence::Value;
use hapax_core::counter::{Count, Rate};
use hapax_core::ir::{Address, Mode, ServerPort};
use hapax_core::live::ServerLive;

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::{Kinds, Subject, View};

columns! {
    "addr", SL, "CGS", "address and port, or unix", address;
    "cookie", BS, "CNS", "cookie value of the server, cookie name of the backend", cookie;
    "mode", ALL, "CGS", "tcp or http", |v| StatValue::text(mode(v.proxy.ir.mode));
    "algo", B, "CGS", "balance algorithm", algorithm;
    "conn_rate", F, "MRP", "connections in the last second", |v| rate(v, |rate| rate.per_second(v.now.ms));
    "conn_rate_max", F, "MMP", "most connections in a second", |v| rate(v, Rate::highest);
    "conn_tot", FL, "MCP", "connections ever", |v| v.count(Count::Connections);
    "intercepted", F, "MCP", "requests answered here (monitor, statistics, rules)", |v| v.http_count(Count::Intercepted);
    "dcon", FL, "MCP", "connections denied by tcp-request connection", |v| v.count(Count::DeniedConnections);
    "dses", FL, "MCP", "sessions denied by tcp-request session", |v| v.count(Count::DeniedSessions);
    "wrew", ALL, "MCP", "header rewrites that failed", |v| v.count(Count::FailedRewrites);
}

/// The name of a mode.
pub fn mode(mode: Mode) -> &'static str {
    mode.name()
}

fn address<'v>(view: &'v View<'_>) -> StatValue<'v> {
    if !view.legends {
        return StatValue::Empty;
    }
    match &view.subject {
        Subject::Listener(_, bind) => StatValue::Str(address_text(&bind.address).into()),
        // A server whose name has no address shows none.
        Subject::Server(server, _) if server.state.lock().admin.unresolved => StatValue::Empty,
        Subject::Server(server, _) if server.lacks_address() => StatValue::Empty,
        Subject::Server(server, _) => StatValue::Str(server_address(server).into()),
        _ => StatValue::Empty,
    }
}

/// The address of a server; where its port adds to that of clients, the difference stands in its place.
fn server_address(server: &ServerLive) -> String {
    match (&**server.address.load(), server.port()) {
        (Address::Inet(address), ServerPort::Offset(offset)) => {
            let mut address = *address;
            // Upstream keeps it in as many bits.
            address.set_port(offset as u16);
            address.to_string()
        }
        (address, _) => address_text(address),
    }
}

/// An address as statistics show it.
pub fn address_text(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(_) => "unix".into(),
        Address::Abstract { .. } => "abns".into(),
        Address::Descriptor(_) | Address::SocketPair(_) => "sockpair".into(),
    }
}

fn cookie<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let changed = view.proxy.live.cookie.load();
    let own = changed.as_deref().or(view.proxy.ir.cookie.as_ref());
    let cookie = match view.server() {
        _ if !view.legends => None,
        Some(server) => match own.and_then(|own| hapax_balance::persistence::value(own, server)) {
            Some(made @ Value::Made(_)) => {
                return StatValue::Str(made.as_str().to_owned().into());
            }
            _ => server.ir.options.cookie.as_deref(),
        },
        None => view.proxy.ir.cookie.as_ref().map(|own| own.name.as_str()),
    };
    cookie.map_or(StatValue::Empty, StatValue::text)
}

fn algorithm<'v>(view: &'v View<'_>) -> StatValue<'v> {
    if !view.legends {
        StatValue::Empty
    } else if view.proxy.ir.dispatch.is_some() {
        StatValue::text("none")
    } else {
        StatValue::text(view.proxy.ir.balance.name())
    }
}

fn rate<'v>(view: &'v View<'_>, read: impl FnOnce(&Rate) -> u32) -> StatValue<'v> {
    match view.side() {
        Some(side) if view.kind() == Kinds::F => StatValue::U32(read(&side.connection_rate)),
        _ => StatValue::Empty,
    }
}
