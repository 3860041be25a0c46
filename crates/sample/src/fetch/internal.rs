//! Proxies, servers and the exchange itself (configuration manual 7.3.2, 7.3.3).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Timeouts};
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::live::{ProxyLive, ServerLive};
use hapax_core::program::Proxy;
use hapax_core::sample::Sample;
use hapax_core::span::Span;
use hapax_core::stream::Waiting;

use super::{boolean, fetches, int, string};

const BACKEND: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Backend],
    required: 1,
};
const FRONTEND: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Frontend],
    required: 1,
};
const SERVER: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Server],
    required: 1,
};

fetches! {
    "nbsrv", BACKEND, None, Int, Needs::INTERNAL, "Usable servers of a backend." => |cx, args, _| {
        int(usable(&backend(cx, args)?.live))
    };
    "be_conn", BACKEND, None, Int, Needs::INTERNAL, "Connections of a backend." => |cx, args, _| int(backend(cx, args)?.live.backend.sessions.value());
    "be_sess_rate", BACKEND, None, Int, Needs::INTERNAL, "Sessions per second of a backend." => |cx, args, _| {
        int(backend(cx, args)?.live.backend.session_rate.per_second(cx.now.ms))
    };
    "queue", BACKEND, None, Int, Needs::INTERNAL, "Requests in all queues of a backend." => |cx, args, _| int(queued(&backend(cx, args)?.live));
    "avg_queue", BACKEND, None, Int, Needs::INTERNAL, "Requests in all queues of a backend, divided by its servers." => |cx, args, _| {
        let live = &backend(cx, args)?.live;
        let servers = usable(live);
        int(if servers > 0 { (queued(live) + servers - 1) / servers } else { queued(live) * 2 })
    };
    "connslots", BACKEND, None, Int, Needs::INTERNAL, "Connections and queue places left in a backend; -1 without limits." => |cx, args, _| int(slots(&backend(cx, args)?.live));
    "be_conn_free", BACKEND, None, Int, Needs::INTERNAL, "Connections left on the usable servers of a backend; -1 without limits." => |cx, args, _| int(free(&backend(cx, args)?.live));
    "srv_conn_free", SERVER, None, Int, Needs::INTERNAL, "Connections left on a server; -1 without a limit." => |cx, args, _| {
        let server = server(cx, args)?;
        int(match server.maxconn.load(Ordering::Relaxed) {
            0 => -1,
            most => (i64::from(most) - i64::from(server.sessions.value())).max(0),
        })
    };
    "be_server_timeout", ArgSpec::NONE, None, Int, Needs::BACKEND, "The server timeout of the backend, ms." => |cx, _, _| timeout(backend_timeouts(cx).server);
    "be_tunnel_timeout", ArgSpec::NONE, None, Int, Needs::BACKEND, "The tunnel timeout of the backend, ms." => |cx, _, _| timeout(backend_timeouts(cx).tunnel);
    "fe_client_timeout", ArgSpec::NONE, None, Int, Needs::FRONTEND, "The client timeout of the frontend, ms." => |cx, _, _| timeout(cx.program.proxy(cx.session.frontend).ir.timeouts.client);
    "cur_server_timeout", ArgSpec::NONE, None, Int, Needs::BACKEND, "The server timeout in force, ms; 0 before a server is reached." => |cx, _, _| timeout(in_force(cx).server);
    "cur_tunnel_timeout", ArgSpec::NONE, None, Int, Needs::BACKEND, "The tunnel timeout in force, ms; 0 before a server is reached." => |cx, _, _| timeout(in_force(cx).tunnel);
    "cur_client_timeout", ArgSpec::NONE, None, Int, Needs::FRONTEND, "The client timeout in force, ms." => |cx, _, _| timeout(cx.program.proxy(cx.session.frontend).ir.timeouts.client);
    "last_rule_file", ArgSpec::NONE, None, Str, Needs::INTERNAL, "The file of the rule that ended the evaluation." => |cx, _, _| string(cx.program.file(cx.stream.last_rule?)?.as_bytes());
    "last_rule_line", ArgSpec::NONE, None, Int, Needs::INTERNAL, "The line of the rule that ended the evaluation." => |cx, _, _| int(cx.stream.last_rule?.line);
    "last_entity", ArgSpec::NONE, None, Str, Needs::INTERNAL, "File and line of the rule that ended the evaluation." => |cx, _, _| {
        place(cx, cx.stream.last_rule?)
    };
    "waiting_entity", ArgSpec::NONE, None, Str, Needs::INTERNAL, "What the exchange waits for, or waited for when it ended: file and line of a rule, or an option." => |cx, _, _| match cx.stream.waiting? {
        Waiting::Rule(rule) => place(cx, rule),
        Waiting::BufferRequest => string(b"http-buffer-request"),
    };
    "prio_class", ArgSpec::NONE, None, Int, Needs::INTERNAL, "The priority class of the exchange." => |cx, _, _| int(cx.stream.overrides.priority.class);
    "prio_offset", ArgSpec::NONE, None, Int, Needs::INTERNAL, "The priority offset of the exchange." => |cx, _, _| int(cx.stream.overrides.priority.offset);
    "bytes_in", ArgSpec::NONE, None, Int, Needs::REQUEST_LINE, "Bytes received from the client." => |cx, _, _| int(cx.stream.bytes_in as i64);
    "be_id", ArgSpec::NONE, None, Int, Needs::BACKEND, "The number of the backend." => |cx, _, _| int(cx.program.proxy(cx.stream.backend).live.uuid);
    "be_name", ArgSpec::NONE, None, Str, Needs::BACKEND, "The name of the backend." => |cx, _, _| string(cx.program.proxy(cx.stream.backend).ir.name.as_bytes());
    "fe_conn", FRONTEND, None, Int, Needs::INTERNAL, "Connections of a frontend." => |cx, args, _| int(frontend(cx, args)?.live.frontend.sessions.value());
    "fe_sess_rate", FRONTEND, None, Int, Needs::INTERNAL, "Sessions per second of a frontend." => |cx, args, _| {
        int(frontend(cx, args)?.live.frontend.session_rate.per_second(cx.now.ms))
    };
    "fe_req_rate", FRONTEND, None, Int, Needs::INTERNAL, "Requests per second of a frontend." => |cx, args, _| {
        int(frontend(cx, args)?.live.frontend.request_rate.per_second(cx.now.ms))
    };
    "fe_id", ArgSpec::NONE, None, Int, Needs::FRONTEND, "The number of the frontend." => |cx, _, _| int(cx.program.proxy(cx.session.frontend).live.uuid);
    "fe_name", ArgSpec::NONE, None, Str, Needs::FRONTEND, "The name of the frontend." => |cx, _, _| string(cx.program.proxy(cx.session.frontend).ir.name.as_bytes());
    "fe_defbe", ArgSpec::NONE, None, Str, Needs::FRONTEND, "The name of the frontend's default backend." => |cx, _, _| {
        let (name, _) = cx.program.proxy(cx.session.frontend).ir.default_backend.as_ref()?;
        string(name.as_bytes())
    };
    "srv_name", ArgSpec::NONE, None, Str, Needs::SERVER, "The name of the server." => |cx, _, _| {
        let server = cx.program.proxy(cx.stream.backend).live.servers.get(cx.stream.server?)?;
        string(server.name.as_bytes())
    };
    "srv_id", ArgSpec::NONE, None, Int, Needs::SERVER, "The number of the server." => |cx, _, _| {
        int(cx.program.proxy(cx.stream.backend).live.servers.get(cx.stream.server?)?.id)
    };
    "srv_is_up", SERVER, None, Bool, Needs::INTERNAL, "Whether a server is up." => |cx, args, _| boolean(server(cx, args)?.running.load(Ordering::Relaxed));
    "srv_conn", SERVER, None, Int, Needs::INTERNAL, "Connections of a server." => |cx, args, _| int(server(cx, args)?.sessions.value());
    "srv_queue", SERVER, None, Int, Needs::INTERNAL, "Requests in the queue of a server." => |cx, args, _| int(server(cx, args)?.queue.value());
    "srv_sess_rate", SERVER, None, Int, Needs::INTERNAL, "Sessions per second of a server." => |cx, args, _| int(server(cx, args)?.session_rate.per_second(cx.now.ms));
    "srv_weight", SERVER, None, Int, Needs::INTERNAL, "The weight in force of a server." => |cx, args, _| {
        int(server(cx, args)?.effective_weight.load(Ordering::Relaxed).div_ceil(16))
    };
    "srv_uweight", SERVER, None, Int, Needs::INTERNAL, "The weight of a server that its user set." => |cx, args, _| int(server(cx, args)?.user_weight.load(Ordering::Relaxed));
    "srv_iweight", SERVER, None, Int, Needs::INTERNAL, "The weight of a server in its configuration." => |cx, args, _| int(server(cx, args)?.ir.options.weight);
    "txn.sess_term_state", ArgSpec::NONE, None, Str, Needs::INTERNAL, "Why the exchange ended, two letters." => |cx, _, _| {
        let why = cx.stream.termination;
        string(cx.arena.alloc_slice_copy(&[why.cause.letter(), why.phase.letter()]))
    };
    "txn.id32", ArgSpec::NONE, None, Int, Needs::INTERNAL, "The number of the exchange." => |cx, _, _| int(cx.stream.number);
    "txn.conn_retries", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "Retries." => |cx, _, _| int(cx.stream.retries);
    "txn.redispatched", ArgSpec::NONE, None, Bool, Needs::SERVER_ADDRESS, "Whether another server was taken after a failure." => |cx, _, _| boolean(cx.stream.redispatched);
    "bytes_out", ArgSpec::NONE, None, Int, Needs::RESPONSE_COUNT, "Bytes sent to the client." => |cx, _, _| int(cx.stream.bytes_out as i64);
}

/// File and line of a rule.
fn place<'a>(cx: &Cx<'a>, rule: Span) -> Option<Sample<'a>> {
    let text = bumpalo::format!(in cx.arena, "{}:{}", cx.program.file(rule)?, rule.line);
    string(text.into_bump_str().as_bytes())
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

/// The timeouts of the backend; a frontend has none of these, whatever its defaults say.
fn backend_timeouts(cx: &Cx<'_>) -> Timeouts {
    let ir = &cx.program.proxy(cx.stream.backend).ir;
    if ir.kind.has_backend() {
        ir.timeouts
    } else {
        Timeouts::default()
    }
}

fn in_force(cx: &Cx<'_>) -> Timeouts {
    match cx.stream.times.connect {
        0 => Timeouts::default(),
        _ => backend_timeouts(cx),
    }
}

fn timeout<'a>(timeout: Option<u32>) -> Option<Sample<'a>> {
    int(timeout.unwrap_or(0))
}

/// Backups count only when nothing else is usable.
fn free(live: &ProxyLive) -> i64 {
    let backups = live.active.load(Ordering::Relaxed) == 0;
    let mut total = 0;
    for server in &live.servers {
        if !server.usable.load(Ordering::Relaxed) || (server.ir.options.backup && !backups) {
            continue;
        }
        match server.maxconn.load(Ordering::Relaxed) {
            0 => return -1,
            most => total += (i64::from(most) - i64::from(server.sessions.value())).max(0),
        }
    }
    total
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
