//! The structure of every algorithm that hashes a key: a table or a ring, with `hash-balance-factor`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue, RequestKey};
use hapax_core::ir;
use hapax_core::live::Servers;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::static_rr::take_turn;
use crate::farm::{Farm, Member};
use crate::hash::{Map, Ring, hash};

/// The structure of an algorithm that hashes a key, as `hash-type` and `hash-balance-factor` say.
pub fn build(proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
    Box::new(Hashed::new(proxy, servers, proxy.hash_type))
}

/// An algorithm whose key stands in an HTTP request.
#[derive(Debug)]
pub struct ByRequest<K> {
    /// See [`Algorithm::name`].
    pub name: &'static str,
    /// See [`Algorithm::text`].
    pub text: String,
    /// Where the key stands.
    pub key: K,
}

impl<K: RequestKey> Algorithm for ByRequest<K> {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::Request(&self.key)
    }

    fn needs_http(&self) -> bool {
        true
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        build(proxy, servers)
    }
}

/// A ring, whatever `hash-type` says.
pub fn ring(proxy: &ir::ProxySettings, servers: &Servers) -> Hashed {
    let kind = ir::HashType {
        consistent: true,
        ..proxy.hash_type
    };
    Hashed::new(proxy, servers, kind)
}

/// A table or a ring of servers.
#[derive(Debug)]
pub struct Hashed {
    kind: ir::HashType,
    factor: u32,
    affinity: ir::HashAffinity,
    farm: Farm,
    table: ArcSwap<Table>,
    /// Held by who makes a table.
    making: Mutex<()>,
    turn: AtomicU32,
    /// The place of the ring that a request without a key had last.
    last: AtomicU64,
}

#[derive(Debug)]
enum Table {
    Map(Map),
    Ring(Ring, Shares),
}

impl Hashed {
    fn new(proxy: &ir::ProxySettings, servers: &Servers, kind: ir::HashType) -> Hashed {
        let hashed = Hashed {
            kind,
            factor: proxy.hash_balance_factor,
            affinity: proxy.hash_affinity,
            farm: Farm::new(proxy, servers),
            table: ArcSwap::from_pointee(Table::Map(Map::default())),
            making: Mutex::new(()),
            turn: AtomicU32::new(0),
            last: AtomicU64::new(NEVER),
        };
        hashed.servers_changed();
        hashed
    }

    /// The server at a hash.
    pub fn choose_hash(&self, hash: u32, avoid: Option<usize>) -> Option<usize> {
        match &**self.table.load() {
            // The key has this place only, also when its server has just failed.
            Table::Map(map) => map.at(hash),
            Table::Ring(ring, shares) => {
                let limits = shares.limits(self.factor, &self.farm);
                let fits = |index: &usize| {
                    Some(*index) != avoid && limits.allow(*index, &self.farm) && self.keeps(*index)
                };
                let mut walk = ring.walk(hash);
                walk.find(fits).or_else(|| match self.affinity {
                    ir::HashAffinity::Always => ring.walk(hash).next(),
                    // Everybody is full: it waits for the last one of the ring.
                    _ => ring.last(),
                })
            }
        }
    }

    /// Whether `hash-preserve-affinity` leaves a request with a server that its hash names.
    fn keeps(&self, index: usize) -> bool {
        let Some(server) = self.farm.server(index) else {
            return false;
        };
        match self.affinity {
            ir::HashAffinity::Always => true,
            ir::HashAffinity::MaxConn => crate::farm::has_room(server),
            ir::HashAffinity::MaxQueue => {
                let most = server.ir.options.maxqueue;
                most == 0 || crate::farm::has_room(server) || server.queue.value() < most
            }
        }
    }

    /// Whether server `a` has fewer sessions for its weight than `b`.
    pub fn is_less_loaded(&self, a: usize, b: usize) -> bool {
        let load = |index: usize| {
            let server = self.farm.lasting(index);
            server.map_or((0, 1), |server| {
                let sessions = server.sessions.value().saturating_add(server.queue.value());
                let weight = server.effective_weight.load(Ordering::Relaxed);
                (u64::from(sessions), u64::from(weight.max(1)))
            })
        };
        let ((sessions_a, weight_a), (sessions_b, weight_b)) = (load(a), load(b));
        sessions_a * weight_b < sessions_b * weight_a
    }

    fn next_in_turn(&self, avoid: Option<usize>) -> Option<usize> {
        let table = self.table.load();
        let (ring, shares) = match &**table {
            Table::Map(map) => {
                if let Some(only) = map.only().filter(|&index| self.farm.has_room(index)) {
                    return Some(only);
                }
                return take_turn(map, &self.turn, avoid, |index| self.farm.has_room(index));
            }
            Table::Ring(ring, shares) => (ring, shares),
        };
        // Who is alone takes no turn.
        if let [only] = shares.members[..] {
            return Some(only.index);
        }
        let limits = shares.limits(self.factor, &self.farm);
        let fits = |index: usize| {
            Some(index) != avoid && limits.allow(index, &self.farm) && self.farm.has_room(index)
        };
        let last = self.last.load(Ordering::Relaxed);
        let mut after = ring.after(last);
        let fitting = after.find(|&(_, index)| fits(index));
        let (place, index) = fitting.or_else(|| ring.after(last).next())?;
        self.last.store(u64::from(place), Ordering::Relaxed);
        Some(index)
    }

    /// Where the walk without keys goes on when the point it stood on is gone: at the next one that is left, which counts
    /// as visited, as in upstream.
    fn keep_last(&self, ring: &Ring) {
        let last = self.last.load(Ordering::Relaxed);
        if last == NEVER || ring.has(last) {
            return;
        }
        if let Some((place, _)) = ring.after(last).next() {
            self.last.store(u64::from(place), Ordering::Relaxed);
        }
    }
}

/// No point of a ring was visited so far.
const NEVER: u64 = u64::MAX;

impl Balancer for Hashed {
    fn choose(&self, key: KeyValue<'_>, avoid: Option<usize>) -> Option<usize> {
        match hash(self.kind, key) {
            Some(hash) => self.choose_hash(hash, avoid),
            None => self.next_in_turn(avoid),
        }
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {
        let _making = self.making.lock();
        let members = self.farm.members();
        let table = if self.kind.consistent {
            let ring = Ring::new(&members);
            self.keep_last(&ring);
            Table::Ring(ring, Shares::new(&members))
        } else {
            Table::Map(Map::new(&members, self.farm.divisor()))
        };
        self.table.store(Arc::new(table));
    }
}

/// The weights that `hash-balance-factor` deals slots by.
#[derive(Debug)]
struct Shares {
    members: Vec<Member>,
    total: u64,
}

impl Shares {
    fn new(members: &[Member]) -> Shares {
        Shares {
            members: members.to_vec(),
            total: members.iter().map(|member| u64::from(member.weight)).sum(),
        }
    }

    /// Deals `factor` percent of the connections there will be, rounded up, along the servers: each gets the whole slots
    /// that end within its share of the weight.
    fn limits(&self, factor: u32, farm: &Farm) -> Limits {
        if factor == 0 || self.total == 0 {
            return Limits(None);
        }
        let served = |member: &Member| {
            let sessions = farm
                .lasting(member.index)
                .map(|server| server.sessions.value());
            u64::from(sessions.unwrap_or(0))
        };
        let connections: u64 = self.members.iter().map(served).sum();
        let slots = ((connections + 1) * u64::from(factor)).div_ceil(100);
        let mut before = 0;
        let dealt = self.members.iter().map(|member| {
            let after = before + u64::from(member.weight);
            let share = slots * after / self.total - slots * before / self.total;
            before = after;
            (member.index, share)
        });
        Limits(Some(dealt.collect()))
    }
}

/// How many connections each server may have; none is any number.
struct Limits(Option<SmallVec<[(usize, u64); 16]>>);

impl Limits {
    fn allow(&self, index: usize, farm: &Farm) -> bool {
        let Some(limits) = &self.0 else {
            return true;
        };
        let limit = limits.iter().find(|(member, _)| *member == index);
        let sessions = farm
            .lasting(index)
            .map_or(0, |server| server.sessions.value());
        limit.is_some_and(|&(_, limit)| u64::from(sessions) < limit)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use hapax_core::contract::Algorithm;

    use super::*;
    use crate::algorithm::source::Source;
    use crate::farm::tests::backend;

    fn placements(balancer: &dyn Balancer) -> Vec<Option<usize>> {
        (0..2000u32)
            .map(|n| {
                let address = IpAddr::from(n.wrapping_mul(2_654_435_761).to_be_bytes());
                balancer.choose(KeyValue::Address(address), None)
            })
            .collect()
    }

    fn consistent(proxy: &mut ir::Proxy) {
        proxy.hash_type = ir::HashType {
            consistent: true,
            function: ir::HashFunction::Sdbm,
            avalanche: true,
        };
    }

    #[test]
    fn a_client_stays_on_its_server() {
        let (proxy, live) = backend(&[1, 2, 3], |_| {});
        let balancer = Source.build(&proxy, &live.servers);
        let first = placements(&*balancer);
        assert_eq!(first, placements(&*balancer));
        let share = first.iter().filter(|&&index| index == Some(2)).count();
        assert!((900..1100).contains(&share), "{share}");
    }

    // exercises: section/hash-type
    #[test]
    fn consistent_placement_only_moves_the_keys_of_the_server_that_left() {
        let (proxy, live) = backend(&[1, 1, 1, 1], consistent);
        let balancer = Source.build(&proxy, &live.servers);
        let before = placements(&*balancer);
        live.servers[3].usable.store(false, Ordering::Relaxed);
        balancer.servers_changed();
        for (was, is) in before.iter().zip(placements(&*balancer)) {
            assert!(is != Some(3) && (*was == is || *was == Some(3)));
        }
    }

    // exercises: section/hash-balance-factor
    #[test]
    fn the_factor_bounds_the_load_of_the_hashed_server() {
        let (proxy, live) = backend(&[1, 1, 1, 1], |proxy| {
            consistent(proxy);
            proxy.hash_balance_factor = 150;
        });
        let balancer = Source.build(&proxy, &live.servers);
        let key = KeyValue::Address(IpAddr::from([127, 0, 0, 1]));
        for _ in 0..80 {
            let index = balancer.choose(key, None).expect("a server");
            live.servers[index].sessions.up();
        }
        let most = live
            .servers
            .iter()
            .map(|server| server.sessions.value())
            .max();
        assert!(most <= Some(31), "{most:?}");
    }

    #[test]
    fn on_a_ring_another_server_is_taken_than_the_one_to_avoid() {
        for edit in [|_: &mut ir::Proxy| {}, consistent] {
            let (proxy, live) = backend(&[1, 1], edit);
            let balancer = Source.build(&proxy, &live.servers);
            let key = KeyValue::Address(IpAddr::from([10, 0, 0, 1]));
            let first = balancer.choose(key, None);
            let again = balancer.choose(key, first);
            assert_eq!(again == first, !proxy.hash_type.consistent);
            let (proxy, live) = backend(&[1], edit);
            let balancer = Source.build(&proxy, &live.servers);
            assert_eq!(balancer.choose(key, Some(0)), Some(0));
        }
    }
}
