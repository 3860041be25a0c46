//! Who: the names, and the queue that stands before everything else.

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::{Subject, View};

columns! {
    "pxname", ALL, "KNS", "name of the proxy", |v| StatValue::text(&v.proxy.ir.name);
    "svname", ALL, "KNS", "FRONTEND, BACKEND, or the name of the server or listener", service_name;
    "qcur", BS, "MGP", "requests in the queue", |v| queue(v, |gauge| gauge.value());
    "qmax", BS, "MMP", "most requests that were in the queue", |v| queue(v, |gauge| gauge.highest());
}

fn service_name<'v>(view: &'v View<'_>) -> StatValue<'v> {
    StatValue::text(match &view.subject {
        Subject::Frontend => "FRONTEND",
        Subject::Backend => "BACKEND",
        Subject::Listener(listener, _) => &listener.name,
        Subject::Server(server, _) => &server.name,
    })
}

fn queue<'v>(view: &'v View<'_>, read: fn(&hapax_core::counter::Gauge) -> u32) -> StatValue<'v> {
    StatValue::U32(match view.server() {
        Some(server) => read(&server.queue),
        None => read(&view.proxy.live.queue),
    })
}
