//! Backends with `mode log`: what they have no use for, and the rings of servers that lines are sent to over streams.

use hapax_core::ir;

use super::{Check, named};

/// Rules that see no traffic there.
pub(super) fn ignored(proxy: &ir::Proxy, check: &mut Check<'_>) {
    let requests = !proxy.tcp.request.is_empty();
    for (there, what) in [
        (requests, "tcp-request rules"),
        (!proxy.tcp.response.is_empty(), "tcp-response rules"),
        (!proxy.use_server.is_empty(), "\"use-server\" rules"),
    ] {
        if there {
            let text = format!(
                "Cannot use {what} with 'mode log' in {}. They will be ignored.",
                named(proxy)
            );
            check.warn(proxy.span, text);
        }
    }
}

/// Checks algorithms and servers; gives each server over streams a ring.
pub(super) fn complete(config: &mut ir::Config, check: &mut Check<'_>) {
    let (mut rings, size) = (Vec::new(), config.global.tune.bufsize);
    for proxy in config.proxies.iter().filter(|proxy| !proxy.disabled) {
        if proxy.mode == ir::Mode::Log {
            algorithm(proxy, check);
            servers(proxy, size, &mut rings, check);
            continue;
        }
        for server in proxy.servers.iter().filter(|it| it.options.datagrams) {
            let text = format!(
                "[{}] : unsupported transport for server address in '{}' backend.",
                check.place(server.span),
                proxy.mode.name()
            );
            check.alert(server.span, text);
        }
    }
    config.rings.extend(rings);
}

fn algorithm(proxy: &ir::Proxy, check: &mut Check<'_>) {
    let text = proxy.balance.text();
    let usable = ["roundrobin", "random", "sticky", "log-hash"]
        .iter()
        .any(|name| text.starts_with(name));
    let elsewhere = proxy.dispatch.is_some() || proxy.options.transparent;
    if !usable || elsewhere || !proxy.kind.has_backend() {
        let text = format!(
            "in {}: \"balance\" only supports 'roundrobin', 'random', 'sticky' and 'log-hash'.",
            named(proxy)
        );
        check.alert(proxy.span, text);
        return;
    }
    let hashed = proxy.balance.needs_messages();
    let fault = proxy.balance.fault().or_else(|| {
        let consistent = hashed && proxy.hash_type.consistent;
        consistent.then(|| "unsupported hash method (from \"hash-type\").".to_owned())
    });
    if let Some(fault) = fault {
        failed(proxy, &fault, check);
    }
}

fn servers(proxy: &ir::Proxy, size: u32, rings: &mut Vec<ir::Ring>, check: &mut Check<'_>) {
    let mut first = None;
    for server in &proxy.servers {
        if !matches!(server.address, ir::Address::Inet(_)) {
            let text = format!(
                "[{}] : log server address family not supported for log backend server.",
                check.place(server.span)
            );
            check.alert(server.span, text);
        }
        let datagrams = server.options.datagrams;
        if datagrams != *first.get_or_insert(datagrams) {
            let text = format!(
                "cannot mix server types within a log backend, '{}' srv's network type differs from previous server.",
                server.name
            );
            return failed(proxy, &text, check);
        }
        if datagrams {
            continue;
        }
        if server.options.log_bufsize.is_some_and(|size| size < LEAST) {
            let text = format!(
                "unable to create a new sink buffer for server '{}/{}'.",
                proxy.name, server.name
            );
            check.alert(server.span, text);
            let text = format!(
                "error when creating sink from '{}' log server.",
                server.name
            );
            return failed(proxy, &text, check);
        }
        let size = server.options.log_bufsize.unwrap_or(size);
        rings.push(ring(proxy, server, size as usize, check));
    }
}

/// The ring from which a server gets its lines.
fn ring(proxy: &ir::Proxy, server: &ir::Server, size: usize, check: &Check<'_>) -> ir::Ring {
    let path = check.sources.path(server.span.file);
    let mut ring = ir::Ring::named(&ir::Ring::of_server(&proxy.name, &server.name));
    ring.span = server.span;
    ring.description = format!(
        "created from log backend declared into '{path}' at line {}",
        server.span.line
    );
    ring.format = None;
    ring.size = size;
    ring.timeout_connect = proxy.timeouts.connect;
    ring.timeout_server = proxy.timeouts.server;
    ring.servers = vec![server.clone().into()];
    ring
}

fn failed(proxy: &ir::Proxy, why: &str, check: &mut Check<'_>) {
    let text = format!("log backend '{}': failed to initialize: {why}", proxy.name);
    check.alert(proxy.span, text);
}

/// The smallest ring of a server.
const LEAST: u32 = 194;
