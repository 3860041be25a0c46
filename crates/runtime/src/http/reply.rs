//! Answers made here: pages for failures, rules that answer, `monitor-uri`.

use hapax_core::contract::Outcome;
use hapax_core::counter::Count;
use hapax_core::ir::ErrorPage;
use hapax_core::stream::{Cause, Phase, ReplyBody, ResponseSource, Termination};
use hapax_proto::h1::body::Framing;

use super::client::{Client, Interrupted, within};
use super::error_page;
use super::exchange::{Exchange, Failure};
use super::response;

/// `monitor-uri`: says that we serve.
pub async fn monitor(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    exchange.notes.silent = true;
    count_intercepted(client);
    page(client, exchange, 200);
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
        Outcome::Reply => {
            exchange.stream.termination = Termination {
                cause: Cause::Local,
                phase: Phase::Request,
            };
            count_intercepted(client);
            send(client, exchange).await
        }
        _ => {
            exchange.client_stays = false;
            Err(Failure::new(Cause::Proxy, Phase::Request, 0))
        }
    }
}

/// Puts the page for `status` into the response: an `errorfile` of the proxy in charge, or the built-in one.
pub fn page(client: &Client, exchange: &mut Exchange, status: u16) {
    let stream = &mut exchange.stream;
    let own = [stream.backend, client.session.frontend]
        .into_iter()
        .find_map(|proxy| find_page(&client.plan.proxy(proxy).ir.error_pages, status));
    if let Some(own) = own
        && let Some(body) = error_page::parse(&own.content, &mut stream.response)
    {
        let body = own.content.get(body..).unwrap_or_default();
        stream.reply_body = ReplyBody::Owned(body.to_vec());
        return;
    }
    let body = error_page::page(status).fill(&mut stream.response);
    stream.reply_body = ReplyBody::Owned(body.into_bytes());
}

/// The configured page for a status.
pub fn find_page(pages: &[ErrorPage], status: u16) -> Option<&ErrorPage> {
    pages.iter().rev().find(|page| page.status == status)
}

/// Sends `stream.response` with `stream.reply_body`.
pub async fn send(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let options = &client.frontend().ir.options;
    let closes = options.connection_mode == hapax_core::ir::ConnectionMode::Close
        || client.local.stopping.get();
    // A body that was not read makes the place of the next request unknown; it is read when it is small.
    let framing = hapax_proto::h1::body::request_framing(&exchange.stream.request);
    let unread = framing != Framing::None && !exchange.notes.reached_server;
    if unread && !skip_body(exchange, framing) || closes {
        exchange.client_stays = false;
    }
    if exchange.notes.reached_server && !exchange.up.is_received() {
        exchange.client_stays = false;
    }
    exchange.stream.response_from = ResponseSource::Proxy;
    exchange.stream.status = exchange.stream.response.status() as i16;
    exchange.down.reset();
    exchange.down.input = None;
    response::write(client, exchange, true);
    if !exchange.asked.head {
        let body = exchange.stream.reply_body.bytes();
        exchange.down.payload += body.len() as u64;
        exchange.down.out.extend_from_slice(body);
    }
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
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Failure::new(Cause::ClientAbort, Phase::Data, 0)),
        Err(Interrupted::Deadline) => Err(Failure::new(Cause::ClientTimeout, Phase::Data, 0)),
        Err(Interrupted::Ended(cause)) => Err(Failure::new(cause, Phase::Data, 0)),
    }
}

/// Drops a request body that is there already, whole; tells whether it was.
fn skip_body(exchange: &mut Exchange, framing: Framing) -> bool {
    let up = &mut exchange.up;
    match framing {
        Framing::None => true,
        Framing::Length(length) => {
            let Some(input) = &mut up.input else {
                return length == 0;
            };
            match usize::try_from(length) {
                Ok(length) if length <= input.len() => {
                    input.consume(length);
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

fn count_intercepted(client: &Client) {
    client
        .plan
        .live(client.session.frontend)
        .frontend
        .counters
        .add(client.local.worker, Count::Intercepted, 1);
}
