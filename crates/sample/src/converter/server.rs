//! What is known of backends and servers by their names.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::contract::Cx;
use hapax_core::keyword::ArgSpec;
use hapax_core::live::ServerLive;
use hapax_core::sample::Sample;

use super::{boolean, converters, int};
use crate::fetch::usable;

converters! {
    "nbsrv", ArgSpec::NONE, None, Str => Int, "How many servers of a backend are usable." => |cx, _, sample| {
        let backend = cx.program.backend(name(sample)?)?;
        int(usable(&cx.program.proxy(backend).live))
    };
    "srv_is_up", ArgSpec::NONE, None, Str => Bool, "Whether a server is up, by its name or `backend/server`." => |cx, _, sample| boolean(server(cx, sample)?.running.load(Ordering::Relaxed));
    "srv_queue", ArgSpec::NONE, None, Str => Int, "Requests in the queue of a server, by its name or `backend/server`." => |cx, _, sample| int(i64::from(server(cx, sample)?.queue.value()));
}

fn name(sample: Sample<'_>) -> Option<&str> {
    std::str::from_utf8(sample.value.bytes()?).ok()
}

fn server<'a>(cx: &Cx<'a>, sample: Sample<'a>) -> Option<&'a Arc<ServerLive>> {
    let name = name(sample)?;
    let (backend, server) = match name.rsplit_once('/') {
        Some((backend, server)) => (cx.program.backend(backend)?, server),
        None => (cx.stream.backend, name),
    };
    let live = &cx.program.proxy(backend).live;
    live.servers.iter().find(|live| live.name == server)
}
