//! What the statistics are taken from: the program and one frontend, listener, server or backend of it.

use std::sync::Arc;

use hapax_core::contract::Now;
use hapax_core::counter::{Count, Counters};
use hapax_core::ir;
use hapax_core::live::{ListenerLive, ServerLive, SideLive};
use hapax_core::program::{Program, Proxy};

use super::status::Health;
use super::value::StatValue;

/// One row of the statistics before it is written.
#[derive(Debug)]
pub struct View<'a> {
    /// The configuration in force.
    pub program: &'a Program,
    /// The proxy.
    pub proxy: &'a Proxy,
    /// What of it.
    pub subject: Subject<'a>,
    /// The time.
    pub now: Now,
    /// Whether addresses, cookies and algorithms are shown.
    pub legends: bool,
    /// Whether a backend's state says how many of its servers are up.
    pub counts_servers: bool,
}

/// What of a proxy a row is about.
#[derive(Debug)]
pub enum Subject<'a> {
    /// Its frontend side.
    Frontend,
    /// A listener.
    Listener(&'a ListenerLive, &'a ir::Bind),
    /// A server, with its health as it was when the row was begun.
    Server(&'a ServerLive, Box<Health>),
    /// Its backend side.
    Backend,
}

/// Kinds of subjects as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(pub u8);

impl Kinds {
    /// Frontends.
    pub const F: Kinds = Kinds(1);
    /// Backends.
    pub const B: Kinds = Kinds(2);
    /// Servers.
    pub const S: Kinds = Kinds(4);
    /// Listeners.
    pub const L: Kinds = Kinds(8);
    /// Frontends and listeners.
    pub const FL: Kinds = Kinds(1 | 8);
    /// Frontends and backends.
    pub const FB: Kinds = Kinds(1 | 2);
    /// Backends and servers.
    pub const BS: Kinds = Kinds(2 | 4);
    /// Servers and listeners.
    pub const SL: Kinds = Kinds(4 | 8);
    /// All but listeners.
    pub const FBS: Kinds = Kinds(1 | 2 | 4);
    /// All but servers.
    pub const FBL: Kinds = Kinds(1 | 2 | 8);
    /// Everything.
    pub const ALL: Kinds = Kinds(15);

    /// Whether one of `other` is in the set.
    pub const fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which rows are wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only the proxy of this number.
    pub proxy: Option<u32>,
    /// Only these kinds; none is all.
    pub kinds: Option<u8>,
    /// Only the server or listener of this number.
    pub id: Option<u32>,
    /// Only servers that are up.
    pub up: bool,
    /// No servers in maintenance.
    pub no_maintenance: bool,
    /// Only proxies of these names; empty is all.
    pub scope: Vec<String>,
    /// Only proxies whose name contains this.
    pub name_part: String,
    /// See [`View::legends`].
    pub legends: bool,
    /// See [`View::counts_servers`].
    pub counts_servers: bool,
}

impl<'a> View<'a> {
    /// The kind as a bit.
    pub fn kind(&self) -> Kinds {
        match self.subject {
            Subject::Frontend => Kinds::F,
            Subject::Listener(..) => Kinds::L,
            Subject::Server(..) => Kinds::S,
            Subject::Backend => Kinds::B,
        }
    }

    /// Whether the proxy speaks HTTP.
    pub fn http(&self) -> bool {
        self.proxy.ir.mode == ir::Mode::Http
    }

    /// The frontend or backend side.
    pub fn side(&self) -> Option<&'a SideLive> {
        match self.subject {
            Subject::Frontend => Some(&self.proxy.live.frontend),
            Subject::Backend => Some(&self.proxy.live.backend),
            _ => None,
        }
    }

    /// The server.
    pub fn server(&self) -> Option<&'a ServerLive> {
        match self.subject {
            Subject::Server(server, _) => Some(server),
            _ => None,
        }
    }

    /// The server's health.
    pub fn health(&self) -> Option<&Health> {
        match &self.subject {
            Subject::Server(_, health) => Some(health),
            _ => None,
        }
    }

    /// The subject's counters.
    pub fn counters(&self) -> &'a Counters {
        match self.subject {
            Subject::Frontend => &self.proxy.live.frontend.counters,
            Subject::Backend => &self.proxy.live.backend.counters,
            Subject::Listener(listener, _) => &listener.counters,
            Subject::Server(server, _) => &server.counters,
        }
    }

    /// A counter as a value.
    pub fn count(&self, what: Count) -> StatValue<'a> {
        StatValue::U64(self.counters().sum(what))
    }

    /// A counter that only HTTP has.
    pub fn http_count(&self, what: Count) -> StatValue<'a> {
        if self.http() {
            self.count(what)
        } else {
            StatValue::Empty
        }
    }

    /// The usable servers that share the load: the active ones, else the backups that are used together.
    pub fn serving(&self) -> impl Iterator<Item = &'a Arc<ServerLive>> {
        let servers = &self.proxy.live.servers;
        let usable = |backup: bool| {
            servers.iter().filter(move |server| {
                server.ir.options.backup == backup && super::status::is_usable(server)
            })
        };
        let active = usable(false).next().is_some();
        let most = if active || self.proxy.ir.options.allbackups {
            usize::MAX
        } else {
            1
        };
        usable(!active).take(most)
    }

    /// Seconds since a moment of the process clock.
    pub fn since(&self, moment_ms: u64) -> u64 {
        View::seconds_since(self.now, moment_ms)
    }

    /// The same. A moment of a process before (`stats-file`) lies before 0, so it wraps around.
    pub fn seconds_since(now: Now, moment_ms: u64) -> u64 {
        let passed = now.ms.wrapping_sub(moment_ms);
        i64::try_from(passed).map_or(0, |passed| passed.unsigned_abs() / 1000)
    }
}

/// Gives every wanted row to `each`, in upstream's order: frontend, listeners (`option socket-stats`), servers, backend.
pub fn for_each<'a>(
    program: &'a Program,
    now: Now,
    selection: &Selection,
    mut each: impl FnMut(&View<'a>),
) {
    for proxy in &program.proxies {
        if selects(selection, proxy) {
            for_each_of(program, proxy, now, selection, &mut each);
        }
    }
}

/// Whether a proxy is among the wanted ones; disabled ones never are.
pub fn selects(selection: &Selection, proxy: &Proxy) -> bool {
    !proxy.ir.disabled
        && selection.proxy.is_none_or(|id| id == proxy.live.uuid)
        && (selection.scope.is_empty() || selection.scope.contains(&proxy.ir.name))
        && proxy.ir.name.contains(&selection.name_part)
}

/// The wanted rows of one proxy.
pub fn for_each_of<'a>(
    program: &'a Program,
    proxy: &'a Proxy,
    now: Now,
    selection: &Selection,
    each: &mut impl FnMut(&View<'a>),
) {
    let wants = |kind: Kinds| selection.kinds.is_none_or(|kinds| Kinds(kinds).has(kind));
    let wants_id = |id: u32| selection.id.is_none_or(|wanted| wanted == id);
    let mut give = |subject| {
        each(&View {
            program,
            proxy,
            subject,
            now,
            legends: selection.legends,
            counts_servers: selection.counts_servers,
        });
    };
    if proxy.ir.kind.has_frontend() && wants(Kinds::F) && wants_id(0) {
        give(Subject::Frontend);
    }
    if proxy.ir.options.socket_stats && wants(Kinds::L) {
        for (listener, bind) in proxy.live.listeners.iter().zip(&proxy.ir.binds) {
            if wants_id(listener.id) {
                give(Subject::Listener(listener, bind));
            }
        }
    }
    if !proxy.ir.kind.has_backend() {
        return;
    }
    if wants(Kinds::S) {
        for server in proxy.live.servers.iter().filter(|s| wants_id(s.id)) {
            let health = Health::of(program, server);
            let hidden = selection.up
                && health.own.operation == hapax_core::live::Operation::Stopped
                || selection.no_maintenance && health.own.admin.in_maintenance();
            if !hidden {
                give(Subject::Server(server, Box::new(health)));
            }
        }
    }
    if wants(Kinds::B) && wants_id(0) {
        give(Subject::Backend);
    }
}
