//! What upstream's HTTP/1 layer counts: connections, exchanges, bytes on the wire.

use hapax_core::counter::Count;

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::{Kinds, View};

columns! {
    "h1_open_connections", FB, "MGP", "HTTP/1 connections now", open;
    "h1_open_streams", FB, "MGP", "HTTP/1 exchanges now", open_streams;
    "h1_total_connections", FB, "MCP", "HTTP/1 connections ever", |v| if_http(v, match v.kind() {
        Kinds::F => v.counters().sum(Count::Connections),
        _ => v.counters().sum(Count::Connects),
    });
    "h1_total_streams", FB, "MCP", "HTTP/1 exchanges ever", |v| if_http(v, match v.kind() {
        Kinds::F => v.counters().sum(Count::Requests).saturating_sub(v.counters().sum(Count::Unbegun)),
        _ => v.counters().sum(Count::Connects).wrapping_add(v.counters().sum(Count::Reuses)),
    });
    "h1_bytes_in", FB, "MCP", "bytes received", |v| wire(v, Count::WireIn);
    "h1_bytes_out", FB, "MCP", "bytes sent", |v| wire(v, Count::WireOut);
    "h1_spliced_bytes_in", FB, "MCP", "bytes received through splice", |v| wire(v, Count::SplicedIn);
    "h1_spliced_bytes_out", FB, "MCP", "bytes sent through splice", |v| wire(v, Count::SplicedOut);
}

/// Bytes of the clients' connections, or those of all servers'.
fn wire<'v>(view: &'v View<'_>, what: Count) -> StatValue<'v> {
    if view.kind() == Kinds::F {
        return if_http(view, view.counters().sum(what));
    }
    let servers = view.proxy.live.servers.iter();
    if_http(view, servers.map(|server| server.counters.sum(what)).sum())
}

fn open_streams<'v>(view: &'v View<'_>) -> StatValue<'v> {
    if view.kind() == Kinds::F {
        return if_http(view, view.counters().open_streams());
    }
    let servers = view.proxy.live.servers.iter();
    let used = servers.map(|server| server.used.load(std::sync::atomic::Ordering::Relaxed));
    if_http(
        view,
        used.map(|used| u64::try_from(used).unwrap_or(0)).sum(),
    )
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
