//! The end of an exchange: what the client is told when it failed, counters, the log line.

use std::task::Poll;

use hapax_core::contract::{Cx, Now};
use hapax_core::counter::{Count, Counters};
use hapax_core::ir::{LogOrigin, LogReady, Mode};
use hapax_core::program::{Proxy, ProxyId};
use hapax_core::stream::{Cause, ConnectionCounts, Phase, ResponseSource, Session, Stream};

use super::client::{Client, Then, within};
use super::exchange::{Exchange, Failure, Notes, counted};
use super::response::REPLY;
use super::{connect, error_page, reply, reset};
use crate::io::Io;
use crate::plan::Plan;

/// Tells the client about a failure, if it can be told, and what becomes of its connection.
pub async fn settle(
    client: &mut Client,
    exchange: &mut Exchange,
    outcome: Result<(), Failure>,
) -> Then {
    let failure = match outcome {
        Ok(()) if exchange.client_stays && !client.local.stops_at_once() => return Then::Next,
        Ok(()) => return Then::Close,
        Err(failure) => failure,
    };
    exchange.end_by(failure.cause, failure.phase);
    reset::note(client, exchange);
    exchange.server = None;
    connect::release(client, exchange);
    if client.handle.ended_by.get().is_some() {
        // Nobody is told, but this is what is logged.
        exchange.stream.status = 500;
        return Then::Close;
    }
    if exchange.answered {
        return Then::Close;
    }
    if exchange.notes.bad_request {
        refuse(client, exchange, failure).await;
        return Then::Close;
    }
    match failure.status {
        0 => return Then::Close,
        REPLY => {}
        status => {
            // What is logged is what failed, also where `errorloc` makes a redirect of it.
            exchange.stream.status = status as i16;
            if reply::is_silent(client, exchange, status) {
                return Then::Close;
            }
            reply::page(client, exchange, status);
        }
    }
    if exchange.notes.muted {
        exchange.stream.status = failure.status as i16;
        exchange.notes.response_head += counted(&exchange.stream.response);
        exchange.down.payload = exchange.stream.reply_body.bytes().len() as u64;
        return Then::Close;
    }
    match reply::send(client, exchange).await {
        Ok(()) if exchange.client_stays => Then::Next,
        Ok(()) => Then::Close,
        Err(failure) => {
            exchange.notes.lost |= failure.cause == Cause::ClientAbort;
            exchange.end_by(failure.cause, failure.phase);
            Then::Close
        }
    }
}

/// Answers bytes that are no request.
pub async fn refuse(client: &mut Client, exchange: &mut Exchange, failure: Failure) {
    if exchange.notes.request_head == 0 {
        super::request::count(client);
    }
    exchange.end_by(failure.cause, failure.phase);
    exchange.stream.times.request = 0;
    exchange.stream.request_line.clear();
    if failure.status == 0 {
        if failure.cause == Cause::ClientAbort {
            exchange.stream.status = 400;
        }
        return;
    }
    exchange.stream.status = failure.status as i16;
    let pages = &client.frontend().ir.error_pages;
    exchange.down.reset();
    let own = reply::find_page(pages, failure.status).filter(|page| page.reply.is_none());
    match own {
        _ if client.socket.is_shared() || exchange.notes.as_message => {
            reply::page_of_client(client, exchange, failure.status);
        }
        Some(own) => exchange.down.out.extend_from_slice(&own.content),
        None => {
            let raw = error_page::page(failure.status).raw();
            exchange.down.out.extend_from_slice(&raw);
        }
    }
    let deadline = Client::after(client.frontend().ir.timeouts.client);
    let Client {
        socket,
        timer,
        handle,
        ..
    } = &mut *client;
    let down = &mut exchange.down;
    let _ = within(timer, handle, deadline, |cx| {
        match down.poll_flush(cx, socket) {
            Poll::Ready(Ok(())) => socket.poll_shutdown(cx),
            other => other,
        }
    })
    .await;
}

/// The head of the answer is on its way: `option logasap` logs now.
pub fn head_sent(client: &Client, exchange: &mut Exchange) {
    crate::trace::head_sent(client, exchange);
    if client.frontend().ir.options.logasap {
        log_early(client, exchange, LogOrigin::Response);
    } else if exchange.stream.response_from == ResponseSource::Server {
        step(client, exchange, LogOrigin::Response);
    }
}

/// A step of the exchange was taken: leaves a line where `log-steps` asks for it, or where all that it shows is known.
pub fn step(client: &Client, exchange: &mut Exchange, origin: LogOrigin) {
    let frontend = client.frontend();
    let wanted = match frontend.ir.log_steps {
        Some(steps) => steps.has(origin) && !exchange.notes.logged,
        None => is_ready(frontend, origin),
    };
    if !wanted {
        return;
    }
    exchange.notes.logged |= frontend.ir.log_steps.is_none();
    let (status, requested) = (exchange.stream.status, exchange.stream.times.request);
    if origin == LogOrigin::Accept {
        exchange.stream.status = 0;
    }
    if matches!(origin, LogOrigin::Accept | LogOrigin::Request) {
        // The reference notes the time of the request a little later.
        exchange.stream.times.request = 0;
    }
    exchange.stream.log_origin = origin;
    exchange.stream.times.end = client.local.now().ms;
    log(client, exchange);
    exchange.stream.times.end = 0;
    exchange.stream.times.request = requested;
    exchange.stream.status = status;
    exchange.stream.log_origin = LogOrigin::Unspecified;
}

/// Whether the only line of an exchange is written at this step, because nothing in it is known later. The reference
/// writes one that shows nothing but the request once more when the response is there.
fn is_ready(frontend: &Proxy, origin: LogOrigin) -> bool {
    let options = &frontend.ir.options;
    if options.logasap || options.dontlog_normal {
        return false;
    }
    match origin {
        LogOrigin::Request => frontend.log_ready == LogReady::Request,
        LogOrigin::Response => frontend.log_ready <= LogReady::Response,
        LogOrigin::Connect => {
            frontend.ir.mode != Mode::Http && frontend.log_ready <= LogReady::Response
        }
        _ => false,
    }
}

/// Writes the log line before the end, with what is known by now.
pub fn log_early(client: &Client, exchange: &mut Exchange, origin: LogOrigin) {
    exchange.notes.logged = true;
    exchange.stream.log_origin = origin;
    exchange.stream.times.end = client.local.now().ms;
    log(client, exchange);
}

/// Counts an exchange that has ended and writes its log line.
pub fn account(client: &mut Client, exchange: &mut Exchange) {
    connect::release(client, exchange);
    exchange.stream.times.end = client.local.now().ms;
    count(client, exchange);
    if client.plan.observation.events {
        crate::observe::ended(client, exchange);
    }
    crate::trace::stream_ends(client, exchange);
    if exchange.notes.logged {
        return;
    }
    let frontend = &client.frontend().ir;
    let no_request = frontend.mode == Mode::Http && exchange.stream.request_line.is_empty();
    if no_request {
        let told = frontend.error_log_format.is_some() || frontend.log_format.is_some();
        if told && !frontend.logs.is_empty() {
            super::request::number(client, exchange);
            let process = &client.plan.program.live.process;
            process.counters.add(client.local.worker, Count::Unbegun, 1);
        }
        exchange.stream.log_origin = LogOrigin::SessionError;
        log(client, exchange);
    } else if frontend
        .log_steps
        .is_none_or(|steps| steps.has(LogOrigin::Close))
    {
        exchange.stream.log_origin = LogOrigin::Close;
        log(client, exchange);
    }
}

fn bytes(exchange: &mut Exchange) {
    let notes = &exchange.notes;
    let stream = &mut exchange.stream;
    let trailers = match exchange.up.trailer_bytes {
        // The end of a body is one of its frames there.
        1 if notes.http2 => 0,
        bytes => bytes,
    };
    stream.bytes_in = notes.request_head + exchange.up.payload + trailers;
    stream.bytes_out = notes.response_head + exchange.down.payload + exchange.down.trailer_bytes;
    if notes.bad_request && notes.request_head == 0 {
        stream.bytes_in = 0;
        // A page that went as a message counts, one that went as bytes does not.
        if notes.response_head == 0 {
            stream.bytes_out = 0;
        }
    }
}

/// Writes the log line.
pub fn log(client: &Client, exchange: &mut Exchange) {
    reset::note(client, exchange);
    let now = client.local.now();
    log_session(&client.plan, &client.session, now, exchange);
}

/// The same for a session of which nobody serves an exchange.
pub fn log_session(plan: &Plan, session: &Session, now: Now, exchange: &mut Exchange) {
    bytes(exchange);
    let stream = &mut exchange.stream;
    stream.counts = counts(plan, session.frontend, stream, &exchange.notes);
    // The messages are gone when the reference logs.
    let ir = &plan.proxy(session.frontend).ir;
    let gone = ir
        .unique_id_format
        .is_some()
        .then(|| std::mem::take(&mut stream.request));
    plan.logger.exchange(&Cx {
        program: &plan.program,
        session,
        stream: &exchange.stream,
        request_bytes: &[],
        response_bytes: &[],
        arena: &exchange.arena,
        now,
        on_response: false,
    });
    if let Some(request) = gone {
        exchange.stream.request = request;
    }
}

/// Connections of all sides now.
pub fn counts(plan: &Plan, frontend: ProxyId, stream: &Stream, notes: &Notes) -> ConnectionCounts {
    let backend = plan.live(stream.backend);
    ConnectionCounts {
        process: plan.program.live.process.connections.value(),
        frontend: plan.live(frontend).frontend.sessions.value(),
        backend: backend.backend.sessions.value(),
        server: notes.server_sessions.unwrap_or_else(|| {
            let server = stream.server.and_then(|index| backend.servers.get(index));
            server.map_or(0, |server| server.sessions.value())
        }),
    }
}

fn count(client: &mut Client, exchange: &mut Exchange) {
    bytes(exchange);
    let worker = client.local.worker;
    let plan = client.plan.clone();
    let stream = &exchange.stream;
    let notes = &exchange.notes;
    let (counted_in, counted_out) = exchange
        .tally
        .as_ref()
        .map_or((0, 0), |tally| tally.counted());
    let bytes_in = stream.bytes_in.saturating_sub(counted_in);
    let bytes_out = stream.bytes_out.saturating_sub(counted_out);
    let frontend = plan.live(client.session.frontend);
    let wire = &frontend.frontend.counters;
    client.socket.traffic.count(wire, worker);
    let status = status_class(stream.status);
    let on_front = |counters: &Counters| {
        counters.add(worker, Count::BytesIn, bytes_in);
        counters.add(worker, Count::BytesOut, bytes_out);
        if let Some(status) = status {
            counters.add(worker, status, 1);
        }
        if notes.bad_request || notes.broken_body || notes.body_late || notes.request_error {
            counters.add(worker, Count::RequestErrors, 1);
        }
        if notes.denied {
            counters.add(worker, denial(notes), 1);
        }
    };
    on_front(&frontend.frontend.counters);
    let process = &plan.program.live.process;
    process.counters.add(worker, Count::BytesOut, bytes_out);
    let amount = u32::try_from(bytes_out).unwrap_or(u32::MAX);
    process
        .bytes_out_rate
        .add_many(worker, amount, stream.times.end);
    if let Some(listener) = frontend.listeners.get(client.session.listener) {
        on_front(&listener.counters);
    }
    let backend = plan.live(stream.backend);
    if !notes.on_backend {
        // What a `listen` answers itself passed through its backend too.
        let entered = notes.request_head > 0 || plan.proxy(stream.backend).ir.mode != Mode::Http;
        if entered && plan.proxy(stream.backend).ir.kind.has_backend() {
            let counters = &backend.backend.counters;
            counters.add(worker, Count::BytesIn, bytes_in);
            counters.add(worker, Count::BytesOut, bytes_out);
        }
        return;
    }
    backend.backend.counters.add(worker, Count::Requests, 1);
    let times = &stream.times;
    let between = hapax_core::stream::Times::between;
    let timers = [
        between(times.request, times.queue),
        between(times.queue, times.connect),
        between(times.connect, times.response),
        between(times.request, times.end),
    ];
    let on_back = |counters: &Counters, status: Option<Count>| {
        counters.add(worker, Count::BytesIn, bytes_in);
        counters.add(worker, Count::BytesOut, bytes_out);
        if let Some(status) = status {
            counters.add(worker, status, 1);
        }
        for (count, times) in aborts(exchange) {
            counters.add(worker, count, times);
        }
    };
    on_back(&backend.backend.counters, status);
    if notes.denied && !notes.denied_by_content {
        backend.backend.counters.add(worker, denial(notes), 1);
    }
    let complete = stream.response_from == ResponseSource::Server;
    if complete {
        backend.backend.averages.add(timers);
        backend.backend.latency.add(worker, took(timers));
    }
    if let Some(server) = stream.server.and_then(|index| backend.servers.get(index)) {
        // What the server said, also where a rule refused it.
        let answered = complete || stream.server_status != 0;
        let said = match stream.server_status {
            0 => status,
            said => status_class(i16::try_from(said).unwrap_or(i16::MAX)),
        };
        on_back(&server.counters, said.filter(|_| answered));
        if notes.denied && denial(notes) == Count::DeniedResponses {
            server.counters.add(worker, Count::DeniedResponses, 1);
        }
        if answered {
            server.counters.add(worker, Count::Requests, 1);
        }
        if complete {
            server.averages.add(timers);
            server.latency.add(worker, took(timers));
        }
    }
    backend.backend.sessions.down();
}

/// The whole time of an exchange, milliseconds.
fn took([.., total]: [i64; 4]) -> u64 {
    u64::try_from(total).unwrap_or(0)
}

fn denial(notes: &Notes) -> Count {
    match notes.reached_server && !notes.dropped {
        true => Count::DeniedResponses,
        false => Count::DeniedRequests,
    }
}

/// What an end counts as on the backend's side. The reference counts some ends at two places.
fn aborts(exchange: &Exchange) -> impl Iterator<Item = (Count, u64)> {
    let notes = &exchange.notes;
    let termination = &exchange.stream.termination;
    let unanswered = exchange.stream.response_from != ResponseSource::Server;
    let (client, server, response) = match (termination.cause, termination.phase) {
        (Cause::ClientAbort, Phase::Data) if unanswered && notes.muted => (2, 0, 0),
        (Cause::ClientAbort, Phase::Queue) | (_, Phase::Connect) => (u64::from(notes.lost), 0, 0),
        (Cause::ClientAbort | Cause::ClientTimeout, _) => (1, 0, 0),
        (Cause::Proxy, Phase::Headers | Phase::Data)
            if !notes.denied && !notes.broken_body && !notes.no_room =>
        {
            (0, 0, 2)
        }
        (Cause::ServerAbort, Phase::Headers) => (0, 0, 2),
        (Cause::ServerTimeout, Phase::Headers) => (0, 0, u64::from(!notes.held)),
        (Cause::ServerAbort, Phase::Data | Phase::Last) => (0, 1, 1),
        (Cause::ServerTimeout, Phase::Data | Phase::Last) => (0, 1, 0),
        _ => (0, 0, 0),
    };
    [
        (Count::ClientAborts, client),
        (Count::ServerAborts, server),
        (Count::ResponseErrors, response),
    ]
    .into_iter()
    .filter(|(_, times)| *times > 0)
}

fn status_class(status: i16) -> Option<Count> {
    Some(match status {
        ..=0 => return None,
        100..=199 => Count::Status1xx,
        200..=299 => Count::Status2xx,
        300..=399 => Count::Status3xx,
        400..=499 => Count::Status4xx,
        500..=599 => Count::Status5xx,
        _ => Count::StatusOther,
    })
}
