//! What choosing a server costs: `choose`, for `scripts/bench`. Prints `ALGORITHM SERVERS WORKERS NANOSECONDS` per algorithm, and
//! `rebuild SERVERS 1 NANOSECONDS` for the ring of a consistent hash when one server went down.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier};
use std::task::Waker;
use std::time::Instant;

use hapax_balance::{
    Backend, First, LeastConnections, Random, RoundRobin, Source, StaticRoundRobin,
};
use hapax_core::contract::{Algorithm, Assigned, Dispatch, KeyValue, Now, Ticket, Wish};
use hapax_core::ir;
use hapax_core::live::{Live, ProxyLive};
use hapax_core::span::Span;
use hapax_core::stream::Priority;

const TIMES: u32 = 200_000;
/// The best of so many: what else the machine does is not meant.
const ROUNDS: u32 = 7;

type Kind = (&'static str, Arc<dyn Algorithm>, bool);

fn main() {
    let kinds: [Kind; 7] = [
        ("roundrobin", Arc::new(RoundRobin), false),
        ("static-rr", Arc::new(StaticRoundRobin), false),
        ("leastconn", Arc::new(LeastConnections), false),
        ("first", Arc::new(First), false),
        ("random", Arc::new(Random::default()), false),
        ("hash-map", Arc::new(Source), false),
        ("hash-consistent", Arc::new(Source), true),
    ];
    for (name, algorithm, consistent) in &kinds {
        for servers in [10, 10_000] {
            for workers in [1, 2] {
                let (backend, _) = backend(algorithm, *consistent, servers, workers);
                let backend = Arc::new(backend);
                let rounds = (0..ROUNDS).map(|_| cost(&backend, workers));
                let took = rounds.fold(f64::MAX, f64::min);
                println!("{name} {servers} {workers} {took:.1}");
            }
        }
    }
    let (backend, live) = backend(&kinds[6].1, true, 1000, 1);
    let mut took = f64::MAX;
    for server in live.servers.iter().take(20) {
        server.usable.store(false, Ordering::Relaxed);
        let began = Instant::now();
        backend.servers_changed();
        took = took.min(began.elapsed().as_nanos() as f64);
    }
    println!("rebuild 1000 1 {took:.0}");
}

/// A backend of so many servers.
fn backend(
    algorithm: &Arc<dyn Algorithm>,
    consistent: bool,
    servers: usize,
    workers: usize,
) -> (Backend, Arc<ProxyLive>) {
    let algorithm = hapax_core::contract::Shared(algorithm.clone());
    let kind = ir::ProxyKind::Backend;
    let mut proxy = ir::Proxy::new("b".into(), kind, Span::default(), algorithm);
    proxy.hash_type.consistent = consistent;
    for number in 0..servers {
        let server = ir::Server {
            name: format!("s{number}"),
            span: Span::default(),
            address: ir::Address::Inet(([127, 0, 0, 1], 80).into()),
            port: ir::ServerPort::Fixed,
            text: "127.0.0.1:80".into(),
            host_name: None,
            options: ir::ServerOptions::default().into(),
        };
        proxy.servers.push(server.into());
    }
    let config = ir::Config {
        proxies: vec![proxy.clone()],
        ..ir::Config::default()
    };
    let live = Live::new(&config, workers, 0).proxies[0].clone();
    (Backend::new(&proxy, &live, 100), live)
}

/// Nanoseconds of a thread per choice, its slot given back after a few others.
fn cost(backend: &Arc<Backend>, workers: usize) -> f64 {
    let together = Arc::new(Barrier::new(workers));
    let run = |seed: u32| {
        let (backend, together) = (backend.clone(), together.clone());
        move || {
            let mut held = [None; 8];
            let mut key = seed;
            together.wait();
            let began = Instant::now();
            for number in 0..TIMES as usize {
                key = key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let wish = Wish {
                    key: KeyValue::Address(IpAddr::V4(Ipv4Addr::from_bits(key))),
                    persistent: None,
                    forced: false,
                    avoid: None,
                    priority: Priority::default(),
                    now: Now::default(),
                };
                let place = &mut held[number % 8];
                if let Some(server) = place.take() {
                    backend.release(server);
                }
                let mut ticket = Ticket::default();
                if let Assigned::Server(server) = backend.assign(&wish, &mut ticket, Waker::noop())
                {
                    *place = Some(server);
                }
            }
            let took = began.elapsed().as_nanos() as f64 / f64::from(TIMES);
            for server in held.into_iter().flatten() {
                backend.release(server);
            }
            took
        }
    };
    let threads: Vec<_> = (0..workers)
        .map(|seed| std::thread::spawn(run(seed as u32)))
        .collect();
    let sum: f64 = threads
        .into_iter()
        .filter_map(|thread| thread.join().ok())
        .sum();
    sum / workers as f64
}
