//! What options of `bind` lines and of `global` do to listening sockets.

use std::collections::HashSet;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, Shared};
use hapax_core::ir::{BindOptions, Global, Proxy, ProxyKind};
use hapax_core::live::Servers;
use hapax_core::span::Span;

use super::*;

// exercises: bind/thread
#[test]
fn the_chosen_threads_listen() {
    let options = BindOptions {
        threads: vec![1, 3],
        ..BindOptions::default()
    };
    let opened = open(options, &Global::default()).expect("opened");
    let workers: Vec<usize> = opened.iter().map(|(worker, _)| *worker).collect();
    assert_eq!(workers, [1, 3]);
    let all = open(BindOptions::default(), &Global::default()).expect("opened");
    assert_eq!(all.len(), WORKERS);
}

// exercises: bind/shards
#[test]
fn shards_bound_the_number_of_sockets() {
    let shards = |shards| {
        let options = BindOptions {
            shards,
            ..BindOptions::default()
        };
        sockets(&open(options, &Global::default()).expect("opened"))
    };
    assert_eq!(shards(None), WORKERS);
    assert_eq!(shards(Some(2)), 2);
    assert_eq!(shards(Some(1)), 1);
}

// exercises: section/noreuseport
#[test]
fn without_port_reuse_one_socket_serves_all_and_nobody_else_listens() {
    let global = Global {
        no_reuseport: true,
        ..Global::default()
    };
    let address = free();
    let alone = open_at(address, BindOptions::default(), &global).expect("opened");
    assert_eq!((alone.len(), sockets(&alone)), (WORKERS, 1));
    let second = open_at(address, BindOptions::default(), &global);
    assert_eq!(
        second.expect_err("taken").kind(),
        std::io::ErrorKind::AddrInUse
    );
    drop(alone);
    let first = open_at(address, BindOptions::default(), &Global::default()).expect("opened");
    assert_eq!(sockets(&first), WORKERS);
    open_at(address, BindOptions::default(), &Global::default()).expect("the port is shared");
}

// exercises: bind/transparent
#[test]
fn a_transparent_listener_may_have_an_address_of_elsewhere() {
    let elsewhere = "192.0.2.1:80".parse().expect("an address");
    let refused = open_at(elsewhere, BindOptions::default(), &Global::default());
    assert_eq!(
        refused.expect_err("not ours").kind(),
        std::io::ErrorKind::AddrNotAvailable
    );
    let options = BindOptions {
        transparent: true,
        ..BindOptions::default()
    };
    match open_at(elsewhere, options, &Global::default()) {
        Ok(opened) => assert_eq!(opened.len(), WORKERS),
        // The system asks for the right to do so.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
    }
}

// exercises: bind/uid
// exercises: bind/gid
#[test]
fn a_unix_socket_has_its_owner() {
    let own = std::fs::metadata("/proc/self").expect("this process");
    // Only root may give a file away.
    let (uid, gid) = match own.uid() {
        0 => (65534, 65533),
        _ => (own.uid(), own.gid()),
    };
    let path = std::env::temp_dir().join(format!("hapax-open-{}.sock", std::process::id()));
    let bind = Bind {
        address: Address::Unix(path.display().to_string()),
        span: Span::default(),
        text: String::new(),
        options: BindOptions {
            unix_uid: Some(uid),
            unix_gid: Some(gid),
            ..BindOptions::default()
        },
    };
    let opened = per_worker(
        &bind,
        &proxy(),
        &Global::default(),
        1,
        &mut Inherited::default(),
    )
    .expect("opened");
    let file = std::fs::metadata(&path).expect("the socket");
    drop(opened);
    std::fs::remove_file(&path).expect("removed");
    assert_eq!((file.uid(), file.gid()), (uid, gid));
}

// exercises: bind/v4v6
#[test]
fn both_families_are_taken_whatever_the_system_prefers() {
    let v6only = |v4v6, v6only| {
        let bind = Bind {
            address: Address::Inet(free()),
            span: Span::default(),
            text: String::new(),
            options: BindOptions {
                v4v6,
                v6only,
                ..BindOptions::default()
            },
        };
        options(&bind, None, &Global::default()).v6only
    };
    assert_eq!(v6only(false, false), None);
    assert_eq!(v6only(true, false), Some(false));
    assert_eq!(v6only(false, true), Some(true));
    assert_eq!(v6only(true, true), Some(true));
}

const WORKERS: usize = 4;

fn open(options: BindOptions, global: &Global) -> io::Result<Vec<(usize, OwnedFd)>> {
    open_at(free(), options, global)
}

fn open_at(
    address: std::net::SocketAddr,
    options: BindOptions,
    global: &Global,
) -> io::Result<Vec<(usize, OwnedFd)>> {
    let bind = Bind {
        address: Address::Inet(address),
        span: Span::default(),
        text: String::new(),
        options,
    };
    per_worker(&bind, &proxy(), global, WORKERS, &mut Inherited::default())
}

/// An address that nobody listens on.
fn free() -> std::net::SocketAddr {
    let probe = TcpListener::bind("127.0.0.1:0").expect("bind");
    probe.local_addr().expect("address")
}

/// How many sockets there are: descriptors may share one.
fn sockets(opened: &[(usize, OwnedFd)]) -> usize {
    let named = |(_, fd): &(usize, OwnedFd)| {
        std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).expect("a descriptor")
    };
    opened.iter().map(named).collect::<HashSet<_>>().len()
}

/// A proxy that nothing was said about.
pub(crate) fn proxy() -> Proxy {
    Proxy::new(
        "fe".into(),
        ProxyKind::Frontend,
        Span::default(),
        Shared(Arc::new(Nobody)),
    )
}

#[derive(Debug)]
struct Nobody;

impl Algorithm for Nobody {
    fn text(&self) -> String {
        String::new()
    }

    fn name(&self) -> &'static str {
        "none"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, _: &hapax_core::ir::ProxySettings, _: &Servers) -> Box<dyn Balancer> {
        unreachable!("a frontend has no servers")
    }
}
