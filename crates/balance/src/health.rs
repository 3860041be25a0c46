//! The decisions of health checks: what a result makes of a server, when the next check is due, and the words for it.

mod address;
mod admin;
mod agent;
mod observe;
mod restore;
pub mod slowstart;
mod text;
mod track;

pub use address::{change_address, change_port, is_addressed, lose_address, regain_address};
pub use admin::{
    enter_drain, enter_drain_by, enter_maintenance, enter_maintenance_by, force_health,
    leave_drain, leave_maintenance, make_ready, set_weight,
};
pub use agent::{
    AgentAnswer, AgentWords, agent_report, force_agent, has_fixed_weights, leading_number,
    weight_of,
};
pub use observe::{Seen, observe};
pub use restore::restore;
pub use text::{check_line, check_text, status_text};
pub use track::{follow, inherit};

use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::ir;
use hapax_core::live::{CheckResult, CheckStatus, Operation, ProxyLive, ServerLive, ServerState};
use parking_lot::MutexGuard;

/// What a check's result did to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// Nothing that others need to know.
    None,
    /// It went down.
    Down,
    /// It came up, or left the state that `disable-on-404` had put it into.
    Up,
    /// `disable-on-404`: it takes no new clients any more.
    Stopping,
}

/// A line for the log and, with its severity, for the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Syslog level: 1 alert, 0 emergency, 5 notice.
    pub level: u8,
    /// The text for logs.
    pub text: String,
    /// The text for the console where it differs.
    pub console: Option<String>,
    /// The level that it is mailed with; none is not mailed.
    pub mail: Option<u8>,
}

impl Notice {
    pub(crate) fn new(level: u8, text: String) -> Notice {
        Notice {
            level,
            text,
            console: None,
            mail: Some(level),
        }
    }

    /// The result of one check, which is mailed as information.
    pub(crate) fn of_check(text: String) -> Notice {
        Notice {
            mail: Some(INFORMATION),
            ..Notice::new(NOTICE, text)
        }
    }
}

/// What [`report`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What happened to the server.
    pub transition: Transition,
    /// Lines to log, in order.
    pub notices: Vec<Notice>,
}

/// Syslog levels of the lines.
const EMERGENCY: u8 = 0;
const ALERT: u8 = 1;
pub(crate) const NOTICE: u8 = 5;
const INFORMATION: u8 = 6;

/// What a result makes of a server's state: the pure part of [`report`].
pub fn decide(
    state: &mut ServerState,
    check: &ir::ServerCheck,
    mut result: CheckResult,
    now: Now,
) -> Transition {
    let (rise, fall) = (check.rise.max(1), check.fall.max(1));
    let best = rise + fall - 1;
    let was_up = state.operation != Operation::Stopped;
    if !was_up && result.status == CheckStatus::L7OkConditionally {
        // `disable-on-404` keeps a server from new clients; it does not bring one up.
        result.status = CheckStatus::L7Status;
    }
    let status = result.status;
    state.check = Some(result);
    state.check_running = false;
    let healthy = state.health >= rise;
    let settled = state.admin.in_maintenance();
    state.restored_result = None;
    let transition = if status.passed() {
        if !healthy {
            state.health += 1;
        }
        if state.health >= rise {
            state.health = best;
        }
        let stopping = status == CheckStatus::L7OkConditionally;
        match state.operation {
            Operation::Stopped if settled => Transition::None,
            Operation::Stopped if state.health >= rise && state.agent_agrees() => Transition::Up,
            Operation::Stopping if !stopping && state.agent_agrees() => Transition::Up,
            Operation::Running | Operation::Starting if stopping => Transition::Stopping,
            _ => Transition::None,
        }
    } else if healthy {
        state.failed_checks += 1;
        if state.health > rise {
            state.health -= 1;
            Transition::None
        } else {
            state.health = 0;
            if was_up {
                Transition::Down
            } else {
                Transition::None
            }
        }
    } else {
        // On its way up it had passed before.
        state.failed_checks += u32::from(state.health > 0);
        state.health = 0;
        Transition::None
    };
    apply_transition(state, transition, now);
    transition
}

/// Brings a server where a transition leads.
fn apply_transition(state: &mut ServerState, transition: Transition, now: Now) {
    match transition {
        Transition::None => {}
        Transition::Down => {
            state.operation = Operation::Stopped;
            state.down_transitions += 1;
            state.last_change_ms = now.ms;
        }
        Transition::Up => {
            if state.operation == Operation::Stopped {
                state.downtime += now.ms.saturating_sub(state.last_change_ms) / 1000;
            }
            state.operation = Operation::Running;
            state.last_change_ms = now.ms;
        }
        Transition::Stopping => {
            state.operation = Operation::Stopping;
            state.last_change_ms = now.ms;
        }
    }
}

/// How long until the next check, ms: `inter`, `fastinter` between two states, `downinter` when it is down.
pub fn next_check(state: &ServerState, check: &ir::ServerCheck) -> u32 {
    let or_inter = |time: u32| if time == 0 { check.inter } else { time };
    let best = check.rise.max(1) + check.fall.max(1) - 1;
    match state.health {
        0 => or_inter(check.downinter),
        health if health < best => or_inter(check.fastinter),
        _ => check.inter,
    }
}

/// Takes a check's result: changes the server's state, the totals of its backend and who waits for it, and gives the
/// lines to log.
pub fn report(
    proxy: &ProxyLive,
    options: &ir::Options,
    server: &ServerLive,
    result: CheckResult,
    now: Now,
) -> Report {
    let check = &server.ir.options.check;
    let mut notices = Vec::new();
    let mut state = server.state.lock();
    let before = (state.health, state.check.as_ref().map(|check| check.status));
    let was = state.operation;
    let transition = decide(&mut state, check, result, now);
    let result = state.check.clone();
    let after = (state.health, result.as_ref().map(|check| check.status));
    if options.log_health_checks
        && before != after
        && let Some(result) = &result
    {
        notices.push(Notice::of_check(check_line(server, result, &state)));
    }
    let cause = match &result {
        Some(result) if !options.log_health_checks => text::reason(result),
        _ => String::new(),
    };
    notices.extend(conclude(
        proxy,
        server,
        state,
        (transition, was),
        &cause,
        now,
    ));
    Report {
        transition,
        notices,
    }
}

/// Makes a server's new state known, and gives the lines about its transition.
fn conclude(
    proxy: &ProxyLive,
    server: &ServerLive,
    mut state: MutexGuard<'_, ServerState>,
    (transition, was): (Transition, Operation),
    cause: &str,
    now: Now,
) -> Vec<Notice> {
    publish(server, &mut state);
    let level = level(transition, was, state.admin.in_drain());
    drop(state);
    if transition == Transition::None {
        return Vec::new();
    }
    let what = format!("{}{cause}", verb(transition));
    settle(
        proxy,
        server,
        &what,
        transition == Transition::Down,
        level,
        now,
    )
}

/// Sets what the choice of servers reads from a server's state.
pub fn publish(server: &ServerLive, state: &mut ServerState) {
    slowstart::begin(server, state);
    let alive = state.operation != Operation::Stopped && !state.admin.in_maintenance();
    let weight = server.user_weight.load(Ordering::Relaxed);
    let usable =
        alive && state.operation != Operation::Stopping && !state.admin.in_drain() && weight > 0;
    server.running.store(alive, Ordering::Relaxed);
    server.usable.store(usable, Ordering::Relaxed);
    slowstart::weigh(server, state, state.last_change_ms);
    if !alive {
        server.generation.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a transition is called.
fn verb(transition: Transition) -> &'static str {
    match transition {
        Transition::Down => "is DOWN",
        Transition::Up => "is UP",
        Transition::Stopping | Transition::None => "is stopping",
    }
}

/// The level of a transition's line: an alert when a server that took clients goes down, else a notice.
fn level(transition: Transition, was: Operation, draining: bool) -> u8 {
    if transition == Transition::Down && was != Operation::Stopping && !draining {
        ALERT
    } else {
        NOTICE
    }
}

/// The common part of every change: totals, queues, the server's line and the backend's.
fn settle(
    proxy: &ProxyLive,
    server: &ServerLive,
    what: &str,
    down: bool,
    level: u8,
    now: Now,
) -> Vec<Notice> {
    let was_up = has_servers(proxy);
    let dispatch = proxy.dispatch();
    if let Some(dispatch) = dispatch {
        dispatch.servers_changed();
    }
    let requeued = match dispatch {
        Some(dispatch) if down => dispatch.requeue(server.index),
        _ => 0,
    };
    refresh_totals(proxy, now);
    tell_kin(proxy, server, down);
    let counts = text::left(proxy, server, down, requeued);
    let mut notices = vec![Notice::new(
        level,
        format!("{} {what}. {counts}", text::server_name(server, true)),
    )];
    notices.extend(unavailable(proxy, was_up));
    notices
}

/// The totals and queues after a change without a line of its own.
fn apply(proxy: &ProxyLive, now: Now) {
    if let Some(dispatch) = proxy.dispatch() {
        dispatch.servers_changed();
    }
    refresh_totals(proxy, now);
    proxy.kin().iter().for_each(|other| recount(other));
}

/// Other configurations in which the backend still serves somebody follow a change of one of its servers.
fn tell_kin(proxy: &ProxyLive, server: &ServerLive, down: bool) {
    for other in proxy.kin() {
        recount(&other);
        let own = other.servers.iter().find(|own| own.is_same_as(server));
        if let (true, Some(dispatch), Some(own)) = (down, other.dispatch(), own) {
            dispatch.requeue(own.index);
        }
    }
}

/// Queues, and totals without what happened before: for a configuration that goes on with the state of another.
pub fn recount(proxy: &ProxyLive) {
    if let Some(dispatch) = proxy.dispatch() {
        dispatch.servers_changed();
    }
    count_usable(proxy);
}

/// The line for a backend that lost its last server.
fn unavailable(proxy: &ProxyLive, was_up: bool) -> Option<Notice> {
    if !was_up || has_servers(proxy) {
        return None;
    }
    let kind = match proxy.kind {
        ir::ProxyKind::Listen => "proxy",
        _ => "backend",
    };
    Some(Notice {
        level: EMERGENCY,
        text: format!("{kind} {} has no server available!", proxy.name),
        console: Some(format!("{kind} '{}' has no server available!", proxy.name)),
        mail: None,
    })
}

fn has_servers(proxy: &ProxyLive) -> bool {
    proxy.active.load(Ordering::Relaxed) + proxy.backup.load(Ordering::Relaxed) > 0
}

/// Counts the usable servers of a backend and their weight, and notes when it goes up or down. To be called once when
/// the dispatch is attached, too.
pub fn refresh_totals(proxy: &ProxyLive, now: Now) {
    let was_up = has_servers(proxy);
    let is_up = count_usable(proxy);
    match (was_up, is_up) {
        (true, false) => {
            proxy.down_transitions.fetch_add(1, Ordering::Relaxed);
            proxy.last_change_ms.store(now.ms, Ordering::Relaxed);
        }
        (false, true) => {
            let since = proxy.last_change_ms.swap(now.ms, Ordering::Relaxed);
            proxy
                .downtime
                .fetch_add(now.ms.saturating_sub(since) / 1000, Ordering::Relaxed);
        }
        _ => {}
    }
}

/// Counts the usable servers of a backend and their weight; answers whether there is one.
fn count_usable(proxy: &ProxyLive) -> bool {
    let mut counts = [(0u32, 0u32); 2];
    let servers = proxy.servers.iter();
    for server in servers.filter(|server| server.usable.load(Ordering::Relaxed)) {
        let (count, weight) = &mut counts[usize::from(server.ir.options.backup)];
        *count += 1;
        *weight = weight.saturating_add(server.user_weight.load(Ordering::Relaxed));
    }
    let [(active, active_weight), (backup, backup_weight)] = counts;
    proxy.active.store(active, Ordering::Relaxed);
    proxy.backup.store(backup, Ordering::Relaxed);
    let weight = if active > 0 {
        active_weight
    } else {
        backup_weight
    };
    proxy.total_weight.store(weight, Ordering::Relaxed);
    active + backup > 0
}

#[cfg(test)]
mod tests;
