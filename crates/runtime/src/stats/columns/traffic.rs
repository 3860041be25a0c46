//! How much: sessions, bytes, refusals and failures.

use std::sync::atomic::Ordering;

use hapax_core::counter::{Count, Gauge};
use hapax_core::program::{Program, Proxy};

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::{Subject, View};

columns! {
    "scur", ALL, "MGP", "sessions now", |v| sessions(v, Gauge::value);
    "smax", ALL, "MMP", "most sessions at a time", |v| sessions(v, Gauge::highest);
    "slim", ALL, "CLP", "limit of sessions: maxconn, of backends fullconn", limit;
    "stot", ALL, "MCP", "sessions ever", |v| v.count(Count::Sessions);
    "bin", ALL, "MCP", "bytes from clients", |v| v.count(Count::BytesIn);
    "bout", ALL, "MCP", "bytes to clients", |v| v.count(Count::BytesOut);
    "dreq", FBL, "MCP", "requests denied by rules", |v| v.count(Count::DeniedRequests);
    "dresp", ALL, "MCP", "responses denied by rules", |v| v.count(Count::DeniedResponses);
    "ereq", FL, "MCP", "broken requests", |v| v.count(Count::RequestErrors);
    "econ", BS, "MCP", "requests for which no connection to a server came about", |v| v.count(Count::ConnectionErrors);
    "eresp", BS, "MCP", "broken responses", |v| v.count(Count::ResponseErrors);
    "wretr", BS, "MCP", "connection attempts that were repeated", |v| v.count(Count::Retries);
    "wredis", BS, "MCP", "requests that went to another server after a failure", |v| v.count(Count::Redispatches);
}

fn sessions<'v>(view: &'v View<'_>, read: fn(&Gauge) -> u32) -> StatValue<'v> {
    StatValue::U32(match &view.subject {
        Subject::Frontend => read(&view.proxy.live.frontend.sessions),
        Subject::Backend => read(&view.proxy.live.backend.sessions),
        Subject::Listener(listener, _) => read(&listener.sessions),
        Subject::Server(server, _) => read(&server.sessions),
    })
}

fn limit<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match &view.subject {
        Subject::Frontend => StatValue::U32(frontend_limit(view.program, view.proxy)),
        Subject::Backend => StatValue::U32(full(view.program, view.proxy)),
        Subject::Listener(_, bind) => StatValue::U32(bind.options.maxconn),
        Subject::Server(server, _) => match server.maxconn.load(Ordering::Relaxed) {
            0 => StatValue::Empty,
            limit => StatValue::U32(limit),
        },
    }
}

/// `maxconn` of a frontend, or the process limit.
pub fn frontend_limit(program: &Program, proxy: &Proxy) -> u32 {
    match proxy.live.maxconn.load(Ordering::Relaxed) {
        0 => program.live.process.maxconn.load(Ordering::Relaxed),
        limit => limit,
    }
}

/// `fullconn`, or upstream's default: a tenth of the limits of the frontends that may lead here.
pub fn full(program: &Program, backend: &Proxy) -> u32 {
    if let Some(limit) = backend.ir.fullconn.filter(|&limit| limit > 0) {
        return limit;
    }
    let leaders = backend.led_to_by.iter();
    let sum: u64 = leaders
        .map(|&leader| u64::from(frontend_limit(program, program.proxy(leader))))
        .sum();
    u32::try_from(sum.div_ceil(10).max(1)).unwrap_or(u32::MAX)
}
