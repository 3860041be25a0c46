//! What an administrator does to a server: maintenance, drain, ready, health, weight.

use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::live::{Operation, ProxyLive, ServerLive};

use super::{
    ALERT, NOTICE, Notice, Transition, apply, has_servers, publish, settle, text, unavailable, verb,
};

/// Forces a server into maintenance.
pub fn enter_maintenance(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    enter_maintenance_by(proxy, server, "", now)
}

/// The same; `cause` is what the line says about it, such as ` ('disable' on stats page)`.
pub fn enter_maintenance_by(
    proxy: &ProxyLive,
    server: &ServerLive,
    cause: &str,
    now: Now,
) -> Vec<Notice> {
    let mut state = server.state.lock();
    let already = state.admin.in_maintenance();
    state.admin.maintenance = true;
    drop(state);
    match already {
        true => Vec::new(),
        false => begin_maintenance(proxy, server, cause, now),
    }
}

/// The server is in maintenance now and was not before.
pub(super) fn begin_maintenance(
    proxy: &ProxyLive,
    server: &ServerLive,
    cause: &str,
    now: Now,
) -> Vec<Notice> {
    let mut state = server.state.lock();
    let was_up = state.operation != Operation::Stopped;
    // Checks that the administrator had turned off are not paused.
    state.never_paused |= state.checks_disabled;
    state.operation = Operation::Stopped;
    state.health = 0;
    if was_up {
        state.down_transitions += 1;
        state.last_change_ms = now.ms;
    }
    // Who drains had left already.
    let drains = state.admin.in_drain();
    publish(server, &mut state);
    drop(state);
    if !was_up {
        let name = text::server_name(server, true);
        let line = format!("{name} was DOWN and now enters maintenance{cause}.");
        return vec![Notice::new(NOTICE, line)];
    }
    let what = format!("is going DOWN for maintenance{cause}");
    let level = match drains {
        true => NOTICE,
        false => ALERT,
    };
    settle(proxy, server, &what, true, level, now)
}

/// Lets a server serve only those that persistence sends to it. Leaves maintenance.
pub fn enter_drain(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    enter_drain_by(proxy, server, "", now)
}

/// The same; `cause` is what the line says about it.
pub fn enter_drain_by(
    proxy: &ProxyLive,
    server: &ServerLive,
    cause: &str,
    now: Now,
) -> Vec<Notice> {
    let mut state = server.state.lock();
    let was_draining = state.admin.in_drain();
    let forced = std::mem::replace(&mut state.admin.drain, true);
    drop(state);
    let mut notices = leave_maintenance(proxy, server, now);
    if !notices.is_empty() {
        let drains = notices.iter().any(|notice| notice.text.contains("remains"));
        notices.extend((!drains).then(|| remains_forced(server)));
        return notices;
    }
    match (was_draining, forced) {
        (false, _) => begin_drain(proxy, server, cause, now),
        (true, false) => vec![remains_forced(server)],
        (true, true) => Vec::new(),
    }
}

/// The server drains now and did not before.
pub(super) fn begin_drain(
    proxy: &ProxyLive,
    server: &ServerLive,
    cause: &str,
    now: Now,
) -> Vec<Notice> {
    let mut state = server.state.lock();
    if state.admin.in_maintenance() {
        return Vec::new();
    }
    let down = state.operation == Operation::Stopped;
    publish(server, &mut state);
    drop(state);
    let what = format!("enters drain state{cause}");
    settle(proxy, server, &what, down, NOTICE, now)
}

fn remains_forced(server: &ServerLive) -> Notice {
    let name = text::server_name(server, true);
    Notice::new(NOTICE, format!("{name} remains in forced drain mode."))
}

/// Ends maintenance and drain.
pub fn make_ready(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    let left = server.state.lock().admin;
    if left.maintenance || left.from_configuration {
        server.state.lock().admin.drain = false;
        return leave_maintenance(proxy, server, now);
    }
    leave_drain(proxy, server, now)
}

/// Ends a forced drain.
pub fn leave_drain(proxy: &ProxyLive, server: &ServerLive, now: Now) -> Vec<Notice> {
    let mut state = server.state.lock();
    if !std::mem::take(&mut state.admin.drain) {
        return Vec::new();
    }
    let remains = state.admin.inherited_drain;
    drop(state);
    if remains {
        let name = text::server_name(server, true);
        let leader = super::track::leader_name(server);
        let line = format!("{name} remains in drain mode via {leader}.");
        return vec![Notice::new(NOTICE, line)];
    }
    end_drain(proxy, server, "leaving forced drain", "", now)
}

/// The server drains no more.
pub(super) fn end_drain(
    proxy: &ProxyLive,
    server: &ServerLive,
    how: &str,
    via: &str,
    now: Now,
) -> Vec<Notice> {
    let mut state = server.state.lock();
    publish(server, &mut state);
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
        format!("{name} is {word} ({how}){via}."),
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
    let remains = state.admin.inherited_maintenance;
    drop(state);
    if remains {
        let name = text::server_name(server, true);
        let leader = super::track::leader_name(server);
        let line = format!(
            "{name} is leaving forced maintenance but remains in maintenance via {leader}."
        );
        return vec![Notice::new(NOTICE, line)];
    }
    let up = server.ir.options.check.begins_up() && server.state.lock().agent_agrees();
    end_maintenance(proxy, server, up, "leaving forced maintenance", now)
}

/// The server is in maintenance no more.
pub(super) fn end_maintenance(
    proxy: &ProxyLive,
    server: &ServerLive,
    up: bool,
    how: &str,
    now: Now,
) -> Vec<Notice> {
    let check = &server.ir.options.check;
    let mut state = server.state.lock();
    state.never_paused = false;
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
    let admin = state.admin;
    publish(server, &mut state);
    drop(state);
    apply(proxy, now);
    let name = text::server_name(server, true);
    let word = if admin.in_drain() { "DRAIN" } else { "READY" };
    let operation = if up { "UP" } else { "DOWN" };
    let line = format!("{name} is {operation}/{word} ({how}).");
    let mut notices = vec![Notice::new(NOTICE, line)];
    if admin.drain {
        notices.push(remains_forced(server));
    } else if admin.inherited_drain {
        let leader = super::track::leader_name(server);
        let line = format!("{name} remains in drain mode via {leader}.");
        notices.push(Notice::new(NOTICE, line));
    }
    notices
}

/// Says what a check would have found: the server is up, stopping or down. Nothing happens in maintenance.
pub fn force_health(
    proxy: &ProxyLive,
    server: &ServerLive,
    to: Operation,
    cause: &str,
    now: Now,
) -> (Transition, Vec<Notice>) {
    let mut state = server.state.lock();
    if state.admin.in_maintenance() {
        return (Transition::None, Vec::new());
    }
    let check = &server.ir.options.check;
    let was = state.operation;
    state.health = match to {
        Operation::Stopped => 0,
        _ => check.rise.max(1) + check.fall.max(1) - 1,
    };
    if was == to || was == Operation::Starting && to == Operation::Running {
        return (Transition::None, Vec::new());
    }
    let transition = match to {
        Operation::Stopped => Transition::Down,
        Operation::Stopping => Transition::Stopping,
        Operation::Running | Operation::Starting => Transition::Up,
    };
    state.operation = to;
    if to == Operation::Stopped {
        state.down_transitions += 1;
    }
    if was == Operation::Stopped {
        state.downtime += now.ms.saturating_sub(state.last_change_ms) / 1000;
    }
    state.last_change_ms = now.ms;
    publish(server, &mut state);
    let level = super::level(transition, was, state.admin.in_drain());
    drop(state);
    let down = transition == Transition::Down;
    let what = format!("{}, {cause}", verb(transition));
    let notices = settle(proxy, server, &what, down, level, now);
    (transition, notices)
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
    let mut state = server.state.lock();
    publish(server, &mut state);
    super::slowstart::weigh(server, &state, now.ms);
    drop(state);
    apply(proxy, now);
    Ok(unavailable(proxy, was_up))
}
