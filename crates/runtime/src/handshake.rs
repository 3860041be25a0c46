//! TLS handshakes: with clients before their session begins, with servers before the first byte of a request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use hapax_core::counter::Count;
use hapax_core::ir::CheckConnect;
use hapax_core::live::ServerLive;
use hapax_core::program::ProxyId;
use hapax_core::sample::Type;
use hapax_core::secured::Secured;
use hapax_core::stream::Session;
use hapax_sample::expression;
use hapax_tls::fault;
use hapax_tls::handshake::{Handshake, HandshakeFault};
use hapax_tls::listener::Listener;
use hapax_tls::server::Server;

use crate::http::client::within;
use crate::http::exchange::Exchange;
use crate::http::{Client, rules};
use crate::io::{self as carrier, LayerFault, Stream as Socket};
use crate::plan::{Plan, ServerPlan};
use crate::trace;

/// What the listener of a session needs to speak TLS; none when it does not.
pub fn listener<'a>(plan: &'a Plan, session: &Session) -> Option<&'a Listener> {
    let live = plan.live(session.frontend);
    let tls = live.listeners.get(session.listener)?.tls.get()?;
    tls.as_any().downcast_ref()
}

/// What a server needs to speak TLS; none when its traffic does not.
fn server(server: &ServerPlan) -> Option<&Server> {
    let tls = server.live.tls.get()?;
    let tls: &Server = tls.as_any().downcast_ref()?;
    (!server.live.plain.load(Ordering::Relaxed)).then_some(tls)
}

/// The name that a server is asked for (`sni`).
pub fn name(client: &Client, exchange: &Exchange, to: &ServerPlan) -> Option<Box<[u8]>> {
    server(to)?;
    let (expr, _) = to.live.ir.options.tls.as_ref()?.sni.as_ref()?;
    let cx = rules::cx(&client.plan, &client.session, exchange, client.local.now());
    let sample = expression::eval_as(expr, Type::Str, &cx)?;
    let name = sample.value.bytes()?;
    Server::shown(name).then(|| name.into())
}

/// The name that idle connections for the request have (`pool-conn-name`).
pub fn pool_name(client: &Client, exchange: &Exchange, to: &ServerPlan) -> Option<Box<[u8]>> {
    let expr = to.live.ir.options.pool_name.as_ref()?;
    let cx = rules::cx(&client.plan, &client.session, exchange, client.local.now());
    let sample = expression::eval_as(expr, Type::Str, &cx)?;
    Some(sample.value.bytes()?.into())
}

/// The handshake with a server; none when it does not speak TLS. `protocol` is the only one that it may choose.
pub fn with_server(
    to: &ServerPlan,
    name: Option<&[u8]>,
    protocol: Option<&[u8]>,
) -> Result<Option<Handshake>, HandshakeFault> {
    let Some(server) = server(to) else {
        return Ok(None);
    };
    if carrier::tls_is_full() {
        return Err(HandshakeFault::TooMany);
    }
    match protocol {
        Some(protocol) => server.handshake_for(name, protocol),
        None => server.handshake(name),
    }
    .map(Some)
}

/// The handshake of a check of a server; none when it is checked without TLS.
pub fn with_checked(to: &ServerLive) -> Result<Option<Handshake>, HandshakeFault> {
    let options = &to.ir.options;
    let Some(tls) = to
        .tls
        .get()
        .and_then(|tls| tls.as_any().downcast_ref::<Server>())
    else {
        return Ok(None);
    };
    // Who is checked elsewhere is checked over TLS only when `check-ssl` says so.
    let elsewhere = options.check.port.is_some() || options.check.address.is_some();
    let asked = options.tls.as_ref().is_some_and(|tls| tls.checks);
    match asked || (tls.secures && !elsewhere) {
        true => tls.check_handshake().map(Some),
        false => Ok(None),
    }
}

/// The handshake that a step of a check asks for; none when nothing is known of TLS towards the server.
pub fn with_step(
    to: &ServerLive,
    step: &CheckConnect,
) -> Option<Result<Handshake, HandshakeFault>> {
    let tls: &Server = to.tls.get()?.as_any().downcast_ref()?;
    Some(tls.step_handshake(step.sni.as_deref(), step.alpn.as_deref()))
}

/// Begins the handshake, once, and waits for its end.
pub fn poll(
    cx: &mut Context<'_>,
    handshake: &mut Option<Handshake>,
    socket: &mut Socket,
) -> Poll<io::Result<()>> {
    if handshake.is_some() {
        std::task::ready!(socket.poll_connected(cx))?;
        if let Some(handshake) = handshake.take() {
            socket.secure(handshake, None);
        }
    }
    socket.poll_secured(cx).map_err(|fault| match fault {
        LayerFault::Broken(error) => error,
        LayerFault::Closed => io::ErrorKind::UnexpectedEof.into(),
        LayerFault::Handshake(fault, _) => {
            log::debug!("handshake with a server failed: {fault}");
            io::Error::new(io::ErrorKind::InvalidData, fault)
        }
    })
}

/// What is known of a handshake with a server that broke with this error.
pub fn failed(error: &io::Error) -> Option<Arc<Secured>> {
    let fault = error.get_ref()?.downcast_ref::<HandshakeFault>()?;
    let reason = fault::reason(fault)?;
    Some(Arc::new(Secured {
        fault: Some((reason.code, reason.text)),
        ..Secured::default()
    }))
}

/// Makes the handshake with a client. False when it failed, which was logged then.
pub async fn with_client(client: &mut Client) -> bool {
    let plan = client.plan.clone();
    let Some(listener) = listener(&plan, &client.session) else {
        return true;
    };
    trace::handshake(client, None);
    let handshake = listener.handshake();
    let ir = &plan.proxy(client.session.frontend).ir;
    let timeouts = &ir.timeouts;
    let deadline = Client::after(timeouts.client_hs.or(timeouts.client));
    client.socket.secure(handshake, client.input.take());
    let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
    let process = &plan.program.live.process;
    process
        .counters
        .add(client.local.worker, Count::TlsConnections, 1);
    let made = within(timer, handle, deadline, |cx| socket.poll_secured(cx)).await;
    let log_null = !ir.options.dontlognull;
    let (why, reason, counts) = match made {
        Ok(Ok(())) => {
            client.session.tls = client.socket.secured().cloned();
            if let Some(secured) = client.session.tls.as_deref() {
                count_made(client, secured);
            }
            trace::handshake(client, Some(Ok(())));
            return true;
        }
        Ok(Err(LayerFault::Closed)) => (CLOSED, None, log_null),
        Ok(Err(LayerFault::Broken(_))) => (BROKEN, None, log_null),
        Ok(Err(LayerFault::Handshake(fault, known))) => {
            client.session.tls = Some(Arc::from(known));
            log::debug!("handshake with a client failed: {fault}");
            match fault::is_distrust(&fault) {
                true => (DISTRUST, None, true),
                false => (FAILURE, fault::reason(&fault), true),
            }
        }
        Err(_) => (LATE, None, log_null),
    };
    count(client, Count::TlsFailed);
    trace::handshake(client, Some(Err(why)));
    trace::session_refused(client, why);
    if counts {
        match reason {
            Some(reason) => {
                let text = format!("{why} ({reason})");
                plan.logger
                    .no_session(&client.session, client.local.now(), &text);
            }
            None => plan
                .logger
                .no_session(&client.session, client.local.now(), why),
        }
    }
    false
}

/// Counts a handshake with a client for its frontend and its listener.
fn count(client: &Client, what: Count) {
    let live = client.plan.live(client.session.frontend);
    let worker = client.local.worker;
    live.frontend.counters.add(worker, what, 1);
    if let Some(listener) = live.listeners.get(client.session.listener) {
        listener.counters.add(worker, what, 1);
    }
}

fn count_made(client: &Client, secured: &Secured) {
    match secured.resumed {
        true => count(client, Count::TlsResumed),
        false => {
            count(client, Count::TlsSessions);
            let process = &client.plan.program.live.process;
            let now = client.local.now().ms;
            process.tls_key_rate.add(client.local.worker, now);
        }
    }
    if secured.stapled {
        count(client, Count::TlsStapled);
    }
}

/// Counts a handshake with a server, for it and its backend.
pub fn count_server(client: &Client, to: &ServerPlan, backend: ProxyId, made: Option<&Secured>) {
    let what = match made {
        None => Count::TlsFailed,
        Some(secured) if secured.resumed => Count::TlsResumed,
        Some(_) => Count::TlsSessions,
    };
    trace::server_handshake(client, &to.live, backend, made.is_some());
    let (worker, process) = (client.local.worker, &client.plan.program.live.process);
    to.live.counters.add(worker, what, 1);
    let side = &client.plan.live(backend).backend;
    side.counters.add(worker, what, 1);
    process.counters.add(worker, Count::TlsConnections, 1);
    if what == Count::TlsSessions {
        let now = client.local.now().ms;
        process.tls_server_key_rate.add(worker, now);
    }
}

const FAILURE: &str = "SSL handshake failure";
const DISTRUST: &str = "SSL client certificate not trusted";
const CLOSED: &str = "Connection closed during SSL handshake";
const BROKEN: &str = "Connection error during SSL handshake";
const LATE: &str = "Timeout during SSL handshake";
