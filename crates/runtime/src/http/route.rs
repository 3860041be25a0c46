//! From a request's head to the server that shall answer it: rules, backend, and what is added for the server.

use std::sync::atomic::Ordering;
use std::task::Poll;

use hapax_core::contract::Outcome;
use hapax_core::counter::Count;
use hapax_core::ir::{self, ConnectionMode, Mode, OddNames};
use hapax_core::program::ProxyId;
use hapax_core::stream::{Cause, Endpoint, Phase};
use hapax_proto::h1::body::{Framing, clean_te, request_connection, request_framing};
use hapax_proto::http::{Head, Name};

use super::attend::attend;
use super::client::{Client, Interrupted, within};
use super::exchange::{Exchange, Failure};
use super::lane::LaneFault;
use super::rules::Set;
use super::{buffer_request, connect, early_hints, reply, request, resolve, rules, transfer};
use crate::inspect::{self, Flow};

/// The method of the preface of HTTP/2 (RFC 9113 3.4): in a request of HTTP/1 it is a mistake or an attempt.
const HTTP2_PREFACE_METHOD: &[u8] = b"PRI";

/// Serves a request whose head is complete. An error says what the client is told instead.
pub async fn run(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let frontend = client.session.frontend;
    let upgraded = client.upgraded.take();
    if upgraded.is_none() && !client.frontend().ir.tcp.request.is_empty() {
        inspect(client, exchange, frontend).await?;
        exchange.stream.times.request = client.local.now().ms;
    }
    if exchange
        .stream
        .request
        .method()
        .eq_ignore_ascii_case(HTTP2_PREFACE_METHOD)
    {
        exchange.notes.request_error = true;
        return Err(Failure::new(Cause::Proxy, Phase::Request, 400));
    }
    request::count(client);
    match upgraded.and_then(|upgraded| upgraded.backend) {
        // The frontend's part was done while it was TCP.
        Some(backend) => enter_backend(client, exchange, backend),
        None => {
            if is_monitor(client, exchange) {
                return reply::monitor(client, exchange).await;
            }
            super::cookie::begin(client, exchange);
            buffer_request::run(client, exchange, frontend).await?;
            if let Some(outcome) = decide(client, exchange, frontend).await? {
                return reply::by_rule(client, exchange, outcome).await;
            }
            choose_backend(client, exchange)?;
        }
    }
    let backend = exchange.stream.backend;
    if backend != frontend {
        super::cookie::begin(client, exchange);
        inspect(client, exchange, backend).await?;
        buffer_request::run(client, exchange, backend).await?;
    }
    if backend != frontend
        && let Some(outcome) = decide(client, exchange, backend).await?
    {
        return reply::by_rule(client, exchange, outcome).await;
    }
    super::capture::request_cookie(client, exchange);
    rules::choose_server(client, exchange);
    super::cookie::on_request(client, exchange);
    super::capture::unique_id(client, exchange);
    exchange.balance_key = super::rules::key_in_body(client, exchange);
    prepare(client, exchange)?;
    let mut again = false;
    let mut connected = false;
    loop {
        connect::run(client, exchange, again).await?;
        if exchange.server.is_none() {
            return reply::redirected(client, exchange).await;
        }
        if !connected {
            connected = true;
            super::finish::step(client, exchange, ir::LogOrigin::Connect);
        }
        if exchange.stream.request.seen().connect_length {
            // Where its body would end is what servers disagree on (RFC 9110 9.3.6).
            return Err(refuse_connect(client, exchange));
        }
        match transfer::run(client, exchange).await? {
            transfer::Ended::Done => return Ok(()),
            // A connection that waited idle was closed just when it was taken.
            transfer::Ended::Again => {
                again = false;
                connect::start_over(exchange);
            }
            transfer::Ended::Unseen => {
                super::again::unseen(client, exchange);
                again = false;
                connect::start_over(exchange);
            }
            transfer::Ended::Failed => {
                again = true;
                connect::replay(exchange);
            }
        }
    }
}

/// The `tcp-request content` rules of a proxy.
async fn inspect(
    client: &mut Client,
    exchange: &mut Exchange,
    proxy: ProxyId,
) -> Result<(), Failure> {
    match inspect::request(client, exchange, proxy).await? {
        Flow::Late => {
            exchange.notes.request_error = true;
            Err(Failure::new(Cause::ClientTimeout, Phase::Request, 408))
        }
        Flow::On | Flow::Http => Ok(()),
    }
}

/// The rules of a proxy and its statistics page, in their order.
async fn decide(
    client: &mut Client,
    exchange: &mut Exchange,
    proxy: ProxyId,
) -> Result<Option<Outcome>, Failure> {
    let mut decided = rules::run(client, exchange, proxy, Set::Request);
    loop {
        early_hints::send(client, exchange).await?;
        match decided {
            Some(Outcome::WaitForBody { time, least }) => {
                buffer_request::wait_for(client, exchange, time, least).await?;
            }
            Some(Outcome::Pause { time }) => {
                // Boxed: few configurations need room for it in every connection's task.
                let until = Client::after(Some(time));
                Box::pin(attend(client, exchange, until, |_| Poll::<()>::Pending)).await?;
            }
            Some(Outcome::Resolve) => resolve::address(client, exchange).await?,
            _ => break,
        }
        decided = rules::run_rest(client, exchange, proxy, Set::Request);
    }
    if decided.is_none() {
        decided = rules::stats(client, exchange, proxy);
        if let Some(Outcome::WaitForBody { time, least }) = decided {
            // The form of the page.
            buffer_request::wait_for(client, exchange, time, least).await?;
            let awaited = std::mem::replace(&mut exchange.stream.body_awaited, true);
            decided = rules::stats(client, exchange, proxy);
            exchange.stream.body_awaited = awaited;
        }
    }
    Ok(decided
        .or_else(|| rules::run(client, exchange, proxy, Set::Redirect))
        .or_else(|| restrict_names(client, exchange, proxy)))
}

/// Nothing happens to a response for a while (`pause`).
pub async fn pause(client: &mut Client, time: ir::Milliseconds) -> Result<(), Failure> {
    let until = Client::after(Some(time));
    let (timer, handle) = (&mut client.timer, &client.handle);
    match within(timer, handle, until, |_| Poll::<()>::Pending).await {
        Err(Interrupted::Ended(cause)) => Err(Failure::ended(cause)),
        _ => Ok(()),
    }
}

/// `option http-restrict-req-hdr-names`.
fn restrict_names(client: &Client, exchange: &mut Exchange, proxy: ProxyId) -> Option<Outcome> {
    let odd = |name: &[u8]| {
        !name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let request = &mut exchange.stream.request;
    match client.plan.proxy(proxy).ir.options.odd_names {
        OddNames::Preserve => None,
        OddNames::Delete => {
            request.retain(|name, _| !odd(name));
            None
        }
        OddNames::Reject => request
            .iter()
            .any(|(name, _)| odd(name))
            .then_some(Outcome::Deny { status: 403 }),
    }
}

fn is_monitor(client: &Client, exchange: &Exchange) -> bool {
    let ir = &client.plan.proxy(client.session.frontend).ir;
    let request = &exchange.stream.request;
    ir.monitor_uri.as_ref().is_some_and(|uri| {
        let asked = match uri.starts_with('/') {
            true => request.sent_uri(),
            false => request.uri(),
        };
        asked == uri.as_bytes()
    })
}

fn choose_backend(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let Some(backend) = rules::choose_backend(client, exchange) else {
        exchange.stream.times.request = 0;
        return Err(Failure::new(Cause::ServerAbort, Phase::Connect, 503));
    };
    enter_backend(client, exchange, backend);
    if client.plan.proxy(backend).ir.mode != Mode::Http {
        // Nothing turns HTTP into bytes again.
        exchange.stream.times.request = 0;
        exchange.stream.status = 500;
        exchange.client_stays = false;
        return Err(Failure::new(Cause::Internal, Phase::Request, 0));
    }
    Ok(())
}

/// No request came. That is a session of the backend that was chosen while it was TCP, where who left is not told.
pub fn never_entered(client: &Client, failure: Failure) -> Failure {
    let Some(backend) = client
        .upgraded
        .as_ref()
        .and_then(|upgraded| upgraded.backend)
    else {
        return failure;
    };
    let side = &client.plan.live(backend).backend;
    side.counters.add(client.local.worker, Count::Sessions, 1);
    let cause = match failure.cause {
        Cause::ClientAbort | Cause::ClientTimeout => Cause::Proxy,
        cause => cause,
    };
    Failure { cause, ..failure }
}

/// The stream is the backend's from now on.
pub fn enter_backend(client: &Client, exchange: &mut Exchange, backend: ProxyId) {
    let worker = client.local.worker;
    let now = client.local.now().ms;
    exchange.stream.backend = backend;
    client.handle.backend.set(Some(backend));
    let side = &client.plan.live(backend).backend;
    side.counters.add(worker, Count::Sessions, 1);
    side.session_rate.add(worker, now);
    side.sessions.up();
    exchange.notes.on_backend = true;
}

/// Adds what the server shall see, and writes the head as it is sent.
fn prepare(client: &Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let frontend = &client.plan.proxy(client.session.frontend).ir;
    let backend = &client.plan.proxy(exchange.stream.backend).ir;
    let keeps = super::again::kept(client, exchange);
    let request = &mut exchange.stream.request;
    let forward_for = frontend.forward_for.iter().chain(&backend.forward_for);
    if let Some(option) = forward_for.last() {
        add_address(request, option, &client.session.source, frontend, backend);
    }
    let original_to = frontend.original_to.iter().chain(&backend.original_to);
    if let Some(option) = original_to.last() {
        add_address(
            request,
            option,
            &client.session.destination,
            frontend,
            backend,
        );
    }
    if request.seen().te {
        clean_te(request);
    }
    let stays = server_stays(frontend, backend) && !client.local.stops_at_once();
    let keep = (stays || backend.options.pretend_keepalive) && !is_distrusted(request);
    if let Some(value) = request_connection(request, keep) {
        request.add(b"connection", value);
    }
    let framing = request_framing(request);
    if framing == Framing::Chunked && request.get(Name::TransferEncoding).is_none() {
        // Only HTTP/1 has to say so.
        request.add(b"transfer-encoding", b"chunked");
    }
    let up = &mut exchange.up;
    up.out.clear();
    if !request.seen().connect_length {
        super::case::write(
            client,
            request,
            backend.options.case_adjust_server,
            &mut up.out,
        );
    }
    if client.session.http2 {
        exchange.websocket = super::websocket::add_key(request, &mut up.out);
    }
    up.head = up.out.len();
    up.splice_from = splice_from(&client.plan.program.global, frontend, backend, true);
    let limits = client.plan.at(client.session.frontend).request_limits;
    exchange.notes.body_begun = true;
    up.keep(keeps);
    up.drops_trailers = backend.options.drop_request_trailers;
    up.source_frames = client.session.http2;
    let begun = up.begin(framing, &limits);
    if !up.is_received() {
        // Only what is here as a whole may be sent again.
        up.keep(0);
    }
    begun.map_err(|fault| {
        exchange.notes.bad_request = true;
        match fault {
            LaneFault::Malformed(fault) => {
                Failure::new(Cause::Proxy, Phase::Request, fault.request_status())
            }
            _ => Failure::new(Cause::Proxy, Phase::Request, 400),
        }
    })
}

/// A transfer coding in a message of 1.0, or in a CONNECT: nobody knows what the peer makes of it, so that its connection is
/// not used again (RFC 9112 6.1, RFC 9110 9.3.6).
pub fn is_distrusted(message: &Head) -> bool {
    let seen = message.seen();
    seen.connect_coding || (seen.transfer_encoding && !message.is_11())
}

fn refuse_connect(client: &Client, exchange: &Exchange) -> Failure {
    let live = client.plan.live(exchange.stream.backend);
    let server = exchange.stream.server;
    let server = server.and_then(|index| live.servers.get(index));
    let counters = server.map(|server| &server.counters);
    for counters in counters.into_iter().chain([&live.backend.counters]) {
        counters.add(client.local.worker, Count::ServerAborts, 1);
    }
    Failure::new(Cause::ServerAbort, Phase::Headers, 502)
}

/// Whether the connection to the server stays for further requests.
pub fn server_stays(frontend: &ir::Proxy, backend: &ir::Proxy) -> bool {
    let closes = |mode| matches!(mode, ConnectionMode::ServerClose | ConnectionMode::Close);
    // The place that a target names serves one request.
    !closes(backend.options.connection_mode)
        && !backend.options.http_proxy
        && frontend.options.connection_mode != ConnectionMode::ServerClose
}

/// Whether only the first request and response of a connection are HTTP, and bytes pass after them.
pub fn only_the_first(frontend: &ir::Proxy, backend: &ir::Proxy) -> bool {
    let modes = [frontend, backend].map(|proxy| proxy.options.connection_mode);
    let may = |mode| matches!(mode, ConnectionMode::Tunnel | ConnectionMode::KeepAlive);
    modes.contains(&ConnectionMode::Tunnel) && modes.into_iter().all(may)
}

/// From how many bytes on bodies are spliced.
pub fn splice_from(
    global: &ir::Global,
    frontend: &ir::Proxy,
    backend: &ir::Proxy,
    upward: bool,
) -> Option<u64> {
    if global.no_splice {
        return None;
    }
    let (one, other) = (&frontend.options, &backend.options);
    let asked = match upward {
        true => one.splice_request || other.splice_request,
        false => one.splice_response || other.splice_response,
    };
    Some(if asked || one.splice_auto || other.splice_auto {
        SPLICE_WHEN_ASKED
    } else {
        SPLICE_UNASKED
    })
}

fn add_address(
    request: &mut Head,
    option: &ir::ForwardFor,
    endpoint: &Endpoint,
    frontend: &ir::Proxy,
    backend: &ir::Proxy,
) {
    use std::io::Write;
    let Some(ip) = endpoint.ip() else { return };
    if option.except.is_some_and(|network| network.contains(ip)) {
        return;
    }
    let _ = (frontend, backend);
    if option.if_none && request.find(option.header.as_bytes()).is_some() {
        return;
    }
    let mut text = [0u8; 48];
    let mut rest = &mut text[..];
    let _ = write!(rest, "{ip}");
    let left = rest.len();
    let length = text.len() - left;
    request.add(option.header.as_bytes(), &text[..length]);
}

/// The time the last session came, for the statistics.
pub fn note_session(last: &std::sync::atomic::AtomicU64, now_ms: u64) {
    last.store(now_ms, Ordering::Relaxed);
}

const SPLICE_WHEN_ASKED: u64 = 4096;
const SPLICE_UNASKED: u64 = 65536;
