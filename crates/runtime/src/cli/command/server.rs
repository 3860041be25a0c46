//! Commands that change a server: `set weight`, `set server`, `enable server`, `disable server`, `set maxconn server`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_balance::health::{self, Notice, Report, Transition};
use hapax_core::ir::Address;
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, Proxy, ProxyId};

use super::health::{self as health_of, Who};
use super::{Answer, Call};
use crate::check;

/// A server and where it belongs.
pub struct Found {
    id: ProxyId,
    program: Arc<Program>,
    /// The server.
    pub server: Arc<ServerLive>,
}

impl Found {
    /// The server that the first argument names as `backend/server`.
    ///
    /// # Errors
    /// Upstream's answer when there is none.
    pub fn of(call: &Call<'_>) -> Result<Found, Answer> {
        let refused = |text: &str| Answer::Refused(text.into());
        let Some((backend, name)) = call.arg(0).split_once('/') else {
            return Err(refused("Require 'backend/server'.\n"));
        };
        let Some(id) = call.program.backend(backend) else {
            return Err(refused("No such backend.\n"));
        };
        let servers = &call.program.proxy(id).live.servers;
        let Some(server) = servers.iter().find(|server| server.name == name) else {
            return Err(refused("No such server.\n"));
        };
        Ok(Found {
            id,
            program: call.program.clone(),
            server: server.clone(),
        })
    }

    pub(super) fn proxy(&self) -> &Proxy {
        self.program.proxy(self.id)
    }

    /// Says what happened to the server, and lets those that track it follow; `admin` when its maintenance or drain changed.
    pub(super) fn tell(&self, call: &Call<'_>, report: Report, admin: bool) {
        let place = (self.id, self.server.index);
        let mut tell = |proxy, notices: &[Notice]| (call.cli.announce)(proxy, notices);
        check::changed(&self.program, place, (report, admin), call.now, &mut tell);
    }

    fn tell_state(&self, call: &Call<'_>, notices: Vec<Notice>) {
        let report = Report {
            transition: Transition::None,
            notices,
        };
        self.tell(call, report, true);
    }
}

/// `set weight`.
pub fn set_weight(call: &mut Call<'_>) -> Answer {
    Found::of(call).map_or_else(|answer| answer, |found| weigh(call, &found, 1))
}

/// `disable server`.
pub fn disable(call: &mut Call<'_>) -> Answer {
    change(call, |call, found| {
        health::enter_maintenance(&found.proxy().live, &found.server, call.now)
    })
}

/// `enable server`.
pub fn enable(call: &mut Call<'_>) -> Answer {
    change(call, |call, found| {
        health::leave_maintenance(&found.proxy().live, &found.server, call.now)
    })
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
    let live = &found.proxy().live;
    let what: fn(&_, &_, _) -> Vec<Notice> = match (call.arg(1), call.arg(2)) {
        ("weight", _) => return weigh(call, &found, 2),
        ("addr", _) => return address(call, &found),
        ("health", _) => return health_of::set_health(call, &found),
        ("agent", _) => return health_of::set_agent(call, &found),
        ("agent-send", _) => return health_of::set_agent_send(call, &found),
        ("agent-addr", _) => return health_of::set_address(call, &found, Who::Agent),
        ("agent-port", _) => return health_of::set_port(call, &found, Who::Agent),
        ("check-addr", _) => return health_of::set_address(call, &found, Who::Check),
        ("check-port", _) => return health_of::set_port(call, &found, Who::Check),
        ("state", "ready") => health::make_ready,
        ("state", "drain") => health::enter_drain,
        ("state", "maint") => health::enter_maintenance,
        ("state", _) => {
            let text = "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n";
            return Answer::Refused(text.into());
        }
        (word, _) if NOT_BUILT.contains(&word) => {
            return Answer::Refused(format!("'set server <srv> {word}' is not built yet.\n"));
        }
        _ => return Answer::Refused(USAGE.into()),
    };
    let notices = what(live, &found.server, call.now);
    found.tell_state(call, notices);
    Answer::Written
}

const USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
                     check-addr | check-port | fqdn | health | ssl | state | weight\n";

/// Words of `set server` that are known and not built.
const NOT_BUILT: &[&str] = &["fqdn", "ssl"];

fn change(call: &mut Call<'_>, how: impl FnOnce(&Call<'_>, &Found) -> Vec<Notice>) -> Answer {
    match Found::of(call) {
        Ok(found) => {
            let notices = how(call, &found);
            found.tell_state(call, notices);
            Answer::Written
        }
        Err(answer) => answer,
    }
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
    let now = found.server.address.load_full();
    let Address::Inet(old) = *now else {
        return refused("'set server <srv> addr' is not built yet for this address.\n".into());
    };
    let port = match call.arg(3) {
        "port" => match call.arg(4).parse::<u16>() {
            Ok(port) => port,
            Err(_) => {
                let text = format!("problem converting port '{}' to an int\n", call.arg(4));
                return refused(text);
            }
        },
        _ => old.port(),
    };
    let mut changes = Vec::new();
    if ip != old.ip() {
        changes.push(format!("IP changed from '{}' to '{ip}'", old.ip()));
    }
    if port != old.port() {
        changes.push(format!("port changed from '{}' to '{port}'", old.port()));
    }
    if changes.is_empty() {
        return Answer::Information("nothing changed\n".into());
    }
    let new = Address::Inet(SocketAddr::new(ip, port));
    found.server.address.store(Arc::new(new));
    // Idle connections lead to where the server was.
    found.server.generation.fetch_add(1, Ordering::Relaxed);
    Answer::Information(format!(
        "{} by 'stats socket command'\n",
        changes.join(", ")
    ))
}
