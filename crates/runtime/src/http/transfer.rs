//! Between a server connection and the client: the response's head, then both bodies at once.

use std::future::poll_fn;
use std::task::{Context, Poll};

use hapax_core::counter::Count;
use hapax_core::ir::ConnectionMode;
use hapax_core::stream::{Cause, Phase, ResponseSource};
use hapax_proto::h1::body::{Framing, keeps_alive, response_framing};
use hapax_proto::h1::{Limits, Parse, Scan, parse_response};
use hapax_proto::h2::message::accept_websocket;

use super::client::{Client, Interrupted, poll_interrupted};
use super::exchange::{Exchange, Failure, counted};
use super::lane::{Blocked, LaneFault, check_chunks};
use super::tally::Tally;
use super::{again, bandwidth, fault_log, health, reset, response, route};
use crate::buffer::Buf;
use crate::clock;
use crate::io::{Io, PeerClosed, Stream as Socket};
use crate::wheel::NEVER;
use crate::{observe, trace};

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The response was delivered.
    Done,
    /// A reused connection turned out to be closed before anything came: send the request again.
    Again,
    /// The server has not looked at it: send it again.
    Unseen,
    /// The request failed in a way that `retry-on` names: send it again, maybe elsewhere.
    Failed,
}

/// Forwards the rest of the request and the response.
pub async fn run(client: &mut Client, exchange: &mut Exchange) -> Result<Ended, Failure> {
    let result = forward(client, exchange).await;
    if result != Ok(Ended::Done) {
        reset::note(client, exchange);
        // What did not end well is not used again.
        exchange.server = None;
    }
    result
}

async fn forward(client: &mut Client, exchange: &mut Exchange) -> Result<Ended, Failure> {
    let plan = client.plan.clone();
    let frontend = &plan.proxy(client.session.frontend).ir;
    let backend = &plan.proxy(exchange.stream.backend).ir;
    let limits = plan.at(exchange.stream.backend).response_limits;
    let timeouts = Times::of(client, exchange);
    exchange.server_deadline = Client::after(timeouts.server);
    exchange.client_deadline = Client::after(timeouts.client);
    exchange.scan = Scan::default();
    let mut first = true;
    let framing = loop {
        match head(client, exchange, &limits).await {
            Ok(Ended::Done) => {}
            Ok(ended) => return Ok(ended),
            Err(failure) if first && again::after_failure(client, exchange, failure) => {
                return Ok(Ended::Failed);
            }
            Err(failure) => {
                health::failure(client, exchange, &failure);
                return Err(failure);
            }
        }
        health::response(client, exchange);
        if plan.observation.events {
            observe::response(client, exchange);
        }
        trace::head(client, exchange, trace::Side::Response);
        let status = exchange.stream.response.status();
        if first && again::after_status(client, exchange) {
            return Ok(Ended::Failed);
        }
        if (100..200).contains(&status) && status != 101 {
            first = false;
            interim(client, exchange).await?;
            exchange.scan = Scan::default();
            continue;
        }
        let relaxed = backend.options.relaxed_response;
        // The answer to a websocket's key is ours to make where the server has none to give.
        let relaxed = relaxed || exchange.stream.response.seen().from_parts;
        match response_framing(&exchange.stream.response, &exchange.asked, relaxed) {
            Ok(framing) => {
                let accept = exchange.websocket.as_ref();
                if !super::websocket::is_accepted(&exchange.stream.response, accept) {
                    return Err(Failure::new(Cause::Proxy, Phase::Headers, 502));
                }
                break framing;
            }
            Err(_) => {
                // The reference has counted the switch as an interim answer when it finds that nobody asked for it.
                exchange.notes.response_head += counted(&exchange.stream.response);
                return Err(Failure::new(Cause::Proxy, Phase::Headers, 502));
            }
        }
    };
    exchange.stream.times.response = client.local.now().ms;
    exchange.stream.server_status = exchange.stream.response.status();
    exchange.stream.response_from = ResponseSource::Server;
    let server_keeps = keeps_alive(&exchange.stream.response)
        && !matches!(framing, Framing::UntilClose | Framing::Tunnel)
        && route::server_stays(frontend, backend)
        && !route::is_distrusted(&exchange.stream.request);
    exchange.client_stays = exchange.client_stays
        && !route::is_distrusted(&exchange.stream.response)
        && frontend.options.connection_mode != ConnectionMode::Close
        && !client.local.closes_after_response();
    crate::inspect::response(client, exchange).await?;
    let before = exchange.notes.response_head;
    response::prepare(client, exchange, framing).await?;
    exchange.down.splice_from = route::splice_from(&plan.program.global, frontend, backend, false);
    exchange.down.drops_trailers = frontend.options.drop_response_trailers;
    if let Some(server) = &mut exchange.server
        && let Some(shared) = server.socket.shared_mut()
    {
        match framing {
            Framing::Tunnel => shared.tunnel(),
            // It was to be one.
            _ if exchange.asked.connect || exchange.asked.websocket => shared.finish(),
            _ => {}
        }
    }
    exchange.down.ends_uncounted = exchange
        .server
        .as_ref()
        .is_some_and(|server| server.socket.is_shared());
    exchange.down.source_frames = exchange.down.ends_uncounted;
    exchange.down.frames_itself = client.socket.is_shared() && framing != Framing::Tunnel;
    if exchange.down.begin(framing, &limits).is_err() {
        // The body is broken from its first byte on: the head was never sent.
        exchange.stream.times.response = 0;
        exchange.notes.response_head = before;
        return Err(Failure::new(Cause::Proxy, Phase::Headers, 502));
    }
    exchange.down.ends_sink =
        !exchange.client_stays && framing != Framing::Tunnel && exchange.up.is_done();
    exchange.answered = true;
    exchange.stream.status = exchange.stream.response.status() as i16;
    super::finish::head_sent(client, exchange);
    bodies(client, exchange).await?;
    let first_only =
        exchange.client_stays && server_keeps && route::only_the_first(frontend, backend);
    if framing == Framing::Tunnel || first_only {
        // Boxed, so that connections that never become tunnels do not hold room for one.
        return Box::pin(super::tunnel::run(client, exchange))
            .await
            .map(|()| Ended::Done);
    }
    give_back(client, exchange, server_keeps);
    Ok(Ended::Done)
}

/// The server connection goes where the next request finds it.
fn give_back(client: &mut Client, exchange: &mut Exchange, keeps: bool) {
    reset::note(client, exchange);
    let Some(connection) = exchange.server.take() else {
        return;
    };
    if connection.socket.is_shared() {
        // The connection itself stays with its driver.
        return;
    }
    if !keeps || exchange.down.has_input() || !connection.may_stay() {
        return;
    }
    let backend = exchange.stream.backend;
    let server = connection.server();
    let private = server.live.ir.options.send_proxy.is_some() || server.is_anywhere();
    let never = client.plan.proxy(backend).ir.http_reuse == hapax_core::ir::HttpReuse::Never;
    match exchange.stream.server {
        Some(index) if never || private => {
            client.kept = Some(Box::new((backend, index, connection)));
        }
        // Nobody keeps a connection to where `dispatch` sends.
        None => {}
        _ => connection.park(),
    }
}

/// Reads a head from the server while the request still goes out.
async fn head(
    client: &mut Client,
    exchange: &mut Exchange,
    limits: &Limits,
) -> Result<Ended, Failure> {
    let plan = client.plan.clone();
    let timeouts = Times::of(client, exchange);
    let watch_client = plan.proxy(exchange.stream.backend).ir.options.abortonclose;
    let request_limits = plan.at(client.session.frontend).request_limits;
    poll_fn(|cx| {
        poll_head(
            cx,
            client,
            exchange,
            (limits, &request_limits),
            timeouts,
            watch_client,
        )
    })
    .await
}

fn poll_head(
    cx: &mut Context<'_>,
    client: &mut Client,
    exchange: &mut Exchange,
    (limits, request_limits): (&Limits, &Limits),
    timeouts: Times,
    watch_client: bool,
) -> Poll<Result<Ended, Failure>> {
    let Exchange {
        up,
        down,
        server,
        stream,
        scan,
        asked,
        notes,
        client_deadline: client_until,
        server_deadline: server_until,
        ..
    } = &mut *exchange;
    let Some(connection) = server else {
        return Poll::Ready(Err(Failure::new(Cause::Internal, Phase::Headers, 500)));
    };
    let socket = &mut connection.socket;
    let mut client_fault = None;
    let mut fault_of_body = None;
    if !stream.bandwidth.is_empty() {
        bandwidth::grant(&mut stream.bandwidth, up, down, clock::now_ms());
    }
    let mut waits = Blocked::No;
    if !up.is_done() {
        match up.poll(cx, &mut client.socket, socket, request_limits) {
            Poll::Ready(Ok(())) => {}
            // The server may have answered before it stopped reading.
            Poll::Ready(Err(LaneFault::Sink(_))) => {
                up.discard();
                cx.waker().wake_by_ref();
            }
            Poll::Ready(Err(LaneFault::Malformed(fault))) => {
                let status = fault.request_status();
                notes.muted = true;
                notes.broken_body = true;
                fault_of_body = Some(fault);
                client_fault = Some(Failure::new(Cause::Proxy, Phase::Headers, status));
            }
            Poll::Ready(Err(_)) => {
                notes.muted = true;
                client_fault = Some(Failure::new(Cause::ClientAbort, Phase::Headers, 400));
            }
            Poll::Pending => waits = up.blocked,
        }
        let progress = std::mem::take(&mut up.progress);
        let now = clock::now_ms();
        if progress.source {
            *client_until = timeouts.client_from(now);
        }
        if progress.sink {
            *server_until = timeouts.server_from(now);
        }
    }
    if let Some(failure) = client_fault {
        if let Some(fault) = fault_of_body {
            fault_log::request(client, exchange, &fault);
            exchange.stream.fault = Some(fault.kind);
        }
        return Poll::Ready(Err(failure));
    }
    if let Some(shared) = socket.shared_mut() {
        match shared.poll_head(cx, &mut stream.response) {
            Poll::Ready(Ok(_)) => {
                stream.server_glitches = Some(shared.glitches());
                if asked.websocket && matches!(stream.response.status(), 200..=299) {
                    accept_websocket(&mut stream.response);
                }
                return Poll::Ready(Ok(Ended::Done));
            }
            Poll::Ready(Err(_)) => {
                let broken = shared.why_broken();
                let again = broken.is_unseen && up.can_rewind();
                let backend = &client.plan.proxy(stream.backend).ir;
                if broken.lost && connection.reuses > 0 && up.can_rewind() && is_repeatable(stream)
                {
                    return Poll::Ready(Ok(Ended::Again));
                }
                if again && stream.retries < stream.overrides.retries.unwrap_or(backend.retries) {
                    shared.retire();
                    return Poll::Ready(Ok(Ended::Unseen));
                }
                let cause = match broken.malformed {
                    true => Cause::Proxy,
                    false => Cause::ServerAbort,
                };
                return Poll::Ready(Err(Failure::new(cause, Phase::Headers, 502)));
            }
            Poll::Pending => {}
        }
    }
    while !socket.is_shared() {
        if let Some(input) = down.input.as_mut().filter(|input| !input.is_empty()) {
            let bytes = input.data();
            let bytes = bytes.get(..limits.max_head).unwrap_or(bytes);
            match parse_response(bytes, &mut stream.response, scan, limits) {
                Ok(Parse::Complete { len }) => {
                    let framing = response_framing(&stream.response, asked, limits.relaxed);
                    let bad = match framing {
                        Ok(Framing::Chunked) => {
                            check_chunks(input.data().get(len..).unwrap_or_default(), limits)
                        }
                        _ => Ok(()),
                    };
                    if let Err(mut fault) = bad {
                        fault.at = fault.at.saturating_add(len);
                        fault_log::response(client, exchange, &fault);
                        return Poll::Ready(Err(Failure::new(Cause::Proxy, Phase::Headers, 502)));
                    }
                    input.consume(len);
                    return Poll::Ready(Ok(Ended::Done));
                }
                Ok(Parse::Partial) => {}
                Err(fault) => {
                    fault_log::response(client, exchange, &fault);
                    return Poll::Ready(Err(Failure::new(Cause::Proxy, Phase::Headers, 502)));
                }
            }
        }
        let input = down.input.get_or_insert_with(Buf::take);
        if input.tail() == 0 {
            input.compact();
        }
        let nothing_yet = input.is_empty() && scan.is_before();
        let mut room = input.room();
        if nothing_yet && room.len() > FIRST_READ {
            room = &mut room[..FIRST_READ];
        }
        match socket.poll_recv(cx, room) {
            Poll::Ready(Ok(count)) if count > 0 => {
                input.filled(count);
                *server_until = timeouts.server_from(clock::now_ms());
            }
            Poll::Ready(_) => {
                let reused = connection.reuses > 0;
                if reused && nothing_yet && up.can_rewind() && is_repeatable(stream) {
                    return Poll::Ready(Ok(Ended::Again));
                }
                // Half a head is a broken message rather than an abort.
                let cause = match nothing_yet {
                    true => Cause::ServerAbort,
                    false => Cause::Proxy,
                };
                return Poll::Ready(Err(Failure::new(cause, Phase::Headers, 502)));
            }
            Poll::Pending => {
                down.drop_empty();
                break;
            }
        }
    }
    up.drop_empty();
    if up.is_received() {
        match poll_left(cx, &mut client.socket) {
            Poll::Ready(Left::Broke) => {
                notes.muted = true;
                return Poll::Ready(Err(Failure::new(Cause::ClientAbort, Phase::Data, 400)));
            }
            Poll::Ready(Left::Ended) if watch_client && !up.has_input() => {
                return Poll::Ready(Err(Failure::new(Cause::ClientAbort, Phase::Headers, 400)));
            }
            _ => {}
        }
    }
    let client_deadline = match waits {
        Blocked::Source => *client_until,
        _ => NEVER,
    };
    let server_deadline = match up.is_done() || waits == Blocked::Sink {
        true => *server_until,
        false => NEVER,
    };
    let pause = match waits {
        Blocked::Limit => bandwidth::resumes(&mut stream.bandwidth, up, false, clock::now_ms()),
        _ => NEVER,
    };
    let deadline = client_deadline.min(server_deadline);
    let interrupted = poll_interrupted(cx, &mut client.timer, &client.handle, deadline.min(pause));
    if pause < deadline && interrupted == Poll::Ready(Interrupted::Deadline) {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    interrupted.map(|why| {
        Err(match why {
            Interrupted::Ended(cause) => Failure::ended(cause),
            Interrupted::Deadline if client_deadline <= server_deadline => {
                Failure::new(Cause::ClientTimeout, Phase::Headers, 400)
            }
            Interrupted::Deadline => Failure::new(Cause::ServerTimeout, Phase::Headers, 504),
        })
    })
}

/// How a client left whose request is complete.
enum Left {
    /// It sends no more, but may still listen.
    Ended,
    /// Nobody is there.
    Broke,
}

fn poll_left(cx: &mut Context<'_>, client: &mut Socket) -> Poll<Left> {
    client.poll_peer_closed(cx).map(|closed| match closed {
        PeerClosed::End => Left::Ended,
        PeerClosed::Broken(_) => Left::Broke,
    })
}

/// Whether a request may be sent twice when it is not known whether the server saw it (RFC 9110 9.2.2).
fn is_repeatable(stream: &hapax_core::stream::Stream) -> bool {
    matches!(
        stream.request.method(),
        b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE"
    )
}

/// Passes a 1xx head on at once.
async fn interim(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    response::write_interim(client, exchange);
    let server = exchange.stream.server;
    let servers = &client.plan.live(exchange.stream.backend).servers;
    if let Some(server) = server.and_then(|index| servers.get(index)) {
        let worker = client.local.worker;
        server.counters.add(worker, Count::Status1xx, 1);
    }
    let Client {
        socket,
        timer,
        handle,
        ..
    } = &mut *client;
    let down = &mut exchange.down;
    let deadline = exchange.client_deadline;
    let sent = super::client::within(timer, handle, deadline, |cx| match socket.shared_mut() {
        // The head is on its way; a server that sends many of them is held back.
        Some(stream) => stream.poll_room(cx),
        None => down.poll_flush(cx, socket),
    });
    match sent.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Failure::new(Cause::ClientAbort, Phase::Headers, 0)),
        Err(Interrupted::Deadline) => Err(Failure::new(Cause::ClientTimeout, Phase::Headers, 0)),
        Err(Interrupted::Ended(cause)) => Err(Failure::ended(cause)),
    }
}

/// Moves both bodies until the response was delivered and the request read.
async fn bodies(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    Tally::begin(client, exchange, 0);
    let timeouts = Times::of(client, exchange);
    let plan = client.plan.clone();
    let limits = &plan.at(exchange.stream.backend).response_limits;
    let request_limits = &plan.at(client.session.frontend).request_limits;
    let watch_client = plan.proxy(exchange.stream.backend).ir.options.abortonclose;
    poll_fn(|cx| {
        poll_bodies(
            cx,
            client,
            exchange,
            (limits, request_limits),
            timeouts,
            watch_client,
        )
    })
    .await
}

fn poll_bodies(
    cx: &mut Context<'_>,
    client: &mut Client,
    exchange: &mut Exchange,
    (limits, request_limits): (&Limits, &Limits),
    timeouts: Times,
    watch_client: bool,
) -> Poll<Result<(), Failure>> {
    let Exchange {
        up,
        down,
        server,
        stream,
        notes,
        client_deadline: client_until,
        server_deadline: server_until,
        tally,
        ..
    } = &mut *exchange;
    let Some(connection) = server else {
        return Poll::Ready(Err(Failure::new(Cause::Internal, Phase::Data, 0)));
    };
    if !stream.bandwidth.is_empty() {
        bandwidth::grant(&mut stream.bandwidth, up, down, clock::now_ms());
    }
    let socket = &mut connection.socket;
    let mut up_waits = Blocked::No;
    let mut left = false;
    if !up.is_done() {
        match up.poll(cx, &mut client.socket, socket, request_limits) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(LaneFault::Sink(_))) => {
                up.discard();
                cx.waker().wake_by_ref();
            }
            Poll::Ready(Err(LaneFault::Malformed(fault))) => {
                notes.broken_body = true;
                fault_log::request(client, exchange, &fault);
                exchange.stream.fault = Some(fault.kind);
                return Poll::Ready(Err(Failure::new(Cause::Proxy, Phase::Data, 0)));
            }
            Poll::Ready(Err(_)) => {
                let phase = if down.is_received() {
                    Phase::Last
                } else {
                    Phase::Data
                };
                return Poll::Ready(Err(Failure::new(Cause::ClientAbort, phase, 0)));
            }
            Poll::Pending => up_waits = up.blocked,
        }
    }
    let down_polled = down.poll(cx, socket, &mut client.socket, limits);
    let (up_moved, down_moved) = (
        std::mem::take(&mut up.progress),
        std::mem::take(&mut down.progress),
    );
    match down_polled {
        Poll::Ready(Ok(())) if up.is_done() => return Poll::Ready(Ok(())),
        Poll::Ready(Ok(())) => {}
        Poll::Pending => {
            if up.is_received() && down.blocked == Blocked::Source {
                match poll_left(cx, &mut client.socket) {
                    Poll::Ready(Left::Ended) if !watch_client => left = true,
                    Poll::Ready(_) => {
                        return Poll::Ready(Err(Failure::new(Cause::ClientAbort, Phase::Data, 0)));
                    }
                    Poll::Pending => {}
                }
            }
        }
        Poll::Ready(Err(fault)) => {
            return Poll::Ready(Err(match fault {
                LaneFault::Sink(_) => Failure::new(Cause::ClientAbort, Phase::Data, 0),
                LaneFault::Malformed(fault) => {
                    fault_log::response(client, exchange, &fault);
                    Failure::new(Cause::Proxy, Phase::Data, 0)
                }
                LaneFault::Source(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    Failure::new(Cause::Proxy, Phase::Data, 0)
                }
                LaneFault::Source(_) | LaneFault::Truncated => {
                    Failure::new(Cause::ServerAbort, Phase::Data, 0)
                }
            }));
        }
    }
    let now = clock::now_ms();
    if up_moved.source || down_moved.sink {
        *client_until = timeouts.client_from(now);
    }
    if up_moved.sink || down_moved.source {
        *server_until = timeouts.server_from(now);
    }
    let client_deadline = match down.blocked == Blocked::Sink || up_waits == Blocked::Source {
        true => *client_until,
        false => NEVER,
    };
    let server_deadline = match down.blocked == Blocked::Source || up_waits == Blocked::Sink {
        true => *server_until,
        false => NEVER,
    };
    let phase = if down.is_received() {
        Phase::Last
    } else {
        Phase::Data
    };
    let pause =
        match stream.bandwidth.is_empty() {
            true => NEVER,
            false => bandwidth::resumes(&mut stream.bandwidth, up, false, now)
                .min(bandwidth::resumes(&mut stream.bandwidth, down, true, now)),
        };
    let pause = match tally {
        None => pause,
        Some(tally) => pause.min(tally.due(
            notes.request_head + up.payload + up.trailer_bytes,
            notes.response_head + down.payload + down.trailer_bytes,
        )),
    };
    let deadline = client_deadline.min(server_deadline);
    let interrupted = poll_interrupted(cx, &mut client.timer, &client.handle, deadline.min(pause));
    if pause < deadline && interrupted == Poll::Ready(Interrupted::Deadline) {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    interrupted.map(|why| {
        Err(match why {
            Interrupted::Ended(cause) => Failure::ended(cause),
            Interrupted::Deadline if client_deadline <= server_deadline => {
                Failure::new(Cause::ClientTimeout, phase, 0)
            }
            // Who left first is to blame.
            Interrupted::Deadline if left => Failure::new(Cause::ClientAbort, Phase::Data, 0),
            Interrupted::Deadline => Failure::new(Cause::ServerTimeout, Phase::Data, 0),
        })
    })
}

/// The timeouts of both sides.
#[derive(Clone, Copy, Debug)]
struct Times {
    client: Option<u32>,
    server: Option<u32>,
}

impl Times {
    fn of(client: &Client, exchange: &Exchange) -> Times {
        let (plan, stream) = (&client.plan, &exchange.stream);
        let frontend = &plan.proxy(client.session.frontend).ir;
        let backend = &plan.proxy(stream.backend).ir;
        Times {
            client: (stream.overrides.timeout_client).or(frontend.timeouts.client),
            server: (stream.overrides.timeout_server).or(backend.timeouts.server),
        }
    }

    fn client_from(self, now: u64) -> u64 {
        self.client
            .map_or(NEVER, |timeout| now + u64::from(timeout))
    }

    fn server_from(self, now: u64) -> u64 {
        self.server
            .map_or(NEVER, |timeout| now + u64::from(timeout))
    }
}

/// What is read with a response's head: enough for a small body, while a large one should not be copied but spliced.
const FIRST_READ: usize = 24576;
