//! Commands that change a server: `set weight`, `set server`, `enable server`, `disable server`, `set maxconn server`.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_balance::health;
use hapax_core::live::{Operation, ServerLive};
use hapax_core::program::{Program, Proxy, ProxyId};
use hapax_core::stream::Cause;

use super::{Answer, Call, agent};
use crate::administer::{Deed, administer};
use crate::{check, serve};

/// A server and where it belongs.
pub struct Found {
    pub(super) id: ProxyId,
    pub(super) program: Arc<Program>,
    /// The server.
    pub server: Arc<ServerLive>,
}

impl Found {
    /// The server that the first argument names as `backend/server`.
    ///
    /// # Errors
    /// Upstream's answer when there is none.
    pub fn of(call: &Call<'_>) -> Result<Found, Answer> {
        Found::named(call.program, call.arg(0))
    }

    /// The server of that name, `backend/server`.
    ///
    /// # Errors
    /// Upstream's answer when there is none.
    pub fn named(program: &Arc<Program>, path: &str) -> Result<Found, Answer> {
        let refused = |text: &str| Answer::Refused(text.into());
        let Some((backend, name)) = path.split_once('/') else {
            return Err(refused("Require 'backend/server'.\n"));
        };
        let Some(id) = program.backend(backend) else {
            return Err(refused("No such backend.\n"));
        };
        let servers = &program.proxy(id).live.servers;
        let Some(server) = servers.iter().find(|server| server.name == name) else {
            return Err(refused("No such server.\n"));
        };
        Ok(Found {
            id,
            program: program.clone(),
            server: server.clone(),
        })
    }

    pub(super) fn proxy(&self) -> &Proxy {
        self.program.proxy(self.id)
    }
}

/// `set weight`.
pub fn set_weight(call: &mut Call<'_>) -> Answer {
    Found::of(call).map_or_else(|answer| answer, |found| weigh(call, &found, 1))
}

/// `disable server`.
pub fn disable(call: &mut Call<'_>) -> Answer {
    with(call, Deed::Maintenance(""))
}

/// `enable server`.
pub fn enable(call: &mut Call<'_>) -> Answer {
    with(call, Deed::LeaveMaintenance)
}

/// `disable health`.
pub fn disable_health(call: &mut Call<'_>) -> Answer {
    match Found::of(call) {
        Ok(found) => {
            let checked = found.server.ir.options.check.enabled;
            found.server.state.lock().checks_disabled = checked;
            Answer::Written
        }
        Err(answer) => answer,
    }
}

/// `enable health`.
pub fn enable_health(call: &mut Call<'_>) -> Answer {
    match Found::of(call) {
        Ok(found) if found.server.ir.options.check.enabled => {
            found.server.state.lock().checks_disabled = false;
            check::watch(&found.program, (found.id, found.server.index), false);
            Answer::Written
        }
        Ok(_) => Answer::Refused(
            "Health check was not configured on this server, cannot enable.\n".into(),
        ),
        Err(answer) => answer,
    }
}

/// `shutdown sessions server`.
pub fn shutdown_sessions(call: &mut Call<'_>) -> Answer {
    match Found::of(call) {
        Ok(found) => {
            serve::end_sessions([found.server.clone()], Cause::Killed);
            Answer::Written
        }
        Err(answer) => answer,
    }
}

/// `set maxconn server`.
pub fn set_maxconn(call: &mut Call<'_>) -> Answer {
    let found = match Found::of(call) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let word = call.arg(1);
    if word.is_empty() {
        return Answer::Refused("Require <maxconn>.\n".into());
    }
    let Some((number, rest)) = health::leading_number(word) else {
        return Answer::Refused("maxconn string empty or preceded by garbage\n".into());
    };
    if !rest.is_empty() {
        return Answer::Refused("Trailing garbage in maxconn string\n".into());
    }
    let maxconn = u32::try_from(number.max(0)).unwrap_or(u32::MAX);
    found.server.maxconn.store(maxconn, Ordering::Relaxed);
    if let Some(dispatch) = found.proxy().live.dispatch() {
        dispatch.servers_changed();
    }
    Answer::Written
}

/// `set server`.
pub fn set(call: &mut Call<'_>) -> Answer {
    let found = match Found::of(call) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let refused = |text: &str| Answer::Refused(text.into());
    let deed = match (call.arg(1), call.arg(2)) {
        ("weight", _) => return weigh(call, &found, 2),
        ("addr", _) => return address(call, &found),
        ("check-addr" | "check-port", _) => return check_place(call, &found),
        ("agent", word) if agent::is_there(&found) => match word {
            "up" => Deed::Agent(true, CHANGED),
            "down" => Deed::Agent(false, CHANGED),
            _ => return refused("'set server <srv> agent' expects 'up' or 'down'.\n"),
        },
        ("agent" | "agent-send", _) if !agent::is_there(&found) => {
            return refused("agent checks are not enabled on this server.\n");
        }
        ("agent-send", _) => return agent::set_text(call, &found),
        ("agent-addr" | "agent-port", _) => return agent::set_place(call, &found),
        ("fqdn", "") => return refused("set server <b>/<s> fqdn requires a FQDN.\n"),
        ("fqdn", name) => return rename(call, &found, name),
        ("ssl", word) => return secure(&found, word),
        ("health", _) if found.server.ir.options.track.is_some() => {
            return refused("cannot change health on a tracking server.\n");
        }
        ("health", word) => match word {
            "up" => Deed::Health(Operation::Running, CHANGED),
            "stopping" => Deed::Health(Operation::Stopping, CHANGED),
            "down" => Deed::Health(Operation::Stopped, CHANGED),
            _ => {
                return refused("'set server <srv> health' expects 'up', 'stopping', or 'down'.\n");
            }
        },
        ("state", "ready") => Deed::Ready,
        ("state", "drain") => Deed::Drain(""),
        ("state", "maint") => Deed::Maintenance(""),
        ("state", _) => {
            return refused("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n");
        }
        _ => return refused(USAGE),
    };
    with(call, deed)
}

/// `set server B/S fqdn NAME`.
fn rename(call: &Call<'_>, found: &Found, name: &str) -> Answer {
    let refused = |why: &str| {
        Answer::Refused(format!(
            "set server <b>/<s> fqdn failed because {why} is configured.\n"
        ))
    };
    let server = &found.server;
    let section = server.ir.options.resolution.resolvers.as_deref();
    let Some(section) = section.and_then(|name| call.program.live.resolvers(name)) else {
        return refused("no resolution");
    };
    let own = server.ir.host_name.as_deref().unwrap_or_default();
    if own.starts_with('_') {
        return refused("SRV resolution");
    }
    let before = server.host_name.load_full();
    if before.as_ref().is_some_and(|before| **before == *name) {
        return Answer::Information(
            "no need to change the FDQN by 'stats socket command'\n".into(),
        );
    }
    server.host_name.store(Some(Arc::new(name.to_owned())));
    section.rename(found.id, server.index);
    let (backend, own) = (&server.backend, &server.name);
    let before = before.as_ref().map_or("(null)", |before| before.as_str());
    Answer::Information(format!(
        "{backend}/{own} changed its FQDN from {before} to {name} by 'stats socket command'\n"
    ))
}

/// `set server B/S ssl on|off`.
fn secure(found: &Found, word: &str) -> Answer {
    let refused = |text: &str| Answer::Refused(text.into());
    let server = &found.server;
    let tls = server.ir.options.tls.as_deref();
    if !tls.is_some_and(|tls| tls.switchable) || server.tls.get().is_none() {
        return refused(
            "'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n",
        );
    }
    let plain = match word {
        "on" => false,
        "off" => true,
        _ => return refused("'set server <srv> ssl' expects 'on' or 'off'.\n"),
    };
    if server.plain.swap(plain, Ordering::Relaxed) != plain {
        // Connections of before are not used any more.
        server.generation.fetch_add(1, Ordering::Relaxed);
    }
    Answer::Information("server ssl setting updated.\n".into())
}

/// Who says so.
const CHANGED: &str = "changed from CLI";

/// `set server B/S check-addr IP [port PORT]`, `set server B/S check-port PORT`.
fn check_place(call: &Call<'_>, found: &Found) -> Answer {
    let refused = |text: &str| Answer::Refused(text.into());
    let (address, port) = match (call.arg(1), call.arg(2)) {
        ("check-addr", "") => {
            return refused(
                "set server <b>/<s> check-addr requires an address and optionally a port.\n",
            );
        }
        (_, "") => return refused("set server <b>/<s> check-port requires a port.\n"),
        ("check-addr", address) => {
            let port = (call.arg(3) == "port").then(|| call.arg(4));
            (Some(address), port)
        }
        (_, port) => (None, Some(port)),
    };
    if !found.server.ir.options.check.enabled {
        return refused("health checks are not enabled on this server\n");
    }
    let address = match address.map(str::parse::<IpAddr>) {
        Some(Err(_)) => return Answer::Refused(format!("invalid addr '{}'\n", call.arg(2))),
        Some(Ok(ip)) => Some(ip),
        None => None,
    };
    let port = match port.map(str::parse::<i64>) {
        Some(Err(_)) => return refused("provided port is not an integer\n"),
        Some(Ok(number)) => match u16::try_from(number) {
            Ok(port) => Some(port),
            Err(_) => return refused("provided port is invalid\n"),
        },
        None => None,
    };
    let mut state = found.server.state.lock();
    state.check_address = address.or(state.check_address);
    state.check_port = port.or(state.check_port);
    Answer::Written
}

const USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
                     check-addr | check-port | fqdn | health | ssl | state | weight\n";

/// Does something to the server that the first argument names.
fn with(call: &mut Call<'_>, deed: Deed) -> Answer {
    let found = match Found::of(call) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let place = (found.id, found.server.index);
    for (proxy, notices) in administer(call.program, place, deed, call.now) {
        (call.cli.announce)(proxy, &notices);
    }
    Answer::Written
}

/// Sets the weight that argument `at` tells: absolute, or percent of the configured one.
fn weigh(call: &Call<'_>, found: &Found, at: usize) -> Answer {
    let initial = found.server.ir.options.weight;
    let fixed = health::has_fixed_weights(&found.proxy().ir);
    let weight = match health::weight_of(call.arg(at), initial, fixed) {
        Ok(weight) => weight,
        Err(text) => return Answer::Refused(format!("{text}\n")),
    };
    let live = &found.proxy().live;
    match health::set_weight(live, &found.server, weight, call.now) {
        Ok(notice) => {
            (call.cli.announce)(found.id, notice.as_slice());
            Answer::Written
        }
        Err(text) => Answer::Refused(format!("{text}\n")),
    }
}

/// `set server B/S addr IP [port PORT]`.
fn address(call: &Call<'_>, found: &Found) -> Answer {
    let refused = |text: String| Answer::Refused(text);
    let word = call.arg(2);
    if word.is_empty() {
        let text = "set server <b>/<s> addr requires an address and optionally a port.\n";
        return refused(text.into());
    }
    let Ok(ip) = word.parse::<IpAddr>() else {
        return refused(format!("Invalid addr '{word}'\n"));
    };
    if found.server.inet().is_none() {
        return refused("'set server <srv> addr' is not built yet for this address.\n".into());
    }
    let port = match call.arg(3) {
        "port" => match call.arg(4).parse::<u16>() {
            Ok(port) => Some(port),
            Err(_) => {
                let text = format!("problem converting port '{}' to an int\n", call.arg(4));
                return refused(text);
            }
        },
        _ => None,
    };
    match health::change_address(&found.server, ip, port) {
        Some(changes) => Answer::Information(format!("{changes} by 'stats socket command'\n")),
        None => Answer::Information("nothing changed\n".into()),
    }
}
