//! Status texts: one function per kind of thing.

use hapax_core::ir;
use hapax_core::live::{FrontState, ListenerLive, Operation, ProxyLive, ServerLive, ServerState};
use hapax_core::program::{Program, Proxy};

/// Most servers that `track` may chain; longer chains are cut.
const LONGEST_TRACK: usize = 16;

/// What a frontend is doing.
pub fn of_frontend(program: &Program, proxy: &Proxy) -> &'static str {
    let stopping = &program.live.process.stopping;
    if stopping.load(std::sync::atomic::Ordering::Relaxed) {
        return "STOP";
    }
    match proxy.live.front_state() {
        FrontState::Open => "OPEN",
        FrontState::Paused => "PAUSED",
        FrontState::Stopped => "STOP",
    }
}

/// What a listener is doing.
pub fn of_listener(listener: &ListenerLive, bind: &ir::Bind) -> &'static str {
    let limit = bind.options.maxconn;
    if limit > 0 && listener.sessions.value() >= limit {
        "FULL"
    } else {
        "OPEN"
    }
}

/// Whether a backend can serve: a usable server, or none at all (then it serves by other means).
pub fn of_backend(proxy: &ProxyLive) -> &'static str {
    if proxy.servers.is_empty() || proxy.servers.iter().any(|server| is_usable(server)) {
        "UP"
    } else {
        "DOWN"
    }
}

/// Whether load balancing may choose the server.
pub fn is_usable(server: &ServerLive) -> bool {
    server.usable.load(std::sync::atomic::Ordering::Relaxed)
}

/// A server's state and the state of the one whose checks decide about it (itself, or the end of its `track` chain).
#[derive(Debug)]
pub struct Health {
    /// Its own.
    pub own: ServerState,
    /// The one that decides; none when nothing checks it.
    pub deciding: Option<Deciding>,
}

/// The server whose checks decide.
#[derive(Debug)]
pub struct Deciding {
    /// Its state.
    pub state: ServerState,
    /// Its `rise`.
    pub rise: u32,
    /// Its `fall`.
    pub fall: u32,
}

impl Health {
    /// Looks at a server.
    pub fn of(program: &Program, server: &ServerLive) -> Health {
        let own = server.state.lock().clone();
        let options = &server.ir.options;
        if options.track.is_none() {
            let checked = options.check.enabled && !own.checks_disabled;
            let deciding = checked.then(|| Deciding {
                state: own.clone(),
                rise: options.check.rise,
                fall: options.check.fall,
            });
            return Health { own, deciding };
        }
        Health {
            own,
            deciding: tracked(program, server),
        }
    }

    /// Upstream's text.
    pub fn text(&self, server: &ServerLive) -> String {
        let admin = self.own.admin;
        if admin.maintenance || admin.from_configuration {
            return "MAINT".into();
        }
        if admin.inherited_maintenance {
            let (backend, name) = via(server);
            return format!("MAINT (via {backend}/{name})");
        }
        if admin.unresolved {
            return "MAINT (resolution)".into();
        }
        let agent = self.own.active_agent();
        let drain = if agent.is_some() {
            "DRAIN (agent)"
        } else {
            "DRAIN"
        };
        if self.own.operation == Operation::Stopped && agent.is_some_and(|agent| !agent.up) {
            return "DOWN (agent)".into();
        }
        let Some(Deciding { state, rise, fall }) = &self.deciding else {
            return match self.own.operation {
                Operation::Stopped => "DOWN".into(),
                Operation::Stopping => "NOLB".into(),
                _ if admin.in_drain() => drain.into(),
                _ => "no check".into(),
            };
        };
        if self.own.operation == Operation::Stopped {
            return match state.health {
                0 => "DOWN".into(),
                health => format!("DOWN {health}/{rise}"),
            };
        }
        let word = match self.own.operation {
            Operation::Stopping => "NOLB",
            _ if admin.in_drain() => drain,
            _ => "UP",
        };
        if state.health + 1 >= rise + fall {
            return word.into();
        }
        format!("{word} {}/{fall}", (state.health + 1).saturating_sub(*rise))
    }
}

fn via(server: &ServerLive) -> (&str, &str) {
    match &server.ir.options.track {
        Some((backend, name)) if backend.is_empty() => (&server.backend, name),
        Some((backend, name)) => (backend, name),
        None => ("", ""),
    }
}

fn tracked(program: &Program, server: &ServerLive) -> Option<Deciding> {
    let mut next = server.ir.options.track.clone();
    let mut own = server.backend.to_string();
    for _ in 0..LONGEST_TRACK {
        let (backend, name) = next.take()?;
        // Without a backend's name it is the server's own.
        if !backend.is_empty() {
            own = backend;
        }
        let proxy = program.proxy(program.backend(&own)?);
        let found = proxy.live.servers.iter().find(|s| s.name == name)?;
        let options = &found.ir.options;
        if options.track.is_none() {
            let state = found.state.lock();
            if !options.check.enabled || state.checks_disabled {
                return None;
            }
            return Some(Deciding {
                state: state.clone(),
                rise: options.check.rise,
                fall: options.check.fall,
            });
        }
        next.clone_from(&options.track);
    }
    None
}
