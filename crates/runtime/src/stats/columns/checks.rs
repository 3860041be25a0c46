//! The last check, and the HTTP counters that stand beside it.

use hapax_core::counter::Count;
use hapax_core::ir::Observe;
use hapax_core::live::{CheckResult, CheckStatus};

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::{Kinds, View};

columns! {
    "check_status", S, "MOP", "outcome of the last check", check_status;
    "check_code", S, "MOP", "protocol code of the last check", check_code;
    "check_duration", S, "MDP", "milliseconds the last check took", check_duration;
    "hrsp_1xx", FBS, "MCP", "responses 1xx", |v| v.http_count(Count::Status1xx);
    "hrsp_2xx", FBS, "MCP", "responses 2xx", |v| v.http_count(Count::Status2xx);
    "hrsp_3xx", FBS, "MCP", "responses 3xx", |v| v.http_count(Count::Status3xx);
    "hrsp_4xx", FBS, "MCP", "responses 4xx", |v| v.http_count(Count::Status4xx);
    "hrsp_5xx", FBS, "MCP", "responses 5xx", |v| v.http_count(Count::Status5xx);
    "hrsp_other", FBS, "MCP", "other responses", |v| v.http_count(Count::StatusOther);
    "hanafail", S, "MCP", "how often there were too many errors in a row", |v| match (v.server(), v.health()) {
        (Some(server), Some(health)) if server.ir.options.check.observe != Observe::None => {
            StatValue::U32(health.own.observed.faults)
        }
        _ => StatValue::Empty,
    };
    "req_rate", F, "MRP", "HTTP requests in the last second", |v| StatValue::U32(v.proxy.live.frontend.request_rate.per_second(v.now.ms));
    "req_rate_max", F, "MMP", "most HTTP requests in a second", |v| StatValue::U32(v.proxy.live.frontend.request_rate.highest());
    "req_tot", FBS, "MCP", "HTTP requests ever", requests;
    "cli_abrt", BS, "MCP", "transfers that clients broke off", |v| v.count(Count::ClientAborts);
    "srv_abrt", BS, "MCP", "transfers that servers broke off", |v| v.count(Count::ServerAborts);
    idle "comp_in", FB, "MCP", "bytes given to compression", |_| StatValue::U64(0);
    idle "comp_out", FB, "MCP", "bytes compression made of them", |_| StatValue::U64(0);
    idle "comp_byp", FB, "MCP", "bytes that passed compression by", |_| StatValue::U64(0);
    idle "comp_rsp", FB, "MCP", "responses that were compressed", |_| StatValue::U64(0);
}

/// The last result, of servers that are checked and not in maintenance; the outer option tells whether there is a check.
pub fn last(view: &View<'_>) -> Option<Option<CheckResult>> {
    let (server, health) = (view.server()?, view.health()?);
    let checked = server.ir.options.check.enabled
        && !health.own.checks_disabled
        && !health.own.admin.in_maintenance();
    checked.then(|| health.own.check.clone())
}

fn check_status<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let Some(last) = last(view) else {
        return StatValue::Empty;
    };
    let name = last
        .map_or(CheckStatus::Initializing, |last| last.status)
        .name();
    if view.health().is_some_and(|health| health.own.check_running) {
        StatValue::Str(format!("* {name}").into())
    } else {
        StatValue::text(name)
    }
}

fn check_code<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match last(view).flatten() {
        Some(last) if last.status.has_code() => {
            // The code is forgotten when the next check begins, the status stays.
            let running = view.health().is_some_and(|health| health.own.check_running);
            StatValue::U32(if running { 0 } else { last.code as u32 })
        }
        _ => StatValue::Empty,
    }
}

fn check_duration<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match last(view).flatten() {
        Some(last)
            if !matches!(
                last.status,
                CheckStatus::Unknown | CheckStatus::Initializing
            ) =>
        {
            StatValue::U64(u64::from(last.duration_ms))
        }
        _ => StatValue::Empty,
    }
}

/// Of servers: the requests they answered, so the responses.
fn requests<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match view.kind() {
        Kinds::F => view.count(Count::Requests),
        Kinds::B => view.http_count(Count::Requests),
        _ if !view.http() => StatValue::Empty,
        _ => StatValue::U64(
            [
                Count::Status1xx,
                Count::Status2xx,
                Count::Status3xx,
                Count::Status4xx,
                Count::Status5xx,
                Count::StatusOther,
            ]
            .into_iter()
            .map(|class| view.counters().sum(class))
            .fold(0, u64::wrapping_add),
        ),
    }
}
