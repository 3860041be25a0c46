//! Answers made here: pages for failures, rules that answer, `monitor-uri`.

use std::task::Poll;

use hapax_core::contract::Outcome;
use hapax_core::counter::Count;
use hapax_core::ir::ErrorPage;
use hapax_core::stream::{Cause, Phase, ReplyBody, ResponseSource, Termination};
use hapax_proto::h1::body::request_framing;
use hapax_proto::http::{Head, Name, tokens};

use super::client::{Client, Interrupted, within};
use super::error_page;
use super::exchange::{Exchange, Failure, counted};
use super::lane::LaneFault;
use super::response;
use crate::io::Io;

/// `monitor-uri`: says that we serve.
pub async fn monitor(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    exchange.stream.log_silent = true;
    count_intercepted(client);
    let status = match super::rules::monitor_fails(client, exchange) {
        true => 503,
        false => 200,
    };
    page(client, exchange, status);
    send(client, exchange).await
}

/// What a rule decided.
pub async fn by_rule(
    client: &mut Client,
    exchange: &mut Exchange,
    outcome: Outcome,
) -> Result<(), Failure> {
    match outcome {
        Outcome::Deny { status } => {
            exchange.notes.denied = true;
            Err(Failure::new(Cause::Proxy, Phase::Request, status))
        }
        Outcome::DenySilently => {
            exchange.notes.denied = true;
            Err(Failure::new(Cause::Proxy, Phase::Request, 0))
        }
        Outcome::BadRequest => {
            exchange.stream.times.request = 0;
            Err(Failure::new(Cause::Proxy, Phase::Request, 400))
        }
        Outcome::DenyReply => {
            exchange.notes.denied = true;
            Err(Failure::new(Cause::Proxy, Phase::Request, response::REPLY))
        }
        Outcome::Tarpit { status } => {
            tarpit(client, exchange).await;
            exchange.notes.denied = true;
            let status = status.unwrap_or(response::REPLY);
            Err(Failure::new(Cause::Proxy, Phase::Tarpit, status))
        }
        Outcome::Reply | Outcome::Page { .. } => {
            if let Outcome::Page { status } = outcome {
                page(client, exchange, status);
            }
            exchange.stream.termination = Termination {
                cause: Cause::Local,
                phase: Phase::Request,
            };
            count_intercepted(client);
            send(client, exchange).await
        }
        Outcome::AnswerFailed { local } => {
            super::rules::count_internal_error(client, exchange, false);
            exchange.stream.times.request = 0;
            Err(Failure::new(unanswered(local), Phase::Request, 500))
        }
        Outcome::RewriteFailed => {
            super::rules::count_internal_error(client, exchange, false);
            exchange.stream.times.request = 0;
            Err(Failure::new(Cause::Proxy, Phase::Request, 500))
        }
        _ => {
            crate::inspect::drop_silently(client, outcome);
            exchange.notes.denied = true;
            exchange.stream.times.request = 0;
            exchange.client_stays = false;
            Err(Failure::new(Cause::Proxy, Phase::Request, 0))
        }
    }
}

/// Who is to blame for an answer that found no room.
pub fn unanswered(local: bool) -> Cause {
    match local {
        true => Cause::Local,
        false => Cause::Internal,
    }
}

/// The statistics page is a server that needed no time. A refusal there, or the request for a password, is logged as the
/// reference does, which fails it with status 400 after it was answered.
fn as_statistics(client: &Client, exchange: &mut Exchange) {
    let now = client.local.now().ms;
    let stream = &mut exchange.stream;
    stream.times.queue = now;
    stream.times.connect = now;
    if exchange.notes.denied || matches!(stream.response.status(), 401 | 407) {
        exchange.notes.response_head += super::departure::refusal();
        stream.status = 400;
    } else {
        stream.times.response = now;
    }
}

/// Lets the client wait; one that leaves is not waited for.
async fn tarpit(client: &mut Client, exchange: &mut Exchange) {
    let timeouts = &client.plan.proxy(exchange.stream.backend).ir.timeouts;
    let deadline = Client::after(timeouts.tarpit.or(timeouts.connect));
    let Client {
        socket,
        timer,
        handle,
        ..
    } = &mut *client;
    let _ = within(timer, handle, deadline, |cx| socket.poll_peer_closed(cx)).await;
    exchange.stream.times.request = 0;
    exchange.stream.times.queue = client.local.now().ms;
}

/// Sends the client to its server (`redir`).
pub async fn redirected(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    super::connect::release(client, exchange);
    let stream = &mut exchange.stream;
    let servers = &client.plan.live(stream.backend).servers;
    let server = stream.server.and_then(|index| servers.get(index));
    let prefix = server.and_then(|server| server.ir.options.redirect_prefix.as_deref());
    let mut location = prefix.unwrap_or_default().as_bytes().to_vec();
    location.extend_from_slice(stream.request.uri());
    let response = &mut stream.response;
    response.start_response(b"HTTP/1.1", 302, b"Found");
    response.add(b"cache-control", b"no-cache");
    response.add(b"content-length", b"0");
    response.add(b"location", &location);
    stream.reply_body = ReplyBody::Empty;
    stream.termination = Termination {
        cause: Cause::Local,
        phase: Phase::Connect,
    };
    send(client, exchange).await
}

/// The configured page for `status`, of the backend or else the frontend.
fn own_page<'c>(client: &'c Client, exchange: &Exchange, status: u16) -> Option<&'c ErrorPage> {
    [exchange.stream.backend, client.session.frontend]
        .into_iter()
        .find_map(|proxy| find_page(&client.plan.proxy(proxy).ir.error_pages, status))
}

/// Whether the page for `status` is empty (`errorfile 503 /dev/null`): the connection closes without an answer.
pub fn is_silent(client: &Client, exchange: &Exchange, status: u16) -> bool {
    own_page(client, exchange, status)
        .is_some_and(|page| page.reply.is_none() && page.content.is_empty())
}

/// Puts the page for `status` into the response: an `errorfile` of the proxy in charge, or the built-in one.
pub fn page(client: &mut Client, exchange: &mut Exchange, status: u16) {
    fill(client, exchange, status);
    if let Some(question) = exchange.stream.question.take() {
        let name: &[u8] = match status {
            407 => b"proxy-authenticate",
            _ => b"www-authenticate",
        };
        exchange.stream.response.add(name, question.as_bytes());
    }
}

fn fill(client: &mut Client, exchange: &mut Exchange, status: u16) {
    let own = own_page(client, exchange, status);
    if let Some(reply) = own.and_then(|page| page.reply.clone()) {
        let made = super::rules::with_tx(client, exchange, false, |tx| reply.run(tx));
        if made == Outcome::Reply {
            return;
        }
    }
    let own = own_page(client, exchange, status).filter(|page| page.reply.is_none());
    let stream = &mut exchange.stream;
    if let Some(own) = own
        && let Some(body) = error_page::parse(&own.content, &mut stream.response)
    {
        let body = own.content.get(body..).unwrap_or_default();
        if stream.response.seen().close {
            stream.response.add(b"connection", b"close");
            exchange.client_stays = false;
        }
        stream.reply_body = ReplyBody::Owned(body.to_vec());
        return;
    }
    let page = error_page::page(status);
    let body = page.fill(&mut stream.response);
    if page.closes() {
        stream.response.add(b"connection", b"close");
        exchange.client_stays = false;
    }
    stream.reply_body = ReplyBody::Owned(body.into_bytes());
}

/// Puts the page for what is no request on its way as a message.
pub fn page_of_client(client: &mut Client, exchange: &mut Exchange, status: u16) {
    page(client, exchange, status);
    exchange.notes.response_head += counted(&exchange.stream.response);
    exchange.down.frames_itself = client.socket.is_shared();
    response::write(client, exchange, false);
    let body = exchange.stream.reply_body.bytes();
    exchange.down.payload += body.len() as u64;
    exchange.down.out.extend_from_slice(body);
}

/// The configured page for a status.
pub fn find_page(pages: &[ErrorPage], status: u16) -> Option<&ErrorPage> {
    pages.iter().rev().find(|page| page.status == status)
}

/// Sends `stream.response` with `stream.reply_body`.
pub async fn send(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    exchange.stream.enter_response();
    let options = &client.frontend().ir.options;
    let closes = options.connection_mode == hapax_core::ir::ConnectionMode::Close
        || client.local.closes_after_response();
    if closes {
        exchange.client_stays = false;
    }
    if !exchange.notes.body_begun {
        // Nobody reads the request's body: what of it is here is dropped, the rest after the answer.
        exchange.notes.body_begun = true;
        let framing = request_framing(&exchange.stream.request);
        let limits = client.plan.at(client.session.frontend).request_limits;
        if exchange.up.begin(framing, &limits).is_err() {
            exchange.client_stays = false;
        }
    }
    exchange.up.discard();
    if !super::rules::after_response(client, exchange) {
        as_internal_error(client, exchange);
    }
    exchange.notes.response_head += counted(&exchange.stream.response);
    if ends_with_connection(&mut exchange.stream.response) {
        exchange.client_stays = false;
    }
    match exchange.stream.response_from {
        ResponseSource::Statistics | ResponseSource::Service => as_statistics(client, exchange),
        _ => exchange.stream.response_from = ResponseSource::Proxy,
    }
    if exchange.stream.status <= 0 {
        exchange.stream.status = exchange.stream.response.status() as i16;
    }
    exchange.down.reset();
    exchange.down.input = None;
    exchange.down.frames_itself = client.socket.is_shared();
    response::write(client, exchange, true);
    if !exchange.asked.head {
        let body = exchange.stream.reply_body.bytes();
        exchange.down.payload += body.len() as u64;
        exchange.down.out.extend_from_slice(body);
    }
    exchange.down.ends_sink = !exchange.client_stays && exchange.up.is_received();
    exchange.answered = true;
    super::finish::head_sent(client, exchange);
    let deadline = Client::after(client.frontend().ir.timeouts.client);
    let Client {
        socket,
        timer,
        handle,
        ..
    } = &mut *client;
    let down = &mut exchange.down;
    let sent = within(timer, handle, deadline, |cx| down.poll_flush(cx, socket)).await;
    match sent {
        Ok(Ok(())) => drain(client, exchange).await,
        Ok(Err(_)) => Err(Failure::new(Cause::ClientAbort, Phase::Data, 0)),
        Err(Interrupted::Deadline) => Err(Failure::new(Cause::ClientTimeout, Phase::Data, 0)),
        Err(Interrupted::Ended(cause)) => Err(Failure::ended(cause)),
    }
}

/// A rewrite of an answer made here found no room: the page that says so is rewritten in its place, or goes as it is.
fn as_internal_error(client: &mut Client, exchange: &mut Exchange) {
    if exchange.stream.status != 500 {
        super::rules::count_internal_error(client, exchange, false);
        exchange.stream.status = 500;
        exchange.stream.times.request = 0;
        page(client, exchange, 500);
        if super::rules::after_response(client, exchange) {
            return;
        }
    }
    page(client, exchange, 500);
}

/// Whether an answer made here says that the connection closes, or has no other end than that (RFC 9112 6.3), as a file
/// without a length. What it says about the connection is written anew with the rest of the head.
fn ends_with_connection(response: &mut Head) -> bool {
    let closes = response
        .get(Name::Connection)
        .is_some_and(|value| tokens(value).any(|token| token.eq_ignore_ascii_case(b"close")));
    response.remove_id(Name::Connection);
    let bodiless = matches!(response.status(), 100..=199 | 204 | 304);
    let delimited = [Name::ContentLength, Name::TransferEncoding]
        .into_iter()
        .any(|name| response.get(name).is_some());
    closes || (!bodiless && !delimited)
}

/// Reads the rest of the request, so that the next one can follow.
async fn drain(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let plan = client.plan.clone();
    let timeout = plan.proxy(client.session.frontend).ir.timeouts.client;
    let limits = plan.at(client.session.frontend).request_limits;
    let Client {
        socket,
        timer,
        handle,
        ..
    } = &mut *client;
    let up = &mut exchange.up;
    let mut deadline = Client::after(timeout);
    let failed = |cause| Err(Failure::new(cause, Phase::Last, 0));
    while exchange.client_stays && !up.is_received() {
        let drained = within(timer, handle, deadline, |cx| {
            let polled = up.poll_drain(cx, socket, &limits);
            if polled.is_pending() && std::mem::take(&mut up.progress).source {
                deadline = Client::after(timeout);
                cx.waker().wake_by_ref();
                return Poll::Ready(Ok(false));
            }
            polled.map(|result| result.map(|()| true))
        });
        match drained.await {
            Ok(Ok(_)) => {}
            Ok(Err(LaneFault::Malformed(_))) => return failed(Cause::Proxy),
            Ok(Err(_)) => return failed(Cause::ClientAbort),
            Err(Interrupted::Deadline) => return failed(Cause::ClientTimeout),
            Err(Interrupted::Ended(cause)) => return Err(Failure::ended(cause)),
        }
    }
    Ok(())
}

fn count_intercepted(client: &Client) {
    client
        .plan
        .live(client.session.frontend)
        .frontend
        .counters
        .add(client.local.worker, Count::Intercepted, 1);
}
