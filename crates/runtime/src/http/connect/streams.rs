//! Connections that streams share: what is spoken with a server, and the request as a head of HTTP/2.

use std::task::{Context, Waker};

use hapax_core::ir::{BindProtocol, HttpReuse, Websockets};

use super::super::client::{Client, Interrupted, within};
use super::super::exchange::{Exchange, Failure};
use super::super::shared_pool::{self, SharedPool};
use super::attempt::Attempt;
use crate::io::Stream as Socket;
use crate::plan::ServerPlan;

/// What is spoken with the server, whatever ALPN says; none leaves it to that.
pub fn spoken(exchange: &Exchange, server: &ServerPlan) -> Option<BindProtocol> {
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
pub fn only_protocol(exchange: &Exchange, protocol: Option<BindProtocol>) -> Option<&'static [u8]> {
    match protocol.filter(|_| exchange.asked.websocket)? {
        BindProtocol::Http1 => Some(b"http/1.1"),
        BindProtocol::Http2 => Some(b"h2"),
        BindProtocol::None => None,
    }
}

/// Whether streams may share this connection: by `proto h2`, or by ALPN.
pub fn is_shared(protocol: Option<BindProtocol>, socket: &Socket) -> bool {
    match protocol {
        Some(protocol) => protocol == BindProtocol::Http2,
        None => socket
            .secured()
            .is_some_and(|tls| tls.protocol.as_deref() == Some(b"h2")),
    }
}

/// The new connection becomes one that streams share, and the exchange's server connection one of these.
pub fn share(client: &Client, exchange: &mut Exchange) -> Result<(), Attempt> {
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

/// Sends the head of a stream, or breaks it off when the server is known to take no websockets.
pub async fn begin(client: &mut Client, exchange: &mut Exchange) -> Result<(), Attempt> {
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
