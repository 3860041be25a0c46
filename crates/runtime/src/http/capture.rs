//! What `capture` lines keep of a request and its response, and the identifier that the server gets.

use hapax_core::capture::{Captures, Side};
use hapax_core::ir::{Capture, CookieCapture};
use hapax_proto::http::Head;
use hapax_sample::fetch::cookie_pairs;
use hapax_sample::log_format::unique_id;

use super::client::Client;
use super::exchange::Exchange;
use super::rules;

/// Captures fields of the request.
pub fn request_headers(client: &Client, exchange: &mut Exchange) {
    let slots = &client.frontend().ir.request_captures;
    let stream = &mut exchange.stream;
    headers(slots, Side::Request, &stream.request, &stream.captures);
}

/// Captures the cookie of a request that goes to a server.
pub fn request_cookie(client: &Client, exchange: &mut Exchange) {
    if let Some(capture) = &client.frontend().ir.cookie_capture {
        let stream = &mut exchange.stream;
        cookie(
            capture,
            b"cookie",
            &stream.request,
            &mut stream.request_cookie,
        );
    }
}

/// Captures fields and the cookie of the server's response.
pub fn response(client: &Client, exchange: &mut Exchange) {
    let frontend = &client.frontend().ir;
    let stream = &mut exchange.stream;
    let slots = &frontend.response_captures;
    headers(slots, Side::Response, &stream.response, &stream.captures);
    if let Some(capture) = &frontend.cookie_capture {
        cookie(
            capture,
            b"set-cookie",
            &stream.response,
            &mut stream.response_cookie,
        );
    }
}

/// Makes the identifier of a request that goes to a server, and tells it the server.
pub fn unique_id(client: &Client, exchange: &mut Exchange) {
    let frontend = &client.frontend().ir;
    if frontend.unique_id_format.is_none() {
        return;
    }
    let mut value = client.local.scratch.borrow_mut();
    value.clear();
    let cx = rules::cx(&client.plan, &client.session, exchange, client.local.now());
    unique_id::with(&cx, |id| value.extend_from_slice(id.unwrap_or_default()));
    if let Some(name) = &frontend.unique_id_header {
        exchange.stream.request.add(name.as_bytes(), &value);
    }
}

fn headers(slots: &[Capture], side: Side, head: &Head, captures: &Captures) {
    for (index, slot) in slots.iter().enumerate() {
        let Some(name) = &slot.header else { continue };
        if let Some((_, value)) = head.lines(name.as_bytes()).last() {
            let most = usize::try_from(slot.length).unwrap_or(usize::MAX);
            captures.write(side, index, value, most);
        }
    }
}

/// Keeps the first pair of the lines `field` whose `name=value` begins with the name looked for.
fn cookie(capture: &CookieCapture, field: &[u8], head: &Head, kept: &mut Vec<u8>) {
    let name = capture.name.as_bytes();
    let mut pairs = head.lines(field).flat_map(|(_, line)| cookie_pairs(line));
    let found = pairs.find(|pair| pair.starts_with(name) && pair.contains(&b'='));
    if let Some(pair) = found {
        let most = usize::try_from(capture.length).unwrap_or(usize::MAX);
        kept.clear();
        kept.extend_from_slice(&pair[..pair.len().min(most)]);
    }
}
