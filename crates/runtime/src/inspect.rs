//! Rules that look at contents before anybody else does: `tcp-request content`, `tcp-response content`, and their waiting.
//!
//! The rules run each time bytes came, all from the first one, until one decides or the time is over; what cannot be decided
//! then never will be.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use hapax_core::contract::Outcome;
use hapax_core::program::ProxyId;
use hapax_core::stream::{Cause, Phase};
use hapax_proto::h1::{Limits, Parse, Scan, parse_request};
use hapax_rules::ruleset;

use crate::buffer::Buf;
use crate::clock;
use crate::http::client::{Interrupted, within};
use crate::http::exchange::{Exchange, Failure};
use crate::http::rules::with_tx;
use crate::http::{Client, resolve, rules};
use crate::io::{Io, Stream as Socket};
use crate::relay::{Relay, Side};
use crate::vanish::vanish;
use crate::wheel::NEVER;

/// How a stream goes on whose contents were let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// As it is.
    On,
    /// As HTTP.
    Http,
    /// The client's time was over while rules waited; they let it pass all the same.
    Late,
}

/// Runs the `tcp-request content` rules of a proxy.
pub async fn request(
    client: &mut Client,
    exchange: &mut Exchange,
    proxy: ProxyId,
) -> Result<Flow, Failure> {
    if client.plan.proxy(proxy).ir.tcp.request.is_empty() {
        return Ok(Flow::On);
    }
    // Boxed: few configurations need room for it in every connection's task.
    Box::pin(wait_for_request(client, exchange, proxy)).await
}

async fn wait_for_request(
    client: &mut Client,
    exchange: &mut Exchange,
    proxy: ProxyId,
) -> Result<Flow, Failure> {
    let plan = client.plan.clone();
    let tcp = &plan.proxy(proxy).ir.tcp;
    let limits = plan.at(client.session.frontend).request_limits;
    let timeout = plan.proxy(client.session.frontend).ir.timeouts.client;
    let http = exchange.stream.is_http();
    let until = tcp
        .request_delay
        .map_or(0, |delay| clock::now_ms() + u64::from(delay));
    let mut client_until = Client::after(timeout);
    let (mut over, mut late) = (tcp.request_delay.is_none(), false);
    // The rules behind one that had to wait for something else.
    let mut rules = tcp.request.as_slice();
    if !http && exchange.up.input.is_none() {
        // What the client has sent by now is looked at from the first rule on.
        let (socket, input) = (&mut client.socket, &mut exchange.up.input);
        let ended = poll_fn(|cx| {
            let polled = poll_more(cx, socket, input, limits.max_kept);
            Poll::Ready(matches!(polled, Poll::Ready(Ok(0) | Err(_))))
        });
        over |= ended.await;
    }
    loop {
        let here = exchange.up.input.as_ref().map_or(0, Buf::len);
        if !http {
            parse_request_head(exchange, &limits);
        }
        exchange.stream.inspection.open = !over && here < limits.max_kept;
        let outcome = with_tx(client, exchange, false, |tx| ruleset::inspect(rules, tx));
        exchange.stream.inspection.open = false;
        exchange.stream.inspection.partial_head = false;
        match outcome {
            Outcome::Wait => {}
            Outcome::Resolve => {
                let last = exchange.stream.decided_by.take();
                let at = rules.iter().position(|rule| Some(rule.span) == last);
                rules = at.and_then(|at| rules.get(at + 1..)).unwrap_or_default();
                resolve::address(client, exchange).await?;
                continue;
            }
            Outcome::SwitchToHttp if !http => return Ok(Flow::Http),
            Outcome::Continue | Outcome::Stop | Outcome::SwitchToHttp => {
                return Ok(if late { Flow::Late } else { Flow::On });
            }
            outcome => return Err(refuse_request(client, exchange, outcome)),
        }
        let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
        let input = &mut exchange.up.input;
        let came = within(timer, handle, until.min(client_until), |cx| {
            poll_more(cx, socket, input, limits.max_kept)
        });
        match came.await {
            Ok(Ok(count)) if count > 0 => client_until = Client::after(timeout),
            Ok(_) => over = true,
            Err(Interrupted::Deadline) => {
                over = true;
                late = client_until <= until;
            }
            Err(Interrupted::Ended(cause)) => return Err(Failure::ended(cause)),
        }
    }
}

/// Receives what comes, up to `most` bytes in all.
fn poll_more(
    cx: &mut Context<'_>,
    socket: &mut Socket,
    input: &mut Option<Buf>,
    most: usize,
) -> Poll<io::Result<usize>> {
    let buffer = input.get_or_insert_with(Buf::take);
    if buffer.tail() == 0 {
        buffer.compact();
    }
    let room = most.saturating_sub(buffer.len()).min(buffer.tail());
    let room = buffer.room().get_mut(..room).unwrap_or_default();
    let polled = socket.poll_recv(cx, room);
    match &polled {
        Poll::Ready(Ok(count)) => buffer.filled(*count),
        // Who waits without a byte holds no buffer.
        _ if buffer.is_empty() => *input = None,
        _ => {}
    }
    polled
}

/// What a refusal of the client's contents comes to.
fn refuse_request(client: &mut Client, exchange: &mut Exchange, outcome: Outcome) -> Failure {
    exchange.notes.denied = true;
    exchange.notes.denied_by_content = true;
    exchange.client_stays = false;
    exchange.stream.times.request = 0;
    if !exchange.notes.on_backend {
        exchange.stream.request_line.clear();
    }
    exchange.up.payload = exchange.up.input.as_ref().map_or(0, Buf::len) as u64;
    drop_silently(client, outcome);
    Failure::new(Cause::Proxy, Phase::Request, 0)
}

/// Lets the client's connection vanish when that is what was decided.
pub fn drop_silently(client: &Client, outcome: Outcome) -> bool {
    let Outcome::SilentDrop { reset_ttl } = outcome else {
        return false;
    };
    let end = client.session.connection().source;
    client.socket.with_fd(|fd| vanish(fd, end, reset_ttl));
    if let Some(stream) = client.socket.shared() {
        stream.vanish();
    }
    true
}

/// In TCP mode, what looks like HTTP is there for rules to look at.
fn parse_request_head(exchange: &mut Exchange, limits: &Limits) {
    let limits = Limits {
        looks_on: true,
        ..*limits
    };
    let bytes = exchange.up.input.as_ref().map_or(&[][..], Buf::data);
    let request = &mut exchange.stream.request;
    request.clear();
    exchange.stream.inspection.partial_head = true;
    let Some(first) = bytes.first() else {
        return;
    };
    let parsed = match first.is_ascii_alphanumeric() || matches!(first, b'\r' | b'\n') {
        true => parse_request(bytes, request, &mut Scan::default(), &limits).ok(),
        false => None,
    };
    if !matches!(parsed, Some(Parse::Complete { .. })) {
        request.clear();
    }
    exchange.stream.inspection.partial_head = matches!(parsed, Some(Parse::Partial));
}

/// Runs the `tcp-response content` rules on a response whose head is complete.
pub async fn response(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    if client
        .plan
        .proxy(exchange.stream.backend)
        .ir
        .tcp
        .response
        .is_empty()
    {
        return Ok(());
    }
    Box::pin(wait_for_response(client, exchange)).await
}

async fn wait_for_response(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let plan = client.plan.clone();
    let backend = exchange.stream.backend;
    let tcp = &plan.proxy(backend).ir.tcp;
    let limits = plan.at(backend).response_limits;
    let timeout = plan.proxy(backend).ir.timeouts.server;
    let until = tcp
        .response_delay
        .map_or(0, |delay| clock::now_ms() + u64::from(delay));
    let mut over = tcp.response_delay.is_none();
    loop {
        let here = exchange.down.input.as_ref().map_or(0, Buf::len);
        exchange.stream.inspection.open = !over && here < limits.max_kept;
        exchange.stream.inspection.before_status = true;
        let outcome = rules::with_tx(client, exchange, true, |tx| {
            ruleset::inspect(&tcp.response, tx)
        });
        exchange.stream.inspection.before_status = false;
        exchange.stream.inspection.open = false;
        match outcome {
            Outcome::Wait => {}
            // What comes after it finds the connection closed.
            Outcome::Continue | Outcome::Stop | Outcome::CloseServer => return Ok(()),
            outcome => {
                exchange.stream.times.response = 0;
                exchange.notes.denied = true;
                exchange.notes.dropped = drop_silently(client, outcome);
                exchange.client_stays = false;
                return Err(Failure::new(Cause::Proxy, Phase::Data, 0));
            }
        }
        let Some(connection) = &mut exchange.server else {
            return Ok(());
        };
        let (timer, handle) = (&mut client.timer, &client.handle);
        let input = exchange.down.input.get_or_insert_with(Buf::take);
        let most = limits.max_kept.saturating_sub(input.len());
        let deadline = until.min(Client::after(timeout));
        let came = within(timer, handle, deadline, |cx| {
            if input.tail() == 0 {
                input.compact();
            }
            let room = most.min(input.tail());
            let room = input.room().get_mut(..room).unwrap_or_default();
            connection.socket.poll_recv(cx, room)
        });
        match came.await {
            Ok(Ok(count)) if count > 0 => input.filled(count),
            Ok(_) | Err(Interrupted::Deadline) => over = true,
            Err(Interrupted::Ended(cause)) => return Err(Failure::ended(cause)),
        }
    }
}

/// How a relayed session ended.
pub enum Relayed {
    /// As [`crate::http::tunnel::run_relay`] says.
    End(Result<crate::relay::End, Cause>),
    /// The rules refused what the server sent.
    Refused(Outcome),
}

/// Relays both directions, the server's bytes being held back until the backend's rules have let them through.
pub async fn relay(relay: &mut Relay, client: &mut Client, exchange: &mut Exchange) -> Relayed {
    let plan = client.plan.clone();
    let backend = exchange.stream.backend;
    let tcp = &plan.proxy(backend).ir.tcp;
    let limits = plan.at(backend).response_limits;
    let mut until = tcp
        .response_delay
        .map_or(0, |delay| clock::now_ms() + u64::from(delay));
    let mut looked_at = None;
    let limited = exchange.stream.bandwidth.len();
    relay.hold(Side::Server, limits.max_kept);
    poll_fn(|cx| {
        loop {
            let Some(connection) = &mut exchange.server else {
                return Poll::Ready(Relayed::End(Err(Cause::Internal)));
            };
            let polled = relay.poll(cx, &mut client.socket, &mut *connection.socket);
            if let Some((bytes, more)) = relay.held(Side::Server) {
                let open = more && clock::now_ms() < until;
                // Nothing is judged before the server said something, or never will.
                let seen = (bytes.len(), open);
                if looked_at != Some(seen) && !(bytes.is_empty() && more && until == 0) {
                    looked_at = Some(seen);
                    exchange.stream.inspection.open = open;
                    let outcome = rules::with_response_bytes(client, exchange, bytes, |tx| {
                        ruleset::inspect(&tcp.response, tx)
                    });
                    exchange.stream.inspection.open = false;
                    match outcome {
                        Outcome::Wait => {}
                        Outcome::Continue | Outcome::Stop => {
                            // What the rules of the response add does not begin the others anew.
                            if exchange.stream.bandwidth.len() > limited {
                                relay.limit(&exchange.stream.bandwidth);
                            }
                            relay.release(Side::Server);
                            until = NEVER;
                            continue;
                        }
                        refused => return Poll::Ready(Relayed::Refused(refused)),
                    }
                }
            } else {
                until = NEVER;
            }
            if let Poll::Ready(end) = polled {
                return Poll::Ready(Relayed::End(Ok(end)));
            }
            client.handle.watch(cx.waker());
            if let Some(cause) = client.handle.ended_by.get() {
                return Poll::Ready(Relayed::End(Err(cause)));
            }
            let wake = match until {
                0 => NEVER,
                until => until,
            };
            let counting = exchange.tally.as_mut().map_or(NEVER, |tally| {
                let (received, delivered) =
                    (relay.received(Side::Client), relay.delivered(Side::Server));
                tally.due(received, delivered)
            });
            let deadline = relay.deadline().min(wake).min(counting);
            std::task::ready!(client.timer.poll_at(cx, deadline));
            if clock::now_ms() >= wake {
                until = 1;
            }
            if let Some(end) = relay.expire(clock::now_ms()) {
                return Poll::Ready(Relayed::End(Ok(end)));
            }
        }
    })
    .await
}
