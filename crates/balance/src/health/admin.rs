//! What an administrator does to a server: maintenance, drain, ready, weight.

use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::live::{Operation, ProxyLive, ServerLive};

use super::{ALERT, NOTICE, Notice, apply, has_servers, publish, settle, text, unavailable};

/// Forces a server into maintenance.
pub fn enter_maintenance(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    let mut state = server.state.lock();
    if state.admin.in_maintenance() {
        state.admin.maintenance = true;
        return Vec::new();
    }
    let was_up = state.operation != Operation::Stopped;
    state.admin.maintenance = true;
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
        let line = format!("{name} was DOWN and now enters maintenance.");
        return vec![Notice::new(NOTICE, line)];
    }
    settle(
        proxy,
        server,
        "is going DOWN for maintenance",
        true,
        ALERT,
        now,
    )
}

/// Lets a server serve only those that persistence sends to it. Leaves maintenance.
pub fn enter_drain(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    let was_draining = std::mem::replace(&mut server.state.lock().admin.drain, true);
    let mut notices = leave_maintenance(proxy, server, now);
    if notices.is_empty() && !was_draining {
        publish(server, &server.state.lock());
        return settle(proxy, server, "enters drain state", false, NOTICE, now);
    }
    if !notices.is_empty() {
        let name = text::server_name(server, true);
        let remains = format!("{name} remains in forced drain mode.");
        notices.push(Notice::new(NOTICE, remains));
    }
    notices
}

/// Ends maintenance and drain.
pub fn make_ready(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    let was_draining = std::mem::take(&mut server.state.lock().admin.drain);
    let notices = leave_maintenance(proxy, server, now);
    if !notices.is_empty() || !was_draining {
        return notices;
    }
    let state = server.state.lock();
    publish(server, &state);
    let word = if state.operation == Operation::Stopped {
        "DOWN"
    } else {
        "UP"
    };
    drop(state);
    apply(proxy, now);
    let name = text::server_name(server, true);
    vec![Notice::new(
        NOTICE,
        format!("{name} is {word} (leaving forced drain)."),
    )]
}

/// Ends maintenance, if the server is in it: it comes back as at the start, up until a check says otherwise.
pub fn leave_maintenance(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    let mut state = server.state.lock();
    if !state.admin.maintenance && !state.admin.from_configuration {
        return Vec::new();
    }
    state.admin.maintenance = false;
    state.admin.from_configuration = false;
    let check = &server.ir.options.check;
    let up = check.begins_up();
    state.operation = if up {
        Operation::Running
    } else {
        Operation::Stopped
    };
    if check.enabled {
        state.health = check.initial_health();
    }
    state.downtime += now.ms.saturating_sub(state.last_change_ms) / 1000;
    state.last_change_ms = now.ms;
    let word = if state.admin.in_drain() {
        "DRAIN"
    } else {
        "READY"
    };
    publish(server, &state);
    drop(state);
    apply(proxy, now);
    let name = text::server_name(server, true);
    let operation = if up { "UP" } else { "DOWN" };
    let line = format!("{name} is {operation}/{word} (leaving forced maintenance).");
    vec![Notice::new(NOTICE, line)]
}

/// Sets the weight; tells when the backend has no server left by that.
///
/// # Errors
/// Upstream's text when it is not within 0 and 256.
pub fn set_weight(
    proxy: &ProxyLive,
    server: &ServerLive,
    weight: i64,
    now: Now,
) -> Result<Option<Notice>, &'static str> {
    let weight = u32::try_from(weight)
        .ok()
        .filter(|&weight| weight <= 256)
        .ok_or("Absolute weight can only be between 0 and 256 inclusive.")?;
    let was_up = has_servers(proxy);
    server.user_weight.store(weight, Ordering::Relaxed);
    server
        .effective_weight
        .store(weight * 16, Ordering::Relaxed);
    publish(server, &server.state.lock());
    apply(proxy, now);
    Ok(unavailable(proxy, was_up))
}
