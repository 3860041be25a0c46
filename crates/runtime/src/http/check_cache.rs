//! `option checkcache`: responses with a cookie that a cache on the way might keep are blocked.

use hapax_core::stream::{Cause, Phase};
use hapax_proto::http::Head;

use super::client::Client;
use super::exchange::{Exchange, Failure};
use crate::log::Level;

/// Looks at the server's response once the rules let it pass.
pub fn check(client: &Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let backend = exchange.stream.backend;
    let proxy = client.plan.proxy(backend);
    if !proxy.ir.options.check_cache {
        return Ok(());
    }
    let method_caches = CACHED_METHODS.contains(&exchange.stream.request.method());
    if !is_dangerous(&exchange.stream.response, method_caches) {
        return Ok(());
    }
    let server = exchange
        .stream
        .server
        .and_then(|index| proxy.live.servers.get(index));
    let text = format!(
        "Blocking cacheable cookie in response from instance {}, server {}.",
        proxy.ir.name,
        server.map_or("", |server| &server.name)
    );
    client
        .plan
        .logger
        .message(Some(backend), Level::Alert, &text);
    exchange.notes.denied = true;
    Err(Failure::new(Cause::Proxy, Phase::Headers, 502))
}

/// Whether a cache may keep this response, which sets a cookie.
fn is_dangerous(response: &Head, method_caches: bool) -> bool {
    let (mut cookie, mut lasting, mut pragma) = (false, false, false);
    // Of several directives the last one counts, as upstream reads them.
    let mut cacheable = method_caches && CACHED_STATUSES.contains(&response.status());
    for (name, value) in response.iter() {
        match name {
            b"set-cookie" => cookie = true,
            b"expires" | b"etag" | b"last-modified" => lasting = true,
            b"pragma" => pragma |= value.eq_ignore_ascii_case(b"no-cache"),
            b"cache-control" => {
                for directive in directives(value) {
                    let is = |name: &[u8]| directive.eq_ignore_ascii_case(name);
                    lasting |= begins(directive, b"max-age=") || begins(directive, b"s-maxage=");
                    if is(b"public") {
                        cacheable = true;
                    }
                    if KEPT_OUT.iter().any(|name| is(name)) || begins(directive, b"no-cache=") {
                        cacheable = false;
                    }
                }
            }
            _ => {}
        }
    }
    cookie && lasting && cacheable && !pragma
}

/// The directives of a `cache-control` line; commas between quotes separate nothing.
fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    value
        .split(move |byte| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
}

fn begins(directive: &[u8], name: &[u8]) -> bool {
    let start = directive.get(..name.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(name))
}

const CACHED_METHODS: &[&[u8]] = &[b"GET", b"HEAD", b"OPTIONS", b"TRACE"];
const CACHED_STATUSES: &[u16] = &[200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501];
const KEPT_OUT: &[&[u8]] = &[
    b"private",
    b"no-cache",
    b"no-store",
    b"max-age=0",
    b"s-maxage=0",
];
