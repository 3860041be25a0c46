//! What traffic tells about a server's health (`observe`, `error-limit`, `on-error`).

use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::ir::{self, Observe, OnError};
use hapax_core::live::{CheckResult, CheckStatus, Operation, ProxyLive, ServerLive};

use super::{Report, report};

/// What was seen of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A connection came about.
    Connection,
    /// None came about.
    NoConnection,
    /// A good response came.
    Response,
    /// A response with a status that it should not have.
    WrongStatus,
    /// A response that is none.
    BrokenResponse,
    /// None came in time.
    ResponseTimeout,
    /// The connection broke before it came.
    NoResponse,
}

impl Seen {
    /// Whether it is a fault of the server's.
    fn is_error(self) -> bool {
        !matches!(self, Seen::Connection | Seen::Response)
    }

    /// Whether somebody who observes `what` looks at it.
    fn counts(self, what: Observe) -> bool {
        let layer4 = matches!(self, Seen::Connection | Seen::NoConnection);
        match what {
            Observe::None => false,
            Observe::Layer4 => layer4,
            // A connection alone is no success; none is an error.
            Observe::Layer7 => self != Seen::Connection,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Seen::Connection | Seen::Response => "",
            Seen::NoConnection => "L4 unsuccessful connection",
            Seen::WrongStatus => "Wrong http response",
            Seen::BrokenResponse => "Invalid http response (headers)",
            Seen::ResponseTimeout => "Read timeout (http)",
            Seen::NoResponse => "Read error (http)",
        }
    }
}

/// Counts what was seen of a server. Too many errors in a row do what `on-error` says; the report tells what that was.
pub fn observe(
    proxy: &ProxyLive,
    options: &ir::Options,
    server: &ServerLive,
    seen: Seen,
    now: Now,
) -> Option<Report> {
    let check = &server.ir.options.check;
    if !check.enabled || !seen.counts(check.observe) {
        return None;
    }
    let errors = &server.errors_in_a_row;
    if !seen.is_error() {
        if errors.load(Ordering::Relaxed) != 0 {
            errors.store(0, Ordering::Relaxed);
        }
        return None;
    }
    let count = errors.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    if count < check.error_limit {
        return None;
    }
    errors.store(0, Ordering::Relaxed);
    let mut state = server.state.lock();
    if state.operation == Operation::Stopped || state.checks_disabled {
        return None;
    }
    state.observed.faults = state.observed.faults.wrapping_add(1);
    state.observed.hurried = true;
    let rise = check.rise.max(1);
    match check.on_error {
        OnError::FastInter => return None,
        OnError::FailCheck => {}
        OnError::SuddenDeath => state.health = state.health.min(rise + 1),
        OnError::MarkDown => state.health = state.health.min(rise),
    }
    let running = state.check_running;
    drop(state);
    let result = CheckResult {
        status: CheckStatus::Observed,
        code: 0,
        duration_ms: 0,
        info: format!(
            "Detected {count} consecutive errors, last one was: {}",
            seen.text()
        ),
    };
    let report = report(proxy, options, server, result, now);
    let mut state = server.state.lock();
    state.check_running = running;
    // A server that is down has an interval of its own.
    state.observed.hurried = state.operation != Operation::Stopped;
    drop(state);
    Some(report)
}

#[cfg(test)]
mod tests {
    use super::super::Transition;
    use super::*;
    use crate::farm::tests::backend;

    // exercises: server/observe, server/error-limit, server/on-error
    #[test]
    fn errors_in_a_row_fail_checks() {
        for (on_error, rounds) in [
            (OnError::FailCheck, 3),
            (OnError::SuddenDeath, 2),
            (OnError::MarkDown, 1),
        ] {
            let (_, proxy) = backend(&[1], |proxy| {
                let options = &mut proxy.servers[0].options;
                options.check.enabled = true;
                options.check.initial = ir::InitialState::FullyUp;
                options.check.observe = Observe::Layer4;
                options.check.error_limit = 2;
                options.check.on_error = on_error;
            });
            let server = &proxy.servers[0];
            let see = |seen| {
                observe(
                    &proxy,
                    &ir::Options::default(),
                    server,
                    seen,
                    Now::default(),
                )
            };
            assert!(see(Seen::NoConnection).is_none());
            assert!(see(Seen::Connection).is_none());
            for round in 1..=rounds {
                assert!(see(Seen::NoConnection).is_none());
                let report = see(Seen::NoConnection).expect("the limit is reached");
                let down = report.transition == Transition::Down;
                assert_eq!(down, round == rounds, "{on_error:?} {round}");
            }
        }
    }
}
