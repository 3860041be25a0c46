//! Connections to servers, the cache, maxima of timers, weights.

use std::sync::atomic::{AtomicI32, Ordering};

use hapax_core::counter::Count;
use hapax_core::live::{Averages, ServerLive};

use super::{columns, timing};
use crate::stats::value::StatValue;
use crate::stats::view::View;

columns! {
    "connect", BS, "MCP", "connections to servers that were opened", |v| v.count(Count::Connects);
    "reuse", BS, "MCP", "connections to servers that were used again", |v| v.count(Count::Reuses);
    idle "cache_lookups", FB, "MCP", "look-ups in the cache", cache;
    idle "cache_hits", FB, "MCP", "answers out of the cache", cache;
    "srv_icur", S, "MGP", "idle connections that may be used again", |v| connections(v, |s| &s.idle);
    "src_ilim", S, "CLP", "limit of idle connections (pool-max-conn)", |v| match v.server().map(|s| s.ir.options.pool_max_conn) {
        Some(limit) => u32::try_from(limit).map_or(StatValue::Empty, StatValue::U32),
        None => StatValue::Empty,
    };
    "qtime_max", BS, "MMP", "longest queue time, ms", |v| highest(v, 0);
    "ctime_max", BS, "MMP", "longest connect time, ms", |v| highest(v, 1);
    "rtime_max", BS, "MMP", "longest response time, ms; 0 in TCP", |v| highest(v, 2);
    "ttime_max", BS, "MMP", "longest total time, ms", |v| highest(v, 3);
    "eint", ALL, "MCP", "internal errors", |v| v.count(Count::InternalErrors);
    "idle_conn_cur", S, "MGP", "idle connections that were used by one request only", |v| match v.server() {
        Some(server) => number(server.idle.load(Ordering::Relaxed) - server.idle_safe.load(Ordering::Relaxed)),
        None => StatValue::Empty,
    };
    "safe_conn_cur", S, "MGP", "idle connections that were used again before", |v| connections(v, |s| &s.idle_safe);
    "used_conn_cur", S, "MGP", "connections in use", |v| connections(v, |s| &s.used);
    "need_conn_est", S, "MGP", "estimate of the connections needed: the most in use lately", |v| connections(v, |s| &s.needed);
    "uweight", BS, "MaP", "weight the administrator gave", user_weight;
    idle "agg_server_status", B, "MGP", "aggregate of Prometheus; 0 here as in upstream's CSV", |_| StatValue::U32(0);
    idle "agg_server_check_status", B, "MGP", "aggregate of Prometheus; 0 here as in upstream's CSV", |_| StatValue::U32(0);
    idle "agg_check_status", B, "MGP", "aggregate of Prometheus; 0 here as in upstream's CSV", |_| StatValue::U32(0);
    idle "srid", S, "MCP", "revision of the server's number: 0, servers are not added at run time", |_| StatValue::U32(0);
}

fn cache<'v>(view: &'v View<'_>) -> StatValue<'v> {
    if view.http() {
        StatValue::U64(0)
    } else {
        StatValue::Empty
    }
}

fn connections<'v>(view: &'v View<'_>, of: fn(&ServerLive) -> &AtomicI32) -> StatValue<'v> {
    match view.server() {
        Some(server) => number(of(server).load(Ordering::Relaxed)),
        None => StatValue::Empty,
    }
}

fn number<'v>(count: i32) -> StatValue<'v> {
    StatValue::U32(u32::try_from(count).unwrap_or(0))
}

fn highest<'v>(view: &'v View<'_>, which: usize) -> StatValue<'v> {
    match timing::averages(view).map(Averages::highest) {
        Some(values) => values
            .get(which)
            .map_or(StatValue::Empty, |v| StatValue::U32(*v)),
        None => StatValue::Empty,
    }
}

fn user_weight<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let weight = |server: &ServerLive| server.user_weight.load(Ordering::Relaxed);
    StatValue::U32(match view.server() {
        Some(server) => weight(server),
        None => view
            .serving()
            .map(|server| weight(server))
            .fold(0, u32::saturating_add),
    })
}
