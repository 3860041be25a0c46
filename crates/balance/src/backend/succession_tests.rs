//! Tests of backends whose configuration took the place of another.

use hapax_core::live::Live;
use hapax_core::program::Program;

use super::tests::{Bell, WISH};
use super::*;
use crate::farm::tests::backend;

fn config(weights: &[u32], edit: impl FnOnce(&mut ir::Proxy)) -> ir::Config {
    ir::Config {
        proxies: vec![backend(weights, edit).0],
        ..ir::Config::default()
    }
}

fn attach(program: &Program) -> Arc<dyn Dispatch> {
    let proxy = &program.proxies[0];
    let made: Arc<dyn Dispatch> = Arc::new(Backend::new(&proxy.ir, &proxy.live, 100));
    let attached = proxy.live.dispatch.get_or_init(|| made);
    attached.clone()
}

fn one_slot_each(proxy: &mut ir::Proxy) {
    for server in &mut proxy.servers {
        server.options.maxconn = 1;
    }
}

#[test]
fn servers_keep_what_was_set_where_they_stand_now_and_lines_that_changed_count() {
    let first = config(&[1, 2, 3], |_| {});
    let live = Arc::new(Live::new(&first, 2, 0));
    let before = Program::link(first, live, "host".into());
    attach(&before);
    let server = |program: &Program, name: &str| {
        let mut servers = program.proxies[0].live.servers.iter();
        servers
            .find(|server| server.name == name)
            .cloned()
            .expect(name)
    };
    server(&before, "s1")
        .user_weight
        .store(77, Ordering::Relaxed);
    server(&before, "s2")
        .user_weight
        .store(88, Ordering::Relaxed);
    server(&before, "s1").sessions.up();
    let second = config(&[1, 9, 3], |proxy| proxy.servers.swap(0, 1));
    let live = Arc::new(Live::succeeding(&second, &before));
    let after = Program::link(second, live, "host".into());
    assert_eq!(server(&after, "s2").user_weight.load(Ordering::Relaxed), 88);
    let changed = Live::take_over(&before, &after);
    let weight = |name| server(&after, name).user_weight.load(Ordering::Relaxed);
    assert_eq!((weight("s1"), weight("s2"), weight("s3")), (77, 9, 3));
    assert_eq!(server(&after, "s1").index, 1);
    assert_eq!(server(&after, "s1").sessions.value(), 1);
    let changed: Vec<_> = changed.iter().map(|(_, one)| one.name.as_str()).collect();
    assert_eq!(changed, ["s2"]);
    // The same again keeps everything.
    let third = config(&[1, 9, 3], |proxy| proxy.servers.swap(0, 1));
    let live = Live::succeeding(&third, &after);
    assert!(Arc::ptr_eq(&live.proxies[0], &after.proxies[0].live));
}

#[test]
fn a_slot_of_the_former_configuration_goes_to_who_waits_under_the_new_one() {
    for limited_before in [true, false] {
        let first = config(&[1], |proxy| {
            if limited_before {
                one_slot_each(proxy);
            }
        });
        let live = Arc::new(Live::new(&first, 2, 0));
        let before = Program::link(first, live, "host".into());
        let old = attach(&before);
        let mut holder = Ticket::default();
        let assigned = old.assign(&WISH, &mut holder, Waker::noop());
        assert_eq!(assigned, Assigned::Server(0));
        let second = config(&[1, 1], one_slot_each);
        let live = Arc::new(Live::succeeding(&second, &before));
        let after = Program::link(second, live, "host".into());
        Live::take_over(&before, &after);
        let new = attach(&after);
        crate::health::recount(&after.proxies[0].live);
        let bell = Arc::new(Bell::default());
        let mut waits = Ticket::default();
        let wish = Wish {
            persistent: Some(0),
            ..WISH
        };
        let waker = Waker::from(bell.clone());
        assert_eq!(new.assign(&wish, &mut waits, &waker), Assigned::Wait);
        old.release(0);
        assert_eq!(bell.count(), 1, "limited before: {limited_before}");
        assert_eq!(new.assign(&wish, &mut waits, &waker), Assigned::Server(0));
    }
}
