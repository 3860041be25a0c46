//! The page at the place in the life of a request where upstream answers it: after the `http-request` rules.

use std::io::Write;
use std::sync::OnceLock;

use hapax_core::contract::{Outcome, Service, Tx};
use hapax_core::program::ProxyId;
use hapax_core::stream::{ReplyBody, ResponseSource};
use hapax_rules::action::auth;
use hapax_sample::fetch::request_body;

use super::{Page, Reply, admin, authorised, matches};
use crate::http::error_page;
use crate::stats::info::Facts;
use crate::stats::measure;
use crate::stats::prometheus::{self, Wish};

static FACTS: OnceLock<Facts> = OnceLock::new();

/// Tells the page what is known since the start; the first call counts.
pub fn remember(facts: &Facts) {
    let _ = FACTS.set(facts.clone());
}

/// How many sockets the process may need; 0 before it is known.
pub fn sockets() -> u32 {
    FACTS.get().map_or(0, |facts| facts.maxsock)
}

/// Answers a request for the statistics of a proxy; [`Outcome::Continue`] when it is for something else.
pub fn intercept(tx: &mut Tx<'_>, proxy: ProxyId) -> Outcome {
    let program = tx.program;
    let proxy = program.proxy(proxy);
    let Some(stats) = &proxy.ir.stats else {
        return Outcome::Continue;
    };
    if !matches(stats, &tx.stream.request) {
        return Outcome::Continue;
    }
    for rule in &stats.rules {
        let condition = rule.condition.as_ref();
        if condition.is_some_and(|condition| !hapax_sample::condition::holds(condition, &tx.cx())) {
            continue;
        }
        match rule.action.run(tx) {
            Outcome::Continue => {}
            Outcome::Stop => break,
            decided => {
                tx.stream.response_from = ResponseSource::Statistics;
                return decided;
            }
        }
    }
    let admin = admin::allowed(stats, &tx.cx());
    let is_form = tx.stream.request.method() == b"POST" && admin;
    let proxy_asks = program.asks_a_proxy(tx.session.frontend, &tx.stream.request);
    let field: &[u8] = match proxy_asks {
        true => b"proxy-authorization",
        false => b"authorization",
    };
    let authorised = authorised(stats, tx.stream.request.find(field));
    if is_form && !tx.stream.body_awaited && authorised {
        let timeouts = &proxy.ir.timeouts;
        let time = timeouts.http_request.or(timeouts.client);
        return Outcome::WaitForBody {
            time: time.unwrap_or(LONGEST_WAIT_MS),
            least: 0,
        };
    }
    let empty = Facts::default();
    tx.stream.response_from = ResponseSource::Statistics;
    if !authorised {
        return auth::ask(stats.realm.as_deref().unwrap_or(auth::REALM), tx);
    }
    let reply = {
        let page = Page {
            program,
            proxy,
            stats,
            facts: FACTS.get().unwrap_or(&empty),
            measures: measure::all(program, tx.now),
            now: tx.now,
            admin,
        };
        match is_form {
            true => page.changed(&tx.stream.request, request_body(&tx.cx())),
            false => page.answer(&tx.stream.request),
        }
    };
    put(reply, tx);
    Outcome::Reply
}

/// Answers for a service; a request that it does not understand is a bad one.
pub fn service(tx: &mut Tx<'_>, service: Service) -> Outcome {
    let Service::Prometheus = service;
    let Some(wish) = Wish::of(tx.stream.request.uri()) else {
        let body = error_page::page(400).body().into_bytes();
        let reply = Reply {
            status: 400,
            reason: "Bad request",
            fields: vec![
                ("content-length", body.len().to_string()),
                ("cache-control", "no-cache".into()),
                ("content-type", "text/html".into()),
                ("connection", "close".into()),
            ],
            body,
        };
        put(reply, tx);
        tx.stream.response_from = ResponseSource::Service;
        return Outcome::Reply;
    };
    let empty = Facts::default();
    let facts = FACTS.get().unwrap_or(&empty);
    let measures = measure::all(tx.program, tx.now);
    let is_head = tx.stream.request.method() == b"HEAD";
    let body = match is_head {
        true => Vec::new(),
        false => prometheus::write(tx.program, facts, measures, tx.now, &wish),
    };
    let reply = Reply {
        status: 200,
        reason: "OK",
        fields: vec![
            ("cache-control", "no-cache".into()),
            ("content-type", "text/plain; version=0.0.4".into()),
        ],
        body,
    };
    put(reply, tx);
    tx.stream.response_from = ResponseSource::Service;
    Outcome::Reply
}

/// How long a form may take where no timeout says it.
const LONGEST_WAIT_MS: u32 = 30_000;

/// Moves the answer into the stream. Clients of 1.1 get pages in one chunk, as upstream streams them; for older ones the
/// end of the connection ends the page, unless they want to keep it: those get a length. Frames of HTTP/2 tell the end by themselves.
fn put(reply: Reply, tx: &mut Tx<'_>) {
    let stream = &mut *tx.stream;
    let chunked = stream.request.is_11() && stream.request.version() != b"HTTP/2.0";
    let is_head = stream.request.method() == b"HEAD";
    let streams = reply.streams() && !is_head;
    let head = &mut stream.response;
    head.start_response(b"HTTP/1.1", reply.status, reply.reason.as_bytes());
    for (name, value) in &reply.fields {
        head.add(name.as_bytes(), value.as_bytes());
    }
    let mut body = reply.body;
    if streams && chunked {
        head.add(b"transfer-encoding", b"chunked");
        let mut framed = Vec::with_capacity(body.len() + 32);
        if !body.is_empty() {
            // Writing to memory cannot fail.
            let _ = write!(framed, "{:X}\r\n", body.len());
            framed.append(&mut body);
            framed.extend_from_slice(b"\r\n");
        }
        framed.extend_from_slice(b"0\r\n\r\n");
        body = framed;
    } else if streams && stream.request.seen().keep_alive {
        head.add(b"content-length", body.len().to_string().as_bytes());
    }
    stream.reply_body = ReplyBody::Owned(body);
}
