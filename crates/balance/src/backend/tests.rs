//! Tests of assignment, queues and limits.

use std::sync::atomic::AtomicU32;
use std::task::Wake;

use hapax_core::contract::{KeyValue, Now, Shared};

use super::*;
use crate::farm::tests::backend;

pub(super) const WISH: Wish<'static> = Wish {
    key: KeyValue::None,
    persistent: None,
    forced: false,
    avoid: None,
    priority: hapax_core::stream::Priority {
        class: 0,
        offset: 0,
    },
    now: Now { ms: 0, wall_us: 0 },
};

fn one_slot_each(proxy: &mut ir::Proxy) {
    for server in &mut proxy.servers {
        server.options.maxconn = 1;
    }
}

fn dispatch(weights: &[u32], edit: impl FnOnce(&mut ir::Proxy)) -> (Backend, Arc<ProxyLive>) {
    let (proxy, live) = backend(weights, edit);
    (Backend::new(&proxy, &live, 100), live)
}

/// A waker that counts.
#[derive(Default)]
pub(super) struct Bell(AtomicU32);

impl Bell {
    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn ask(backend: &Backend, ticket: &mut Ticket) -> Assigned {
    backend.assign(&WISH, ticket, Waker::noop())
}

#[test]
fn slots_go_to_the_oldest_waiter() {
    let (backend, live) = dispatch(&[1, 1], one_slot_each);
    let mut tickets: Vec<Ticket> = (0..5).map(|_| Ticket::default()).collect();
    assert_eq!(ask(&backend, &mut tickets[0]), Assigned::Server(0));
    assert_eq!(ask(&backend, &mut tickets[1]), Assigned::Server(1));
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    for ticket in &mut tickets[2..] {
        assert_eq!(backend.assign(&WISH, ticket, &waker), Assigned::Wait);
    }
    assert_eq!(live.queue.value(), 3);
    backend.release(1);
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    assert_eq!(ask(&backend, &mut tickets[3]), Assigned::Wait);
    assert_eq!(ask(&backend, &mut tickets[2]), Assigned::Server(1));
    backend.cancel(&mut tickets[3]);
    backend.release(0);
    assert_eq!(ask(&backend, &mut tickets[4]), Assigned::Server(0));
    backend.release(0);
    backend.release(1);
    assert_eq!(
        (live.queue.value(), live.servers[0].sessions.value()),
        (0, 0)
    );
    // Each counts those served before it while it waited, and itself; who left the queue counts for nobody but itself.
    let positions: Vec<u32> = tickets
        .iter()
        .map(|ticket| ticket.backend_position)
        .collect();
    assert_eq!(positions, [0, 0, 1, 2, 2]);
}

#[test]
fn a_granted_slot_that_is_cancelled_goes_on() {
    let (backend, live) = dispatch(&[1], one_slot_each);
    let mut tickets: Vec<Ticket> = (0..3).map(|_| Ticket::default()).collect();
    for ticket in &mut tickets {
        ask(&backend, ticket);
    }
    backend.release(0);
    backend.cancel(&mut tickets[1]);
    assert_eq!(ask(&backend, &mut tickets[2]), Assigned::Server(0));
    backend.release(0);
    assert_eq!(
        (live.queue.value(), live.servers[0].sessions.value()),
        (0, 0)
    );
}

#[test]
fn who_was_failed_by_a_server_waits_for_another_one() {
    let (backend, live) = dispatch(&[1, 1], one_slot_each);
    let elsewhere = Wish {
        avoid: Some(1),
        ..WISH
    };
    let mut tickets: Vec<Ticket> = (0..4).map(|_| Ticket::default()).collect();
    let mut assign = |wish, at: usize| backend.assign(wish, &mut tickets[at], Waker::noop());
    assert_eq!(assign(&WISH, 0), Assigned::Server(0));
    assert_eq!(assign(&elsewhere, 1), Assigned::Wait);
    // Who comes later may have the slot that the first one does not want.
    assert_eq!(assign(&WISH, 2), Assigned::Wait);
    assert_eq!(assign(&WISH, 2), Assigned::Server(1));
    backend.release(1);
    assert_eq!(assign(&elsewhere, 1), Assigned::Wait);
    backend.release(0);
    assert_eq!(assign(&elsewhere, 1), Assigned::Server(0));
    // Without another one it is better than none.
    assert_eq!(assign(&elsewhere, 3), Assigned::Wait);
    live.servers[0].usable.store(false, Ordering::Relaxed);
    backend.servers_changed();
    assert_eq!(assign(&elsewhere, 3), Assigned::Server(1));
    assert_eq!(live.queue.value(), 0);
}

#[test]
fn persistence_waits_in_the_queue_of_its_server_up_to_maxqueue() {
    let (backend, live) = dispatch(&[1, 1], |proxy| {
        one_slot_each(proxy);
        proxy.servers[0].options.maxqueue = 1;
    });
    let wish = Wish {
        persistent: Some(0),
        ..WISH
    };
    let mut tickets: Vec<Ticket> = (0..4).map(|_| Ticket::default()).collect();
    let mut assign = |at: usize| backend.assign(&wish, &mut tickets[at], Waker::noop());
    assert_eq!(assign(0), Assigned::Server(0));
    assert_eq!(assign(1), Assigned::Wait);
    assert_eq!(live.servers[0].queue.value(), 1);
    assert_eq!(assign(2), Assigned::Server(1));
    assert_eq!(assign(3), Assigned::Wait);
    assert_eq!((tickets[1].server, tickets[3].server), (Some(0), None));
    backend.release(1);
    assert_eq!(ask(&backend, &mut tickets[1]), Assigned::Wait);
    assert_eq!(ask(&backend, &mut tickets[3]), Assigned::Server(1));
    backend.release(0);
    assert_eq!(ask(&backend, &mut tickets[1]), Assigned::Server(0));
}

#[test]
fn a_hashed_key_gets_no_server_beyond_maxqueue() {
    let (backend, _) = dispatch(&[1, 1], |proxy| {
        one_slot_each(proxy);
        proxy.balance = Shared(Arc::new(crate::algorithm::source::Source));
        proxy
            .servers
            .iter_mut()
            .for_each(|server| server.options.maxqueue = 1);
    });
    let wish = Wish {
        key: KeyValue::Address([127, 0, 0, 1].into()),
        ..WISH
    };
    let mut tickets: Vec<Ticket> = (0..3).map(|_| Ticket::default()).collect();
    let mut assign = |at: usize| backend.assign(&wish, &mut tickets[at], Waker::noop());
    assert!(matches!(assign(0), Assigned::Server(_)));
    assert_eq!(assign(1), Assigned::Wait);
    assert!(matches!(assign(2), Assigned::QueueFull(_)));
}

#[test]
fn persistence_reaches_a_draining_server_but_not_a_dead_one() {
    let (backend, live) = dispatch(&[1, 1], |_| {});
    let wish = Wish {
        persistent: Some(0),
        ..WISH
    };
    live.servers[0].usable.store(false, Ordering::Relaxed);
    backend.servers_changed();
    let assign = || backend.assign(&wish, &mut Ticket::default(), Waker::noop());
    assert_eq!(assign(), Assigned::Server(0));
    live.servers[0].running.store(false, Ordering::Relaxed);
    assert_eq!(assign(), Assigned::Server(1));
    live.servers[1].usable.store(false, Ordering::Relaxed);
    backend.servers_changed();
    assert_eq!(assign(), Assigned::NoServer);
}

#[test]
fn those_who_wait_for_a_dead_server_ask_again() {
    let (backend, live) = dispatch(&[1, 1], |proxy| proxy.servers[0].options.maxconn = 1);
    let wish = Wish {
        persistent: Some(0),
        ..WISH
    };
    let mut tickets = [Ticket::default(), Ticket::default()];
    for ticket in &mut tickets {
        backend.assign(&wish, ticket, Waker::noop());
    }
    live.servers[0].usable.store(false, Ordering::Relaxed);
    live.servers[0].running.store(false, Ordering::Relaxed);
    backend.servers_changed();
    assert_eq!(backend.requeue(0), 1);
    let again = backend.assign(&wish, &mut tickets[1], Waker::noop());
    assert_eq!(
        (again, live.servers[0].queue.value()),
        (Assigned::Server(1), 0)
    );
}

#[test]
fn a_server_that_comes_up_serves_the_backend_queue() {
    let (backend, live) = dispatch(&[1, 1], one_slot_each);
    live.servers[1].usable.store(false, Ordering::Relaxed);
    backend.servers_changed();
    let mut tickets = [Ticket::default(), Ticket::default()];
    for ticket in &mut tickets {
        ask(&backend, ticket);
    }
    live.servers[1].usable.store(true, Ordering::Relaxed);
    backend.servers_changed();
    assert_eq!(ask(&backend, &mut tickets[1]), Assigned::Server(1));
}

// exercises: section/fullconn
#[test]
fn minconn_grows_with_the_load_of_the_backend() {
    let (backend, live) = dispatch(&[1], |proxy| {
        proxy.servers[0].options.minconn = 10;
        proxy.servers[0].options.maxconn = 50;
    });
    let mut limits = Vec::new();
    for _ in 0..120 {
        live.backend.sessions.up();
        backend.servers_changed();
        limits.push(live.servers[0].limit.load(Ordering::Relaxed));
    }
    assert_eq!(
        (limits[0], limits[39], limits[99], limits[119]),
        (10, 20, 50, 50)
    );
}

#[test]
fn no_slot_is_lost_or_given_twice_between_threads() {
    let (backend, live) = dispatch(&[3, 1, 2], |proxy| {
        for server in &mut proxy.servers {
            server.options.maxconn = 2;
        }
        proxy.balance = Shared(Arc::new(crate::algorithm::leastconn::LeastConnections));
    });
    let finished = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            let (backend, live, finished) = (&backend, &live, &finished);
            scope.spawn(move || {
                for round in 0..2000u32 {
                    let mut ticket = Ticket::default();
                    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
                    loop {
                        match backend.assign(&WISH, &mut ticket, &waker) {
                            Assigned::Server(index) => {
                                assert!(live.servers[index].sessions.value() <= 2);
                                std::thread::yield_now();
                                backend.release(index);
                                finished.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            Assigned::Wait if (round + thread) % 7 == 0 => {
                                backend.cancel(&mut ticket);
                                break;
                            }
                            Assigned::Wait => std::thread::park(),
                            Assigned::NoServer | Assigned::QueueFull(_) => {
                                panic!("all servers are usable")
                            }
                        }
                    }
                }
            });
        }
    });
    assert!(finished.load(Ordering::Relaxed) > 0);
    assert_eq!(live.queue.value(), 0);
    for server in &live.servers {
        assert_eq!((server.sessions.value(), server.queue.value()), (0, 0));
        assert!(server.sessions.highest() <= 2);
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn a_server_that_was_added_serves_until_it_is_deleted() {
    let (proxy, live) = backend(&[1], |_| {});
    let dispatch: Arc<dyn Dispatch> = Arc::new(Backend::new(&proxy, &live, 100));
    let _ = live.dispatch.set(dispatch.clone());
    let server = hapax_core::ir::Server {
        name: "s2".into(),
        ..(*proxy.servers[0]).clone()
    };
    let server = ir::SharedServer::from(server);
    let added = live.add_server(&server, None, 2, 0).expect("room");
    assert_eq!((added.index, added.id), (1, 2));
    let chosen = |count: usize| -> Vec<Assigned> {
        let mut ticket = Ticket::default();
        (0..count)
            .map(|_| dispatch.assign(&WISH, &mut ticket, Waker::noop()))
            .collect()
    };
    let only = |index: usize| vec![Assigned::Server(index); 2];
    assert_eq!(chosen(2), only(0));
    crate::health::leave_maintenance(&live, &added, Default::default());
    assert!(chosen(2).contains(&Assigned::Server(1)));
    crate::health::enter_maintenance(&live, &added, Default::default());
    added.deleted.store(true, Ordering::Relaxed);
    assert_eq!(chosen(2), only(0));
    assert_eq!((live.servers.len(), live.servers.iter().count()), (2, 1));
    let again = live.add_server(&server, None, 2, 0).expect("room");
    assert_eq!((again.index, again.id), (2, 2));
    for _ in 0..200 {
        assert!(live.add_server(&server, None, 2, 0).is_some());
    }
    assert_eq!(live.servers.get(202).map(|server| server.index), Some(202));
    assert!(live.servers.get(203).is_none());
}
