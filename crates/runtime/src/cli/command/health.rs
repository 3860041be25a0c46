//! Commands about the health of a server: `set server B/S health|agent|check-addr|...`, `enable|disable health|agent`.

use std::net::IpAddr;

use hapax_balance::health::{Forced, force_agent, force_health};
use hapax_core::live::{Moved, ServerState};

use super::server::Found;
use super::{Answer, Call};

/// `disable health`.
pub fn disable_health(call: &mut Call<'_>) -> Answer {
    with_state(call, |_, state| {
        state.check_paused = true;
        Ok(())
    })
}

/// `enable health`.
pub fn enable_health(call: &mut Call<'_>) -> Answer {
    with_state(call, |found, state| {
        if !is_checked(found) {
            return Err("Health check was not configured on this server, cannot enable.");
        }
        state.check_paused = false;
        Ok(())
    })
}

/// `disable agent`.
pub fn disable_agent(call: &mut Call<'_>) -> Answer {
    with_state(call, |_, state| {
        if let Some(agent) = &mut state.agent {
            agent.paused = true;
        }
        Ok(())
    })
}

/// `enable agent`.
pub fn enable_agent(call: &mut Call<'_>) -> Answer {
    with_state(call, |_, state| match &mut state.agent {
        Some(agent) => {
            agent.paused = false;
            Ok(())
        }
        None => Err("Agent was not configured on this server, cannot enable."),
    })
}

fn with_state(
    call: &Call<'_>,
    change: impl FnOnce(&Found, &mut ServerState) -> Result<(), &'static str>,
) -> Answer {
    let found = match Found::of(call) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let changed = change(&found, &mut found.server.state.lock());
    match changed {
        Ok(()) => Answer::Written,
        Err(text) => refused(text),
    }
}

fn refused(text: &str) -> Answer {
    Answer::Refused(format!("{text}\n"))
}

fn is_checked(found: &Found) -> bool {
    let options = &found.server.ir.options;
    options.check.enabled && options.track.is_none()
}

/// `set server B/S health`.
pub(super) fn set_health(call: &Call<'_>, found: &Found) -> Answer {
    if found.server.ir.options.track.is_some() {
        return refused("cannot change health on a tracking server.");
    }
    let forced = match call.arg(2) {
        "up" => Forced::Up,
        "stopping" => Forced::Stopping,
        "down" => Forced::Down,
        _ => return refused("'set server <srv> health' expects 'up', 'stopping', or 'down'."),
    };
    let report = force_health(&found.proxy().live, &found.server, forced, call.now);
    found.tell(call, report, false);
    Answer::Written
}

/// `set server B/S agent`.
pub(super) fn set_agent(call: &Call<'_>, found: &Found) -> Answer {
    if found.server.state.lock().active_agent().is_none() {
        return refused("agent checks are not enabled on this server.");
    }
    let up = match call.arg(2) {
        "up" => true,
        "down" => false,
        _ => return refused("'set server <srv> agent' expects 'up' or 'down'."),
    };
    let report = force_agent(&found.proxy().live, &found.server, up, call.now);
    found.tell(call, report, false);
    Answer::Written
}

/// `set server B/S agent-send`.
pub(super) fn set_agent_send(call: &Call<'_>, found: &Found) -> Answer {
    if found.server.state.lock().active_agent().is_none() {
        return refused("agent checks are not enabled on this server.");
    }
    let bytes = call.arg(2).as_bytes().to_vec();
    moved(found, |moved| moved.agent_send = Some(bytes));
    Answer::Written
}

/// What of a check is elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Checks.
    Check,
    /// The agent.
    Agent,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Who::Check => "check",
            Who::Agent => "agent",
        }
    }

    /// Whether there is one at all.
    fn is_there(self, found: &Found) -> Result<(), Answer> {
        match self {
            Who::Check if !is_checked(found) => {
                Err(refused("health checks are not enabled on this server"))
            }
            Who::Agent if found.server.state.lock().active_agent().is_none() => {
                Err(refused("agent checks are not enabled on this server"))
            }
            _ => Ok(()),
        }
    }
}

/// `set server B/S check-addr IP [port PORT]` and `agent-addr`.
pub(super) fn set_address(call: &Call<'_>, found: &Found, who: Who) -> Answer {
    if let Err(answer) = who.is_there(found) {
        return answer;
    }
    let word = call.arg(2);
    if word.is_empty() {
        let text = format!(
            "set server <b>/<s> {}-addr requires an address and optionally a port.",
            who.name()
        );
        return refused(&text);
    }
    let Ok(ip) = word.parse::<IpAddr>() else {
        return refused(&format!("invalid addr '{word}'"));
    };
    let port = match call.arg(3) {
        "port" => match port(call.arg(4)) {
            Ok(port) => Some(port),
            Err(text) => return refused(text),
        },
        _ => None,
    };
    moved(found, |moved| {
        let (address, own) = match who {
            Who::Check => (&mut moved.check_address, &mut moved.check_port),
            Who::Agent => (&mut moved.agent_address, &mut moved.agent_port),
        };
        *address = Some(ip);
        *own = port.or(*own);
    });
    Answer::Written
}

/// `set server B/S check-port PORT` and `agent-port`.
pub(super) fn set_port(call: &Call<'_>, found: &Found, who: Who) -> Answer {
    if let Err(answer) = who.is_there(found) {
        return answer;
    }
    if call.arg(2).is_empty() {
        let text = format!("set server <b>/<s> {}-port requires a port.", who.name());
        return refused(&text);
    }
    match port(call.arg(2)) {
        Ok(port) => {
            moved(found, |moved| match who {
                Who::Check => moved.check_port = Some(port),
                Who::Agent => moved.agent_port = Some(port),
            });
            Answer::Written
        }
        Err(text) => refused(text),
    }
}

fn port(word: &str) -> Result<u16, &'static str> {
    let number = word.parse::<i64>();
    let number = number.map_err(|_| "provided port is not an integer")?;
    u16::try_from(number).map_err(|_| "provided port is invalid")
}

fn moved(found: &Found, change: impl FnOnce(&mut Moved)) {
    let mut state = found.server.state.lock();
    change(state.moved.get_or_insert_default());
}
