//! One check: connect, ask, read, each within its time.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use hapax_core::ir::{Address, CheckConnect, SourceAddress};
use hapax_core::live::{CheckResult, CheckStatus, ServerLive};
use hapax_core::program::{Program, ProxyId};
use hapax_sys::addr::{local_addr, peer_addr};
use hapax_sys::connect::ConnectOptions;

use super::answer::Finding;
use super::external;
use super::recipe::Recipe;
use crate::address::socket_address;
use crate::buffer::Buf;
use crate::clock;
use crate::handshake;
use crate::io::{Io, LayerFault, Stream};
use crate::log::Logger;
use crate::socks::Tunnel;
use crate::wheel::{NEVER, Timer};

/// Checks a server once.
pub(super) async fn check(
    recipe: &Recipe,
    (program, logger): (&Program, &Logger),
    proxy: ProxyId,
    server: &ServerLive,
    timer: &mut Timer,
) -> CheckResult {
    let started = clock::now_ms();
    if recipe.external {
        let finding = external::run((program, logger), proxy, server, timer).await;
        return result(finding, started);
    }
    let finding = match &recipe.script {
        Some(script) => Box::pin(script.run(recipe, (program, proxy, server), timer)).await,
        None => talk(recipe, server, timer, started).await,
    };
    result(finding.unwrap_or_else(|finding| finding), started)
}

fn result(finding: Finding, started: u64) -> CheckResult {
    CheckResult {
        status: finding.status,
        code: finding.code,
        duration_ms: u32::try_from(clock::now_ms() - started).unwrap_or(u32::MAX),
        info: finding.info,
    }
}

/// Where a check connects to, and how.
pub(super) struct Opening<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) server: &'a ServerLive,
    /// What a step says about it.
    pub(super) connect: &'a CheckConnect,
    /// The port that its expression gave.
    pub(super) port: Option<u16>,
    /// When the check, or this connection of it, began.
    pub(super) started: u64,
}

/// Connects; with the connection comes the time by which the rest must be done.
pub(super) async fn open(
    opening: &Opening<'_>,
    timer: &mut Timer,
) -> Result<(Stream, u64), Finding> {
    let Opening {
        recipe,
        server,
        connect: step,
        port,
        started,
    } = *opening;
    let inter = started + u64::from(server.ir.options.check.inter);
    let to_connect = match (recipe.timeout_check, recipe.timeout_connect) {
        (Some(_), Some(connect)) => inter.min(started + u64::from(connect)),
        _ => inter,
    };
    let to = target(server, step, port);
    let stream = match through_socks(server, step) {
        None => connect_to(&to, recipe, server, step.linger, (timer, to_connect)).await?,
        Some(proxy) => {
            let time = (&mut *timer, to_connect);
            let mut stream = connect_to(proxy, recipe, server, step.linger, time).await?;
            tunnel(&to, &mut stream, (timer, to_connect)).await?;
            stream
        }
    };
    let deadline = match recipe.timeout_check {
        Some(most) => clock::now_ms() + u64::from(most),
        None => inter,
    };
    Ok((stream, deadline))
}

/// The SOCKS proxy that a connection is made through.
fn through_socks<'s>(server: &'s ServerLive, step: &CheckConnect) -> Option<&'s Address> {
    let options = &server.ir.options;
    let asked = step.via_socks4 || (step.as_server && options.check.via_socks4);
    options.socks4.as_ref().filter(|_| asked)
}

/// Has the SOCKS proxy connect to `to`.
async fn tunnel(
    to: &Address,
    stream: &mut Stream,
    (timer, deadline): (&mut Timer, u64),
) -> Result<(), Finding> {
    let denied = || Finding::new(CheckStatus::SocketError, "SOCKS4 Proxy deny the request");
    let Address::Inet(to) = to else {
        return Err(denied());
    };
    let mut tunnel = Tunnel::to(*to).map_err(|_| denied())?;
    match within(timer, deadline, |cx| tunnel.poll(cx, stream)).await {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(denied()),
        Some(Err(error)) => Err(Finding::new(CheckStatus::SocketError, &named(&error))),
        None => Err(Finding::new(CheckStatus::L4Timeout, "")),
    }
}

async fn talk(
    recipe: &Recipe,
    server: &ServerLive,
    timer: &mut Timer,
    started: u64,
) -> Result<Finding, Finding> {
    let connect = CheckConnect {
        as_server: true,
        ..CheckConnect::default()
    };
    let opening = Opening {
        recipe,
        server,
        connect: &connect,
        port: None,
        started,
    };
    let (mut stream, deadline) = open(&opening, timer).await?;
    let faulty = |error| Finding::new(CheckStatus::SocketError, &named(&error));
    let late = || Finding::new(CheckStatus::L7Timeout, "");
    if let Some(line) = proxy_line(server, &stream) {
        let sent = send(&line, &mut stream, timer, deadline).await;
        sent.map_err(faulty)?.ok_or_else(late)?;
    }
    let secured = secure(server, Secured::AsServer, &mut stream, timer, deadline).await?;
    let status = match secured {
        true => CheckStatus::L6Ok,
        false => CheckStatus::L4Ok,
    };
    Ok(Finding::new(status, ""))
}

/// Whether a connection of a check speaks TLS.
pub(super) enum Secured<'a> {
    No,
    /// What the line of the server says.
    AsServer,
    /// As a step says: the name that is asked for, and the protocols offered.
    Step(&'a CheckConnect),
}

impl<'a> Secured<'a> {
    /// What a step says.
    pub(super) fn of(connect: &'a CheckConnect) -> Secured<'a> {
        match (connect.secured, connect.as_server) {
            (true, _) => Secured::Step(connect),
            (false, true) => Secured::AsServer,
            (false, false) => Secured::No,
        }
    }
}

/// Makes the TLS handshake, where the server is checked over TLS.
pub(super) async fn secure(
    server: &ServerLive,
    how: Secured<'_>,
    stream: &mut Stream,
    timer: &mut Timer,
    deadline: u64,
) -> Result<bool, Finding> {
    let failed = || Finding::new(CheckStatus::L6Response, "SSL handshake failure");
    let handshake = match how {
        Secured::No => Ok(None),
        Secured::AsServer => handshake::with_checked(server),
        Secured::Step(step) => match handshake::with_step(server, step) {
            Some(made) => made.map(Some),
            None => return Err(failed()),
        },
    };
    let Some(handshake) = handshake.map_err(|_| failed())? else {
        return Ok(false);
    };
    stream.secure(handshake, None);
    match within(timer, deadline, |cx| stream.poll_secured(cx)).await {
        Some(Ok(())) => Ok(true),
        Some(Err(LayerFault::Handshake(..))) => Err(failed()),
        Some(Err(LayerFault::Closed)) => {
            let info = "Connection closed during SSL handshake";
            Err(Finding::new(CheckStatus::L6Response, info))
        }
        Some(Err(LayerFault::Broken(error))) => {
            Err(Finding::new(CheckStatus::SocketError, &named(&error)))
        }
        None => Err(Finding::new(CheckStatus::L6Timeout, "")),
    }
}

/// What `send-proxy` puts in front: version 1 tells the addresses of the check's own connection, version 2 that it is a
/// local one. Checks that go elsewhere (`port`, `addr`) send none, unless `check-send-proxy` says so.
pub(super) fn proxy_line(server: &ServerLive, stream: &Stream) -> Option<Vec<u8>> {
    let options = &server.ir.options;
    let elsewhere = options.check.port.is_some() || options.check.address.is_some();
    let version = match options.send_proxy {
        _ if elsewhere && !options.check.send_proxy => return None,
        None if options.check.send_proxy => 1,
        version => version?,
    };
    if version == 2 {
        return Some(LOCAL_V2.to_vec());
    }
    Some(proxy_line_v1(stream))
}

/// The line of version 1 that tells the ends of `stream`.
pub(super) fn proxy_line_v1(stream: &Stream) -> Vec<u8> {
    let ends = (
        stream
            .with_fd(|fd| local_addr(fd))
            .ok()
            .and_then(|end| end.inet()),
        stream
            .with_fd(|fd| peer_addr(fd))
            .ok()
            .and_then(|end| end.inet()),
    );
    let line = match ends {
        (Some(from), Some(to)) => {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            let (source, target) = (from.ip(), to.ip());
            format!(
                "PROXY {family} {source} {target} {} {}\r\n",
                from.port(),
                to.port()
            )
        }
        _ => "PROXY UNKNOWN\r\n".to_owned(),
    };
    line.into_bytes()
}

/// Where a check connects to: what its step says, then the runtime API, then the line of the server.
fn target(server: &ServerLive, step: &CheckConnect, port: Option<u16>) -> Address {
    let options = &server.ir.options;
    let mut to = match step.address.as_ref().or(options.check.address.as_ref()) {
        Some(address) => address.clone(),
        None => (**server.address.load()).clone(),
    };
    let (told_address, told_port) = {
        let state = server.state.lock();
        (state.check_address, state.check_port)
    };
    if let (Some(ip), None) = (told_address, &step.address) {
        to = Address::Inet((ip, 0).into());
    }
    if let Address::Inet(address) = &mut to {
        // `addr` alone keeps the server's port, `port` goes before the port of either address.
        if address.port() == 0
            && let Some(own) = server.inet()
        {
            address.set_port(own.port());
        }
        if let Some(port) = step.port.or(port).or(told_port).or(options.check.port) {
            address.set_port(port);
        }
    }
    to
}

/// Connects within its time.
pub(super) async fn connect_to(
    to: &Address,
    recipe: &Recipe,
    server: &ServerLive,
    linger: bool,
    (timer, deadline): (&mut Timer, u64),
) -> Result<Stream, Finding> {
    let mut stream = connect(to, recipe, server)?;
    if !linger {
        // What is left of the connection is of no interest to anybody.
        let _ = stream.reset_on_close();
    }
    match within(timer, deadline, |cx| stream.poll_connected(cx)).await {
        Some(Ok(())) => Ok(stream),
        Some(Err(error)) => Err(Finding::new(CheckStatus::L4Connection, &plain(&error))),
        None => Err(Finding::new(CheckStatus::L4Timeout, "")),
    }
}

fn connect(to: &Address, recipe: &Recipe, server: &ServerLive) -> Result<Stream, Finding> {
    let options = &server.ir.options;
    let mut how = connect_options(options.source.as_ref().or(recipe.source.as_ref()));
    how.namespace = options.namespace.as_deref().map(str::to_owned);
    socket_address(to)
        .and_then(|to| Stream::connect(&to, &how))
        .map_err(|error| match to {
            Address::Inet(_) => Finding::new(CheckStatus::L4Connection, &plain(&error)),
            _ => {
                let info = format!("General socket error ({})", plain(&error));
                Finding::new(CheckStatus::SocketError, &info)
            }
        })
}

fn connect_options(source: Option<&SourceAddress>) -> ConnectOptions {
    ConnectOptions {
        source: source.map(|source| source.address),
        interface: source.and_then(|source| source.interface.clone()),
        nodelay: true,
        ..ConnectOptions::default()
    }
}

/// Sends all of `bytes`; none is out of time.
pub(crate) async fn send(
    bytes: &[u8],
    stream: &mut Stream,
    timer: &mut Timer,
    deadline: u64,
) -> io::Result<Option<()>> {
    let mut sent = 0;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        match within(timer, deadline, |cx| stream.poll_send(cx, rest, &[], false)).await {
            Some(count) => sent += count?,
            None => return Ok(None),
        }
    }
    Ok(Some(()))
}

/// Reads into `buffer`, and gives how much; none is out of time. No buffer is held while nothing has come.
pub(crate) async fn receive(
    buffer: &mut Option<Buf>,
    stream: &mut Stream,
    timer: &mut Timer,
    deadline: u64,
) -> io::Result<Option<usize>> {
    let mut taken = buffer.take().filter(|held| !held.is_empty());
    let received = within(timer, deadline, |cx| {
        let into = taken.get_or_insert_with(Buf::take);
        let polled = stream.poll_recv(cx, into.room());
        if polled.is_pending() && into.is_empty() {
            taken = None;
        }
        polled
    })
    .await;
    let Some(count) = received else {
        return Ok(None);
    };
    let count = count?;
    let mut held = taken.unwrap_or_else(Buf::take);
    held.filled(count);
    *buffer = Some(held);
    Ok(Some(count))
}

/// What `poll` gives, or none when `deadline` comes first. What has come by the time that the deadline is looked at counts,
/// however late that is: a machine that kept this process waiting says nothing about the server.
pub(crate) async fn within<T>(
    timer: &mut Timer,
    deadline: u64,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let mut result = poll_fn(|cx| match poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.poll_at(cx, deadline).map(|()| None),
    })
    .await;
    if result.is_none() {
        // The event loop asks the kernel once more before it comes back here.
        tokio::task::yield_now().await;
        result = poll_fn(|cx| match poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Poll::Ready(None),
        })
        .await;
    }
    poll_fn(|cx| {
        // The wake-up is of no use any more.
        let _ = timer.poll_at(cx, NEVER);
        Poll::Ready(())
    })
    .await;
    result
}

/// The system's text for an error.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// As `plain`, with the symbol in front.
pub(super) fn named(error: &io::Error) -> String {
    let symbol = match error.kind() {
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        _ => return plain(error),
    };
    format!("{symbol} returned by OS ({})", plain(error))
}

/// A PROXY protocol header of version 2 for a connection of the proxy's own.
const LOCAL_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::{WorkerSettings, run};

    #[test]
    fn what_has_come_counts_after_its_time_too() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let to = Address::Inet(listener.local_addr().expect("address"));
        let address = socket_address(&to).expect("address");
        let settings = WorkerSettings {
            index: 0,
            processors: Vec::new(),
            buffer_size: 4096,
            free_buffers: 4,
            pipe_size: 0,
            pipes: 4,
        };
        run(&settings, Default::default(), |_| async move {
            let mut timer = Timer::new();
            let mut stream = Stream::connect(&address, &connect_options(None)).expect("connect");
            let late = clock::now_ms();
            let connected = within(&mut timer, late, |cx| stream.poll_connected(cx)).await;
            assert!(matches!(connected, Some(Ok(()))));
            let (mut peer, _) = listener.accept().expect("accept");
            std::io::Write::write_all(&mut peer, b"x").expect("write");
            let mut into = [0; 8];
            let received = within(&mut timer, late, |cx| stream.poll_recv(cx, &mut into)).await;
            assert!(matches!(received, Some(Ok(1))));
            let nothing = within(&mut timer, late, |cx| stream.poll_recv(cx, &mut into)).await;
            assert!(nothing.is_none());
        })
        .expect("run");
    }
}
