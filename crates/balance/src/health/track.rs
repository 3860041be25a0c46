//! Servers that track another one: they go where it goes, and say through whom.

use hapax_core::contract::Now;
use hapax_core::live::{Operation, ProxyLive, ServerLive};

use super::admin::{begin_drain, begin_maintenance, end_drain, end_maintenance};
use super::{NOTICE, Notice, Transition, level, publish, settle, verb};

/// A server that tracks `leader` follows its transition: state, totals and lines of its own backend.
pub fn follow(
    proxy: &ProxyLive,
    server: &ServerLive,
    leader: &ServerLive,
    transition: Transition,
    now: Now,
) -> Vec<Notice> {
    let operation = match transition {
        Transition::None => return Vec::new(),
        Transition::Down => Operation::Stopped,
        Transition::Up => Operation::Running,
        Transition::Stopping => Operation::Stopping,
    };
    let mut state = server.state.lock();
    let was = std::mem::replace(&mut state.operation, operation);
    if was == operation {
        return Vec::new();
    }
    let check = &server.ir.options.check;
    if operation == Operation::Stopped {
        state.health = 0;
        state.down_transitions += 1;
    } else {
        state.health = check.rise.max(1) + check.fall.max(1) - 1;
    }
    if was == Operation::Stopped {
        state.downtime += now.ms.saturating_sub(state.last_change_ms) / 1000;
    }
    state.last_change_ms = now.ms;
    let silent = state.admin.in_maintenance();
    let draining = state.admin.in_drain();
    publish(server, &mut state);
    drop(state);
    let what = format!(
        "{} via {}/{}",
        verb(transition),
        leader.backend,
        leader.name
    );
    let down = transition == Transition::Down;
    let notices = settle(
        proxy,
        server,
        &what,
        down,
        level(transition, was, draining),
        now,
    );
    if silent { Vec::new() } else { notices }
}

/// A server that tracks `leader` takes over whether that is in maintenance or drains.
pub fn inherit(
    proxy: &ProxyLive,
    server: &ServerLive,
    leader: &ServerLive,
    now: Now,
) -> Vec<Notice> {
    let (wanted, up) = {
        let state = leader.state.lock();
        (state.admin, state.operation != Operation::Stopped)
    };
    let via = format!(" via {}/{}", leader.backend, leader.name);
    let mut state = server.state.lock();
    let before = state.admin;
    state.admin.inherited_maintenance = wanted.in_maintenance();
    state.admin.inherited_drain = wanted.in_drain();
    let after = state.admin;
    drop(state);
    match (before.in_maintenance(), after.in_maintenance()) {
        (false, true) => return begin_maintenance(proxy, server, &via, now),
        (true, false) => {
            return end_maintenance(proxy, server, up, "leaving maintenance", now);
        }
        (true, true) if before.inherited_maintenance && !after.inherited_maintenance => {
            return remains(server, "forced maintenance");
        }
        (true, true) => return Vec::new(),
        (false, false) => {}
    }
    match (before.in_drain(), after.in_drain()) {
        (false, true) => begin_drain(proxy, server, &via, now),
        (true, false) => end_drain(proxy, server, "leaving drain", &via, now),
        (true, true) if before.drain && before.inherited_drain != after.inherited_drain => {
            remains(server, "forced drain mode")
        }
        _ => Vec::new(),
    }
}

fn remains(server: &ServerLive, what: &str) -> Vec<Notice> {
    let name = super::text::server_name(server, true);
    vec![Notice::new(NOTICE, format!("{name} remains in {what}."))]
}

/// The tracked server, as `backend/server`.
pub(super) fn leader_name(server: &ServerLive) -> String {
    match &server.ir.options.track {
        Some((backend, name)) if backend.is_empty() => format!("{}/{name}", server.backend),
        Some((backend, name)) => format!("{backend}/{name}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::tests::backend;

    // exercises: server/track
    #[test]
    fn a_tracking_server_follows_and_says_through_whom() {
        let (_, leaders) = backend(&[1], |_| {});
        let (_, followers) = backend(&[1, 1], |_| {});
        super::super::refresh_totals(&followers, Now::default());
        let (leader, server) = (&leaders.servers[0], &followers.servers[1]);
        let now = Now {
            ms: 3000,
            wall_us: 0,
        };
        let go = |transition| follow(&followers, server, leader, transition, now);
        let down = go(Transition::Down);
        assert_eq!(down.len(), 1);
        assert_eq!(
            (down[0].level, down[0].text.as_str()),
            (
                1,
                "Server b/s2 is DOWN via b/s1. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 \
                 remaining in queue."
            )
        );
        assert!(go(Transition::Down).is_empty());
        let up = go(Transition::Up);
        assert!(
            up[0]
                .text
                .starts_with("Server b/s2 is UP via b/s1. 2 active")
        );
        assert_eq!(up[0].level, 5);
    }
}
