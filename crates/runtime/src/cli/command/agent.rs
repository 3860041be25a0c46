//! Commands about the agent of a server: `enable agent`, `disable agent`, `set server B/S agent-addr|agent-port|agent-send`.

use std::net::IpAddr;

use hapax_core::live::MovedAgent;

use super::server::Found;
use super::{Answer, Call};
use crate::check;

/// `disable agent`.
pub fn disable(call: &mut Call<'_>) -> Answer {
    pause(call, true)
}

/// `enable agent`.
pub fn enable(call: &mut Call<'_>) -> Answer {
    pause(call, false)
}

fn pause(call: &Call<'_>, pause: bool) -> Answer {
    let found = match Found::of(call) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let mut state = found.server.state.lock();
    match &mut state.agent {
        Some(agent) => {
            agent.paused = pause;
            drop(state);
            if !pause {
                check::watch(&found.program, (found.id, found.server.index), true);
            }
        }
        None if pause => {}
        None => return refused("Agent was not configured on this server, cannot enable."),
    }
    Answer::Written
}

fn refused(text: &str) -> Answer {
    Answer::Refused(format!("{text}\n"))
}

/// Whether the server has an agent that is not paused.
pub(super) fn is_there(found: &Found) -> bool {
    found.server.state.lock().active_agent().is_some()
}

/// `set server B/S agent-send`.
pub(super) fn set_text(call: &Call<'_>, found: &Found) -> Answer {
    let bytes = call.arg(2).as_bytes().to_vec();
    moved(found, |moved| moved.send = Some(bytes));
    Answer::Written
}

/// `set server B/S agent-addr IP [port PORT]`, `set server B/S agent-port PORT`.
pub(super) fn set_place(call: &Call<'_>, found: &Found) -> Answer {
    let by_port = call.arg(1) == "agent-port";
    let word = call.arg(2);
    if !is_there(found) && !word.is_empty() {
        return refused("agent checks are not enabled on this server");
    }
    if word.is_empty() {
        return refused(match by_port {
            true => "set server <b>/<s> agent-port requires a port.",
            false => "set server <b>/<s> agent-addr requires an address and optionally a port.",
        });
    }
    let address = match word.parse::<IpAddr>() {
        _ if by_port => None,
        Ok(ip) => Some(ip),
        Err(_) => return refused(&format!("invalid addr '{word}'")),
    };
    let port = match call.arg(3) {
        _ if by_port => Some(word),
        "port" => Some(call.arg(4)),
        _ => None,
    };
    let port = match port.map(number).transpose() {
        Ok(port) => port,
        Err(text) => return refused(text),
    };
    moved(found, |moved| {
        moved.address = address.or(moved.address);
        moved.port = port.or(moved.port);
    });
    Answer::Written
}

fn number(word: &str) -> Result<u16, &'static str> {
    let number = word.parse::<i64>();
    let number = number.map_err(|_| "provided port is not an integer")?;
    u16::try_from(number).map_err(|_| "provided port is invalid")
}

fn moved(found: &Found, change: impl FnOnce(&mut MovedAgent)) {
    let mut state = found.server.state.lock();
    change(state.moved_agent.get_or_insert_default());
}
