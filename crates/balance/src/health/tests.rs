//! Tests of check decisions; the texts are those seen in the reference's logs.

use std::sync::Arc;

use super::*;
use crate::backend::Backend;
use crate::farm::tests::backend;

const NOW: Now = Now {
    ms: 5000,
    wall_us: 0,
};

fn result(status: CheckStatus) -> CheckResult {
    CheckResult {
        status,
        code: 0,
        duration_ms: 0,
        info: match status {
            CheckStatus::L4Connection => "Connection refused".into(),
            _ => String::new(),
        },
    }
}

fn checked(weights: &[u32], edit: impl FnOnce(&mut ir::Proxy)) -> Arc<ProxyLive> {
    let (proxy, live) = backend(weights, |proxy| {
        for server in &mut proxy.servers {
            server.options.check.enabled = true;
        }
        edit(proxy);
    });
    let dispatch = Arc::new(Backend::new(&proxy, &live, 100));
    live.dispatch.set(dispatch).expect("not set before");
    refresh_totals(&live, Now::default());
    live
}

fn after(
    live: &ProxyLive,
    options: &ir::Options,
    server: usize,
    status: CheckStatus,
) -> Vec<String> {
    let report = report(live, options, &live.servers[server], result(status), NOW);
    report
        .notices
        .into_iter()
        .map(|notice| notice.text)
        .collect()
}

// exercises: server/rise
// exercises: server/fall
#[test]
fn a_server_falls_and_rises_as_its_line_says() {
    let live = checked(&[1, 1], |proxy| proxy.servers[1].options.backup = true);
    let options = ir::Options::default();
    let words = |status| {
        let lines = after(&live, &options, 0, status);
        (status_text(&live.servers[0]), lines.concat())
    };
    let quiet = |word: &str| (word.to_owned(), String::new());
    assert_eq!(status_text(&live.servers[0]), "UP 1/3");
    assert_eq!(words(CheckStatus::L4Ok), quiet("UP"));
    assert_eq!(words(CheckStatus::L4Connection), quiet("UP 2/3"));
    assert_eq!(words(CheckStatus::L4Ok), quiet("UP"));
    assert_eq!(words(CheckStatus::L4Connection), quiet("UP 2/3"));
    assert_eq!(words(CheckStatus::L4Connection), quiet("UP 1/3"));
    assert_eq!(
        words(CheckStatus::L4Connection).1,
        "Server b/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. 0 \
         active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue."
    );
    assert_eq!(words(CheckStatus::L4Connection), quiet("DOWN"));
    assert_eq!(words(CheckStatus::L4Ok), quiet("DOWN 1/2"));
    assert_eq!(
        words(CheckStatus::L4Ok).1,
        "Server b/s1 is UP, reason: Layer4 check passed, check duration: 0ms. 1 active and 1 backup servers online. 0 \
         sessions requeued, 0 total in queue."
    );
}

#[test]
fn a_backend_without_servers_says_so_once() {
    let live = checked(&[1], |_| {});
    let options = ir::Options {
        log_health_checks: true,
        ..ir::Options::default()
    };
    let lines = after(&live, &options, 0, CheckStatus::L4Connection);
    assert_eq!(
        lines,
        [
            "Health check for server b/s1 failed, reason: Layer4 connection problem, info: \"Connection refused\", check \
             duration: 0ms, status: 0/2 DOWN.",
            "Server b/s1 is DOWN. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in \
             queue.",
            "backend b has no server available!",
        ]
    );
    assert!(after(&live, &options, 0, CheckStatus::L4Connection).is_empty());
    assert_eq!(live.down_transitions.load(Ordering::Relaxed), 1);
}

#[test]
fn a_conditional_success_stops_new_clients_only() {
    let live = checked(&[1], |_| {});
    let options = ir::Options::default();
    after(&live, &options, 0, CheckStatus::L7Ok);
    let lines = after(&live, &options, 0, CheckStatus::L7OkConditionally);
    assert_eq!(status_text(&live.servers[0]), "NOLB");
    assert!(lines[0].starts_with("Server b/s1 is stopping"), "{lines:?}");
    let server = &live.servers[0];
    assert!(server.running.load(Ordering::Relaxed) && !server.usable.load(Ordering::Relaxed));
    for _ in 0..3 {
        after(&live, &options, 0, CheckStatus::L7Status);
    }
    after(&live, &options, 0, CheckStatus::L7OkConditionally);
    assert_eq!(status_text(&live.servers[0]), "DOWN");
}

// exercises: server/inter
// exercises: server/fastinter
// exercises: server/downinter
#[test]
fn intervals_follow_the_state() {
    let check = ir::ServerCheck {
        inter: 3000,
        fastinter: 200,
        downinter: 700,
        ..ir::ServerCheck::default()
    };
    let mut state = ServerState {
        operation: Operation::Running,
        health: 4,
        ..ServerState::default()
    };
    let mut intervals = vec![next_check(&state, &check)];
    for status in [CheckStatus::L4Timeout; 3] {
        decide(&mut state, &check, result(status), NOW);
        intervals.push(next_check(&state, &check));
    }
    assert_eq!(intervals, [3000, 200, 200, 700]);
}

#[test]
fn maintenance_and_drain_say_what_they_do() {
    let live = checked(&[1, 1], |_| {});
    let server = &live.servers[0];
    let texts = |notices: Vec<Notice>| -> Vec<String> {
        notices.into_iter().map(|notice| notice.text).collect()
    };
    assert_eq!(
        texts(enter_maintenance(&live, server, NOW)),
        [
            "Server b/s1 is going DOWN for maintenance. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, \
          0 remaining in queue."
        ]
    );
    assert_eq!(status_text(server), "MAINT");
    assert_eq!(
        texts(enter_drain(&live, server, NOW)),
        [
            "Server b/s1 is UP/DRAIN (leaving forced maintenance).",
            "Server b/s1 remains in forced drain mode."
        ]
    );
    assert_eq!(status_text(server), "DRAIN");
    assert_eq!(
        texts(make_ready(&live, server, NOW)),
        ["Server b/s1 is UP (leaving forced drain)."]
    );
    assert_eq!(
        texts(enter_drain(&live, server, NOW)),
        [
            "Server b/s1 enters drain state. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
        ]
    );
    assert!(set_weight(&live, &live.servers[1], 257, NOW).is_err());
    let told = set_weight(&live, &live.servers[1], 0, NOW).expect("a weight");
    assert_eq!(
        told.map(|notice| notice.text),
        Some("backend b has no server available!".into())
    );
    assert_eq!(live.active.load(Ordering::Relaxed), 0);
}
