//! Proxies, servers and the exchange itself (configuration manual 7.3.2, 7.3.3).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::live::{ProxyLive, ServerLive};
use hapax_core::program::Proxy;

use super::{boolean, fetches, int, string};

const BACKEND: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Backend],
    required: 0,
};
const FRONTEND: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Frontend],
    required: 0,
};
const SERVER: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Server],
    required: 1,
};

fetches! {
    "nbsrv", BACKEND, None, Int, Needs::NOTHING, "Usable servers of a backend." => |cx, args, _| {
        int(usable(&backend(cx, args)?.live))
    };
    "be_conn", BACKEND, None, Int, Needs::NOTHING, "Connections of a backend." => |cx, args, _| int(backend(cx, args)?.live.backend.sessions.value());
    "be_sess_rate", BACKEND, None, Int, Needs::NOTHING, "Sessions per second of a backend." => |cx, args, _| {
        int(backend(cx, args)?.live.backend.session_rate.per_second(cx.now.ms))
    };
    "queue", BACKEND, None, Int, Needs::NOTHING, "Requests in all queues of a backend." => |cx, args, _| int(queued(&backend(cx, args)?.live));
    "avg_queue", BACKEND, None, Int, Needs::NOTHING, "Requests in all queues of a backend, divided by its servers." => |cx, args, _| {
        let live = &backend(cx, args)?.live;
        let servers = usable(live);
        int(if servers > 0 { (queued(live) + servers - 1) / servers } else { queued(live) * 2 })
    };
    "connslots", BACKEND, None, Int, Needs::NOTHING, "Connections and queue places left in a backend; -1 without limits." => |cx, args, _| int(slots(&backend(cx, args)?.live));
    "be_id", ArgSpec::NONE, None, Int, Needs::BACKEND, "The number of the backend." => |cx, _, _| int(cx.program.proxy(cx.stream.backend).live.uuid);
    "be_name", ArgSpec::NONE, None, Str, Needs::BACKEND, "The name of the backend." => |cx, _, _| string(cx.program.proxy(cx.stream.backend).ir.name.as_bytes());
    "fe_conn", FRONTEND, None, Int, Needs::NOTHING, "Connections of a frontend." => |cx, args, _| int(frontend(cx, args)?.live.frontend.sessions.value());
    "fe_sess_rate", FRONTEND, None, Int, Needs::NOTHING, "Sessions per second of a frontend." => |cx, args, _| {
        int(frontend(cx, args)?.live.frontend.session_rate.per_second(cx.now.ms))
    };
    "fe_req_rate", FRONTEND, None, Int, Needs::NOTHING, "Requests per second of a frontend." => |cx, args, _| {
        int(frontend(cx, args)?.live.frontend.request_rate.per_second(cx.now.ms))
    };
    "fe_id", ArgSpec::NONE, None, Int, Needs::CLIENT, "The number of the frontend." => |cx, _, _| int(cx.program.proxy(cx.session.frontend).live.uuid);
    "fe_name", ArgSpec::NONE, None, Str, Needs::CLIENT, "The name of the frontend." => |cx, _, _| string(cx.program.proxy(cx.session.frontend).ir.name.as_bytes());
    "fe_defbe", ArgSpec::NONE, None, Str, Needs::CLIENT, "The name of the frontend's default backend." => |cx, _, _| {
        let (name, _) = cx.program.proxy(cx.session.frontend).ir.default_backend.as_ref()?;
        string(name.as_bytes())
    };
    "srv_name", ArgSpec::NONE, None, Str, Needs::SERVER, "The name of the server." => |cx, _, _| {
        let server = cx.program.proxy(cx.stream.backend).ir.servers.get(cx.stream.server?)?;
        string(server.name.as_bytes())
    };
    "srv_id", ArgSpec::NONE, None, Int, Needs::SERVER, "The number of the server." => |cx, _, _| {
        int(cx.program.proxy(cx.stream.backend).live.servers.get(cx.stream.server?)?.id)
    };
    "srv_is_up", SERVER, None, Bool, Needs::NOTHING, "Whether a server is up." => |cx, args, _| boolean(server(cx, args)?.running.load(Ordering::Relaxed));
    "srv_conn", SERVER, None, Int, Needs::NOTHING, "Connections of a server." => |cx, args, _| int(server(cx, args)?.sessions.value());
    "srv_queue", SERVER, None, Int, Needs::NOTHING, "Requests in the queue of a server." => |cx, args, _| int(server(cx, args)?.queue.value());
    "srv_sess_rate", SERVER, None, Int, Needs::NOTHING, "Sessions per second of a server." => |cx, args, _| int(server(cx, args)?.session_rate.per_second(cx.now.ms));
    "srv_weight", SERVER, None, Int, Needs::NOTHING, "The weight in force of a server." => |cx, args, _| {
        int(server(cx, args)?.effective_weight.load(Ordering::Relaxed).div_ceil(16))
    };
    "srv_uweight", SERVER, None, Int, Needs::NOTHING, "The weight of a server that its user set." => |cx, args, _| int(server(cx, args)?.user_weight.load(Ordering::Relaxed));
    "srv_iweight", SERVER, None, Int, Needs::NOTHING, "The weight of a server in its configuration." => |cx, args, _| int(server(cx, args)?.ir.options.weight);
    "txn.sess_term_state", ArgSpec::NONE, None, Str, Needs::CLIENT, "Why the exchange ended, two letters." => |cx, _, _| {
        let why = cx.stream.termination;
        string(cx.arena.alloc_slice_copy(&[why.cause.letter(), why.phase.letter()]))
    };
    "txn.id32", ArgSpec::NONE, None, Int, Needs::CLIENT, "The number of the exchange." => |cx, _, _| int(cx.stream.number);
    "txn.conn_retries", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "Retries." => |cx, _, _| int(cx.stream.retries);
    "txn.redispatched", ArgSpec::NONE, None, Bool, Needs::SERVER_ADDRESS, "Whether another server was taken after a failure." => |cx, _, _| boolean(cx.stream.redispatched);
    "bytes_out", ArgSpec::NONE, None, Int, Needs::RESPONSE_COUNT, "Bytes sent to the client." => |cx, _, _| int(cx.stream.bytes_out as i64);
}

fn proxy<'a>(cx: &Cx<'a>, args: &[Arg], front: bool) -> Option<&'a Proxy> {
    let id = match args.first() {
        Some(Arg::Proxy(name)) if front => cx.program.frontend(name)?,
        Some(Arg::Proxy(name)) => cx.program.backend(name)?,
        _ if front => cx.session.frontend,
        _ => cx.stream.backend,
    };
    Some(cx.program.proxy(id))
}

fn backend<'a>(cx: &Cx<'a>, args: &[Arg]) -> Option<&'a Proxy> {
    proxy(cx, args, false)
}

fn frontend<'a>(cx: &Cx<'a>, args: &[Arg]) -> Option<&'a Proxy> {
    proxy(cx, args, true)
}

fn server<'a>(cx: &Cx<'a>, args: &[Arg]) -> Option<&'a Arc<ServerLive>> {
    let Some(Arg::Server(backend, name)) = args.first() else {
        return None;
    };
    let id = if backend.is_empty() {
        cx.stream.backend
    } else {
        cx.program.backend(backend)?
    };
    let live = &cx.program.proxy(id).live;
    live.servers.iter().find(|server| server.name == *name)
}

/// Usable servers: the active ones, or the backups when there are none.
pub(crate) fn usable(live: &ProxyLive) -> i64 {
    match live.active.load(Ordering::Relaxed) {
        0 => i64::from(live.backup.load(Ordering::Relaxed)),
        active => i64::from(active),
    }
}

fn queued(live: &ProxyLive) -> i64 {
    let servers: i64 = live
        .servers
        .iter()
        .map(|server| i64::from(server.queue.value()))
        .sum();
    servers + i64::from(live.queue.value())
}

fn slots(live: &ProxyLive) -> i64 {
    let mut total = 0;
    for server in &live.servers {
        let options = &server.ir.options;
        if !server.running.load(Ordering::Relaxed) {
            continue;
        }
        if options.maxconn == 0 || options.maxqueue == 0 {
            return -1;
        }
        total += i64::from(options.maxconn) - i64::from(server.sessions.value());
        total += i64::from(options.maxqueue) - i64::from(server.queue.value());
    }
    total
}
