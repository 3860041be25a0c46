//! What rules say about the server of an exchange before its cookies are looked at: `use-server`, `force-persist` and
//! `ignore-persist`.

use std::sync::atomic::Ordering;

use hapax_core::contract::Tx;
use hapax_core::ir::{PersistEffect, ServerTarget};
use hapax_core::program::{Proxy, ProxyId};
use hapax_sample::{condition, log_format};

/// What was decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerChoice {
    /// The server to use.
    pub server: Option<usize>,
    /// Persistence reaches servers that are down, and nothing leads away from there.
    pub forced: bool,
    /// Cookies choose nothing.
    pub ignored: bool,
}

/// Whether a proxy has rules of this kind.
pub fn has_rules(proxy: &Proxy) -> bool {
    !proxy.ir.use_server.is_empty() || !proxy.ir.persist_rules.is_empty()
}

/// Runs them. The first `force-persist` or `ignore-persist` that applies decides, and the first `use-server` whose server may be used;
/// a computed name that no server has ends the search.
pub fn choose(tx: &mut Tx<'_>, backend: ProxyId) -> ServerChoice {
    let proxy = tx.program.proxy(backend);
    let mut rules = proxy.ir.persist_rules.iter();
    let effect = rules
        .find(|rule| condition::holds(&rule.condition, &tx.cx()))
        .map(|rule| rule.effect);
    let forced = effect == Some(PersistEffect::Force);
    let mut choice = ServerChoice {
        server: None,
        forced,
        ignored: effect == Some(PersistEffect::Ignore),
    };
    for rule in &proxy.ir.use_server {
        if !condition::holds(&rule.condition, &tx.cx()) {
            continue;
        }
        let Some(index) = resolve(&rule.target, tx, proxy) else {
            break;
        };
        let server = proxy.live.servers.get(index);
        let runs = server.is_some_and(|server| server.running.load(Ordering::Relaxed));
        if runs || forced || proxy.ir.options.persist {
            tx.stream.decided_by = Some(rule.span);
            choice.server = Some(index);
            break;
        }
    }
    choice
}

/// The server of a name, one that was added too.
fn named(proxy: &Proxy, name: &str) -> Option<usize> {
    let servers = &proxy.live.servers;
    let there = |index: &usize| {
        let server = servers.get(*index);
        server.is_some_and(|server| !server.deleted.load(Ordering::Relaxed))
    };
    let known = proxy.server_names.get(name).copied().filter(there);
    known.or_else(|| {
        let added = servers.configured()..servers.len();
        let named = |index: &usize| {
            servers
                .get(*index)
                .is_some_and(|server| server.name == name)
        };
        added.filter(there).find(named)
    })
}

fn resolve(target: &ServerTarget, tx: &mut Tx<'_>, proxy: &Proxy) -> Option<usize> {
    match target {
        ServerTarget::Name(name) => proxy.server_names.get(name).copied(),
        ServerTarget::Format(format) => {
            let mut name = std::mem::take(tx.scratch);
            name.clear();
            log_format::render(format, &tx.cx(), &mut name);
            let text = std::str::from_utf8(&name).ok();
            let found = text.and_then(|name| named(proxy, name));
            *tx.scratch = name;
            found
        }
    }
}
