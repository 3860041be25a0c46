//! Upstream's words for checks and states of servers.

use std::sync::atomic::Ordering;

use hapax_core::live::{CheckResult, CheckStatus, Operation, ProxyLive, ServerLive, ServerState};

/// A status in words, as logs and the statistics' `check_desc` have it.
pub fn check_text(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Unknown => "Unknown",
        CheckStatus::Initializing => "Initializing",
        CheckStatus::SocketError => "Socket error",
        CheckStatus::L4Ok => "Layer4 check passed",
        CheckStatus::L4Timeout => "Layer4 timeout",
        CheckStatus::L4Connection => "Layer4 connection problem",
        CheckStatus::L6Ok => "Layer6 check passed",
        CheckStatus::L6Timeout => "Layer6 timeout",
        CheckStatus::L6Response => "Layer6 invalid response",
        CheckStatus::L7Ok => "Layer7 check passed",
        CheckStatus::L7OkConditionally => "Layer7 check conditionally passed",
        CheckStatus::L7Timeout => "Layer7 timeout",
        CheckStatus::L7Response => "Layer7 invalid response",
        CheckStatus::L7Status => "Layer7 wrong status",
        CheckStatus::ProcessOk => "External check passed",
        CheckStatus::ProcessTimeout => "External check timeout",
        CheckStatus::ProcessError => "External check error",
        CheckStatus::Checked => "No status change",
        CheckStatus::Observed => "Health analyze",
    }
}

/// The statistics' `status` of a server: `UP`, `UP 1/3`, `DOWN 1/2`, `NOLB`, `MAINT`, `DRAIN`, `no check`.
pub fn status_text(server: &ServerLive) -> String {
    let state = server.state.lock();
    let check = &server.ir.options.check;
    if state.admin.unresolved {
        return "MAINT (resolution)".into();
    }
    if state.admin.in_maintenance() {
        return "MAINT".into();
    }
    let (rise, fall) = (check.rise.max(1), check.fall.max(1));
    let level = |word: &str, have: u32, need: u32| match have {
        have if have == need => word.to_owned(),
        have => format!("{word} {have}/{need}"),
    };
    let up = (state.health + 1).saturating_sub(rise);
    match state.operation {
        Operation::Stopped if state.health == 0 => "DOWN".into(),
        Operation::Stopped => level("DOWN", state.health, rise),
        _ if state.admin.in_drain() => "DRAIN".into(),
        _ if !check.enabled => "no check".into(),
        Operation::Stopping => level("NOLB", up, fall),
        Operation::Running | Operation::Starting => level("UP", up, fall),
    }
}

/// The line of `option log-health-checks`.
pub fn check_line(server: &ServerLive, result: &CheckResult, state: &ServerState) -> String {
    let outcome = match result.status {
        CheckStatus::L7OkConditionally => "conditionally succeeded",
        status if status.passed() => "succeeded",
        _ => "failed",
    };
    let check = &server.ir.options.check;
    let (rise, fall) = (check.rise.max(1), check.fall.max(1));
    let level = if state.operation == Operation::Stopped {
        format!("{}/{rise} DOWN", state.health)
    } else {
        format!("{}/{fall} UP", (state.health + 1).saturating_sub(rise))
    };
    format!(
        "Health check for {} {outcome}{}, status: {level}.",
        server_name(server, false),
        reason(result)
    )
}

/// The same for an agent.
pub fn agent_line(server: &ServerLive, result: &CheckResult, up: bool) -> String {
    let outcome = if result.status.passed() {
        "succeeded"
    } else {
        "failed"
    };
    let level = if up { "1/1 UP" } else { "0/1 DOWN" };
    format!(
        "Agent check for {} {outcome}{}, status: {level}.",
        server_name(server, false),
        reason(result)
    )
}

/// `, reason: ..., code: N, info: "...", check duration: Nms`.
pub fn reason(result: &CheckResult) -> String {
    let mut text = format!(", reason: {}", check_text(result.status));
    if result.status.has_code() {
        text.push_str(&format!(", code: {}", result.code));
    }
    if !result.info.is_empty() {
        text.push_str(", info: \"");
        // As upstream encodes what servers say.
        for byte in result.info.bytes() {
            if matches!(byte, b' '..=b'~') && !b"\"<>".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("<{byte:02X}>"));
            }
        }
        text.push('"');
    }
    if result.status != CheckStatus::Observed {
        text.push_str(&format!(", check duration: {}ms", result.duration_ms));
    }
    text
}

/// `Server b/s1` or `Backup Server b/s1`; inside a sentence `server b/s1` or `backup server b/s1`.
pub fn server_name(server: &ServerLive, capital: bool) -> String {
    let kind = match (server.ir.options.backup, capital) {
        (false, true) => "Server",
        (true, true) => "Backup Server",
        (false, false) => "server",
        (true, false) => "backup server",
    };
    format!("{kind} {}/{}", server.backend, server.name)
}

/// What is left after a change of a server.
pub fn left(proxy: &ProxyLive, server: &ServerLive, down: bool, requeued: u32) -> String {
    let active = proxy.active.load(Ordering::Relaxed);
    let backup = proxy.backup.load(Ordering::Relaxed);
    let word = if down { "left" } else { "online" };
    let on_backup = if active == 0 && backup > 0 {
        " Running on backup."
    } else {
        ""
    };
    let queued = server.queue.value();
    let sessions = if down {
        let sessions = server.sessions.value();
        format!("{sessions} sessions active, {requeued} requeued, {queued} remaining in queue.")
    } else {
        format!("{requeued} sessions requeued, {queued} total in queue.")
    };
    format!("{active} active and {backup} backup servers {word}.{on_backup} {sessions}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_is_encoded() {
        let result = CheckResult {
            status: CheckStatus::L7Status,
            code: 599,
            duration_ms: 8,
            info: "a<b>\\'&~\x7f\t\"é".into(),
        };
        assert_eq!(
            reason(&result),
            ", reason: Layer7 wrong status, code: 599, info: \"a<3C>b<3E>\\'&~<7F><09><22><C3><A9>\", check duration: 8ms"
        );
    }
}
