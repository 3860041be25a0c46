//! A server begins as a state file says that a process before left it.

use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::live::{CheckResult, CheckStatus, Operation, ProxyLive, ServerLive};
use hapax_core::server_state::{Restored, admin, check};

use super::{ALERT, EMERGENCY, Notice, apply, leave_maintenance, publish, settle};

/// Gives a fresh server the state of its file; tells what its backend lost or won by that.
pub fn restore(
    proxy: &ProxyLive,
    server: &ServerLive,
    restored: &Restored,
    now: Now,
) -> Vec<Notice> {
    if restored.initial_weight == server.ir.options.weight {
        server.user_weight.store(restored.weight, Ordering::Relaxed);
        let effective = restored.weight * 16;
        server.effective_weight.store(effective, Ordering::Relaxed);
    }
    let what = operate(server, restored);
    publish(server, &mut server.state.lock());
    let mut notices = Vec::new();
    match what {
        Some(what) => {
            let down = what.starts_with("is DOWN");
            notices = settle(proxy, server, what, down, ALERT, now);
        }
        None => apply(proxy, now),
    }
    notices.extend(administer(proxy, server, restored, now));
    server.state.lock().last_change_ms = 0;
    // That nothing is left of a backend is no news.
    notices.retain(|notice| notice.level != EMERGENCY);
    notices
}

/// Takes over what checks found; tells what the server is then, if that is less than before.
fn operate(server: &ServerLive, restored: &Restored) -> Option<&'static str> {
    let own = &server.ir.options.check;
    let mut state = server.state.lock();
    state.age_at_start = restored.age;
    state.checks_disabled = own.enabled && check::is_off(restored.check_state);
    if let Some(agent) = &mut state.agent {
        agent.paused = check::is_off(restored.agent_state);
    }
    state.check = Some(CheckResult {
        status: CheckStatus::numbered(restored.check_status),
        code: 0,
        duration_ms: 0,
        info: String::new(),
    });
    state.restored_result = Some(restored.check_result);
    if state.admin.unresolved {
        state.age_at_start = 0;
        return None;
    }
    let (rise, fall) = (own.rise.max(1), own.fall.max(1));
    let operation = restored.operation();
    state.health = match operation {
        Operation::Stopped => 0,
        Operation::Starting => rise - 1,
        Operation::Running => rise + fall - 1,
        Operation::Stopping => rise,
    };
    if state.admin.in_maintenance() {
        return None;
    }
    let was_up = state.operation != Operation::Stopped;
    state.operation = match operation {
        Operation::Starting => Operation::Running,
        other => other,
    };
    match operation {
        Operation::Stopped if was_up => {
            state.down_transitions += 1;
            Some("is DOWN, changed from server-state after a reload")
        }
        Operation::Stopping => Some("is stopping, changed from server-state after a reload"),
        _ => None,
    }
}

/// Takes over what an administrator had said.
fn administer(
    proxy: &ProxyLive,
    server: &ServerLive,
    restored: &Restored,
    now: Now,
) -> Vec<Notice> {
    let has = |bit: u32| restored.admin & bit != 0;
    let mut notices = Vec::new();
    let disabled = server.ir.options.disabled;
    if disabled && has(admin::FROM_CONFIGURATION) && !has(admin::MAINTENANCE) {
        notices = leave_maintenance(proxy, server, now);
    }
    let mut state = server.state.lock();
    if !disabled && has(admin::MAINTENANCE) && !has(admin::FROM_CONFIGURATION) {
        state.admin.maintenance = true;
        state.health = 0;
        if state.operation != Operation::Stopped {
            state.operation = Operation::Stopped;
            state.down_transitions += 1;
        }
    }
    if has(admin::DRAIN) && !state.admin.in_maintenance() {
        state.admin.drain = true;
    }
    publish(server, &mut state);
    drop(state);
    apply(proxy, now);
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::tests::backend;

    fn restored() -> Restored {
        Restored {
            operation: 2,
            weight: 9,
            initial_weight: 1,
            age: 50,
            check_status: 8,
            check_result: 2,
            check_state: 6,
            ..Restored::default()
        }
    }

    fn begin(restored: &Restored) -> (std::sync::Arc<ProxyLive>, Vec<Notice>) {
        let (_, proxy) = backend(&[1, 1], |_| {});
        crate::health::refresh_totals(&proxy, Now::default());
        let notices = restore(&proxy, &proxy.servers[0], restored, Now::default());
        (proxy, notices)
    }

    // exercises: section/server-state-file, section/load-server-state-from-file
    #[test]
    fn weight_age_and_health_come_back() {
        let (proxy, notices) = begin(&restored());
        assert!(notices.is_empty());
        let server = &proxy.servers[0];
        assert_eq!(server.user_weight.load(Ordering::Relaxed), 9);
        let state = server.state.lock();
        assert_eq!((state.health, state.seconds_since_change(2000)), (4, 52));
        assert_eq!(
            state.check.as_ref().map(|check| check.status.number()),
            Some(8)
        );
    }

    #[test]
    fn a_weight_that_the_configuration_changed_is_not_taken() {
        let (proxy, _) = begin(&Restored {
            initial_weight: 7,
            ..restored()
        });
        assert_eq!(proxy.servers[0].user_weight.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_server_that_was_down_is_down() {
        let (proxy, notices) = begin(&Restored {
            operation: 0,
            ..restored()
        });
        assert_eq!(notices.len(), 1);
        assert_eq!(
            notices[0].text,
            "Server b/s1 is DOWN, changed from server-state after a reload. 1 active and 0 backup servers left. 0 sessions \
             active, 0 requeued, 0 remaining in queue."
        );
        assert!(!proxy.servers[0].running.load(Ordering::Relaxed));
    }

    #[test]
    fn maintenance_and_drain_come_back() {
        let (proxy, notices) = begin(&Restored {
            admin: admin::MAINTENANCE,
            ..restored()
        });
        assert!(notices.is_empty() && proxy.servers[0].state.lock().admin.maintenance);
        let (proxy, _) = begin(&Restored {
            admin: admin::DRAIN,
            ..restored()
        });
        assert!(proxy.servers[0].state.lock().admin.drain);
        assert!(!proxy.servers[0].usable.load(Ordering::Relaxed));
    }
}
