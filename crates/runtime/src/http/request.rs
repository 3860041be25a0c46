//! Waiting for a request and reading its head.

use std::os::fd::AsRawFd;
use std::task::Poll;

use hapax_core::contract::Cx;
use hapax_core::counter::Count;
use hapax_core::ir::{LogOrigin, Mode};
use hapax_core::stream::{Cause, Phase, Sockets};
use hapax_proto::h1::body::{Asked, Framing, request_framing};
use hapax_proto::h1::{Fault, Parse, parse_request};
use hapax_proto::http::Head;

use super::client::{Client, Interrupted, poll_interrupted, within};
use super::exchange::{Exchange, Failure, counted};
use super::fault_log;
use super::lane::check_chunks;
use super::lobby::Waiting;
use crate::buffer::Buf;
use crate::clock;
use crate::io::Io;
use crate::{effort, observe, trace};

/// How the wait for a request ended.
pub enum Arrival {
    /// One begins.
    Request(Box<Exchange>),
    /// The connection is one of HTTP/2.
    Preface,
    /// None for so long that the connection need not keep a task for it.
    Rest(Waiting),
    /// The connection ended before one did, and nobody needs to know.
    End,
}

/// Waits until a request begins; `waiting` is how it waited before.
pub async fn arrival(client: &mut Client, waiting: Option<Waiting>) -> Arrival {
    let first = client.requests == 0;
    let waiting = waiting.unwrap_or_else(|| begin_waiting(client, first));
    if client.input.is_none() {
        match first_bytes(client, first, waiting).await {
            FirstBytes::Came => {}
            FirstBytes::None(failure) => {
                let failure = super::route::never_entered(client, failure);
                let silent = !first || client.frontend().ir.options.ignore_probes;
                if silent {
                    return Arrival::End;
                }
                // The reference answers and logs it as a request that failed.
                let mut exchange = begin(client, waiting.since, first);
                exchange.stream.times.first_byte = 0;
                exchange.notes.bad_request = true;
                let side = &client.plan.live(client.session.frontend).frontend;
                side.counters.add(client.local.worker, Count::Unbegun, 1);
                super::finish::refuse(client, &mut exchange, failure).await;
                super::finish::account(client, &mut exchange);
                client.local.give_exchange(exchange);
                return Arrival::End;
            }
            FirstBytes::Gone => return Arrival::End,
            FirstBytes::Rest => return Arrival::Rest(waiting),
        }
    }
    if first && super::multiplex::is_begun(client, waiting.deadline).await {
        return Arrival::Preface;
    }
    let mut exchange = begin(client, waiting.since, first);
    exchange.up.input = client.input.take();
    Arrival::Request(exchange)
}

fn begin_waiting(client: &Client, first: bool) -> Waiting {
    let timeouts = client.frontend().ir.timeouts;
    let timeout = match first {
        true => timeouts.http_request.or(timeouts.client),
        false => timeouts
            .http_keep_alive
            .or(timeouts.http_request)
            .or(timeouts.client),
    };
    Waiting {
        since: clock::now_ms(),
        deadline: Client::after(timeout),
        may_rest: true,
    }
}

enum FirstBytes {
    Came,
    None(Failure),
    Gone,
    Rest,
}

async fn first_bytes(client: &mut Client, first: bool, waiting: Waiting) -> FirstBytes {
    let stays = first || client.frontend().ir.options.idle_close_on_response;
    let rest_at = waiting.rests_at(clock::now_ms());
    client.handle.idle.set(true);
    let Client {
        local,
        socket,
        input,
        timer,
        handle,
        ..
    } = &mut *client;
    let came = std::future::poll_fn(|cx| {
        let buffer = input.get_or_insert_with(Buf::take);
        match socket.poll_recv(cx, buffer.room()) {
            Poll::Ready(Ok(count)) => {
                buffer.filled(count);
                return Poll::Ready(match count {
                    0 => FirstBytes::None(Failure::new(Cause::ClientAbort, Phase::Request, 400)),
                    _ => FirstBytes::Came,
                });
            }
            Poll::Ready(Err(_)) => {
                return Poll::Ready(FirstBytes::None(Failure::new(
                    Cause::ClientAbort,
                    Phase::Request,
                    0,
                )));
            }
            Poll::Pending => *input = None,
        }
        if (local.stops_at_once() || handle.leaving.get()) && !stays {
            return Poll::Ready(FirstBytes::Gone);
        }
        poll_interrupted(cx, timer, handle, rest_at).map(|why| match why {
            Interrupted::Deadline if rest_at < waiting.deadline => FirstBytes::Rest,
            Interrupted::Deadline => {
                FirstBytes::None(Failure::new(Cause::ClientTimeout, Phase::Request, 408))
            }
            Interrupted::Ended(_) => FirstBytes::Gone,
        })
    })
    .await;
    client.handle.idle.set(false);
    client.handle.since_ms.set(client.local.now().ms);
    client.handle.backend.set(None);
    if !matches!(came, FirstBytes::Came) {
        client.input = None;
    }
    came
}

/// An exchange begins.
pub fn begin(client: &mut Client, waits_since: u64, first: bool) -> Box<Exchange> {
    let mut exchange = client.local.take_exchange();
    if let Some(origins) = &client.session.origins {
        client.session.source = origins.established.source;
        client.session.destination = origins.established.destination;
    }
    let now = client.local.now();
    let stream = &mut exchange.stream;
    if let Some(upgraded) = &mut client.upgraded {
        stream.variables = std::mem::take(&mut upgraded.variables);
    }
    stream.status = -1;
    stream.backend = client.session.frontend;
    stream.worker = client.local.worker as u16;
    stream.is_first = first;
    stream.client_position = client.requests;
    stream.effort_before = effort::before();
    stream.sockets = Some(Sockets {
        system: &crate::system::Linux,
        client: client.socket.as_raw_fd(),
        server: None,
    });
    let times = &mut stream.times;
    times.first_byte = now.ms;
    if first {
        times.start = client.session.accepted_ms;
        times.start_wall_us = client.session.accepted_wall_us;
    } else {
        let waited = clock::now_ms().saturating_sub(waits_since);
        times.start = now.ms.saturating_sub(waited).max(1);
        times.start_wall_us = now.wall_us.saturating_sub(waited * 1000);
    }
    exchange
}

/// It takes its number. Bytes that are no request take one only where a line tells of them.
pub fn number(client: &Client, exchange: &mut Exchange) {
    let numbers = &client.plan.program.live.process.streams;
    exchange.stream.number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

/// Frontends without log format tell of each stream that begins; bytes that are no request make none.
pub fn begins(client: &Client, exchange: &Exchange) {
    client.plan.logger.begins(&Cx {
        program: &client.plan.program,
        session: &client.session,
        stream: &exchange.stream,
        request_bytes: &[],
        response_bytes: &[],
        arena: &exchange.arena,
        now: client.local.now(),
        on_response: false,
    });
}

/// Reads the head of the request whose first bytes are there.
pub async fn read(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    if client.socket.is_shared() {
        take_head(client, exchange).await?;
        began(client, exchange);
        return Ok(());
    }
    let ir = &client.plan.proxy(client.session.frontend).ir;
    let timeouts = ir.timeouts;
    let limits = client.plan.at(client.session.frontend).request_limits;
    // `timeout http-request` is for the whole head; without it the client may not be silent for long.
    let whole = timeouts
        .http_request
        .map(|timeout| clock::now_ms() + u64::from(timeout));
    loop {
        let bytes = exchange.up.input.as_ref().map_or(&[][..], Buf::data);
        let bytes = bytes.get(..limits.max_head).unwrap_or(bytes);
        let parsed = parse_request(
            bytes,
            &mut exchange.stream.request,
            &mut exchange.scan,
            &limits,
        );
        match parsed {
            Ok(Parse::Complete { len }) => {
                // Kept until the body's beginning was looked at, for `show errors`.
                let framing = request_framing(&exchange.stream.request);
                let bad = match &exchange.up.input {
                    Some(input) if framing == Framing::Chunked => {
                        check_chunks(input.data().get(len..).unwrap_or_default(), &limits)
                    }
                    _ => Ok(()),
                };
                if let Err(mut fault) = bad {
                    fault.at = fault.at.saturating_add(len);
                    return Err(refused(client, exchange, &fault));
                }
                if is_late_preface(&exchange.stream.request) {
                    exchange.notes.bad_request = true;
                    exchange.notes.as_message = true;
                    return Err(Failure::new(Cause::Proxy, Phase::Request, 400));
                }
                if let Some(input) = &mut exchange.up.input {
                    input.consume(len);
                }
                break;
            }
            Ok(Parse::Partial) => {}
            Err(fault) => return Err(refused(client, exchange, &fault)),
        }
        let deadline = whole.unwrap_or_else(|| Client::after(timeouts.client));
        let input = exchange.up.input.get_or_insert_with(Buf::take);
        if input.tail() == 0 {
            input.compact();
        }
        let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
        let came = within(timer, handle, deadline, |cx| {
            socket.poll_recv(cx, input.room())
        })
        .await;
        let failure = match came {
            Ok(Ok(count)) if count > 0 => {
                input.filled(count);
                continue;
            }
            Ok(Ok(_)) => Failure::new(Cause::ClientAbort, Phase::Request, 400),
            Ok(Err(_)) => Failure::new(Cause::ClientAbort, Phase::Request, 0),
            Err(Interrupted::Deadline) => Failure::new(Cause::ClientTimeout, Phase::Request, 408),
            Err(Interrupted::Ended(cause)) => Failure::new(cause, Phase::Request, 0),
        };
        exchange.notes.bad_request = true;
        return Err(failure);
    }
    began(client, exchange);
    Ok(())
}

/// The head is complete: it is told of.
fn began(client: &Client, exchange: &mut Exchange) {
    number(client, exchange);
    super::finish::step(client, exchange, LogOrigin::Accept);
    received(client, exchange);
    begins(client, exchange);
    if client.plan.observation.events {
        observed(client, exchange);
    }
    trace::head(client, exchange, trace::Side::Request);
    super::finish::step(client, exchange, LogOrigin::Request);
}

/// Takes the head of a stream that shares its connection: it came as a whole, or there is none.
async fn take_head(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let deadline = Client::after(client.frontend().ir.timeouts.client);
    exchange.notes.http2 = true;
    let request = &mut exchange.stream.request;
    let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
    let came = within(timer, handle, deadline, |cx| match socket.shared_mut() {
        Some(stream) => stream.poll_head(cx, request),
        None => Poll::Ready(Err(std::io::ErrorKind::NotConnected.into())),
    });
    let failure = match came.await {
        Ok(Ok(None)) => return Ok(()),
        Ok(Ok(Some(kind))) => {
            exchange.stream.fault = Some(kind);
            Failure::new(Cause::Proxy, Phase::Request, 400)
        }
        // It was refused, and the client was told by other means.
        Ok(Err(_)) => {
            exchange.stream.status = 0;
            Failure::new(Cause::Proxy, Phase::Request, 0)
        }
        Err(Interrupted::Deadline) => Failure::new(Cause::ClientTimeout, Phase::Request, 408),
        Err(Interrupted::Ended(cause)) => Failure::new(cause, Phase::Request, 0),
    };
    exchange.notes.bad_request = true;
    Err(failure)
}

/// A head came from the client (`-d`).
#[cold]
fn observed(client: &Client, exchange: &Exchange) {
    // One that began as TCP was told of then.
    if client.frontend().ir.mode == Mode::Http {
        observe::accepted(client, exchange);
    }
    observe::request(client, exchange);
}

/// What HTTP/2 begins with, where it is not spoken.
fn is_late_preface(request: &Head) -> bool {
    request.method() == b"PRI" && request.version() == b"HTTP/2.0"
}

/// What came is no request.
fn refused(client: &Client, exchange: &mut Exchange, fault: &Fault) -> Failure {
    fault_log::request(client, exchange, fault);
    exchange.notes.bad_request = true;
    exchange.stream.fault = Some(fault.kind);
    exchange.stream.status = fault.request_status() as i16;
    let status = match fault.is_answered(&exchange.stream.request) {
        true => fault.request_status(),
        false => 0,
    };
    Failure::new(Cause::Proxy, Phase::Request, status)
}

/// The head is complete.
fn received(client: &Client, exchange: &mut Exchange) {
    let stream = &mut exchange.stream;
    stream.times.request = client.local.now().ms;
    let request = &stream.request;
    exchange.notes.request_head = counted(request);
    exchange.asked = Asked::of(request);
    exchange.client_11 = request.is_11();
    exchange.client_stays = hapax_proto::h1::body::keeps_alive(request);
    let most = usize::from(client.plan.program.global.tune.http_logurilen);
    let line = &mut stream.request_line;
    line.clear();
    for (part, end) in [
        (request.method(), &b" "[..]),
        (request.uri(), b" "),
        (request.version(), b""),
    ] {
        line.extend_from_slice(part);
        line.extend_from_slice(end);
    }
    line.truncate(most);
    super::capture::request_headers(client, exchange);
}

/// Counts a request, or what came instead of one.
pub fn count(client: &Client) {
    let worker = client.local.worker;
    let frontend = client.plan.live(client.session.frontend);
    let listener = frontend.listeners.get(client.session.listener);
    let side = &frontend.frontend;
    let of_listener = listener.map(|listener| &listener.counters);
    for counters in of_listener.into_iter().chain([&side.counters]) {
        counters.add(worker, Count::Requests, 1);
        if client.session.http2 {
            counters.add(worker, Count::Http2Requests, 1);
        }
    }
    side.request_rate.add(worker, client.local.now().ms);
    let process = &client.plan.program.live.process;
    process.counters.add(worker, Count::Requests, 1);
}
