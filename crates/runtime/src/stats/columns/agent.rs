//! What the agents of servers said.

use hapax_balance::health::check_text;
use hapax_core::live::{AgentState, CheckResult, CheckStatus};

use crate::stats::value::StatValue;
use crate::stats::view::View;

/// The agent, of servers that have one that is not paused. Maintenance does not stop it.
fn agent<'a>(view: &'a View<'_>) -> Option<&'a AgentState> {
    view.server()?;
    view.health()?.own.active_agent()
}

fn result<'a>(view: &'a View<'_>) -> Option<&'a CheckResult> {
    agent(view)?.check.as_ref()
}

pub(super) fn status<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let Some(agent) = agent(view) else {
        return StatValue::Empty;
    };
    let last = agent.check.as_ref();
    let name = last
        .map_or(CheckStatus::Initializing, |last| last.status)
        .name();
    if agent.running {
        StatValue::Str(format!("* {name}").into())
    } else {
        StatValue::text(name)
    }
}

pub(super) fn info<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match (agent(view), result(view)) {
        (None, _) => StatValue::Empty,
        // It is forgotten when the agent is asked again.
        (Some(agent), Some(last)) if !agent.running => {
            StatValue::Str(last.info.replace('\n', " ").into())
        }
        _ => StatValue::text(""),
    }
}

pub(super) fn code<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match result(view) {
        Some(last) if last.status.has_code() => StatValue::U32(last.code as u32),
        _ => StatValue::Empty,
    }
}

pub(super) fn duration<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match result(view) {
        Some(last) => StatValue::U64(u64::from(last.duration_ms)),
        None => StatValue::Empty,
    }
}

pub(super) fn description<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match agent(view) {
        Some(agent) => {
            let last = agent.check.as_ref();
            StatValue::text(check_text(
                last.map_or(CheckStatus::Initializing, |last| last.status),
            ))
        }
        None => StatValue::Empty,
    }
}

/// Rise and fall are always 1.
pub(super) fn setting<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match agent(view) {
        Some(_) => StatValue::U32(1),
        None => StatValue::Empty,
    }
}

pub(super) fn health<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match agent(view) {
        Some(agent) => StatValue::U32(agent.up.into()),
        None => StatValue::Empty,
    }
}
