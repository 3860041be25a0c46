//! What the resolution of names does to a server: another address, maintenance without one, and the way back.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::ir::{Address, ServerPort};
use hapax_core::live::{Operation, ProxyLive, ServerLive};

use super::{ALERT, NOTICE, Notice, apply, publish, settle, text};

/// Gives a server another address, and another port when one is told. Connections that are open stay where they are; those
/// in pools are not used any more. Tells what changed, in upstream's words; none when nothing did.
pub fn change_address(server: &ServerLive, ip: IpAddr, port: Option<u16>) -> Option<String> {
    let Address::Inet(old) = **server.address.load() else {
        return None;
    };
    let mut changes = Vec::new();
    if ip != old.ip() {
        let before = match is_addressed(server) {
            true => old.ip().to_string(),
            false => "(none)".to_owned(),
        };
        changes.push(format!("IP changed from '{before}' to '{ip}'"));
    }
    let now = port.unwrap_or(old.port());
    let before = server.port();
    if now != old.port() || (port.is_some() && before != ServerPort::Fixed) {
        let before = match before {
            ServerPort::Fixed => old.port().to_string(),
            ServerPort::SameAsClient => "+0".to_owned(),
            ServerPort::Offset(offset) => format!("{offset:+}"),
        };
        changes.push(format!("port changed from '{before}' to '{now}'"));
        server.has_port.store(true, Ordering::Relaxed);
    }
    if changes.is_empty() {
        return None;
    }
    let new = Address::Inet(SocketAddr::new(ip, now));
    server.address.store(Arc::new(new));
    server.generation.fetch_add(1, Ordering::Relaxed);
    Some(changes.join(", "))
}

/// Sets the port that a service record tells, without a word.
pub fn change_port(server: &ServerLive, port: u16) {
    if let Address::Inet(old) = **server.address.load() {
        let new = Address::Inet(SocketAddr::new(old.ip(), port));
        server.address.store(Arc::new(new));
        server.has_port.store(true, Ordering::Relaxed);
        server.generation.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a server that has a name has an address, too.
pub fn is_addressed(server: &ServerLive) -> bool {
    match **server.address.load() {
        Address::Inet(address) => !address.ip().is_unspecified(),
        _ => true,
    }
}

/// Puts a server without address into maintenance; `why` tells upstream's reason.
pub fn lose_address(proxy: &ProxyLive, server: &ServerLive, why: &str, now: Now) -> Vec<Notice> {
    if let Address::Inet(old) = **server.address.load() {
        let none = match old {
            SocketAddr::V4(_) => IpAddr::from([0; 4]),
            SocketAddr::V6(_) => IpAddr::from([0; 16]),
        };
        let new = Address::Inet(SocketAddr::new(none, old.port()));
        server.address.store(Arc::new(new));
        server.generation.fetch_add(1, Ordering::Relaxed);
    }
    let mut state = server.state.lock();
    if state.admin.unresolved {
        return Vec::new();
    }
    let in_maintenance = state.admin.in_maintenance();
    state.admin.unresolved = true;
    if in_maintenance {
        return Vec::new();
    }
    let was_up = state.operation != Operation::Stopped;
    state.operation = Operation::Stopped;
    state.health = 0;
    if was_up {
        state.down_transitions += 1;
        state.last_change_ms = now.ms;
    }
    publish(server, &state);
    drop(state);
    if !was_up {
        let name = text::server_name(server, true);
        let line = format!("{name} was DOWN and now enters maintenance ({why}).");
        return vec![Notice::new(NOTICE, line)];
    }
    let what = format!("is going DOWN for maintenance ({why})");
    settle(proxy, server, &what, true, ALERT, now)
}

/// Takes a server that has an address again out of maintenance.
pub fn regain_address(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    let mut state = server.state.lock();
    if !state.admin.unresolved {
        return Vec::new();
    }
    state.admin.unresolved = false;
    let name = text::server_name(server, true);
    let thanks = Notice::new(
        NOTICE,
        format!("{name} administratively READY thanks to valid DNS answer."),
    );
    if state.admin.in_maintenance() {
        return vec![thanks];
    }
    let check = &server.ir.options.check;
    let up = check.begins_up();
    state.operation = match up {
        true => Operation::Running,
        false => Operation::Stopped,
    };
    // Upstream counts none for a server that is not checked.
    state.health = match check.enabled {
        true => check.initial_health(),
        false => 0,
    };
    state.downtime += now.ms.saturating_sub(state.last_change_ms) / 1000;
    state.last_change_ms = now.ms;
    let word = match state.admin.in_drain() {
        true => "DRAIN",
        false => "READY",
    };
    publish(server, &state);
    drop(state);
    apply(proxy, now);
    let operation = if up { "UP" } else { "DOWN" };
    let host = server.host_name.load_full();
    let host = host.as_deref().map_or("", String::as_str);
    let line = format!("{name} ('{host}') is {operation}/{word} (resolves again).");
    vec![Notice::new(NOTICE, line), thanks]
}
