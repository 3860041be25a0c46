//! Sessions and requests of frontends by protocol version, and the protocol of listeners.

use hapax_core::counter::Count;
use hapax_core::ir::Address;

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::{Subject, View};

columns! {
    "sess_other", F, "MCP", "sessions that are not HTTP", |v| by_mode(v, false, Count::Sessions);
    "h1sess", F, "MCP", "HTTP/1 sessions", |v| of_http1(v, Count::Sessions, Count::Http2FromStart);
    "h2sess", F, "MCP", "HTTP/2 sessions", |v| v.count(Count::Http2Sessions);
    idle "h3sess", F, "MCP", "HTTP/3 sessions; this protocol is not spoken", |_| StatValue::U64(0);
    idle "req_other", F, "MCP", "requests that are not HTTP", |_| StatValue::U64(0);
    "h1req", F, "MCP", "HTTP/1 requests", |v| of_http1(v, Count::Requests, Count::Http2Requests);
    "h2req", F, "MCP", "HTTP/2 requests", |v| v.count(Count::Http2Requests);
    idle "h3req", F, "MCP", "HTTP/3 requests; this protocol is not spoken", |_| StatValue::U64(0);
    "proto", L, "SGP", "protocol of the listener", protocol;
}

fn by_mode<'v>(view: &'v View<'_>, http: bool, what: Count) -> StatValue<'v> {
    if view.http() == http {
        view.count(what)
    } else {
        StatValue::U64(0)
    }
}

/// What is not of HTTP/2.
fn of_http1<'v>(view: &'v View<'_>, all: Count, of_http2: Count) -> StatValue<'v> {
    match (by_mode(view, true, all), view.count(of_http2)) {
        (StatValue::U64(all), StatValue::U64(other)) => StatValue::U64(all.saturating_sub(other)),
        (all, _) => all,
    }
}

fn protocol<'v>(view: &'v View<'_>) -> StatValue<'v> {
    let Subject::Listener(_, bind) = &view.subject else {
        return StatValue::Empty;
    };
    StatValue::text(match &bind.address {
        Address::Inet(address) if address.is_ipv6() => "tcpv6",
        Address::Inet(_) => "tcpv4",
        Address::SocketPair(_) => "sockpair",
        _ => "unix_stream",
    })
}
