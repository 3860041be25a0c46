//! `balance leastconn`: the server with the fewest connections for its weight.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::BalanceKeyword;
use hapax_core::live::Servers;
use parking_lot::Mutex;

use crate::farm::{Farm, Member};

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

    fn build(&self, proxy: &ir::Proxy, servers: &Servers) -> Box<dyn Balancer> {
        let balancer = Loads {
            farm: Farm::new(proxy, servers),
            ranks: Mutex::new(Ranks::default()),
        };
        balancer.servers_changed();
        Box::new(balancer)
    }
}

#[derive(Debug)]
struct Loads {
    farm: Farm,
    ranks: Mutex<Ranks>,
}

/// The servers in use, and where the next scan begins so that servers of one load take turns.
#[derive(Debug, Default)]
struct Ranks {
    members: Vec<Member>,
    start: usize,
}

impl Balancer for Loads {
    fn choose(&self, _: KeyValue<'_>, avoid: Option<usize>) -> Option<usize> {
        let mut ranks = self.ranks.lock();
        let (later, sooner) = {
            let at = ranks.start.min(ranks.members.len());
            let (sooner, later) = ranks.members.split_at(at);
            (later, sooner)
        };
        let mut best: Option<((bool, Load), usize, usize)> = None;
        for (distance, member) in later.iter().chain(sooner).enumerate() {
            let Some(server) = self.farm.server(member.index) else {
                continue;
            };
            if !crate::farm::has_room(server) {
                continue;
            }
            let connections = server.sessions.value().saturating_add(server.queue.value());
            let rank = (
                Some(member.index) == avoid,
                Load::of(connections, member.weight),
            );
            if best.is_none_or(|(least, ..)| rank < least) {
                best = Some((rank, distance, member.index));
            }
        }
        let (_, distance, index) = best?;
        ranks.start = (ranks.start + distance + 1) % ranks.members.len().max(1);
        Some(index)
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {
        let mut ranks = self.ranks.lock();
        ranks.members = self.farm.members();
        ranks.start = 0;
    }
}

/// Load of a server: 0 when it is idle, else what one more connection makes of it, per weight.
#[derive(Debug, Clone, Copy)]
struct Load {
    connections: u64,
    weight: u64,
}

impl Load {
    fn of(connections: u32, weight: u32) -> Load {
        Load {
            connections: match connections {
                0 => 0,
                more => u64::from(more) + 1,
            },
            weight: u64::from(weight.max(1)),
        }
    }
}

impl Ord for Load {
    fn cmp(&self, other: &Load) -> std::cmp::Ordering {
        (self.connections * other.weight).cmp(&(other.connections * self.weight))
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
    fn idle_servers_take_turns() {
        let (proxy, live) = backend(&[1, 1, 1], |_| {});
        let balancer = LeastConnections.build(&proxy, &live.servers);
        let turns: Vec<_> = (0..6)
            .filter_map(|_| balancer.choose(KeyValue::None, None))
            .collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }
}
