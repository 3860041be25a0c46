//! What agents say about their servers: words for state, weight and limits, and what they change.

use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::ir;
use hapax_core::live::{CheckResult, CheckStatus, Operation, ProxyLive, ServerLive, ServerState};

use super::{
    Notice, Report, Transition, apply_transition, conclude, enter_drain, enter_maintenance,
    make_ready, set_weight, text,
};

/// What an agent's line says (configuration manual 5.2, `agent-check`).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AgentWords<'a> {
    /// The last of `up`, `down`, `fail` and `stopped`.
    pub state: Option<&'a str>,
    /// The last of `ready`, `drain` and `maint`.
    pub admin: Option<&'a str>,
    /// A weight, absolute or in percent.
    pub weight: Option<&'a str>,
    /// What stands behind `maxconn:`.
    pub maxconn: Option<&'a str>,
    /// What stands behind a word that begins with `#`.
    pub description: Option<&'a str>,
    /// The first word that is none.
    pub unknown: Option<&'a str>,
}

impl<'a> AgentWords<'a> {
    /// Takes a line apart.
    pub fn of(line: &'a str) -> AgentWords<'a> {
        let mut words = AgentWords::default();
        let mut rest = line;
        loop {
            rest = rest.trim_start_matches(SEPARATORS);
            if rest.is_empty() {
                return words;
            }
            if let Some(description) = rest.strip_prefix('#') {
                let description = description.trim_start_matches(SEPARATORS);
                words.description = Some(description).filter(|text| !text.is_empty());
                return words;
            }
            let end = rest.find(SEPARATORS).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            words.take(word);
            rest = behind;
        }
    }

    fn take(&mut self, word: &'a str) {
        let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        if is(&["up", "down", "fail", "stopped"]) {
            self.state = Some(word);
        } else if is(&["ready", "drain", "maint"]) {
            self.admin = Some(word);
        } else if word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('%') {
            self.weight = Some(word);
        } else if let Some(weight) = behind(word, "weight:") {
            self.weight = Some(weight);
        } else if let Some(maxconn) = behind(word, "maxconn:") {
            self.maxconn = Some(maxconn);
        } else if self.unknown.is_none() {
            self.unknown = Some(word);
        }
    }
}

/// What follows `prefix`, in letters of either case.
fn behind<'a>(word: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = word.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

const SEPARATORS: [char; 3] = [' ', '\t', ','];

/// Reads a weight: absolute, or percent of the `initial` one. A `fixed` one can only be had or not.
///
/// # Errors
/// Upstream's text.
pub fn weight_of(word: &str, initial: u32, fixed: bool) -> Result<i64, &'static str> {
    if word.is_empty() {
        return Err("Require <weight> or <weight%>.");
    }
    let Some((number, rest)) = leading_number(word) else {
        return Err("Empty weight string empty or preceded by garbage");
    };
    let weight = match rest {
        "" if !(0..=256).contains(&number) => {
            return Err("Absolute weight can only be between 0 and 256 inclusive.");
        }
        "" => number,
        "%" if number < 0 => return Err("Relative weight must be positive."),
        "%" => (i64::from(initial).saturating_mul(number) / 100).min(256),
        _ => return Err("Trailing garbage in weight string"),
    };
    if fixed && weight != 0 && weight != i64::from(initial) {
        return Err(
            "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.",
        );
    }
    Ok(weight)
}

/// Whether weights of a backend's servers are fixed by its algorithm.
pub fn has_fixed_weights(proxy: &ir::Proxy) -> bool {
    let balance = &proxy.balance;
    balance.name() == "static-rr" || (!balance.key().is_none() && !proxy.hash_type.consistent)
}

fn maxconn_of(word: &str) -> Result<u32, &'static str> {
    if word.is_empty() {
        return Err("Require <maxconn>.");
    }
    match leading_number(word) {
        None => Err("maxconn string empty or preceded by garbage"),
        // Upstream keeps the low 32 bits.
        Some((number, "")) => Ok((number & i64::from(u32::MAX)) as u32),
        Some(_) => Err("Trailing garbage in maxconn string"),
    }
}

/// The number a word begins with and what follows it; none when it begins with none.
pub fn leading_number(word: &str) -> Option<(i64, &str)> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    let (text, rest) = word.split_at(word.len() - digits.len() + length);
    Some((text.parse().unwrap_or(i64::MAX), rest))
}

/// What asking an agent gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAnswer {
    /// A whole line, after so many milliseconds.
    Line(String, u32),
    /// Nothing of use, which changes nothing.
    Failed(CheckResult),
}

/// Takes an agent's answer: changes what it speaks of, and gives the lines to log.
pub fn agent_report(
    proxy: &ProxyLive,
    ir: &ir::Proxy,
    server: &ServerLive,
    answer: AgentAnswer,
    now: Now,
) -> Report {
    let (line, duration_ms) = match answer {
        AgentAnswer::Failed(result) => return told(proxy, ir, server, (None, result), now),
        AgentAnswer::Line(line, duration_ms) => (line, duration_ms),
    };
    let words = AgentWords::of(&line);
    let mut notices = Vec::new();
    let mut warning = None;
    if let Some(word) = words.weight {
        let initial = server.ir.options.weight;
        match weight_of(word, initial, has_fixed_weights(ir)) {
            Ok(weight) if weight == i64::from(server.user_weight.load(Ordering::Relaxed)) => {}
            Ok(weight) => {
                notices.extend(set_weight(proxy, server, weight, now).ok().flatten());
            }
            Err(text) => warning = Some(text),
        }
    }
    match words.maxconn.map(maxconn_of) {
        Some(Ok(maxconn)) if maxconn != server.maxconn.load(Ordering::Relaxed) => {
            server.maxconn.store(maxconn, Ordering::Relaxed);
            if let Some(dispatch) = proxy.dispatch() {
                dispatch.servers_changed();
            }
        }
        Some(Err(text)) => warning = Some(text),
        _ => {}
    }
    if let Some(word) = words.admin {
        let change = match word.as_bytes()[0].to_ascii_lowercase() {
            b'r' => make_ready,
            b'd' => enter_drain,
            _ => enter_maintenance,
        };
        notices.extend(change(proxy, server, now));
    }
    let result = |status, info| CheckResult {
        status,
        code: 0,
        duration_ms,
        info: cut(info),
    };
    let (up, result) = match words.state {
        Some(word) => {
            let more = words.unknown.or(words.description).map(str::to_owned);
            // Warnings are lines of the runtime API.
            let more = more.or(warning.map(|text| format!("{text}\n")));
            let more = more.map(|text| format!(" ({text})")).unwrap_or_default();
            let up = word.eq_ignore_ascii_case("up");
            let status = if up {
                CheckStatus::L7Ok
            } else {
                CheckStatus::L7Status
            };
            (
                Some(up),
                result(status, format!("via agent : {word}{more}")),
            )
        }
        None => {
            let info = match (words.unknown, warning) {
                (Some(word), _) => format!("agent reports an error : {word}"),
                (None, Some(text)) => format!("agent warns : {text}"),
                (None, None) => String::new(),
            };
            (None, result(CheckStatus::Checked, info))
        }
    };
    let mut report = told(proxy, ir, server, (up, result), now);
    notices.append(&mut report.notices);
    report.notices = notices;
    report
}

fn cut(mut info: String) -> String {
    while info.len() > MOST_INFO {
        info.pop();
    }
    info
}

/// What upstream keeps of such texts.
const MOST_INFO: usize = 127;

/// Notes what was found, and lets the server follow when it says `up` or not.
fn told(
    proxy: &ProxyLive,
    ir: &ir::Proxy,
    server: &ServerLive,
    (up, result): (Option<bool>, CheckResult),
    now: Now,
) -> Report {
    let mut notices = Vec::new();
    let mut state = server.state.lock();
    let was = state.operation;
    let Some(agent) = &mut state.agent else {
        return Report {
            transition: Transition::None,
            notices,
        };
    };
    agent.running = false;
    let status = |agent: &hapax_core::live::AgentState| {
        (agent.up, agent.check.as_ref().map(|check| check.status))
    };
    let before = status(agent);
    agent.check = Some(result.clone());
    agent.up = up.unwrap_or(agent.up);
    let changed = before != status(agent) && result.status != CheckStatus::Checked;
    if ir.options.log_health_checks && changed {
        notices.push(Notice::of_check(text::agent_line(
            server, &result, agent.up,
        )));
    }
    let transition = match up {
        Some(up) => follow_agent(&mut state, &server.ir.options.check, up, now),
        None => Transition::None,
    };
    let cause = match &result {
        result if !ir.options.log_health_checks => text::reason(result),
        _ => String::new(),
    };
    notices.extend(conclude(
        proxy,
        server,
        state,
        (transition, was),
        &cause,
        now,
    ));
    Report {
        transition,
        notices,
    }
}

/// The state that an agent's word brings about. Maintenance stays.
fn follow_agent(
    state: &mut ServerState,
    check: &ir::ServerCheck,
    up: bool,
    now: Now,
) -> Transition {
    let healthy = !check.enabled || state.checks_disabled || state.health >= check.rise.max(1);
    let stopped = state.operation == Operation::Stopped;
    let transition = match up {
        _ if state.admin.in_maintenance() => Transition::None,
        true if stopped && healthy => Transition::Up,
        false if !stopped => Transition::Down,
        _ => Transition::None,
    };
    apply_transition(state, transition, now);
    transition
}

/// Answers for the agent of a server, until it says something itself. `cause` is what the line says about it.
pub fn force_agent(
    proxy: &ProxyLive,
    server: &ServerLive,
    up: bool,
    cause: &str,
    now: Now,
) -> (Transition, Vec<Notice>) {
    let mut state = server.state.lock();
    let was = state.operation;
    if let Some(agent) = &mut state.agent {
        agent.up = up;
    }
    let transition = follow_agent(&mut state, &server.ir.options.check, up, now);
    let cause = format!(", {cause}");
    let notices = conclude(proxy, server, state, (transition, was), &cause, now);
    (transition, notices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::tests::backend;

    #[test]
    fn the_last_word_of_a_kind_counts() {
        let words =
            AgentWords::of(" up\tready,75% DOWN maint Weight:3 maxConn:7 # what it is, at length");
        assert_eq!(words.state, Some("DOWN"));
        assert_eq!(words.admin, Some("maint"));
        assert_eq!((words.weight, words.maxconn), (Some("3"), Some("7")));
        assert_eq!(words.description, Some("what it is, at length"));
        assert_eq!(words.unknown, None);
        let words = AgentWords::of("stop -5% 50 down#x");
        assert_eq!((words.state, words.unknown), (None, Some("stop")));
        assert_eq!(AgentWords::of("#"), AgentWords::default());
    }

    // exercises: server/agent-check
    #[test]
    fn an_agent_takes_a_server_down_and_up() {
        let (ir, proxy) = backend(&[10, 10], |_| {});
        super::super::refresh_totals(&proxy, Now::default());
        let server = &proxy.servers[0];
        server.state.lock().agent = Some(Box::default());
        let say = |line: &str| {
            agent_report(
                &proxy,
                &ir,
                server,
                AgentAnswer::Line(line.into(), 3),
                Now::default(),
            )
        };
        let down = say("down 50% # gone");
        assert_eq!(down.transition, Transition::Down);
        assert!(down.notices[0].text.starts_with(
            "Server b/s1 is DOWN, reason: Layer7 wrong status, code: 0, info: \"via agent : down (gone)\""
        ));
        assert_eq!(server.user_weight.load(Ordering::Relaxed), 5);
        assert_eq!(say("ready").transition, Transition::None);
        assert_eq!(say("up weight:999").transition, Transition::Up);
        let info = server
            .state
            .lock()
            .agent
            .clone()
            .and_then(|agent| agent.check);
        assert_eq!(
            info.map(|check| check.info),
            Some(
                "via agent : up (Absolute weight can only be between 0 and 256 inclusive.\n)"
                    .into()
            )
        );
    }
}
