//! Opens the listening sockets of a configuration, before the process gives up its rights and starts its workers.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use hapax_core::ir::{self, Address, Bind};
use hapax_core::program::ProxyId;
use hapax_core::span::Sources;
use hapax_sys::addr::{Addr, UnixAddr};
use hapax_sys::listen::{ListenOptions, SocketFile, listen};
use hapax_sys::option::Keepalive;
use hapax_sys::process::inherited;

/// Everything a configuration listens on.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Listeners of proxies.
    pub listeners: Vec<Opened>,
    /// `stats socket` lines: the line's index in [`ir::Global::stats_sockets`], and the socket.
    pub runtime_api: Vec<(usize, OwnedFd)>,
}

/// One listener.
#[derive(Debug)]
pub struct Opened {
    /// Its proxy.
    pub proxy: ProxyId,
    /// Its index in the proxy's binds.
    pub listener: usize,
    /// A descriptor for each worker that serves it: a socket of its own where the kernel spreads connections over
    /// several (SO_REUSEPORT), else the same socket again.
    pub per_worker: Vec<(usize, OwnedFd)>,
}

/// Opens them all. The errors are upstream's texts, one for each socket that failed.
///
/// # Errors
/// When one of them cannot be opened; none stays open then.
pub fn open(
    config: &ir::Config,
    sources: &Sources,
    workers: usize,
) -> Result<Sockets, Vec<String>> {
    let mut sockets = Sockets::default();
    let mut errors = Vec::new();
    let global = &config.global;
    for (index, bind) in global.stats_sockets.iter().enumerate() {
        match open_one(bind, None, global) {
            Ok(fd) => sockets.runtime_api.push((index, fd)),
            Err(error) => errors.push(text(bind, "GLOBAL", "frontend", sources, &error)),
        }
    }
    for (index, proxy) in config.proxies.iter().enumerate() {
        if proxy.disabled {
            continue;
        }
        for (listener, bind) in proxy.binds.iter().enumerate() {
            match per_worker(bind, proxy, global, workers) {
                Ok(per_worker) => sockets.listeners.push(Opened {
                    proxy: ProxyId(index as u32),
                    listener,
                    per_worker,
                }),
                Err(error) => {
                    errors.push(text(bind, &proxy.name, side(proxy), sources, &error));
                }
            }
        }
    }
    if errors.is_empty() {
        Ok(sockets)
    } else {
        Err(errors)
    }
}

fn per_worker(
    bind: &Bind,
    proxy: &ir::Proxy,
    global: &ir::Global,
    workers: usize,
) -> io::Result<Vec<(usize, OwnedFd)>> {
    let served = (0..workers).filter(|&worker| {
        let threads = &bind.options.threads;
        threads.is_empty() || threads.iter().any(|&thread| usize::from(thread) == worker)
    });
    let first = open_one(bind, Some(proxy), global)?;
    let own_sockets = matches!(bind.address, Address::Inet(_)) && !global.no_reuseport;
    // `shards` bounds the number of sockets; workers beyond it share the first ones.
    let most = if own_sockets {
        bind.options.shards.map_or(usize::MAX, usize::from).max(1)
    } else {
        1
    };
    let mut opened: Vec<(usize, OwnedFd)> = Vec::with_capacity(workers);
    for worker in served {
        let count = opened.len();
        let fd = if count == 0 {
            first.try_clone()?
        } else if count < most {
            open_one(bind, Some(proxy), global)?
        } else {
            opened[count % most].1.try_clone()?
        };
        opened.push((worker, fd));
    }
    Ok(opened)
}

fn open_one(bind: &Bind, proxy: Option<&ir::Proxy>, global: &ir::Global) -> io::Result<OwnedFd> {
    let addr = match &bind.address {
        Address::Inet(address) => Addr::Inet(*address),
        Address::Unix(path) => {
            let prefix = global.unix_bind_prefix.as_deref().unwrap_or_default();
            Addr::Unix(UnixAddr::Path(format!("{prefix}{path}").into()))
        }
        Address::Abstract { name, zero_padded } => Addr::Unix(UnixAddr::Abstract {
            name: name.clone().into_bytes(),
            padded: *zero_padded,
        }),
        Address::Descriptor(number) | Address::SocketPair(number) => {
            let fd = inherited(*number)?;
            hapax_sys::stream::adopt(fd.as_fd())?;
            return Ok(fd);
        }
    };
    listen(&addr, &options(bind, proxy, global))
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
        interface: own.interface.clone(),
        transparent: own.transparent,
        // The kernel shows the connection without data after this many seconds.
        defer_accept: own.defer_accept.then_some(1),
        max_segment: own.mss.map(|bytes| bytes.unsigned_abs()),
        user_timeout: own.tcp_user_timeout,
        fast_open: own.fast_open.then_some(backlog),
        keepalive: proxy
            .is_some_and(|proxy| proxy.options.client_keepalive)
            .then(Keepalive::default),
        file: SocketFile {
            mode: own.unix_mode.or(global.unix_bind_mode),
            uid: own.unix_uid.or(global.unix_bind_uid),
            gid: own.unix_gid.or(global.unix_bind_gid),
        },
        ..ListenOptions::default()
    }
}

fn side(proxy: &ir::Proxy) -> &'static str {
    if proxy.kind == ir::ProxyKind::Listen {
        "proxy"
    } else {
        "frontend"
    }
}

fn text(bind: &Bind, name: &str, side: &str, sources: &Sources, error: &io::Error) -> String {
    let reason = error.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default();
    let place = format!("[{}:{}]", sources.path(bind.span.file), bind.span.line);
    match &bind.address {
        Address::Inet(address) => {
            let protocol = if address.is_ipv4() { "tcpv4" } else { "tcpv6" };
            let shown = match address.ip() {
                std::net::IpAddr::V4(ip) => format!("{ip}:{}", address.port()),
                std::net::IpAddr::V6(ip) => format!("{ip}:{}", address.port()),
            };
            format!(
                "Binding {place} for {side} {name}: protocol {protocol}: cannot bind socket ({reason}) for [{shown}]."
            )
        }
        Address::Unix(path) => format!(
            "Binding {place} for {side} {name}: protocol unix_stream: cannot bind UNIX socket ({reason}) [{path}]."
        ),
        Address::Abstract { name: path, .. } => format!(
            "Binding {place} for {side} {name}: protocol abns_stream: cannot bind UNIX socket ({reason}) [{path}]."
        ),
        Address::Descriptor(number) | Address::SocketPair(number) => format!(
            "Binding {place} for {side} {name}: cannot use file descriptor '{number}' : {reason}."
        ),
    }
}
