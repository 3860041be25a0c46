//! Commands about frontends and the limits of the process: `disable frontend`, `enable frontend`, `shutdown frontend`,
//! `set maxconn frontend`, `set maxconn global`, `set rate-limit`.

use std::sync::atomic::Ordering;

use hapax_core::live::FrontState;
use hapax_core::program::ProxyId;

use super::{Answer, Call};
use crate::log::{Level, Severity};
use crate::serve;

/// `disable frontend`.
pub fn disable(call: &mut Call<'_>) -> Answer {
    let id = match wanted(call) {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let live = &call.program.proxy(id).live;
    match live.front_state() {
        FrontState::Stopped => refused("Frontend was previously shut down, cannot disable.\n"),
        FrontState::Paused => refused("All sockets are already disabled.\n"),
        FrontState::Open => {
            live.set_front_state(FrontState::Paused);
            tell(call, id, "Paused");
            serve::each_door_of(live, serve::DoorDeed::Pause);
            Answer::Written
        }
    }
}

/// `enable frontend`.
pub fn enable(call: &mut Call<'_>) -> Answer {
    let id = match wanted(call) {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let live = &call.program.proxy(id).live;
    match live.front_state() {
        FrontState::Stopped => refused("Frontend was previously shut down, cannot enable.\n"),
        FrontState::Open => refused("All sockets are already enabled.\n"),
        FrontState::Paused => {
            live.set_front_state(FrontState::Open);
            serve::each_door_of(live, serve::DoorDeed::Resume);
            tell(call, id, "Resumed");
            Answer::Written
        }
    }
}

/// `shutdown frontend`.
pub fn shutdown(call: &mut Call<'_>) -> Answer {
    let id = match wanted(call) {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let live = &call.program.proxy(id).live;
    if live.front_state() == FrontState::Stopped {
        return refused("Frontend was already shut down.\n");
    }
    live.set_front_state(FrontState::Stopped);
    serve::each_door_of(live, serve::DoorDeed::Stop);
    serve::with_local(|local| local.plan().logger.proxy_stopped(id));
    Answer::Written
}

/// `set maxconn frontend`.
pub fn set_maxconn(call: &mut Call<'_>) -> Answer {
    let id = match wanted(call) {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let word = call.arg(1);
    if word.is_empty() {
        return refused("Integer value expected.\n");
    }
    let Ok(limit) = u32::try_from(integer(word)) else {
        return refused("Value out of range.\n");
    };
    let live = &call.program.proxy(id).live;
    live.maxconn.store(limit, Ordering::Relaxed);
    serve::reopen_all_doors();
    Answer::Written
}

/// `set maxconn global`: 0 and less is what the process started with.
pub fn set_global_maxconn(call: &mut Call<'_>) -> Answer {
    let word = call.arg(0);
    if word.is_empty() {
        return refused("Expects an integer value.\n");
    }
    let most = call.cli.facts.hard_maxconn;
    let limit = match u32::try_from(integer(word)) {
        Ok(limit) if limit > most => return refused("Value out of range.\n"),
        Ok(0) | Err(_) => most,
        Ok(limit) => limit,
    };
    let process = &call.program.live.process;
    process.maxconn.store(limit, Ordering::Relaxed);
    serve::reopen_all_doors();
    Answer::Written
}

/// `set rate-limit`.
pub fn set_rate_limit(call: &mut Call<'_>) -> Answer {
    let process = &call.program.live.process;
    let limit = match (call.arg(0), call.arg(1)) {
        ("connections", "global") => Some(&process.connection_rate_limit),
        ("sessions", "global") => Some(&process.session_rate_limit),
        ("ssl-sessions", "global") => Some(&process.tls_rate_limit),
        // There is nothing that it limits.
        ("http-compression", "global") => None,
        _ => return refused(RATE_LIMITS),
    };
    let word = call.arg(2);
    if word.is_empty() {
        return refused("Expects an integer value.\n");
    }
    let Ok(value) = u32::try_from(integer(word)) else {
        return refused("Value out of range.\n");
    };
    let Some(limit) = limit else {
        let what = call.arg(0);
        return Answer::Refused(format!("'set rate-limit {what}' is not built yet.\n"));
    };
    limit.store(value, Ordering::Relaxed);
    serve::reopen_all_doors();
    Answer::Written
}

const RATE_LIMITS: &str = "'set rate-limit' only supports :
   - 'connections global' to set the per-process maximum connection rate
   - 'sessions global' to set the per-process maximum session rate
   - 'ssl-sessions global' to set the per-process maximum SSL session rate
   - 'http-compression global' to set the per-process maximum compression speed in kB/s
";

/// The frontend that the first argument names.
fn wanted(call: &Call<'_>) -> Result<ProxyId, Answer> {
    if call.arg(0).is_empty() {
        return Err(refused("A frontend name is expected.\n"));
    }
    let named = call.arg(0);
    let found = match named.strip_prefix('#') {
        Some(number) => with_number(call, integer(number)),
        None => call.program.frontend(named),
    };
    found.ok_or_else(|| refused("No such frontend.\n"))
}

/// The proxy with a frontend's side that has a number.
fn with_number(call: &Call<'_>, number: i64) -> Option<ProxyId> {
    let mut proxies = call.program.proxies.iter();
    let at = proxies
        .position(|proxy| proxy.ir.kind.has_frontend() && i64::from(proxy.live.uuid) == number)?;
    Some(ProxyId(at as u32))
}

fn refused(text: &str) -> Answer {
    Answer::Refused(text.into())
}

/// Says it on standard error and in the proxy's logs.
fn tell(call: &Call<'_>, id: ProxyId, what: &str) {
    let ir = &call.program.proxy(id).ir;
    let kind = match ir.kind.has_backend() {
        true => "proxy",
        false => "frontend",
    };
    let text = format!("{what} {kind} {}.", ir.name);
    serve::with_local(|local| {
        let logger = &local.plan().logger;
        logger.say(Severity::Warning, &text);
        logger.message(Some(id), Level::Warning, &text);
    });
}

/// The number that a word begins with, 0 without one.
fn integer(word: &str) -> i64 {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (number, _) = digits.split_at(length);
    let number = match number.is_empty() {
        true => 0,
        false => number.parse().unwrap_or(i64::MAX),
    };
    if digits.len() < word.len() {
        -number
    } else {
        number
    }
}
