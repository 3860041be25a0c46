//! `clear counters`.

use hapax_core::ir::CliLevel;
use hapax_core::live::{ServerLive, SideLive};

use super::{Answer, Call};

/// Forgets maxima; with `all` also what was counted.
pub fn clear(call: &mut Call<'_>) -> Answer {
    let all = call.arg(0) == "all";
    if all && call.state.access.level < CliLevel::Admin {
        return Answer::Refused("Permission denied\n".into());
    }
    let live = &call.program.live;
    for proxy in &live.proxies {
        clear_side(&proxy.frontend, all);
        clear_side(&proxy.backend, all);
        proxy.queue.clear_highest();
        for server in &proxy.servers {
            clear_server(server, all);
        }
        for listener in &proxy.listeners {
            listener.sessions.clear_highest();
            if all {
                listener.counters.clear();
            }
        }
        if all {
            let transitions = &proxy.down_transitions;
            transitions.store(0, std::sync::atomic::Ordering::Relaxed);
        }
    }
    live.process.connections.clear_highest();
    live.process.connection_rate.clear_highest();
    live.process.session_rate.clear_highest();
    live.process.tls_rate.clear_highest();
    live.process.tls_key_rate.clear_highest();
    live.process.tls_server_key_rate.clear_highest();
    Answer::Written
}

fn clear_side(side: &SideLive, all: bool) {
    side.sessions.clear_highest();
    side.session_rate.clear_highest();
    side.connection_rate.clear_highest();
    side.request_rate.clear_highest();
    side.averages.clear_highest();
    if all {
        side.counters.clear();
        side.latency.clear();
    }
}

fn clear_server(server: &ServerLive, all: bool) {
    server.sessions.clear_highest();
    server.session_rate.clear_highest();
    server.queue.clear_highest();
    server.averages.clear_highest();
    if all {
        server.counters.clear();
        server.latency.clear();
        let mut state = server.state.lock();
        state.failed_checks = 0;
        state.down_transitions = 0;
    }
}
