//! When: the last session, the last check's text, averages of timers.

use std::sync::atomic::Ordering;

use hapax_balance::health::check_text;
use hapax_core::live::{Averages, CheckStatus};

use super::{agent, checks, columns};
use crate::stats::value::StatValue;
use crate::stats::view::View;

columns! {
    "lastsess", BS, "MAP", "seconds since the last session, -1 when there was none", last_session;
    "last_chk", S, "MOP", "what the last check received, or why it failed", |v| match checks::last(v) {
        // It is forgotten when the next check begins.
        Some(_) if v.health().is_some_and(|health| health.own.check_running) => StatValue::text(""),
        Some(last) => StatValue::Str(last.map(|last| last.info).unwrap_or_default().into()),
        None => StatValue::Empty,
    };
    "last_agt", S, "MOP", "what the agent said", |v| agent::info(v);
    "qtime", BS, "MaP", "average queue time of the last 1024 requests, ms", |v| average(v, 0);
    "ctime", BS, "MaP", "average connect time, ms", |v| average(v, 1);
    "rtime", BS, "MaP", "average response time, ms; 0 in TCP", |v| average(v, 2);
    "ttime", BS, "MaP", "average total time, ms", |v| average(v, 3);
    "agent_status", S, "MOP", "outcome of the last agent check", |v| agent::status(v);
    "agent_code", S, "MOP", "code of the last agent check", |v| agent::code(v);
    "agent_duration", S, "MDP", "milliseconds the last agent check took", |v| agent::duration(v);
    "check_desc", S, "MOP", "check_status in words", |v| match checks::last(v) {
        Some(last) => StatValue::text(check_text(last.map_or(CheckStatus::Initializing, |last| last.status))),
        None => StatValue::Empty,
    };
    "agent_desc", S, "MOP", "agent_status in words", |v| agent::description(v);
    "check_rise", S, "CGS", "good checks before it is up", |v| setting(v, |check| check.rise);
    "check_fall", S, "CGS", "bad checks before it is down", |v| setting(v, |check| check.fall);
    "check_health", S, "CGS", "health, from 0 to rise + fall - 1", |v| match (checks::last(v), v.health()) {
        (Some(_), Some(health)) => StatValue::U32(health.own.health),
        _ => StatValue::Empty,
    };
    "agent_rise", S, "CGS", "rise of the agent", |v| agent::setting(v);
    "agent_fall", S, "CGS", "fall of the agent", |v| agent::setting(v);
    "agent_health", S, "CGS", "health by the agent", |v| agent::health(v);
}

fn last_session<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let moment = match (view.server(), view.side()) {
        (Some(server), _) => &server.last_session_ms,
        (None, Some(side)) => &side.last_session_ms,
        (None, None) => return StatValue::Empty,
    };
    match moment.load(Ordering::Relaxed) {
        0 => StatValue::S32(-1),
        moment => StatValue::S32(i32::try_from(view.since(moment)).unwrap_or(i32::MAX)),
    }
}

/// The averages of a server or side.
pub(super) fn averages<'v>(view: &'v View<'_>) -> Option<&'v Averages> {
    match (view.server(), view.side()) {
        (Some(server), _) => Some(&server.averages),
        (None, side) => side.map(|side| &side.averages),
    }
}

fn average<'v>(view: &'v View<'_>, which: usize) -> StatValue<'v> {
    match averages(view).map(Averages::values) {
        Some(values) => values
            .get(which)
            .map_or(StatValue::Empty, |v| StatValue::U32(*v)),
        None => StatValue::Empty,
    }
}

fn setting<'v>(view: &'v View<'_>, read: fn(&hapax_core::ir::ServerCheck) -> u32) -> StatValue<'v> {
    match (checks::last(view), view.server()) {
        (Some(_), Some(server)) => StatValue::U32(read(&server.ir.options.check)),
        _ => StatValue::Empty,
    }
}
