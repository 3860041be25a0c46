//! `slowstart`: a server that came up gets its share and its connections by and by (configuration manual 5.2).
//!
//! The weight grows in sixteenths, by what has passed in whole seconds; the limit of connections grows all the time.

use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::live::{Operation, ProxyLive, ServerLive, ServerState};

use super::{NOTICE, Notice, text};

/// A server that has just come up begins slowly, if it shall.
pub(super) fn begin(server: &ServerLive, state: &mut ServerState) {
    let was_up = server.running.load(Ordering::Relaxed);
    if !was_up && state.operation == Operation::Running && server.ir.options.slowstart > 0 {
        state.operation = Operation::Starting;
    }
}

/// Sets the weight in force.
pub(super) fn weigh(server: &ServerLive, state: &ServerState, now_ms: u64) {
    let user = server.user_weight.load(Ordering::Relaxed);
    let sixteenths = match state.operation {
        Operation::Starting if server.ramps.load(Ordering::Relaxed) => {
            let passed = now_ms.saturating_sub(state.last_change_ms) / 1000;
            let whole = u64::from(server.ir.options.slowstart).div_ceil(1000).max(1);
            u32::try_from(1 + 16 * passed / whole).unwrap_or(16).min(16)
        }
        _ => 16,
    };
    server
        .effective_weight
        .store(user * sixteenths, Ordering::Relaxed);
}

/// What slowstart leaves of a limit of connections.
pub fn limit(server: &ServerLive, limit: u32, now_ms: u64) -> u32 {
    let whole = u64::from(server.ir.options.slowstart);
    if whole == 0 || limit == u32::MAX {
        return limit;
    }
    let state = server.state.lock();
    if state.operation != Operation::Starting {
        return limit;
    }
    let passed = now_ms.saturating_sub(state.last_change_ms).min(whole);
    let percent = (100 * passed).div_ceil(whole);
    u32::try_from(u64::from(limit) * percent / 100)
        .unwrap_or(limit)
        .max(1)
}

/// The next step of every server that is coming up; to be called each second. Gives the lines to log.
pub fn step(proxy: &ProxyLive, now: Now) -> Vec<Notice> {
    let mut changed = false;
    let mut up = Vec::new();
    for server in &proxy.servers {
        if server.ir.options.slowstart == 0 {
            continue;
        }
        let mut state = server.state.lock();
        if state.operation != Operation::Starting {
            continue;
        }
        let passed = now.ms.saturating_sub(state.last_change_ms);
        if passed >= u64::from(server.ir.options.slowstart) {
            state.operation = Operation::Running;
            up.push(server);
        }
        weigh(server, &state, now.ms);
        changed = true;
    }
    if changed {
        super::apply(proxy, now);
    }
    let line = |server: &std::sync::Arc<ServerLive>| {
        let counts = text::left(proxy, server, false, 0);
        let name = text::server_name(server, true);
        Notice::new(NOTICE, format!("{name} is UP. {counts}"))
    };
    up.into_iter().map(line).collect()
}
