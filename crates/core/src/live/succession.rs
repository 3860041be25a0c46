//! Live state of a configuration that takes the place of another in the same process: what both name stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;

use super::{Live, ProxyLive, ServerLive, proxy_numbers, rings, server};
use crate::ir;
use crate::program::Program;
use crate::resolution::ResolversLive;
use crate::ring::Ring;
use crate::span::Span;

impl Live {
    /// Live state for `config`, which is to take the place of `before`. Nothing that is in force changes: see
    /// [`Live::take_over`].
    pub fn succeeding(config: &ir::Config, before: &Program) -> Live {
        let known: HashMap<_, _> = before
            .proxies
            .iter()
            .map(|proxy| ((proxy.ir.name.as_str(), proxy.ir.kind), proxy))
            .collect();
        let proxies = config.proxies.iter().zip(proxy_numbers(config));
        let proxies = proxies.map(|(proxy, number)| {
            let known = known.get(&(proxy.name.as_str(), proxy.kind));
            if let Some(known) = known
                && known.live.uuid == number
                && is_same_farm(&known.ir, proxy)
                && !known.live.servers.lack_configured()
            {
                return known.live.clone();
            }
            let known = known.map(|known| &*known.live);
            let live = ProxyLive::new(proxy, number, before.live.workers, known);
            if known.is_none() {
                live.maxconn
                    .store(limit_of(proxy, &config.global), Ordering::Relaxed);
            }
            Arc::new(live)
        });
        Live {
            workers: before.live.workers,
            process: before.live.process.clone(),
            proxies: proxies.collect(),
            rings: succeeding_rings(config, before),
            resolvers: succeeding_resolvers(config, before),
            server_changes: AtomicU64::new(0),
            server_maker: before.live.server_maker.clone(),
            registry: before.live.registry.clone(),
            tls: std::sync::OnceLock::new(),
        }
    }

    /// What lines say differently in `after` than in `before` comes into force; what an administrator changed stays where the
    /// line is the same. Answers the servers whose state is to be made known, by the position of their proxy.
    pub fn take_over(before: &Program, after: &Program) -> Vec<(usize, Arc<ServerLive>)> {
        let process = &after.live.process;
        let (old, new) = (&before.global, &after.global);
        if old.maxconn != new.maxconn {
            process
                .maxconn
                .store(new.maxconn.unwrap_or(0), Ordering::Relaxed);
        }
        if old.maxconnrate != new.maxconnrate {
            process
                .connection_rate_limit
                .store(new.maxconnrate, Ordering::Relaxed);
        }
        if old.maxsessrate != new.maxsessrate {
            process
                .session_rate_limit
                .store(new.maxsessrate, Ordering::Relaxed);
        }
        if before.traces != after.traces {
            process
                .traces
                .change(|settings| settings.clone_from(&after.traces));
        }
        if old.anonymous_key != new.anonymous_key {
            process
                .anonymous_key
                .store(new.anonymous_key, Ordering::Relaxed);
        }
        let known: HashMap<_, _> = before
            .proxies
            .iter()
            .map(|proxy| ((proxy.ir.name.as_str(), proxy.ir.kind), proxy))
            .collect();
        let mut changed = Vec::new();
        for (index, proxy) in after.proxies.iter().enumerate() {
            let Some(known) = known.get(&(proxy.ir.name.as_str(), proxy.ir.kind)) else {
                continue;
            };
            let limits = (limit_of(&known.ir, old), limit_of(&proxy.ir, new));
            if limits.0 != limits.1 {
                proxy.live.maxconn.store(limits.1, Ordering::Relaxed);
            }
            if known.ir.cookie != proxy.ir.cookie {
                proxy.live.cookie.store(None);
            }
            if Arc::ptr_eq(&known.live, &proxy.live) {
                continue;
            }
            proxy.live.meet(&known.live);
            let servers: HashMap<_, _> = known
                .live
                .servers
                .iter()
                .map(|server| (server.mark(), server))
                .collect();
            for server in &proxy.live.servers {
                match servers.get(&server.mark()) {
                    Some(known) if is_same_line(&known.ir, &server.ir) => {}
                    Some(known) => {
                        server.take_over(&known.ir);
                        changed.push((index, server.clone()));
                    }
                    None => changed.push((index, server.clone())),
                }
            }
        }
        changed
    }
}

/// Whether two lines say the same about a server, wherever they stand.
pub fn is_same_line(one: &ir::Server, other: &ir::Server) -> bool {
    if one.span == other.span {
        return one == other;
    }
    let mut moved = other.clone();
    moved.span = one.span;
    if moved.options.tls.is_some()
        && let (Some(from), Some(to)) = (&one.options.tls, &mut moved.options.tls)
        && let (Some((_, from)), Some((_, to))) = (&from.certificate, &mut to.certificate)
    {
        *to = *from;
    }
    *one == moved
}

/// Whether connections that were opened under one line may be used under the other: what differs at most is how the server is
/// chosen, counted and checked.
pub fn is_same_way(one: &ir::Server, other: &ir::Server) -> bool {
    let (from, mut other) = (&one.options, other.clone());
    let to = &mut other.options;
    (to.id, to.weight, to.backup, to.disabled) = (from.id, from.weight, from.backup, from.disabled);
    (to.maxconn, to.minconn, to.maxqueue) = (from.maxconn, from.minconn, from.maxqueue);
    to.cookie.clone_from(&from.cookie);
    to.check.clone_from(&from.check);
    to.agent.clone_from(&from.agent);
    to.slowstart = from.slowstart;
    to.restored.clone_from(&from.restored);
    is_same_line(one, &other)
}

/// Whether everything that live state was made from is the same, so that all of it may stay. What TLS reads from files may have
/// changed without a line that did, and limits that grow with those of frontends may have too.
fn is_same_farm(one: &ir::Proxy, other: &ir::Proxy) -> bool {
    let apart = |proxy: &ir::Proxy| {
        let binds = proxy.binds.iter().any(|bind| bind.options.tls.is_some());
        let servers = proxy
            .servers
            .iter()
            .any(|server| server.options.tls.is_some() || server.options.minconn > 0);
        binds || servers
    };
    !apart(other)
        && one.disabled == other.disabled
        && one.binds.len() == other.binds.len()
        && one.servers.len() == other.servers.len()
        && one.balance == other.balance
        && one.hash_type == other.hash_type
        && one.hash_balance_factor == other.hash_balance_factor
        && one.hash_affinity == other.hash_affinity
        && one.fullconn == other.fullconn
        && one.options.persist == other.options.persist
        && one.options.allbackups == other.options.allbackups
        && one.binds.iter().zip(&other.binds).all(|(one, other)| {
            (&one.options.name, one.options.id) == (&other.options.name, other.options.id)
        })
        && one
            .servers
            .iter()
            .zip(&other.servers)
            .all(|(one, other)| is_same_line(one, other))
}

/// `maxconn` of a proxy's frontend as its lines say it.
fn limit_of(proxy: &ir::Proxy, global: &ir::Global) -> u32 {
    let own = proxy.maxconn.filter(|&limit| limit > 0);
    own.or(global.maxconn).unwrap_or(0)
}

/// Rings whose section is the same keep their messages.
fn succeeding_rings(config: &ir::Config, before: &Program) -> Vec<Arc<Ring>> {
    let mut made = rings(config);
    for ring in &mut made {
        let section = |rings: &[ir::Ring]| {
            let mut section = rings.iter().find(|one| one.name == ring.name)?.clone();
            section.span = Span::default();
            for server in &mut section.servers {
                server.span = Span::default();
            }
            Some(section)
        };
        if section(&config.rings) == section(&before.rings)
            && let Some(known) = before.live.ring(&ring.name)
        {
            *ring = known.clone();
        }
    }
    made
}

/// What name servers answered stays known to sections that are the same.
fn succeeding_resolvers(config: &ir::Config, before: &Program) -> Vec<Arc<ResolversLive>> {
    let families = config.global.dns_families;
    let placeless = |section: &ir::Resolvers| {
        let mut section = section.clone();
        section.span = Span::default();
        for nameserver in &mut section.nameservers {
            nameserver.span = Span::default();
        }
        section
    };
    let sections = config.resolvers.iter().map(|section| {
        let known = before.live.resolvers(&section.name).filter(|known| {
            before.global.dns_families == families && placeless(&known.ir) == placeless(section)
        });
        known
            .cloned()
            .unwrap_or_else(|| Arc::new(ResolversLive::new(section, families)))
    });
    sections.collect()
}

impl ServerLive {
    /// What the line says differently than `before` comes into force.
    fn take_over(&self, before: &ir::Server) {
        let (old, new) = (&before.options, &self.ir.options);
        if (&before.address, &before.host_name, before.port)
            != (&self.ir.address, &self.ir.host_name, self.ir.port)
        {
            self.address.store(Arc::new(self.ir.address.clone()));
            self.host_name
                .store(server::host_name(&self.ir).map(Arc::new));
            self.has_port.store(false, Ordering::Relaxed);
        }
        if server::speaks_tls(before) != server::speaks_tls(&self.ir) {
            let plain = !server::speaks_tls(&self.ir);
            self.plain.store(plain, Ordering::Relaxed);
        }
        if old.weight != new.weight {
            self.user_weight.store(new.weight, Ordering::Relaxed);
        }
        if old.maxconn != new.maxconn {
            self.maxconn.store(new.maxconn, Ordering::Relaxed);
        }
        let mut state = self.state.lock();
        if old.disabled != new.disabled {
            state.admin.from_configuration = new.disabled;
        }
        if (&before.address, &before.host_name) != (&self.ir.address, &self.ir.host_name) {
            state.admin.unresolved = server::is_unresolved(&self.ir);
        }
        let checks = (&old.check, &new.check);
        if checks.0.enabled != checks.1.enabled
            || (checks.0.rise, checks.0.fall) != (checks.1.rise, checks.1.fall)
        {
            use super::Operation;
            if !new.check.enabled && state.operation == Operation::Stopped {
                state.operation = Operation::Running;
            }
            state.health = match state.operation {
                Operation::Stopped => 0,
                _ => new.check.rise.max(1) + new.check.fall.max(1) - 1,
            };
        }
        if !new.check.enabled {
            state.check_running = false;
        }
        let asked =
            |options: &ir::ServerOptions| options.agent.as_ref().is_some_and(|agent| agent.enabled);
        if asked(old) != asked(new) {
            state.agent = asked(new).then(Box::default);
        }
        drop(state);
        if !is_same_way(before, &self.ir) {
            // What was opened under the other line is not used again.
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
    }
}
