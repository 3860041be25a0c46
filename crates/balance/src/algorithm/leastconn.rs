//! `balance leastconn`: the server with the fewest connections for its weight.

mod positions;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::BalanceKeyword;
use hapax_core::live::{ServerLasting, Servers};
use parking_lot::Mutex;

use crate::farm::{Farm, Member, has_room};
use positions::Positions;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "leastconn",
    usage: "",
    doc: "The server with the fewest connections for its weight; servers of one load take turns.",
    parse: |_| Ok(Arc::new(LeastConnections)),
};

/// The algorithm.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeastConnections;

impl Algorithm for LeastConnections {
    fn text(&self) -> String {
        "leastconn".into()
    }

    fn name(&self) -> &'static str {
        "leastconn"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        let balancer = Loads {
            farm: Farm::new(proxy, servers),
            ranks: Mutex::new(Ranks::default()),
            indexed: AtomicBool::new(false),
        };
        balancer.servers_changed();
        Box::new(balancer)
    }
}

#[derive(Debug)]
struct Loads {
    farm: Farm,
    ranks: Mutex<Ranks>,
    indexed: AtomicBool,
}

/// The servers in use, and where the next scan begins so that servers of one load take turns.
#[derive(Debug, Default)]
struct Ranks {
    members: Vec<Member>,
    start: usize,
    /// The members by load, where looking at each of them would take long.
    index: Option<Index>,
}

impl Balancer for Loads {
    fn choose(&self, _: KeyValue<'_>, avoid: Option<usize>) -> Option<usize> {
        let mut ranks = self.ranks.lock();
        let Ranks {
            members,
            start,
            index,
        } = &mut *ranks;
        let at = match index {
            Some(index) => index.least(&self.farm, members, *start, avoid),
            None => least(&self.farm, members, *start, avoid),
        }?;
        *start = (at + 1) % members.len().max(1);
        members.get(at).map(|member| member.index)
    }

    fn connections_changed(&self, server: usize) {
        if self.indexed.load(Ordering::Relaxed) {
            let mut ranks = self.ranks.lock();
            let Ranks { members, index, .. } = &mut *ranks;
            if let Some(index) = index {
                index.server_changed(&self.farm, members, server);
            }
        }
    }

    fn connections_changed_elsewhere(&self) {
        if let Some(index) = &mut self.ranks.lock().index {
            index.stale = true;
        }
    }

    fn servers_changed(&self) {
        let mut ranks = self.ranks.lock();
        ranks.members = self.farm.members();
        ranks.start = 0;
        ranks.index =
            (ranks.members.len() > MOST_SCANNED).then(|| Index::new(&self.farm, &ranks.members));
        self.indexed.store(ranks.index.is_some(), Ordering::Relaxed);
    }
}

/// So many servers are looked at one by one.
const MOST_SCANNED: usize = 32;

/// The position of the least loaded member with room, the next one from `start` on among equals; `avoid` only when there
/// is no other.
fn least(farm: &Farm, members: &[Member], start: usize, avoid: Option<usize>) -> Option<usize> {
    let (sooner, later) = members.split_at(start.min(members.len()));
    let positions = (sooner.len()..members.len()).chain(0..sooner.len());
    let mut best: Option<((bool, Load), usize)> = None;
    for (member, at) in later.iter().chain(sooner).zip(positions) {
        let Some(server) = farm.lasting(member.index).filter(|server| has_room(server)) else {
            continue;
        };
        let rank = (Some(member.index) == avoid, Load::of(server, member));
        if best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, at));
        }
    }
    best.map(|(_, at)| at)
}

/// The members by load. What it says of one may be too low and is put right when that one is looked at; it is never too
/// high, because every connection that ends is told.
#[derive(Debug)]
struct Index {
    order: BTreeMap<Load, Positions>,
    /// The load of each position, as it stands in `order`.
    loads: Vec<Load>,
    /// Positions by the number of the server.
    positions: Vec<Option<u32>>,
    /// Another view of the servers changed what their loads are.
    stale: bool,
}

impl Index {
    fn new(farm: &Farm, members: &[Member]) -> Index {
        let load = |member: &Member| {
            let server = farm.lasting(member.index);
            server.map_or(Load::NONE, |server| Load::of(server, member))
        };
        let highest = members.iter().map(|member| member.index + 1).max();
        let mut index = Index {
            order: BTreeMap::new(),
            loads: members.iter().map(load).collect(),
            positions: vec![None; highest.unwrap_or(0)],
            stale: false,
        };
        for (at, member) in (0..).zip(members) {
            index.positions[member.index] = Some(at);
            let same = index.order.entry(index.loads[at as usize]);
            same.or_insert_with(Positions::new)
                .insert(at, members.len());
        }
        index
    }

    /// See [`least`].
    fn least(
        &mut self,
        farm: &Farm,
        members: &[Member],
        start: usize,
        avoid: Option<usize>,
    ) -> Option<usize> {
        if std::mem::take(&mut self.stale) {
            (0..members.len()).for_each(|at| self.put_right(farm, members, at));
        }
        let mut least = self.order.first_key_value();
        while let Some((&load, same)) = least {
            match first_of(load, same, farm, members, start, avoid) {
                Found::Free(at) => return Some(at),
                Found::Moved(at) => {
                    self.put_right(farm, members, at);
                    least = self.order.first_key_value();
                }
                Found::None => {
                    let beyond = (Bound::Excluded(load), Bound::Unbounded);
                    least = self.order.range(beyond).next();
                }
            }
        }
        let server = farm.lasting(avoid?)?;
        self.positions
            .get(avoid?)
            .copied()
            .flatten()
            .filter(|_| has_room(server))
            .map(|at| at as usize)
    }

    fn server_changed(&mut self, farm: &Farm, members: &[Member], server: usize) {
        if let Some(&Some(at)) = self.positions.get(server) {
            self.put_right(farm, members, at as usize);
        }
    }

    fn put_right(&mut self, farm: &Farm, members: &[Member], at: usize) {
        let member = members.get(at);
        let server = member.and_then(|member| farm.lasting(member.index));
        let (Some(server), Some(member), Some(known)) = (server, member, self.loads.get_mut(at))
        else {
            return;
        };
        let load = Load::of(server, member);
        if *known == load {
            return;
        }
        if let Entry::Occupied(mut same) = self.order.entry(*known) {
            same.get_mut().remove(at as u32);
            if same.get().is_empty() {
                same.remove();
            }
        }
        let same = self.order.entry(load).or_insert_with(Positions::new);
        same.insert(at as u32, members.len());
        *known = load;
    }
}

/// The first of the members of one load that has room, from `start` on.
fn first_of(
    load: Load,
    same: &Positions,
    farm: &Farm,
    members: &[Member],
    start: usize,
    avoid: Option<usize>,
) -> Found {
    let (start, mut next) = (start as u32, start as u32);
    let mut around = false;
    loop {
        let at = match same.next(next) {
            Some(at) if !around || at < start => at,
            None if !around => {
                (around, next) = (true, 0);
                continue;
            }
            _ => return Found::None,
        };
        next = at + 1;
        let at = at as usize;
        let Some(member) = members.get(at) else {
            continue;
        };
        let Some(server) = farm.lasting(member.index) else {
            continue;
        };
        if Load::of(server, member) != load {
            return Found::Moved(at);
        }
        if Some(member.index) != avoid && has_room(server) {
            return Found::Free(at);
        }
    }
}

/// What is found among the members of one load.
enum Found {
    Free(usize),
    /// One whose load is another by now.
    Moved(usize),
    None,
}

/// Load of a server: 0 when it is idle, else what one more connection makes of it, per weight.
#[derive(Debug, Clone, Copy)]
struct Load {
    connections: u32,
    weight: u32,
}

impl Load {
    const NONE: Load = Load {
        connections: 0,
        weight: 1,
    };

    fn of(server: &ServerLasting, member: &Member) -> Load {
        let connections = server.sessions.value().saturating_add(server.queue.value());
        Load {
            connections: match connections {
                0 => 0,
                more => more.saturating_add(1),
            },
            weight: member.weight.max(1),
        }
    }
}

impl Ord for Load {
    fn cmp(&self, other: &Load) -> std::cmp::Ordering {
        let own = u64::from(self.connections) * u64::from(other.weight);
        own.cmp(&(u64::from(other.connections) * u64::from(self.weight)))
    }
}

impl PartialOrd for Load {
    fn partial_cmp(&self, other: &Load) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Load {
    fn eq(&self, other: &Load) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Load {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::tests::backend;

    // exercises: balance/leastconn
    #[test]
    fn connections_follow_the_weights() {
        let (proxy, live) = backend(&[10, 20, 30], |_| {});
        let balancer = LeastConnections.build(&proxy, &live.servers);
        for _ in 0..600 {
            let index = balancer.choose(KeyValue::None, None);
            live.servers[index.expect("a server")].sessions.up();
        }
        let held: Vec<u32> = live
            .servers
            .iter()
            .map(|server| server.sessions.value())
            .collect();
        assert!(
            (99..=101).contains(&held[0]) && (199..=201).contains(&held[1]),
            "{held:?}"
        );
        live.servers[0].sessions.down();
        live.servers[0].sessions.down();
        assert_eq!(balancer.choose(KeyValue::None, None), Some(0));
        assert_ne!(balancer.choose(KeyValue::None, Some(0)), Some(0));
    }

    #[test]
    fn an_index_chooses_as_a_scan_does() {
        let weights: Vec<u32> = (0..60).map(|at| [1, 2, 3, 5, 256][at % 5]).collect();
        let (proxy, live) = backend(&weights, |proxy| {
            for server in proxy.servers.iter_mut().step_by(4) {
                server.options.maxconn = 3;
            }
        });
        let farm = Farm::new(&proxy, &live.servers);
        let members = farm.members();
        let mut index = Index::new(&farm, &members);
        let (mut start, mut random, mut held) = (0, 1_u32, Vec::new());
        for round in 0..5000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let avoid = (random >> 30 == 0).then_some(round % 60);
            let expected = least(&farm, &members, start, avoid);
            let at = index.least(&farm, &members, start, avoid);
            assert_eq!(at, expected, "round {round}");
            let at = at.expect("a server");
            start = (at + 1) % members.len();
            live.servers[members[at].index].sessions.up();
            held.push(members[at].index);
            // One in three that begin is told, every one that ends.
            if round % 3 == 0 {
                index.server_changed(&farm, &members, members[at].index);
            }
            while held.len() > 400 || random >> 31 == 0 && held.len() > 200 {
                let server = held.swap_remove(random as usize % held.len());
                live.servers[server].sessions.down();
                index.server_changed(&farm, &members, server);
            }
        }
    }

    #[test]
    fn what_another_view_changed_is_seen() {
        let (proxy, live) = backend(&[1; 40], |_| {});
        let balancer = LeastConnections.build(&proxy, &live.servers);
        for server in &live.servers {
            server.sessions.up();
            server.sessions.up();
            balancer.connections_changed(server.index);
        }
        live.servers[17].sessions.down();
        balancer.connections_changed_elsewhere();
        assert_eq!(balancer.choose(KeyValue::None, None), Some(17));
    }

    #[test]
    fn idle_servers_take_turns() {
        let (proxy, live) = backend(&[1, 1, 1], |_| {});
        let balancer = LeastConnections.build(&proxy, &live.servers);
        let turns: Vec<_> = (0..6)
            .filter_map(|_| balancer.choose(KeyValue::None, None))
            .collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }
}
