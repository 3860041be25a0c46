//! What an administrator says about a server's health: `set server B/S health` and `set server B/S agent`.

use hapax_core::contract::Now;
use hapax_core::live::{Operation, ProxyLive, ServerLive};

use super::agent::follow_agent;
use super::{Report, Transition, apply_transition, conclude};

/// What `set server B/S health` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forced {
    /// Up.
    Up,
    /// Up for those that persistence sends.
    Stopping,
    /// Down.
    Down,
}

/// Forces a server's health, until checks or its agent say something else.
pub fn force_health(proxy: &ProxyLive, server: &ServerLive, forced: Forced, now: Now) -> Report {
    let check = &server.ir.options.check;
    let mut state = server.state.lock();
    let was = state.operation;
    let best = check.rise.max(1) + check.fall.max(1) - 1;
    state.health = if forced == Forced::Down { 0 } else { best };
    let transition = match (forced, was) {
        _ if state.admin.in_maintenance() => Transition::None,
        (Forced::Down, Operation::Running | Operation::Starting | Operation::Stopping) => {
            Transition::Down
        }
        (Forced::Up, Operation::Stopped | Operation::Stopping) => Transition::Up,
        (Forced::Stopping, was) if was != Operation::Stopping => Transition::Stopping,
        _ => Transition::None,
    };
    apply_transition(&mut state, transition, now);
    let notices = conclude(proxy, server, state, (transition, was), CAUSE, now);
    Report {
        transition,
        notices,
    }
}

/// Answers for the agent of a server, until it says something itself.
pub fn force_agent(proxy: &ProxyLive, server: &ServerLive, up: bool, now: Now) -> Report {
    let mut state = server.state.lock();
    let was = state.operation;
    if let Some(agent) = &mut state.agent {
        agent.up = up;
    }
    let transition = follow_agent(&mut state, &server.ir.options.check, up, now);
    let notices = conclude(proxy, server, state, (transition, was), CAUSE, now);
    Report {
        transition,
        notices,
    }
}

const CAUSE: &str = ", changed from CLI";
