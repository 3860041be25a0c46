//! What upstream's HTTP/1 layer counts. Bytes on the wire and spliced bytes are not counted here: those fields are empty
//! once there was a connection.

use hapax_core::counter::Count;

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::{Kinds, View};

columns! {
    "h1_open_connections", FB, "MGP", "HTTP/1 connections now", open;
    idle "h1_open_streams", FB, "MGP", "HTTP/1 exchanges now: not counted", uncounted;
    "h1_total_connections", FB, "MCP", "HTTP/1 connections ever", |v| if_http(v, match v.kind() {
        Kinds::F => v.counters().sum(Count::Connections),
        _ => v.counters().sum(Count::Connects),
    });
    "h1_total_streams", FB, "MCP", "HTTP/1 exchanges ever", |v| if_http(v, match v.kind() {
        Kinds::F => v.counters().sum(Count::Requests),
        _ => v.counters().sum(Count::Connects).wrapping_add(v.counters().sum(Count::Reuses)),
    });
    idle "h1_bytes_in", FB, "MCP", "bytes received: not counted", uncounted;
    idle "h1_bytes_out", FB, "MCP", "bytes sent: not counted", uncounted;
    idle "h1_spliced_bytes_in", FB, "MCP", "bytes received through splice: not counted", uncounted;
    idle "h1_spliced_bytes_out", FB, "MCP", "bytes sent through splice: not counted", uncounted;
}

/// 0 as long as there was no connection; then nothing, because it is not counted.
fn uncounted<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let what = match view.kind() {
        Kinds::F => Count::Connections,
        _ => Count::Connects,
    };
    match view.counters().sum(what) {
        0 => StatValue::U64(0),
        _ if view.http() => StatValue::Empty,
        _ => StatValue::U64(0),
    }
}

fn if_http<'v>(view: &View<'_>, value: u64) -> StatValue<'v> {
    StatValue::U64(if view.http() { value } else { 0 })
}

fn open<'v>(view: &'v View<'_>) -> StatValue<'v> {
    if view.kind() == Kinds::F {
        let sessions = view.proxy.live.frontend.sessions.value();
        return if_http(view, u64::from(sessions));
    }
    let connections = |server: &hapax_core::live::ServerLive| {
        let used = server.used.load(std::sync::atomic::Ordering::Relaxed);
        let idle = server.idle.load(std::sync::atomic::Ordering::Relaxed);
        u64::try_from(used.saturating_add(idle)).unwrap_or(0)
    };
    let servers = view.proxy.live.servers.iter();
    if_http(view, servers.map(|server| connections(server)).sum())
}
