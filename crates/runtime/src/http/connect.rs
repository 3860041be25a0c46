//! Getting a connection to a server: choice, queue, idle connections, attempts and retries.

use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use hapax_balance::health::Seen;
use hapax_core::contract::{Assigned, BalanceKey, KeyValue, Wish};
use hapax_core::counter::Count;
use hapax_core::ir::{self, BindProtocol, HttpReuse, Websockets};
use hapax_core::live::ProxyLive;
use hapax_core::stream::{Cause, Endpoint, Phase};

use super::client::{Client, Interrupted, poll_interrupted, within};
use super::departure::Watch;
use super::exchange::{Exchange, Failure};
use super::pool::ServerConnection;
use super::preface::preface;
use super::shared_pool::{self, Asking, Reach, SharedPool};
use super::{health, to_url, unopened};
use crate::address::socket_address;
use crate::clock;
use crate::frontend::endpoint;
use crate::handshake;
use crate::io::{Io, Stream as Socket};
use crate::plan::ServerPlan;
use crate::socks::Tunnel;
use hapax_sys::addr::{Addr, SockAddr};

/// Leaves the exchange with a server connection on which the head is being sent; without one when the server wants the
/// client to be redirected to it (`redir`). `again` tells that the request was sent to a server and failed there.
pub async fn run(client: &mut Client, exchange: &mut Exchange, again: bool) -> Result<(), Failure> {
    let plan = client.plan.clone();
    let backend = exchange.stream.backend;
    let proxy = plan.proxy(backend);
    let worker = client.local.worker;
    let most = retries(exchange, &proxy.ir);
    let mut failed = None;
    // Who is forced to a server stays there.
    let forced = exchange.server_choice.forced;
    let redispatch = proxy.ir.options.redispatch.filter(|_| !forced);
    // A request that is sent again stays on its server, whose slot it still holds.
    let mut stay = exchange.stream.server.filter(|_| exchange.slot);
    if again && let Some(index) = stay {
        let live = &proxy.live;
        if has_choice(live, proxy.ir.options.allbackups)
            && redispatches(redispatch, exchange.stream.retries, most)
        {
            stay = None;
            failed = Some(index);
            release(client, exchange);
        } else {
            count_again(client, exchange, index, index);
        }
    }
    loop {
        // `option transparent` leaves to their servers those who have one.
        let persists = proxy.ir.options.transparent && exchange.wanted_server().is_some();
        let named = match to_url::applies(proxy) {
            true => to_url::server(proxy, &exchange.stream.request, &plan.program.global),
            false => None,
        };
        let direct = plan.at(backend).direct.as_ref().filter(|_| !persists);
        let direct = named.as_ref().or(direct);
        let index = match (direct, stay.take()) {
            (Some(_), _) => {
                exchange.stream.times.queue = client.local.now().ms;
                0
            }
            (None, Some(index)) => index,
            (None, None) => assign(client, exchange, failed).await?,
        };
        if let Some(failed) = failed.take() {
            count_again(client, exchange, failed, index);
        }
        let Some(server) = direct.or_else(|| plan.at(backend).servers.get(index)) else {
            return Err(Failure::new(Cause::Internal, Phase::Connect, 500));
        };
        if redirects(exchange, server) {
            return Ok(());
        }
        let phase_failed = match attempt(client, exchange, server).await {
            Ok(()) => {
                health::seen(client, exchange, index, Seen::Connection);
                return Ok(());
            }
            Err(Attempt::Client(failure)) => {
                release(client, exchange);
                return Err(failure);
            }
            Err(Attempt::Local) => {
                release(client, exchange);
                return Err(Failure::new(Cause::Resource, Phase::Connect, 500));
            }
            Err(Attempt::Refused) => Cause::ServerAbort,
            Err(Attempt::TimedOut) => Cause::ServerTimeout,
        };
        health::seen(client, exchange, index, Seen::NoConnection);
        let backend_counters = &proxy.live.backend.counters;
        if exchange.stream.retries >= most || !proxy.ir.retry_on.connection {
            server.live.counters.add(worker, Count::ConnectionErrors, 1);
            backend_counters.add(worker, Count::ConnectionErrors, 1);
            release(client, exchange);
            return Err(Failure::new(phase_failed, Phase::Connect, 503));
        }
        exchange.stream.retries += 1;
        let persistent = exchange.wanted_server() == Some(index);
        let elsewhere = has_choice(&proxy.live, proxy.ir.options.allbackups)
            && (redispatches(redispatch, exchange.stream.retries, most)
                || (phase_failed == Cause::ServerAbort
                    && !persistent
                    && leaves_at_once(&proxy.ir)));
        if elsewhere {
            failed = Some(index);
            release(client, exchange);
            continue;
        }
        server.live.counters.add(worker, Count::Retries, 1);
        backend_counters.add(worker, Count::Retries, 1);
        // A server that refuses at once is not asked again at once.
        if phase_failed == Cause::ServerAbort {
            let pause = proxy.ir.timeouts.connect.unwrap_or(TURN_AROUND_MS);
            let until = clock::now_ms() + u64::from(pause.min(TURN_AROUND_MS));
            turn_around(client, exchange, until).await?;
        }
        if proxy.ir.options.redispatch.is_some_and(|every| every != 0) {
            // The reference asks for a server again, and gets this one: what went by counts as time in the queue.
            exchange.stream.times.queue = client.local.now().ms;
        }
        if server.live.usable.load(Ordering::Relaxed) {
            stay = Some(index);
        } else {
            release(client, exchange);
        }
    }
}

/// A retry after `failed` goes to `index`: another server makes it a redispatch, which persistence does not outlive.
fn count_again(client: &Client, exchange: &mut Exchange, failed: usize, index: usize) {
    let live = client.plan.live(exchange.stream.backend);
    let count = if failed == index {
        Count::Retries
    } else {
        exchange.stream.redispatched = true;
        super::cookie::on_redispatch(exchange);
        Count::Redispatches
    };
    let server = live.servers.get(failed).map(|server| &server.counters);
    for counters in server.into_iter().chain([&live.backend.counters]) {
        counters.add(client.local.worker, count, 1);
    }
}

/// Whether load balancing has more than one server to choose from.
fn has_choice(backend: &ProxyLive, all_backups: bool) -> bool {
    let usable = |backup: bool| {
        backend
            .servers
            .iter()
            .filter(|server| server.ir.options.backup == backup)
            .filter(|server| server.usable.load(Ordering::Relaxed))
            .take(2)
            .count()
    };
    match usable(false) {
        0 => all_backups && usable(true) > 1,
        active => active > 1,
    }
}

/// How often the request may be tried again.
pub fn retries(exchange: &Exchange, backend: &ir::Proxy) -> u32 {
    exchange.stream.overrides.retries.unwrap_or(backend.retries)
}

/// `redir` answers GET and HEAD; other methods go to the server.
fn redirects(exchange: &Exchange, server: &ServerPlan) -> bool {
    server.live.ir.options.redirect_prefix.is_some()
        && exchange.stream.is_http()
        && matches!(exchange.stream.request.method(), b"GET" | b"HEAD")
}

/// Forgets the server connection, so that the same request can be sent again.
pub fn start_over(exchange: &mut Exchange) {
    exchange.server = None;
    exchange.down.reset();
    exchange.down.input = None;
    exchange.up.rewind();
}

/// The same for a request that was sent whole.
pub fn replay(exchange: &mut Exchange) {
    exchange.server = None;
    exchange.down.reset();
    exchange.down.input = None;
    exchange.up.replay();
}

/// Gives the slot on the server back.
pub fn release(client: &Client, exchange: &mut Exchange) {
    if !std::mem::take(&mut exchange.slot) {
        return;
    }
    client.handle.server.set(None);
    let live = client.plan.live(exchange.stream.backend);
    if let (Some(dispatch), Some(index)) = (live.dispatch(), exchange.stream.server) {
        // What the log tells: before the slot goes to who waits for it.
        let sessions = live
            .servers
            .get(index)
            .map(|server| server.sessions.value());
        exchange.notes.server_sessions = sessions.map(|others| others.saturating_sub(1));
        dispatch.release(index);
    }
}

/// Whether retry number `retry` of `most` goes to another server (`option redispatch`).
fn redispatches(option: Option<i32>, retry: u32, most: u32) -> bool {
    match option {
        None | Some(0) => false,
        Some(every) if every > 0 => retry.is_multiple_of(every.unsigned_abs()),
        // -1 is the last one, -2 the one before.
        Some(before) => retry + before.unsigned_abs() == most + 1,
    }
}

/// A server that refuses is left at once, whatever the interval of `option redispatch`, when the algorithm is free to
/// choose another one; hashes would choose the same.
fn leaves_at_once(proxy: &ir::Proxy) -> bool {
    proxy.options.redispatch.is_some_and(|every| every != 0) && proxy.balance.key().is_none()
}

async fn turn_around(
    client: &mut Client,
    exchange: &mut Exchange,
    until: u64,
) -> Result<(), Failure> {
    let watch = Watch::new(client, exchange).patient();
    let Client {
        socket,
        timer,
        handle,
        ..
    } = &mut *client;
    let left = within(timer, handle, until, |cx| watch.poll(socket, cx)).await;
    let failure = match left {
        Err(Interrupted::Deadline) => return Ok(()),
        Err(Interrupted::Ended(cause)) => Failure::ended(cause),
        Ok(departure) => departure.failure(exchange, Phase::Connect),
    };
    release(client, exchange);
    Err(failure)
}

/// Asks for a server, and waits in the queue if need be.
async fn assign(
    client: &mut Client,
    exchange: &mut Exchange,
    avoid: Option<usize>,
) -> Result<usize, Failure> {
    let plan = client.plan.clone();
    let proxy = plan.proxy(exchange.stream.backend);
    let no_server = Failure::new(Cause::ServerAbort, Phase::Connect, 503);
    let Some(dispatch) = proxy.live.dispatch() else {
        return Err(no_server);
    };
    let timeouts = &proxy.ir.timeouts;
    let deadline = Client::after(timeouts.queue.or(timeouts.connect));
    let persistent = exchange
        .wanted_server()
        .or_else(|| preferred(client, exchange))
        .filter(|_| avoid.is_none());
    let forced = exchange.server_choice.forced;
    let watch = Watch::new(client, exchange);
    let mut departed = None;
    let mut full = None;
    let assigned = {
        let Client {
            timer,
            handle,
            socket,
            session,
            local,
            ..
        } = &mut *client;
        let Exchange {
            stream,
            ticket,
            arena,
            balance_key,
            up,
            ..
        } = &mut *exchange;
        std::future::poll_fn(|cx| {
            let bytes = up.input.as_ref().map_or(&[][..], crate::buffer::Buf::data);
            let look =
                || super::rules::before_server(&plan, session, stream, arena, local.now(), bytes);
            let key = match proxy.ir.balance.key() {
                BalanceKey::None => KeyValue::None,
                BalanceKey::Source => session
                    .source
                    .ip()
                    .map_or(KeyValue::None, KeyValue::Address),
                BalanceKey::Expr(expr) => super::rules::key(&look(), expr, proxy.ir.hash_type),
                BalanceKey::Request(request) => match balance_key.as_deref() {
                    Some(key) => KeyValue::Bytes(key),
                    None => request.key(&look()),
                },
            };
            let token = proxy.ir.rdp_cookie.as_ref().filter(|_| avoid.is_none());
            let token = token.and_then(|expr| {
                match super::rules::key(&look(), expr, ir::HashType::default()) {
                    KeyValue::Bytes(value) => {
                        hapax_balance::persistence::rdp::server(value, &proxy.live.servers)
                    }
                    _ => None,
                }
            });
            let wish = Wish {
                key,
                persistent: persistent.or(token),
                forced,
                avoid,
                priority: stream.overrides.priority,
                now: local.now(),
            };
            match dispatch.assign(&wish, ticket, cx.waker()) {
                Assigned::Server(index) => return Poll::Ready(Ok(index)),
                Assigned::NoServer => return Poll::Ready(Err(no_server)),
                Assigned::QueueFull(index) => {
                    full = Some(index);
                    let refused = Failure::new(Cause::ServerAbort, Phase::Queue, 503);
                    return Poll::Ready(Err(refused));
                }
                Assigned::Wait => {}
            }
            if let Poll::Ready(departure) = watch.poll(socket, cx) {
                departed = Some(departure);
                return Poll::Ready(Err(Failure::new(Cause::ClientAbort, Phase::Queue, 0)));
            }
            poll_interrupted(cx, timer, handle, deadline).map(|why| {
                Err(match why {
                    Interrupted::Deadline => Failure::new(Cause::ServerTimeout, Phase::Queue, 503),
                    Interrupted::Ended(cause) => Failure::ended(cause),
                })
            })
        })
        .await
    };
    let assigned = match departed {
        Some(departure) => Err(departure.failure(exchange, Phase::Queue)),
        None => assigned,
    };
    if assigned.is_err() && exchange.ticket.number != 0 {
        exchange.stream.times.queue = client.local.now().ms;
        // Who waited for one server counts as that server's.
        exchange.stream.server = exchange.ticket.server;
        dispatch.cancel(&mut exchange.ticket);
    }
    let stream = &mut exchange.stream;
    stream.server = full.or(stream.server);
    stream.server_queue = exchange.ticket.server_position;
    stream.backend_queue = exchange.ticket.backend_position;
    let again = avoid.is_some() && assigned.ok() == avoid;
    if std::mem::take(&mut exchange.ticket.balanced) && !again {
        count_chosen(client, &proxy.live, assigned.ok().or(stream.server));
    }
    match assigned {
        Ok(index) => {
            let now = client.local.now().ms;
            stream.times.queue = now;
            stream.server = Some(index);
            client.last_server = Some((stream.backend, index));
            exchange.slot = true;
            client.handle.server.set(Some((stream.backend, index)));
            if let Some(server) = proxy.live.servers.get(index) {
                super::route::note_session(&server.last_session_ms, now);
                super::route::note_session(&proxy.live.backend.last_session_ms, now);
            }
            Ok(index)
        }
        Err(failure) => {
            if failure.status == 503 {
                count_no_server(client, exchange);
            }
            Err(failure)
        }
    }
}

/// The server of the client's previous request, under `option prefer-last-server`.
fn preferred(client: &Client, exchange: &Exchange) -> Option<usize> {
    let proxy = client.plan.proxy(exchange.stream.backend);
    let (backend, index) = client.last_server?;
    let server = proxy.live.servers.get(index)?;
    let stays = proxy.ir.options.prefer_last_server && backend == exchange.stream.backend;
    (stays && server.usable.load(Ordering::Relaxed)).then_some(index)
}

/// The algorithm chose a server.
fn count_chosen(client: &Client, backend: &ProxyLive, chosen: Option<usize>) {
    let Some(server) = chosen.and_then(|index| backend.servers.get(index)) else {
        return;
    };
    for counters in [&server.counters, &backend.backend.counters] {
        counters.add(client.local.worker, Count::Chosen, 1);
    }
}

fn count_no_server(client: &Client, exchange: &Exchange) {
    client
        .plan
        .live(exchange.stream.backend)
        .backend
        .counters
        .add(client.local.worker, Count::ConnectionErrors, 1);
}

enum Attempt {
    Refused,
    TimedOut,
    Local,
    Client(Failure),
}

/// Takes an idle connection or opens one, and begins to send.
async fn attempt(
    client: &mut Client,
    exchange: &mut Exchange,
    server: &Rc<ServerPlan>,
) -> Result<(), Attempt> {
    let worker = client.local.worker;
    let plan = client.plan.clone();
    let proxy = plan.proxy(exchange.stream.backend);
    exchange.stream.enter_response();
    exchange.stream.server_local = Endpoint::Unknown;
    let target = target(client, exchange, server);
    exchange.stream.server_reused = false;
    exchange.stream.server_position = None;
    exchange.stream.server_address = target
        .and_then(|address| address.to_addr())
        .map_or(Endpoint::Unknown, |address| endpoint(&address));
    let name = handshake::name(client, exchange, server);
    let own_name = handshake::pool_name(client, exchange, server);
    let names = (name.as_deref(), own_name.as_deref());
    let protocol = spoken(exchange, server);
    as_text(client, exchange);
    if let Some(connection) = reusable(client, exchange, server, names) {
        count_session(client, server);
        exchange.stream.server_local = connection.local;
        exchange.stream.server_reused = true;
        exchange.stream.server_position = Some(connection.reuses);
        server.live.counters.add(worker, Count::Reuses, 1);
        proxy.live.backend.counters.add(worker, Count::Reuses, 1);
        let shares = connection.socket.is_shared();
        exchange.server = Some(connection);
        connected(client, exchange);
        if shares {
            begin_stream(client, exchange).await?;
        }
        return Ok(());
    }
    server.live.counters.add(worker, Count::Connects, 1);
    proxy.live.backend.counters.add(worker, Count::Connects, 1);
    let target = target.ok_or_else(|| nowhere(server))?;
    let (through, mut tunnel) = through_socks(server, target)?;
    let mut connection = open(
        server,
        through,
        client.session.destination.port(),
        proxy.ir.options.smart_connect,
    )
    .map_err(|error| {
        if let Some((level, text)) = unopened::notice(&proxy.live.name, &error) {
            let backend = Some(exchange.stream.backend);
            plan.logger.message(backend, level, &text);
        }
        Attempt::Refused
    })?;
    count_session(client, server);
    let mut preface = preface(client, exchange, server);
    let mut handshake =
        handshake::with_server(server, name.as_deref(), only_protocol(exchange, protocol))
            .map_err(|_| Attempt::Local)?;
    connection.name = own_name;
    let (to, secures) = (server, handshake.is_some());
    exchange.stream.server_local = connection.local;
    exchange.stream.server_position = Some(0);
    exchange.notes.descriptor = Some(connection.socket.as_raw_fd());
    exchange.server = Some(connection);
    let deadline = Client::after(proxy.ir.timeouts.connect);
    let watch = Watch::new(client, exchange);
    let mut departed = None;
    let Client {
        timer,
        handle,
        socket,
        ..
    } = &mut *client;
    let Exchange {
        up,
        server: connection,
        ..
    } = &mut *exchange;
    let Some(connection) = connection else {
        return Err(Attempt::Local);
    };
    // The head goes out as soon as the kernel takes it; on most networks that is a moment after the connect.
    let sent = std::future::poll_fn(|cx| {
        let tunnelled = match &mut tunnel {
            None => Poll::Ready(Ok(())),
            Some(asked) => asked.poll(cx, &mut connection.socket),
        };
        let prefaced = match tunnelled {
            Poll::Ready(Ok(())) => {
                tunnel = None;
                poll_preface(cx, &mut preface, &mut connection.socket)
            }
            Poll::Ready(Err(_)) => return Poll::Ready(Err(Attempt::Refused)),
            Poll::Pending => Poll::Pending,
        };
        let secured = match prefaced {
            Poll::Ready(Ok(())) => handshake::poll(cx, &mut handshake, &mut connection.socket),
            other => other,
        };
        let is_secured = secured.is_ready();
        let begun = match secured {
            Poll::Ready(Ok(())) => {
                match up.has_output() && !is_shared(protocol, &connection.socket) {
                    true => up.poll_flush(cx, &mut connection.socket),
                    false => connection.socket.poll_connected(cx),
                }
            }
            other => other,
        };
        match begun {
            Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
            Poll::Ready(Err(error))
                if connection.socket.is_connected() && !connection.socket.is_unfinished() =>
            {
                // It was accepted and broken at once: the exchange finds that out.
                log::debug!("server connection broken while the head was sent: {error}");
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(_)) => return Poll::Ready(Err(Attempt::Refused)),
            Poll::Pending if connection.socket.is_connected() && is_secured => {
                return Poll::Ready(Ok(()));
            }
            Poll::Pending => {}
        }
        if let Poll::Ready(departure) = watch.poll(socket, cx) {
            departed = Some(departure);
            let failure = Failure::new(Cause::ClientAbort, Phase::Connect, 0);
            return Poll::Ready(Err(Attempt::Client(failure)));
        }
        poll_interrupted(cx, timer, handle, deadline).map(|why| {
            Err(match why {
                Interrupted::Deadline => Attempt::TimedOut,
                Interrupted::Ended(cause) => Attempt::Client(Failure::ended(cause)),
            })
        })
    })
    .await;
    if secures {
        let failed = sent
            .as_ref()
            .err()
            .is_some_and(|failed| matches!(failed, Attempt::Refused));
        let made = exchange
            .server
            .as_ref()
            .and_then(|connection| connection.socket.secured());
        if failed || made.is_some() {
            let backend = exchange.stream.backend;
            handshake::count_server(client, to, backend, made.map(AsRef::as_ref));
        }
    }
    if let Err(failed) = sent {
        exchange.server = None;
        if let Some(departure) = departed {
            return Err(Attempt::Client(departure.failure(exchange, Phase::Connect)));
        }
        return Err(failed);
    }
    let shares = (exchange.server.as_ref())
        .is_some_and(|connection| is_shared(protocol, &connection.socket));
    if shares {
        share(client, exchange)?;
    }
    connected(client, exchange);
    if shares {
        begin_stream(client, exchange).await?;
    }
    Ok(())
}

/// Sends the head of a stream, or breaks it off when the server is known to take no websockets.
async fn begin_stream(client: &mut Client, exchange: &mut Exchange) -> Result<(), Attempt> {
    if !exchange.asked.websocket || Box::pin(takes_websockets(client, exchange)).await? {
        send_head(client, exchange);
    }
    Ok(())
}

async fn takes_websockets(client: &mut Client, exchange: &mut Exchange) -> Result<bool, Attempt> {
    let proxy = client.plan.proxy(exchange.stream.backend);
    let deadline = Client::after(proxy.ir.timeouts.connect);
    let server = exchange.server.as_mut();
    let Some(shared) = server.and_then(|server| server.socket.shared_mut()) else {
        return Ok(true);
    };
    let (timer, handle) = (&mut client.timer, &client.handle);
    match within(timer, handle, deadline, |cx| shared.poll_websockets(cx)).await {
        Ok(Ok(true)) => Ok(true),
        Ok(Ok(false)) => {
            shared.refuse();
            Ok(false)
        }
        // The exchange finds that out.
        Ok(Err(_)) => Ok(false),
        Err(Interrupted::Deadline) => Err(Attempt::TimedOut),
        Err(Interrupted::Ended(cause)) => Err(Attempt::Client(Failure::ended(cause))),
    }
}

/// What is spoken with the server, whatever ALPN says; none leaves it to that.
fn spoken(exchange: &Exchange, server: &ServerPlan) -> Option<BindProtocol> {
    let options = &server.live.ir.options;
    if !exchange.stream.is_http() {
        return Some(BindProtocol::None);
    }
    if !exchange.asked.websocket {
        return options.protocol;
    }
    match options.websockets {
        Websockets::Http1 => Some(BindProtocol::Http1),
        Websockets::Http2 => Some(BindProtocol::Http2),
        Websockets::Auto => options.protocol.or_else(|| {
            let tls = options.tls.as_ref()?;
            let listed = tls.settings.alpn.as_ref()?;
            let offers = listed.iter().any(|protocol| protocol == "http/1.1");
            offers.then_some(BindProtocol::Http1)
        }),
    }
}

/// What alone is offered for a websocket.
fn only_protocol(exchange: &Exchange, protocol: Option<BindProtocol>) -> Option<&'static [u8]> {
    match protocol.filter(|_| exchange.asked.websocket)? {
        BindProtocol::Http1 => Some(b"http/1.1"),
        BindProtocol::Http2 => Some(b"h2"),
        BindProtocol::None => None,
    }
}

/// Whether streams may share this connection: by `proto h2`, or by ALPN.
fn is_shared(protocol: Option<BindProtocol>, socket: &Socket) -> bool {
    match protocol {
        Some(protocol) => protocol == BindProtocol::Http2,
        None => socket
            .secured()
            .is_some_and(|tls| tls.protocol.as_deref() == Some(b"h2")),
    }
}

/// The new connection becomes one that streams share, and the exchange's server connection one of these.
fn share(client: &Client, exchange: &mut Exchange) -> Result<(), Attempt> {
    let plan = &client.plan;
    let proxy = plan.proxy(exchange.stream.backend);
    let tune = &plan.program.global.tune;
    let connection = exchange.server.take().ok_or(Attempt::Local)?;
    let options = &connection.server().live.ir.options;
    let private = proxy.ir.http_reuse == HttpReuse::Never
        || options.send_proxy.is_some()
        || connection.server().is_anywhere();
    exchange.server = SharedPool::begin(
        connection,
        &client.admission,
        private,
        shared_pool::config(tune, plan.at(exchange.stream.backend).response_limits),
        tune.h2,
        (&client.local, &proxy.live),
    );
    exchange.server.as_ref().map(|_| ()).ok_or(Attempt::Local)
}

/// The request goes as a head, and its body without framing of ours.
fn send_head(client: &Client, exchange: &mut Exchange) {
    let limits = client.plan.at(client.session.frontend).request_limits;
    let Exchange {
        up,
        server,
        stream,
        asked,
        websocket,
        ..
    } = &mut *exchange;
    let Some(shared) = (server.as_mut()).and_then(|server| server.socket.shared_mut()) else {
        return;
    };
    *websocket = None;
    let stays = asked.connect || asked.websocket;
    up.begin_frames(stays, &limits);
    shared.send_head(&stream.request);
    if stays || !up.is_received() || up.has_output() {
        return;
    }
    // The end goes with the head.
    if let Some(connection) = server {
        let mut cx = Context::from_waker(Waker::noop());
        let _ = up.poll_flush(&mut cx, &mut connection.socket);
    }
}

/// What an attempt before this one has laid out for a connection of HTTP/2 becomes text again.
fn as_text(client: &Client, exchange: &mut Exchange) {
    if !exchange.up.headless {
        return;
    }
    let backend = &client.plan.proxy(exchange.stream.backend).ir;
    let mut head = Vec::new();
    let adjust = backend.options.case_adjust_server;
    super::case::write(client, &exchange.stream.request, adjust, &mut head);
    if client.session.http2 {
        exchange.websocket = super::websocket::add_key(&exchange.stream.request, &mut head);
    }
    exchange.up.begin_text(head);
}

/// The server gets the request; one for which no socket could be opened is none of its sessions.
fn count_session(client: &Client, server: &ServerPlan) {
    let worker = client.local.worker;
    server.live.counters.add(worker, Count::Sessions, 1);
    let now = client.local.now().ms;
    server.live.session_rate.add(worker, now);
}

fn connected(client: &Client, exchange: &mut Exchange) {
    let connection = exchange.server.as_ref();
    exchange.stream.server_http2 =
        connection.is_some_and(|connection| connection.socket.is_shared());
    exchange.stream.server_tls = connection.and_then(|connection| connection.socket.agreed());
    if exchange.stream.server_marks.changed
        && let Some(connection) = &exchange.server
    {
        let end = exchange.stream.server_address;
        let marks = &mut exchange.stream.server_marks;
        (connection.socket).with_fd(|fd| crate::vanish::mark(fd, end, marks));
    }
    exchange.stream.times.connect = client.local.now().ms;
    exchange.notes.reached_server = true;
    let descriptor = exchange
        .server
        .as_ref()
        .map(|connection| connection.socket.as_raw_fd());
    exchange.notes.descriptor = descriptor;
    if let Some(sockets) = &mut exchange.stream.sockets {
        sockets.server = descriptor;
    }
}

/// An idle connection that this request may be sent on (`http-reuse`).
fn reusable(
    client: &mut Client,
    exchange: &Exchange,
    server: &Rc<ServerPlan>,
    names: (Option<&[u8]>, Option<&[u8]>),
) -> Option<ServerConnection> {
    let backend = exchange.stream.backend;
    if to_url::applies(client.plan.proxy(backend)) || server.is_anywhere() {
        return None;
    }
    if let Some(kept) = client.kept.take() {
        let (of, index, mut connection) = *kept;
        if of == backend && Some(index) == exchange.stream.server && connection.socket.is_quiet() {
            connection.reuses += 1;
            return Some(connection);
        }
    }
    // Who speaks HTTP/2 is told what may be sent again.
    let first = client.requests <= 1 && !client.socket.is_shared();
    let mode = client.plan.proxy(backend).ir.http_reuse;
    let port = dependent_port(server, client.session.destination.port());
    let protocol = spoken(exchange, server);
    if !server.pool.shared.is_empty() && protocol != Some(BindProtocol::Http1) {
        let reach = match mode {
            HttpReuse::Never => Reach::Own,
            HttpReuse::Safe if first => Reach::Own,
            HttpReuse::Safe => Reach::Idle,
            HttpReuse::Aggressive if first => Reach::Proven,
            HttpReuse::Aggressive | HttpReuse::Always => Reach::All,
        };
        let asking = Asking {
            session: &client.admission,
            port,
            names,
            reach,
        };
        let shared = server.pool.shared.take(server, &asking);
        if shared.is_some() {
            return shared;
        }
    }
    if protocol == Some(BindProtocol::Http2) {
        return None;
    }
    let proven = match mode {
        HttpReuse::Never => return None,
        HttpReuse::Safe if first => return None,
        HttpReuse::Aggressive if first => true,
        _ => false,
    };
    if server.live.ir.options.send_proxy.is_some() {
        return None;
    }
    server.pool.take(server, port, names, proven)
}

fn dependent_port(server: &ServerPlan, client_port: u16) -> u16 {
    match server.live.port() {
        hapax_core::ir::ServerPort::Fixed => 0,
        _ => client_port,
    }
}

/// Why there is nothing to connect to: a client of a unix socket asked for no address.
fn nowhere(server: &ServerPlan) -> Attempt {
    if server.live.name.is_empty() {
        return Attempt::Client(Failure::new(Cause::Internal, Phase::Connect, 500));
    }
    Attempt::Refused
}

/// Where to connect: the server's address, or the one that the client asked for (`option transparent`).
fn target(client: &Client, exchange: &Exchange, server: &Rc<ServerPlan>) -> Option<SockAddr> {
    let backend = exchange.stream.backend;
    let direct = client.plan.at(backend).direct.as_ref();
    let options = &client.plan.proxy(backend).ir.options;
    if options.transparent && direct.is_some_and(|direct| Rc::ptr_eq(direct, server)) {
        return match client.session.destination {
            Endpoint::Inet(address) => SockAddr::new(&Addr::Inet(address)).ok(),
            Endpoint::Unix | Endpoint::Unknown => None,
        };
    }
    let destination = client.session.destination;
    match destination {
        Endpoint::Inet(address) if server.is_anywhere() => server.address_at(address),
        _ => server.address(destination.port()),
    }
}

/// Where to connect for a connection to `target`, and what to ask there (`socks4`).
fn through_socks(
    server: &ServerPlan,
    target: SockAddr,
) -> Result<(SockAddr, Option<Tunnel>), Attempt> {
    let Some(proxy) = &server.live.ir.options.socks4 else {
        return Ok((target, None));
    };
    let inet = target.to_addr().and_then(|address| address.inet());
    let tunnel = inet.and_then(|target| Tunnel::to(target).ok());
    let proxy = socket_address(proxy).map_err(|_| Attempt::Local)?;
    Ok((proxy, Some(tunnel.ok_or(Attempt::Refused)?)))
}

fn open(
    server: &Rc<ServerPlan>,
    address: SockAddr,
    client_port: u16,
    smart: bool,
) -> io::Result<ServerConnection> {
    let socket = server.open(&address)?;
    if smart {
        // The last segment of the handshake waits for the first data (`option tcp-smart-connect`).
        let _ = socket.with_fd(|fd| hapax_sys::option::set_quickack(fd, false));
    }
    Ok(ServerConnection::new(
        socket,
        server,
        dependent_port(server, client_port),
    ))
}

fn poll_preface(
    cx: &mut Context<'_>,
    preface: &mut Vec<u8>,
    socket: &mut Socket,
) -> Poll<io::Result<()>> {
    while !preface.is_empty() {
        let sent = std::task::ready!(socket.poll_send(cx, preface, &[], false))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        preface.drain(..sent);
    }
    Poll::Ready(Ok(()))
}

/// A server that refused is asked again after this time, or `timeout connect` if that is shorter.
const TURN_AROUND_MS: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::redispatches;

    #[test]
    fn redispatch_intervals() {
        let at = |option, most| {
            (1..=most)
                .filter(|&retry| redispatches(option, retry, most))
                .collect::<Vec<_>>()
        };
        assert!(at(None, 3).is_empty());
        assert_eq!(at(Some(-1), 3), [3]);
        assert_eq!(at(Some(-2), 3), [2]);
        assert_eq!(at(Some(1), 3), [1, 2, 3]);
        assert_eq!(at(Some(2), 4), [2, 4]);
    }
}
