//! One attempt: an idle connection is taken or one opened, and the head begins to go.

use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use hapax_core::counter::Count;
use hapax_core::ir::BindProtocol;
use hapax_core::secured::Secured;
use hapax_core::stream::{Cause, Endpoint, Phase};
use hapax_sys::addr::{Addr, SockAddr};
use hapax_tls::handshake::{Handshake, HandshakeFault};

use super::super::client::{Client, Interrupted, poll_interrupted};
use super::super::departure::Watch;
use super::super::exchange::{Exchange, Failure};
use super::super::lane::Lane;
use super::super::pool::{ServerConnection, Way};
use super::super::preface::preface;
use super::super::{case, unopened, websocket};
use super::idle::{self, Choice};
use super::retries;
use super::way::way;
use super::{streams, takeover};
use crate::address::socket_address;
use crate::frontend::endpoint;
use crate::handshake;
use crate::io::{Io, Stream as Socket};
use crate::plan::ServerPlan;
use crate::socks::Tunnel;

/// Why an attempt failed.
pub enum Attempt {
    /// The server refused the connection or broke it.
    Refused,
    /// `timeout connect` is over.
    TimedOut,
    /// Nothing could be opened here.
    Local,
    /// The client left, or its connection was ended.
    Client(Failure),
}

/// Takes an idle connection or opens one, and begins to send.
pub async fn attempt(
    client: &mut Client,
    exchange: &mut Exchange,
    server: &Rc<ServerPlan>,
) -> Result<(), Attempt> {
    exchange.stream.enter_response();
    exchange.stream.server_local = Endpoint::Unknown;
    let target = target(client, exchange, server);
    exchange.stream.server_reused = false;
    exchange.stream.server_position = None;
    exchange.stream.server_address = target
        .and_then(|address| address.to_addr())
        .map_or(Endpoint::Unknown, |address| endpoint(&address));
    let Some(way) = way(client, exchange, server) else {
        let failure = Failure::new(Cause::Internal, Phase::Connect, 500);
        return Err(Attempt::Client(failure));
    };
    let name = handshake::name(client, exchange, server);
    let own_name = handshake::pool_name(client, exchange, server);
    let protocol = streams::spoken(exchange, server);
    let choice = Choice {
        server_name: name.as_deref(),
        own_name: own_name.as_deref(),
        protocol,
        way,
    };
    as_text(client, exchange);
    let mut idle = idle::take(client, exchange, server, &choice);
    if idle.is_none()
        && let Some(other) = takeover::other(client, server)
        && let Some(wanted) = choice.wanted(client, exchange, server)
    {
        // Others' futures need not have room for it.
        idle = Box::pin(takeover::take(client, exchange, server, other, &wanted)).await;
    }
    let shares = if let Some(connection) = idle {
        reuse(client, exchange, server, connection)
    } else {
        make_room(client, exchange, server)?;
        let mut opening = begin(
            client,
            exchange,
            server,
            (target, way),
            name.as_deref(),
            protocol,
        )?;
        if let Some(connection) = &mut exchange.server {
            connection.name = own_name;
        }
        send(client, exchange, server, &mut opening).await?;
        let shares = (exchange.server.as_ref())
            .is_some_and(|connection| streams::is_shared(protocol, &connection.socket));
        if shares {
            streams::share(client, exchange)?;
        }
        shares
    };
    connected(client, exchange);
    if shares {
        streams::begin(client, exchange).await?;
    }
    Ok(())
}

/// The exchange goes on with an idle connection; tells whether streams share it.
fn reuse(
    client: &Client,
    exchange: &mut Exchange,
    server: &ServerPlan,
    connection: ServerConnection,
) -> bool {
    count_session(client, server);
    count_both(client, exchange, server, Count::Reuses);
    exchange.stream.server_local = connection.local;
    exchange.stream.server_reused = true;
    exchange.stream.server_position = Some(connection.reuses);
    let shares = connection.socket.is_shared();
    exchange.server = Some(connection);
    shares
}

/// Under `strict-maxconn` an idle connection ends where there would be too many with a new one. As upstream counts it, an attempt
/// fails with it, and the next one has room.
fn make_room(client: &Client, exchange: &mut Exchange, server: &ServerPlan) -> Result<(), Attempt> {
    let live = &server.live;
    let most = live.maxconn.load(Ordering::Relaxed);
    if !live.ir.options.strict_maxconn || most == 0 {
        return Ok(());
    }
    let idle = live.idle.load(Ordering::Relaxed);
    let open = idle.saturating_add(live.used.load(Ordering::Relaxed));
    if u32::try_from(open).unwrap_or(0) < most {
        return Ok(());
    }
    let backend = &client.plan.proxy(exchange.stream.backend).ir;
    let ended = server.pool.end_one(live);
    if !ended || exchange.stream.retries >= retries(exchange, backend) {
        return Err(Attempt::Refused);
    }
    exchange.stream.retries += 1;
    count_both(client, exchange, server, Count::Retries);
    Ok(())
}

/// What a new connection has to do before the request can go.
struct Opening {
    tunnel: Option<Tunnel>,
    preface: Vec<u8>,
    handshake: Option<Handshake>,
    /// What is spoken, whatever ALPN says.
    protocol: Option<BindProtocol>,
    /// What is known of a handshake that failed.
    failed: Option<Arc<Secured>>,
}

/// Opens a connection, which becomes the exchange's.
fn begin(
    client: &mut Client,
    exchange: &mut Exchange,
    server: &Rc<ServerPlan>,
    (target, way): (Option<SockAddr>, Way),
    name: Option<&[u8]>,
    protocol: Option<BindProtocol>,
) -> Result<Opening, Attempt> {
    count_both(client, exchange, server, Count::Connects);
    let target = target.ok_or_else(|| nowhere(server))?;
    let (through, tunnel) = through_socks(server, target)?;
    let proxy = client.plan.proxy(exchange.stream.backend);
    let connection =
        open(server, through, way, proxy.ir.options.smart_connect).map_err(|error| {
            if let Some((level, text)) = unopened::notice(&proxy.live.name, &error) {
                let backend = Some(exchange.stream.backend);
                client.plan.logger.message(backend, level, &text);
            }
            Attempt::Refused
        })?;
    count_session(client, server);
    let preface = preface(client, exchange, server);
    let only = streams::only_protocol(exchange, protocol);
    let handshake = handshake::with_server(server, name, only).map_err(|fault| match fault {
        HandshakeFault::TooMany => {
            Attempt::Client(Failure::new(Cause::Internal, Phase::Connect, 500))
        }
        _ => Attempt::Local,
    })?;
    exchange.stream.server_local = connection.local;
    exchange.stream.server_position = Some(0);
    exchange.notes.descriptor = Some(connection.socket.as_raw_fd());
    exchange.server = Some(connection);
    Ok(Opening {
        tunnel,
        preface,
        handshake,
        protocol,
        failed: None,
    })
}

/// Waits until the head has begun to go; the exchange keeps no connection on which it could not.
async fn send(
    client: &mut Client,
    exchange: &mut Exchange,
    server: &ServerPlan,
    opening: &mut Opening,
) -> Result<(), Attempt> {
    let secures = opening.handshake.is_some();
    let backend = exchange.stream.backend;
    let timeouts = &client.plan.proxy(backend).ir.timeouts;
    let deadline = Client::after(timeouts.connect);
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
        if let Poll::Ready(begun) = opening.poll(cx, up, &mut connection.socket) {
            return Poll::Ready(begun);
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
        let failed = matches!(sent, Err(Attempt::Refused));
        let made = connection.socket.secured();
        if failed || made.is_some() {
            let made = made.map(AsRef::as_ref);
            handshake::count_server(client, server, backend, made);
        }
    }
    let Err(failed) = sent else { return Ok(()) };
    exchange.server = None;
    exchange.stream.server_tls = opening.failed.take();
    Err(match departed {
        Some(departure) => Attempt::Client(departure.failure(exchange, Phase::Connect)),
        None => failed,
    })
}

impl Opening {
    /// Ready when the head has begun to go, or when the exchange will find out why it cannot.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        up: &mut Lane,
        socket: &mut Socket,
    ) -> Poll<Result<(), Attempt>> {
        if let Some(tunnel) = &mut self.tunnel {
            match tunnel.poll(cx, socket) {
                Poll::Ready(Ok(())) => self.tunnel = None,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Attempt::Refused)),
                Poll::Pending => return Poll::Pending,
            }
        }
        let secured = match poll_preface(cx, &mut self.preface, socket) {
            Poll::Ready(Ok(())) => handshake::poll(cx, &mut self.handshake, socket),
            other => other,
        };
        let is_secured = secured.is_ready();
        let begun = match secured {
            Poll::Ready(Ok(())) => {
                match up.has_output() && !streams::is_shared(self.protocol, socket) {
                    true => up.poll_flush(cx, socket),
                    false => socket.poll_connected(cx),
                }
            }
            other => other,
        };
        match begun {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) if socket.is_connected() && !socket.is_unfinished() => {
                // It was accepted and broken at once: the exchange finds that out.
                log::debug!("server connection broken while the head was sent: {error}");
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                self.failed = handshake::failed(&error);
                Poll::Ready(Err(Attempt::Refused))
            }
            Poll::Pending if socket.is_connected() && is_secured => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
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
    case::write(client, &exchange.stream.request, adjust, &mut head);
    if client.session.http2 {
        exchange.websocket = websocket::add_key(&exchange.stream.request, &mut head);
    }
    exchange.up.begin_text(head);
}

/// Counts for the server and its backend.
fn count_both(client: &Client, exchange: &Exchange, server: &ServerPlan, count: Count) {
    let backend = &client.plan.live(exchange.stream.backend).backend;
    for counters in [&server.live.counters, &backend.counters] {
        counters.add(client.local.worker, count, 1);
    }
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
    way: Way,
    smart: bool,
) -> io::Result<ServerConnection> {
    let socket = server.open(&address, way.from)?;
    if smart {
        // The last segment of the handshake waits for the first data (`option tcp-smart-connect`).
        let _ = socket.with_fd(|fd| hapax_sys::option::set_quickack(fd, false));
    }
    Ok(ServerConnection::new(socket, server, way))
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
