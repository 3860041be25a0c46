//! Slots and queues under load from several workers: everybody is answered, and every slot comes back.

mod world;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hapax_core::ir;
use hapax_sys::addr::Addr;
use hapax_sys::listen::ListenOptions;
use world::wire::{After, Client, Origin, eventually};

const GET: &str = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
const HI: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const CLIENTS: usize = 12;
const ROUNDS: usize = 200;

/// An address where nobody listens: bound, so that no listener of a test can get it, but not listening.
fn nobody() -> (OwnedFd, SocketAddr) {
    let any = Addr::Inet(SocketAddr::from(([127, 0, 0, 1], 0)));
    let options = ListenOptions {
        reuse_port: false,
        ..ListenOptions::default()
    };
    let held = hapax_sys::listen::bind(&any, &options).expect("a port");
    let name = hapax_sys::addr::local_addr(&held).expect("a name");
    (held, name.inet().expect("an internet address"))
}

fn limited(servers: &[SocketAddr]) -> ir::Proxy {
    let mut proxy = world::listen("p", servers);
    for (server, maxconn) in proxy.servers.iter_mut().zip([1, 2, 1]) {
        server.options.maxconn = maxconn;
    }
    // A busy machine is no server that fails.
    proxy.timeouts.client = Some(30_000);
    proxy.timeouts.queue = Some(30_000);
    proxy.timeouts.server = Some(30_000);
    proxy.timeouts.connect = Some(10_000);
    proxy
}

/// Every gauge of the proxy goes back to nothing.
fn all_slots_come_back(world: &world::World) {
    let live = &world.program.live.proxies[0];
    eventually("all slots and places are given back", || {
        let servers = live
            .servers
            .iter()
            .all(|server| server.sessions.value() == 0 && server.queue.value() == 0);
        servers && live.queue.value() == 0 && live.backend.sessions.value() == 0
    });
}

/// Statuses that clients got, over all: answered by a server, and by the proxy.
fn load(address: SocketAddr, aborts: bool) -> (usize, usize) {
    let (served, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (served, refused) = (&served, &refused);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let mut client = Client::connect(address);
                    client.send(LAST);
                    if aborts && (round + number) % 5 == 0 {
                        continue;
                    }
                    let answer = client.read_all();
                    let count = match answer.get(9..12) {
                        Some("200") => served,
                        Some("502" | "503") => refused,
                        other => panic!("{other:?} in {answer:?}"),
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (served.into_inner(), refused.into_inner())
}

#[test]
fn nobody_is_forgotten_in_a_queue() {
    let origins = [
        Origin::new(HI, After::Keep),
        Origin::new(HI, After::Close),
        Origin::new(HI, After::Keep),
    ];
    let proxy = limited(&origins.each_ref().map(|origin| origin.address));
    let mut world = world::run_balanced(ir::Global::default(), vec![proxy], 2);
    let answers = load(world.addresses[0], false);
    assert_eq!(answers, (CLIENTS * ROUNDS, 0));
    all_slots_come_back(&world);
    let live = &world.program.live.proxies[0];
    assert!(live.queue.highest() > 0, "nobody had to wait");
    for (server, maxconn) in live.servers.iter().zip([1, 2, 1]) {
        assert!(server.sessions.highest() <= maxconn, "{}", server.name);
    }
    world.end();
}

#[test]
fn slots_come_back_from_clients_that_leave_and_servers_that_fail() {
    let count = AtomicUsize::new(0);
    let failing = Arc::new(AtomicUsize::new(0));
    let fails = failing.clone();
    let moody = Origin::with(move |_| {
        let turn = count.fetch_add(1, Ordering::Relaxed) % 4;
        if turn.is_multiple_of(2) {
            fails.fetch_add(1, Ordering::Relaxed);
        }
        match turn {
            0 => (String::new(), After::Close),
            1 => (HI.into(), After::Close),
            2 => ("HTTP/1.1 200".into(), After::Close),
            _ => (HI.into(), After::Keep),
        }
    });
    let steady = Origin::new(HI, After::Keep);
    let (_held, dead) = nobody();
    let mut proxy = limited(&[moody.address, steady.address, dead]);
    proxy.options.abortonclose = true;
    proxy.options.redispatch = Some(1);
    proxy.retries = 3;
    let mut world = world::run_balanced(ir::Global::default(), vec![proxy], 2);
    let (served, refused) = load(world.addresses[0], true);
    assert_eq!(served + refused, CLIENTS * ROUNDS * 4 / 5);
    // Nobody is refused because of the server that is not there, which nobody checks: each retry finds one that lives.
    let failing = failing.load(Ordering::Relaxed);
    assert!(refused <= failing, "{refused} refused, {failing} failed");
    all_slots_come_back(&world);
    world.end();
}

#[test]
fn who_waited_too_long_leaves_the_queue() {
    let origin = Origin::with(|_| {
        #[allow(clippy::disallowed_methods, reason = "a slow server is the subject")]
        std::thread::sleep(std::time::Duration::from_millis(4));
        (HI.into(), After::Keep)
    });
    let mut proxy = limited(&[origin.address]);
    proxy.timeouts.queue = Some(20);
    let mut world = world::run_balanced(ir::Global::default(), vec![proxy], 2);
    let (served, refused) = load(world.addresses[0], false);
    assert_eq!(served + refused, CLIENTS * ROUNDS);
    assert!(served > 0 && refused > 0, "{served} {refused}");
    all_slots_come_back(&world);
    world.end();
}

#[test]
fn a_request_that_is_sent_again_takes_no_second_slot() {
    let count = AtomicUsize::new(0);
    let origin = Origin::with(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        1 => (String::new(), After::Close),
        _ => (HI.into(), After::Keep),
    });
    let world = world::run_balanced(ir::Global::default(), vec![limited(&[origin.address])], 1);
    let mut client = Client::connect(world.addresses[0]);
    client.send(GET).read_until("hi");
    client.send(GET).read_until("hi");
    assert_eq!(origin.connections(), 2);
    all_slots_come_back(&world);
}

#[test]
fn a_place_that_is_free_does_not_open_a_paused_listener() {
    let origin = Origin::new(HI, After::Keep);
    let mut proxy = limited(&[origin.address]);
    proxy.maxconn = Some(1);
    let mut world = world::run_balanced(ir::Global::default(), vec![proxy], 1);
    let mut first = Client::connect(world.addresses[0]);
    first.send(GET).read_until("hi");
    world.running.as_ref().expect("it runs").pause();
    // Answered by the worker after it has paused.
    first.send(LAST).read_all();
    all_slots_come_back(&world);
    let mut second = Client::connect(world.addresses[0]);
    second.send(LAST);
    let timeout = std::time::Duration::from_millis(200);
    second.0.set_read_timeout(Some(timeout)).expect("a timeout");
    let mut byte = [0];
    assert!(std::io::Read::read(&mut second.0, &mut byte).is_err());
    world.running.as_ref().expect("it runs").resume();
    second
        .0
        .set_read_timeout(Some(world::wire::LIMIT))
        .expect("a timeout");
    assert!(second.read_all().ends_with("hi"));
    world.end();
}
