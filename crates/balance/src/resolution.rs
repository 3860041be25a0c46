//! What answers of name servers do to servers: addresses, ports and weights change, servers without an address wait in
//! maintenance.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::ir::Address;
use hapax_core::live::{ProxyLive, ServerLive};
use hapax_core::program::{Program, ProxyId};
use hapax_core::resolution::{Choice, Engine, Event, Failure, Key, ResolversLive};
use hapax_proto::dns::{Kind, Record, Service, normalised};
use hashbrown::HashMap;

use crate::health::{self, NOTICE, Notice};

/// The servers that take their addresses from a `resolvers` section.
#[derive(Debug)]
pub struct Followers {
    section: Arc<ResolversLive>,
    servers: Vec<Follower>,
    by_host: HashMap<Key, Vec<usize>>,
    by_service: HashMap<Key, Vec<usize>>,
    /// Those that stand for no record, in the order in which they take one.
    free: HashMap<Key, VecDeque<usize>>,
}

#[derive(Debug)]
struct Follower {
    proxy: ProxyId,
    server: usize,
    /// The name whose addresses it follows.
    host: Option<Key>,
    /// The service record it stands for, and the address that came with that.
    service: Option<(Service, Option<IpAddr>)>,
}

/// What an event did.
#[derive(Debug, Default)]
pub struct Changes {
    /// Lines to log, with their proxies, in order.
    pub notices: Vec<(ProxyId, Vec<Notice>)>,
    /// Addresses that the answering name server gave.
    pub updates: u32,
    regained: Vec<usize>,
}

impl Followers {
    /// The servers of a section. Those that have no address yet, or stand for a service, are asked for from now on, as are
    /// all others.
    pub fn of(program: &Program, section: &Arc<ResolversLive>, now: Now) -> Followers {
        let mut followers = Followers {
            section: section.clone(),
            servers: Vec::new(),
            by_host: HashMap::new(),
            by_service: HashMap::new(),
            free: HashMap::new(),
        };
        for (index, proxy) in program.proxies.iter().enumerate() {
            for server in &proxy.live.servers {
                let wish = &server.ir.options.resolution;
                let name = wish.resolvers.as_ref();
                if proxy.ir.disabled || name != Some(&section.ir.name) {
                    continue;
                }
                let line = server.ir.host_name.as_deref().unwrap_or_default();
                let given = server.host_name.load_full();
                let host = match &given {
                    Some(given) if !line.starts_with('_') => given,
                    _ => line,
                };
                let Ok(host) = normalised(host.as_bytes()) else {
                    continue;
                };
                let at = followers.servers.len();
                followers.servers.push(Follower {
                    proxy: ProxyId(index as u32),
                    server: server.index,
                    host: None,
                    service: None,
                });
                section.with(|engine| match host.starts_with('_') {
                    true => {
                        let kind = Kind::Srv;
                        let key = Key { name: host, kind };
                        engine.watch(&key, now.ms);
                        let free = followers.free.entry(key.clone()).or_default();
                        free.push_back(at);
                        followers.by_service.entry(key).or_default().push(at);
                    }
                    false => followers.follow(engine, at, Key::host(host, wish.prefer), now),
                });
            }
        }
        followers
    }

    /// A server has another name, or its first one.
    pub fn rename(&mut self, program: &Program, (proxy, server): (ProxyId, usize), now: Now) {
        let live = program.proxy(proxy).live.servers.get(server);
        let name = live.and_then(|live| live.host_name.load_full());
        let (Some(live), Some(name)) = (live, name) else {
            return;
        };
        let known = self
            .servers
            .iter()
            .position(|follower| (follower.proxy, follower.server) == (proxy, server));
        let at = known.unwrap_or_else(|| {
            self.servers.push(Follower {
                proxy,
                server,
                host: None,
                service: None,
            });
            self.servers.len() - 1
        });
        let section = self.section.clone();
        section.with(|engine| {
            self.leave(engine, at);
            if let Ok(host) = normalised(name.as_bytes()) {
                let prefer = live.ir.options.resolution.prefer;
                self.follow(engine, at, Key::host(host, prefer), now);
            }
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Takes an event of the section.
    pub fn take(&mut self, program: &Program, event: &Event, now: Now, changes: &mut Changes) {
        let section = self.section.clone();
        section.with(|engine| match event {
            Event::Answered(key, _) if key.kind == Kind::Srv => {
                self.services(program, engine, key, now, changes);
            }
            Event::Answered(key, nameserver) => {
                self.addresses(program, engine, key, *nameserver, now, changes);
            }
            Event::Lost(key, _) if key.kind == Kind::Srv => {
                let servers = self.by_service.get(key).cloned().unwrap_or_default();
                for at in servers {
                    self.retire(program, engine, (key, at), now, changes);
                }
            }
            Event::Lost(key, failure) => {
                for at in self.by_host.get(key).into_iter().flatten() {
                    let Some((proxy, server)) = self.live(program, *at) else {
                        continue;
                    };
                    let notices = health::lose_address(proxy, server, reason(*failure), now);
                    changes.tell(self.servers[*at].proxy, notices);
                }
            }
        });
    }

    /// Lets those that have an address again serve, once all events are taken.
    pub fn settle(&self, program: &Program, now: Now, changes: &mut Changes) {
        for at in std::mem::take(&mut changes.regained) {
            if let Some((proxy, server)) = self.live(program, at) {
                let notices = health::regain_address(proxy, server, now);
                changes.tell(self.servers[at].proxy, notices);
            }
        }
    }

    /// The addresses of a host are known.
    fn addresses(
        &mut self,
        program: &Program,
        engine: &mut Engine,
        key: &Key,
        nameserver: usize,
        now: Now,
        changes: &mut Changes,
    ) {
        let Some(records) = engine.records(key) else {
            return;
        };
        let servers = self.by_host.get(key).cloned().unwrap_or_default();
        // The addresses that servers of the name have by now, by backend, and how many have each.
        let mut taken: HashMap<ProxyId, HashMap<IpAddr, u32>> = HashMap::new();
        for at in &servers {
            if let Some((_, server)) = self.live(program, *at)
                && let Some(ip) = address(server)
            {
                let shared = taken.entry(self.servers[*at].proxy).or_default();
                *shared.entry(ip).or_default() += 1;
            }
        }
        for (position, at) in servers.into_iter().enumerate() {
            let Some((proxy, server)) = self.live(program, at) else {
                continue;
            };
            let id = self.servers[at].proxy;
            let wish = &server.ir.options.resolution;
            let current = address(server);
            let shared = taken.entry(id).or_default();
            let is_taken = |ip| shared.get(&ip).is_some_and(|count| *count > 0);
            let choice = records.choose(current, wish, is_taken);
            if server.host_name.load().as_deref() != server.ir.host_name.as_ref() {
                server.was_named.store(true, Ordering::Relaxed);
            }
            if choice != Choice::Keep
                && let Some(count) = current.and_then(|ip| shared.get_mut(&ip))
            {
                *count = count.saturating_sub(1);
            }
            match choice {
                Choice::Keep => changes.regained.push(at),
                Choice::Take(ip) => {
                    let who = match (position, self.section.ir.nameservers.get(nameserver)) {
                        (0, Some(nameserver)) => {
                            changes.updates += 1;
                            format!("{}/{}", self.section.ir.name, nameserver.name)
                        }
                        _ => "DNS cache".to_owned(),
                    };
                    changes.moved(id, server, health::change_address(server, ip, None), &who);
                    *shared.entry(ip).or_default() += 1;
                    changes.regained.push(at);
                }
                Choice::Nothing => {
                    let notices = health::lose_address(proxy, server, "No IP for server ", now);
                    changes.tell(id, notices);
                }
            }
        }
    }

    /// The places of a service are known.
    fn services(
        &mut self,
        program: &Program,
        engine: &mut Engine,
        key: &Key,
        now: Now,
        changes: &mut Changes,
    ) {
        let records = engine
            .records(key)
            .into_iter()
            .flat_map(|known| known.iter());
        let services: Vec<Service> = records
            .filter_map(|record| match record {
                Record::Service(service) => Some(service.clone()),
                Record::Address(_) => None,
            })
            .collect();
        let servers = self.by_service.get(key).cloned().unwrap_or_default();
        let mut places: HashMap<(String, u16), usize> = HashMap::new();
        let known: HashSet<_> = services
            .iter()
            .map(|service| (service.host.as_str(), service.port))
            .collect();
        let mut gone = Vec::new();
        for at in servers {
            match &self.servers[at].service {
                Some((own, _)) if known.contains(&(own.host.as_str(), own.port)) => {
                    places.insert((own.host.clone(), own.port), at);
                }
                Some(_) => gone.push(at),
                None => {}
            }
        }
        for service in services {
            let place = (service.host.clone(), service.port);
            match places.get(&place) {
                Some(at) => self.refresh(program, engine, *at, service, now, changes),
                None => {
                    let free = self.free.get_mut(key).and_then(VecDeque::pop_front);
                    if let Some(at) = free {
                        self.assign(program, engine, at, service, now, changes);
                    }
                }
            }
        }
        for at in gone {
            self.retire(program, engine, (key, at), now, changes);
        }
    }

    /// A server stands for a service from now on.
    fn assign(
        &mut self,
        program: &Program,
        engine: &mut Engine,
        at: usize,
        service: Service,
        now: Now,
        changes: &mut Changes,
    ) {
        let Some((proxy, server)) = self.live(program, at) else {
            return;
        };
        let id = self.servers[at].proxy;
        self.weigh(proxy, server, id, &service, now, changes);
        let name = Some(Arc::new(service.host.clone()));
        if let Some(ip) = service.address {
            let change = health::change_address(server, ip, Some(service.port));
            changes.moved(id, server, change, "DNS additional record");
            changes.regained.push(at);
        } else {
            health::change_port(server, service.port);
        }
        server.was_named.store(true, Ordering::Relaxed);
        let before = server.host_name.swap(name);
        let before = before.as_deref().map_or("(null)", String::as_str);
        let line = format!(
            "{}/{} changed its FQDN from {before} to {} by 'SRV record'",
            server.backend, server.name, service.host
        );
        changes.tell(id, vec![Notice::new(NOTICE, line)]);
        if service.address.is_none() {
            let prefer = server.ir.options.resolution.prefer;
            let host = Key::host(service.host.clone(), prefer);
            self.follow(engine, at, host, now);
        }
        let address = service.address;
        self.servers[at].service = Some((service, address));
    }

    /// The record of a server is still there.
    fn refresh(
        &mut self,
        program: &Program,
        engine: &mut Engine,
        at: usize,
        service: Service,
        now: Now,
        changes: &mut Changes,
    ) {
        let Some((proxy, server)) = self.live(program, at) else {
            return;
        };
        let id = self.servers[at].proxy;
        self.weigh(proxy, server, id, &service, now, changes);
        let Some((own, came)) = &mut self.servers[at].service else {
            return;
        };
        *own = service;
        if came.is_none() || own.address == *came {
            return;
        }
        // What came along is not what it was: from now on it is asked for, too.
        *came = None;
        if let Some(ip) = own.address {
            let change = health::change_address(server, ip, None);
            changes.moved(id, server, change, "DNS additional record");
        }
        let host = Key::host(own.host.clone(), server.ir.options.resolution.prefer);
        self.follow(engine, at, host, now);
    }

    /// The record of a server is gone.
    fn retire(
        &mut self,
        program: &Program,
        engine: &mut Engine,
        (key, at): (&Key, usize),
        now: Now,
        changes: &mut Changes,
    ) {
        if self.servers[at].service.take().is_none() {
            return;
        }
        if let Some(free) = self.free.get_mut(key) {
            free.push_back(at);
        }
        self.leave(engine, at);
        changes.regained.retain(|other| *other != at);
        let Some((proxy, server)) = self.live(program, at) else {
            return;
        };
        let why = "entry removed from SRV record";
        let notices = health::lose_address(proxy, server, why, now);
        changes.tell(self.servers[at].proxy, notices);
        server.host_name.store(None);
        health::change_port(server, server.ir.address.port());
        server.has_port.store(false, Ordering::Relaxed);
    }

    fn weigh(
        &self,
        proxy: &ProxyLive,
        server: &ServerLive,
        id: ProxyId,
        service: &Service,
        now: Now,
        changes: &mut Changes,
    ) {
        let weight = u32::from(service.weight).div_ceil(256);
        let same = server.user_weight.load(Ordering::Relaxed) == weight;
        if same || server.ir.options.resolution.ignore_weight {
            return;
        }
        if let Ok(notice) = health::set_weight(proxy, server, i64::from(weight), now) {
            changes.tell(id, notice.into_iter().collect());
        }
    }

    fn follow(&mut self, engine: &mut Engine, at: usize, key: Key, now: Now) {
        engine.watch(&key, now.ms);
        let servers = self.by_host.entry(key.clone()).or_default();
        let position = servers.partition_point(|other| *other < at);
        servers.insert(position, at);
        self.servers[at].host = Some(key);
    }

    /// The server follows no name any more.
    fn leave(&mut self, engine: &mut Engine, at: usize) {
        if let Some(host) = self.servers[at].host.take() {
            engine.unwatch(&host);
            if let Some(servers) = self.by_host.get_mut(&host) {
                servers.retain(|other| *other != at);
                if servers.is_empty() {
                    self.by_host.remove(&host);
                }
            }
        }
    }

    fn live<'p>(&self, program: &'p Program, at: usize) -> Option<(&'p ProxyLive, &'p ServerLive)> {
        let follower = self.servers.get(at)?;
        let proxy = &program.proxy(follower.proxy).live;
        Some((proxy, proxy.servers.get(follower.server)?))
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        self.section.with(|engine| {
            for host in self.servers.iter().filter_map(|one| one.host.as_ref()) {
                engine.unwatch(host);
            }
            for (service, servers) in &self.by_service {
                servers.iter().for_each(|_| engine.unwatch(service));
            }
        });
    }
}

impl Changes {
    fn tell(&mut self, proxy: ProxyId, notices: Vec<Notice>) {
        if !notices.is_empty() {
            self.notices.push((proxy, notices));
        }
    }

    fn moved(&mut self, proxy: ProxyId, server: &ServerLive, change: Option<String>, who: &str) {
        if let Some(change) = change {
            let line = format!("{}/{}: {change} by '{who}'.", server.backend, server.name);
            self.tell(proxy, vec![Notice::new(NOTICE, line)]);
        }
    }
}

fn address(server: &ServerLive) -> Option<IpAddr> {
    match **server.address.load() {
        Address::Inet(address) if !address.ip().is_unspecified() => Some(address.ip()),
        _ => None,
    }
}

fn reason(failure: Failure) -> &'static str {
    match failure {
        Failure::NoSuchName => "DNS NX status",
        Failure::Refused => "DNS refused status",
        Failure::Timeout => "DNS timeout status",
        Failure::Other => "unspecified DNS error",
    }
}
