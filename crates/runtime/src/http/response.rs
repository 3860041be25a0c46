//! A response's head on its way to the client: rules, cookies, the connection line.

use hapax_core::contract::Outcome;
use hapax_core::stream::{Cause, Phase, ResponseSource};
use hapax_proto::h1::body::{Framing, clean_te, response_connection};
use hapax_proto::http::Name;

use super::buffer_response;
use super::client::Client;
use super::exchange::{Exchange, Failure, counted};
use super::rules::{self, Set};

/// Applies what is due to the server's response and writes its head.
pub async fn prepare(
    client: &mut Client,
    exchange: &mut Exchange,
    framing: Framing,
) -> Result<(), Failure> {
    if framing == Framing::Tunnel && exchange.stream.response.status() != 101 {
        // What follows a 2xx to CONNECT is no body (RFC 9110 8.6, RFC 9112 6.3).
        exchange.stream.response.remove_id(Name::ContentLength);
        exchange.stream.response.remove_id(Name::TransferEncoding);
    }
    // Counted as the server sent it, whatever rules make of it.
    exchange.notes.response_head += counted(&exchange.stream.response);
    super::capture::response(client, exchange);
    let backend = exchange.stream.backend;
    let frontend = client.session.frontend;
    let mut proxies = [Some(backend), (backend != frontend).then_some(frontend)].into_iter();
    while let Some(Some(proxy)) = proxies.next() {
        let mut decided = rules::run(client, exchange, proxy, Set::Response);
        while let Some(waits @ (Outcome::Pause { .. } | Outcome::WaitForBody { .. })) = decided {
            // Boxed: few configurations need room for it in every connection's task.
            if let Err(failure) = Box::pin(wait(client, exchange, framing, waits)).await {
                exchange.notes.response_head += begun(exchange, framing);
                return Err(failure);
            }
            decided = rules::run_rest(client, exchange, proxy, Set::Response);
        }
        if decided.is_some() {
            exchange.notes.response_head += begun(exchange, framing);
        }
        match decided {
            None => {}
            Some(Outcome::Deny { status }) => {
                exchange.notes.denied = true;
                return Err(Failure::new(Cause::Proxy, Phase::Headers, status));
            }
            Some(Outcome::DenyReply) => {
                exchange.notes.denied = true;
                return Err(Failure::new(Cause::Proxy, Phase::Headers, REPLY));
            }
            Some(outcome @ (Outcome::Reply | Outcome::Page { .. })) => {
                if let Outcome::Page { status } = outcome {
                    super::reply::page(client, exchange, status);
                }
                exchange.server = None;
                return Err(Failure::new(Cause::Local, Phase::Headers, REPLY));
            }
            Some(outcome @ Outcome::SilentDrop { .. }) => {
                exchange.notes.denied = true;
                exchange.notes.dropped = crate::inspect::drop_silently(client, outcome);
                exchange.stream.status = exchange.stream.response.status() as i16;
                return Err(Failure::new(Cause::Proxy, Phase::Request, 0));
            }
            Some(Outcome::AnswerFailed { local }) => {
                let failure = no_room(client, exchange);
                let cause = super::reply::unanswered(local);
                return Err(Failure { cause, ..failure });
            }
            Some(Outcome::RewriteFailed) => return Err(no_room(client, exchange)),
            Some(_) => return Err(Failure::new(Cause::Proxy, Phase::Headers, 0)),
        }
    }
    if let Err(failure) = super::check_cache::check(client, exchange) {
        exchange.notes.response_head += begun(exchange, framing);
        return Err(failure);
    }
    super::cookie::on_response(client, exchange);
    if framing == Framing::Tunnel && exchange.stream.response.status() != 101 {
        // What follows a 2xx to CONNECT is no body (RFC 9110 8.6, RFC 9112 6.3).
        exchange.stream.response.remove_id(Name::ContentLength);
        exchange.stream.response.remove_id(Name::TransferEncoding);
    }
    if !rules::after_response(client, exchange) {
        exchange.notes.response_head += begun(exchange, framing);
        return Err(no_room(client, exchange));
    }
    // Only now: answers that rules gave instead of it have an end of their own.
    exchange.client_stays &= !matches!(framing, Framing::UntilClose | Framing::Tunnel);
    write(client, exchange, framing != Framing::Tunnel);
    Ok(())
}

/// The rules go on after a while.
async fn wait(
    client: &mut Client,
    exchange: &mut Exchange,
    framing: Framing,
    outcome: Outcome,
) -> Result<(), Failure> {
    match outcome {
        Outcome::Pause { time } => super::route::pause(client, time).await,
        Outcome::WaitForBody { time, least } => {
            buffer_response::wait_for(client, exchange, framing, time, least).await
        }
        _ => Ok(()),
    }
}

/// A rewrite of the response found no room.
fn no_room(client: &Client, exchange: &mut Exchange) -> Failure {
    exchange.notes.no_room = true;
    rules::count_internal_error(client, exchange, true);
    Failure::new(Cause::Proxy, Phase::Headers, 500)
}

/// Bytes of the body that came together with a head that is not passed on: they are counted as the head is.
fn begun(exchange: &Exchange, framing: Framing) -> u64 {
    let here = exchange
        .down
        .input
        .as_ref()
        .map_or(0, |buf| buf.data().len()) as u64;
    match framing {
        Framing::Length(length) => here.min(length),
        Framing::UntilClose => here,
        _ => 0,
    }
}

/// Writes `stream.response` to the client's side, with its connection line.
pub fn write(client: &mut Client, exchange: &mut Exchange, with_connection: bool) {
    if let Some(stream) = client.socket.shared_mut() {
        stream.send_head(&exchange.stream.response);
        return;
    }
    let response = &mut exchange.stream.response;
    if response.seen().te {
        clean_te(response);
    }
    // A page of ours may carry the line itself.
    let own_page = exchange.stream.response_from == ResponseSource::Proxy
        && response.get(Name::Connection).is_some();
    if with_connection
        && !own_page
        && let Some(value) =
            response_connection(response, exchange.client_11, exchange.client_stays)
    {
        response.add(b"connection", value);
    }
    let adjust = client.frontend().ir.options.case_adjust_client;
    exchange.down.renew_out();
    super::case::write(client, response, adjust, &mut exchange.down.out);
}

/// Writes a 1xx head as it is.
pub fn write_interim(client: &mut Client, exchange: &mut Exchange) {
    exchange.notes.response_head += counted(&exchange.stream.response);
    if let Some(stream) = client.socket.shared_mut() {
        stream.send_head(&exchange.stream.response);
        return;
    }
    let adjust = client.frontend().ir.options.case_adjust_client;
    exchange.down.renew_out();
    super::case::write(
        client,
        &exchange.stream.response,
        adjust,
        &mut exchange.down.out,
    );
}

/// In a [`Failure`]: the answer stands in `stream.response` already.
pub const REPLY: u16 = 1;
