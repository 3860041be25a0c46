//! Opens the listening sockets of a configuration, before the process gives up its rights and starts its workers.

pub mod hand_over;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use hapax_core::ir::{self, Address, Bind};
use hapax_core::program::ProxyId;
use hapax_core::span::Sources;
use hapax_sys::addr::{Addr, UnixAddr};
use hapax_sys::listen::{ListenOptions, SocketFile, adopt, listen};
use hapax_sys::process::inherited;
use thiserror::Error;

use self::hand_over::Inherited;
use crate::log::intake::{self, Intake};

/// A listening socket and whose it is.
#[derive(Debug)]
pub struct Bound {
    /// The proxy.
    pub proxy: ProxyId,
    /// Index in its binds.
    pub listener: usize,
    /// The worker that accepts from it.
    pub worker: usize,
    /// The socket: one of its own where the kernel spreads connections over several (SO_REUSEPORT), else the same one
    /// for all workers.
    pub socket: OwnedFd,
    /// What tells the socket from others, under whatever descriptor.
    pub identity: u64,
}

/// A socket that could not be opened.
#[derive(Debug, Error)]
#[error("cannot bind {} of {proxy}: {error}", bind.text)]
pub struct BindError {
    /// The proxy's name; `GLOBAL` for the runtime API.
    pub proxy: String,
    /// Its kind as upstream's message names it.
    pub side: &'static str,
    /// What was to be opened.
    pub bind: Box<Bind>,
    /// Why it was not.
    pub error: io::Error,
}

/// Opens the listeners of enabled proxies, given in the order of their ids. Sockets that an old process gave away are
/// taken instead where their address is the same.
///
/// # Errors
/// One for each listener that failed; none stays open then.
pub fn listeners<'p>(
    proxies: impl IntoIterator<Item = &'p ir::Proxy>,
    global: &ir::Global,
    workers: usize,
    old: &mut Inherited,
) -> Result<Vec<Bound>, Vec<BindError>> {
    let (mut bound, mut failed) = (Vec::new(), Vec::new());
    for (index, proxy) in proxies.into_iter().enumerate() {
        if proxy.disabled {
            continue;
        }
        for (listener, bind) in proxy.binds.iter().enumerate() {
            match per_worker(bind, proxy, global, workers, old) {
                Ok(sockets) => bound.extend(sockets.into_iter().map(|(worker, socket)| Bound {
                    proxy: ProxyId(index as u32),
                    listener,
                    worker,
                    identity: hapax_sys::stream::identity(&socket).unwrap_or_default(),
                    socket,
                })),
                Err(error) => failed.push(BindError {
                    proxy: proxy.name.clone(),
                    side: match proxy.kind {
                        ir::ProxyKind::Listen => "proxy",
                        _ => "frontend",
                    },
                    bind: Box::new(bind.clone()),
                    error,
                }),
            }
        }
    }
    if failed.is_empty() {
        Ok(bound)
    } else {
        Err(failed)
    }
}

/// Opens the `stats socket` lines, in their order.
///
/// # Errors
/// One for each that failed.
pub fn runtime_api(
    global: &ir::Global,
    old: &mut Inherited,
) -> Result<Vec<OwnedFd>, Vec<BindError>> {
    let (mut opened, mut failed) = (Vec::new(), Vec::new());
    for bind in &global.stats_sockets {
        let taken = take(bind, None, global, old);
        let socket = match taken.into_iter().next() {
            Some(socket) => Ok(socket),
            None => open_one(bind, None, global),
        };
        match socket {
            Ok(socket) => opened.push(socket),
            Err(error) => failed.push(BindError {
                proxy: "GLOBAL".into(),
                side: "frontend",
                bind: Box::new(bind.clone()),
                error,
            }),
        }
    }
    if failed.is_empty() {
        Ok(opened)
    } else {
        Err(failed)
    }
}

/// Opens the sockets of the `log-forward` sections.
///
/// # Errors
/// One for each that failed.
pub fn intakes(
    forwards: &[ir::LogForward],
    global: &ir::Global,
    old: &mut Inherited,
) -> Result<Vec<Intake>, Vec<BindError>> {
    let (mut intakes, mut failed) = (Vec::new(), Vec::new());
    for (section, forward) in forwards.iter().enumerate() {
        let mut refuse = |bind: &Bind, error| {
            failed.push(BindError {
                proxy: forward.name.clone(),
                side: "frontend",
                bind: Box::new(bind.clone()),
                error,
            });
        };
        let mut streams = Vec::new();
        for bind in &forward.streams {
            let taken = take(bind, None, global, old).into_iter().next();
            match taken.map_or_else(|| open_one(bind, None, global), Ok) {
                Ok(socket) => streams.push(socket),
                Err(error) => refuse(bind, error),
            }
        }
        match intake::open(forward, global.tune.rcvbuf_frontend) {
            Ok(datagrams) => intakes.push(Intake {
                section,
                streams,
                datagrams,
            }),
            Err((index, error)) => {
                if let Some(bind) = forward.datagrams.get(index) {
                    refuse(bind, error);
                }
            }
        }
    }
    match failed.is_empty() {
        true => Ok(intakes),
        false => Err(failed),
    }
}

fn per_worker(
    bind: &Bind,
    proxy: &ir::Proxy,
    global: &ir::Global,
    workers: usize,
    old: &mut Inherited,
) -> io::Result<Vec<(usize, OwnedFd)>> {
    let threads = &bind.options.threads;
    let served = (0..workers).filter(|&worker| {
        threads.is_empty() || threads.iter().any(|&thread| usize::from(thread) == worker)
    });
    // Port 0 is chosen by the kernel; several sockets would get several ports.
    let own_sockets = matches!(bind.address, Address::Inet(address) if address.port() != 0)
        && !global.no_reuseport;
    // `shards` bounds the number of sockets; workers beyond it share the first ones.
    let most = if own_sockets {
        bind.options.shards.map_or(usize::MAX, usize::from).max(1)
    } else {
        1
    };
    let mut taken = take(bind, Some(proxy), global, old).into_iter();
    let mut opened: Vec<(usize, OwnedFd)> = Vec::with_capacity(workers);
    for worker in served {
        let count = opened.len();
        let fd = if count < most {
            match taken.next() {
                Some(fd) => fd,
                None => open_one(bind, Some(proxy), global)?,
            }
        } else {
            opened[count % most].1.try_clone()?
        };
        opened.push((worker, fd));
    }
    // The old process had more: connections wait in each of them, and the kernel adds to them while they are open.
    let count = opened.len().max(1);
    for (index, fd) in taken.enumerate() {
        let worker = opened.get(index % count).map_or(0, |(worker, _)| *worker);
        opened.push((worker, fd));
    }
    Ok(opened)
}

/// The namespace and the interface of a line.
pub fn network(bind: &Bind) -> hand_over::Network {
    hand_over::Network {
        namespace: bind.options.namespace.clone().unwrap_or_default(),
        interface: bind.options.interface.clone().unwrap_or_default(),
    }
}

/// The sockets that the old process had for a line.
fn take(
    bind: &Bind,
    proxy: Option<&ir::Proxy>,
    global: &ir::Global,
    old: &mut Inherited,
) -> Vec<OwnedFd> {
    let mut taken = old.take_own(bind);
    if taken.is_empty()
        && let Some(addr) = address(bind, proxy, global)
    {
        taken = old.take(&addr, &network(bind));
    }
    let options = options(bind, proxy, global);
    // One that cannot be given its options is left to the old process.
    taken.retain(|socket| adopt(socket, &options).is_ok());
    taken
}

fn open_one(bind: &Bind, proxy: Option<&ir::Proxy>, global: &ir::Global) -> io::Result<OwnedFd> {
    if let Address::Descriptor(number) | Address::SocketPair(number) = bind.address {
        let fd = inherited(number)?;
        hapax_sys::stream::adopt(fd.as_fd())?;
        return Ok(fd);
    }
    let addr = address(bind, proxy, global).ok_or(io::ErrorKind::AddrNotAvailable)?;
    listen(&addr, &options(bind, proxy, global))
}

/// Where a line listens; none for what is inherited as a descriptor.
fn address(bind: &Bind, proxy: Option<&ir::Proxy>, global: &ir::Global) -> Option<Addr> {
    Some(match &bind.address {
        Address::Inet(address) => Addr::Inet(*address),
        Address::Unix(path) => {
            // `unix-bind` concerns 'bind' lines, not 'stats socket'.
            let prefix = proxy.and(global.unix_bind_prefix.as_deref());
            let prefix = prefix.unwrap_or_default();
            Addr::Unix(UnixAddr::Path(format!("{prefix}{path}").into()))
        }
        Address::Abstract { name, zero_padded } => Addr::Unix(UnixAddr::Abstract {
            name: name.clone().into_bytes(),
            padded: *zero_padded,
        }),
        Address::Descriptor(_) | Address::SocketPair(_) => return None,
    })
}

fn options(bind: &Bind, proxy: Option<&ir::Proxy>, global: &ir::Global) -> ListenOptions {
    let own = &bind.options;
    let backlog = own
        .backlog
        .or(proxy.and_then(|proxy| proxy.backlog))
        .or(proxy.and_then(|proxy| proxy.maxconn))
        .or(global.maxconn)
        .unwrap_or(4096);
    ListenOptions {
        backlog,
        reuse_port: !global.no_reuseport,
        v6only: match (own.v6only, own.v4v6) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        },
        namespace: own.namespace.clone(),
        interface: own.interface.clone(),
        transparent: own.transparent,
        // The kernel shows the connection without data after this many seconds.
        defer_accept: own.defer_accept.then_some(1),
        max_segment: own.mss.map(|bytes| bytes.unsigned_abs()),
        user_timeout: own.tcp_user_timeout,
        fast_open: own.fast_open.then_some(backlog),
        quickack: !proxy.is_some_and(acknowledges_late),
        keepalive: proxy
            .filter(|proxy| proxy.options.client_keepalive)
            .map(|proxy| crate::frontend::keepalive(&proxy.client_probes)),
        file: SocketFile {
            mode: own.unix_mode.or(proxy.and(global.unix_bind_mode)),
            uid: own.unix_uid.or(proxy.and(global.unix_bind_uid)),
            gid: own.unix_gid.or(proxy.and(global.unix_bind_gid)),
        },
        ..ListenOptions::default()
    }
}

/// The request may be acknowledged with the response (`option tcp-smart-accept`).
fn acknowledges_late(proxy: &ir::Proxy) -> bool {
    let wanted = proxy.options.smart_accept;
    wanted.unwrap_or(proxy.mode == ir::Mode::Http)
}

impl BindError {
    /// Upstream's message.
    pub fn text(&self, sources: &Sources) -> String {
        let reason = self.error.to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        let BindError {
            proxy, side, bind, ..
        } = self;
        let place = format!("[{}:{}]", sources.path(bind.span.file), bind.span.line);
        let begin = format!("Binding {place} for {side} {proxy}:");
        match &bind.address {
            Address::Inet(address) => {
                let protocol = if address.is_ipv4() { "tcpv4" } else { "tcpv6" };
                format!(
                    "{begin} protocol {protocol}: cannot bind socket ({reason}) for [{}:{}].",
                    address.ip(),
                    address.port()
                )
            }
            Address::Unix(path) => {
                format!(
                    "{begin} protocol unix_stream: cannot bind UNIX socket ({reason}) [{path}]."
                )
            }
            Address::Abstract { name, .. } => {
                format!(
                    "{begin} protocol abns_stream: cannot bind UNIX socket ({reason}) [{name}]."
                )
            }
            Address::Descriptor(number) | Address::SocketPair(number) => {
                format!("{begin} cannot use file descriptor '{number}' : {reason}.")
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
