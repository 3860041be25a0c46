//! `balance roundrobin`: every server in turn by weight; weights may change while it runs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::BalanceKeyword;
use hapax_core::live::ServerLive;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::farm::{Farm, Member};

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "roundrobin",
    usage: "",
    doc: "Every server in turn, according to weights that may change while it runs.",
    parse: |_| Ok(Arc::new(RoundRobin)),
};

/// The algorithm.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoundRobin;

impl Algorithm for RoundRobin {
    fn text(&self) -> String {
        "roundrobin".into()
    }

    fn name(&self) -> &'static str {
        "roundrobin"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, proxy: &ir::Proxy, servers: &[Arc<ServerLive>]) -> Box<dyn Balancer> {
        let balancer = Turns {
            farm: Farm::new(proxy, servers),
            order: Mutex::new(Order::default()),
        };
        balancer.servers_changed();
        Box::new(balancer)
    }
}

#[derive(Debug)]
struct Turns {
    farm: Farm,
    order: Mutex<Order>,
}

impl Balancer for Turns {
    fn choose(&self, _: KeyValue<'_>, avoid: Option<usize>) -> Option<usize> {
        let mut order = self.order.lock();
        order
            .next(|index| Some(index) != avoid && self.farm.has_room(index))
            .or_else(|| order.next(|index| Some(index) == avoid && self.farm.has_room(index)))
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {
        self.order.lock().update(&self.farm.members());
    }
}

/// Who is next. Every server has a position on a line along which each choice is one step; being chosen moves it ahead by
/// `total weight / own weight`. Whoever stands at or before the current step is due. When nobody is due, a server that
/// was never chosen begins here, heaviest first; when there is none, the nearest server ahead is taken.
#[derive(Debug, Default)]
struct Order {
    waiting: BinaryHeap<Reverse<Turn>>,
    fresh: VecDeque<Member>,
    step: u64,
    total: u64,
    turns: u64,
}

/// Where a server stands: whole steps, then what of its weight the fraction left unused (most first), then who came
/// there first. The order of the fields is the order of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    position: u64,
    fraction_less_weight: i64,
    turn: u64,
    index: usize,
    weight: u32,
}

impl Turn {
    fn fraction(&self) -> u64 {
        u64::try_from(self.fraction_less_weight + i64::from(self.weight)).unwrap_or(0)
    }
}

impl Order {
    fn next(&mut self, takes: impl Fn(usize) -> bool) -> Option<usize> {
        let mut passed: SmallVec<[Reverse<Turn>; 4]> = SmallVec::new();
        let fresh = self.fresh.iter().position(|member| takes(member.index));
        let chosen = loop {
            let due = self
                .waiting
                .peek()
                .is_some_and(|Reverse(turn)| turn.position <= self.step || fresh.is_none());
            if !due {
                break fresh
                    .and_then(|at| self.fresh.remove(at))
                    .map(|member| Turn {
                        position: self.step,
                        fraction_less_weight: -i64::from(member.weight),
                        turn: 0,
                        index: member.index,
                        weight: member.weight,
                    });
            }
            match self.waiting.pop() {
                Some(Reverse(turn)) if takes(turn.index) => break Some(turn),
                Some(passed_over) => passed.push(passed_over),
                None => break None,
            }
        };
        self.waiting.extend(passed);
        let turn = chosen?;
        self.step = self.step.max(turn.position) + 1;
        let weight = u64::from(turn.weight.max(1));
        let ahead = turn.fraction() + self.total;
        self.turns += 1;
        self.waiting.push(Reverse(Turn {
            position: turn.position + ahead / weight,
            fraction_less_weight: (ahead % weight) as i64 - weight as i64,
            turn: self.turns,
            ..turn
        }));
        Some(turn.index)
    }

    fn update(&mut self, members: &[Member]) {
        self.total = members.iter().map(|member| u64::from(member.weight)).sum();
        let now = |index: usize| members.iter().find(|member| member.index == index);
        let stay: Vec<Reverse<Turn>> = self
            .waiting
            .drain()
            .filter_map(|Reverse(turn)| {
                let member = now(turn.index)?;
                // With another weight it begins anew.
                (member.weight == turn.weight).then_some(Reverse(turn))
            })
            .collect();
        self.waiting = stay.into();
        let mut fresh: Vec<Member> = members
            .iter()
            .filter(|member| {
                let known = |Reverse(turn): &Reverse<Turn>| turn.index == member.index;
                !self.waiting.iter().any(known)
            })
            .copied()
            .collect();
        fresh.sort_by_key(|member| Reverse(member.weight));
        self.fresh = fresh.into();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::farm::tests::backend;

    fn sequence(balancer: &dyn Balancer, count: usize) -> Vec<usize> {
        (0..count)
            .filter_map(|_| balancer.choose(KeyValue::None, None))
            .collect()
    }

    // exercises: balance/roundrobin
    #[test]
    fn every_round_is_fair_and_smooth() {
        for weights in [
            &[1, 1, 1][..],
            &[5, 1, 1],
            &[7, 3, 2, 5],
            &[256, 1, 100],
            &[1; 50],
        ] {
            let (proxy, live) = backend(weights, |_| {});
            let balancer = RoundRobin.build(&proxy, &live.servers);
            let total: u32 = weights.iter().sum();
            for _ in 0..20 {
                let round = sequence(&*balancer, total as usize);
                for (at, &weight) in weights.iter().enumerate() {
                    let count = round.iter().filter(|&&index| index == at).count();
                    assert_eq!(count, weight as usize, "{weights:?}");
                }
            }
        }
    }

    #[test]
    fn servers_of_one_weight_take_turns_in_file_order() {
        let (proxy, live) = backend(&[1, 1, 1], |_| {});
        let balancer = RoundRobin.build(&proxy, &live.servers);
        assert_eq!(sequence(&*balancer, 6), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn full_and_avoided_servers_are_passed_over() {
        let (proxy, live) = backend(&[1, 1, 1], |proxy| proxy.servers[1].options.maxconn = 1);
        let balancer = RoundRobin.build(&proxy, &live.servers);
        live.servers[1].sessions.up();
        assert_eq!(sequence(&*balancer, 4), [0, 2, 0, 2]);
        assert_eq!(balancer.choose(KeyValue::None, Some(0)), Some(2));
        live.servers[2].usable.store(false, Ordering::Relaxed);
        balancer.servers_changed();
        assert_eq!(balancer.choose(KeyValue::None, Some(0)), Some(0));
        live.servers[1].sessions.down();
        assert_eq!(balancer.choose(KeyValue::None, Some(0)), Some(1));
    }

    #[test]
    fn a_server_that_returns_gets_its_share_again() {
        let (proxy, live) = backend(&[2, 1, 1], |_| {});
        let balancer = RoundRobin.build(&proxy, &live.servers);
        sequence(&*balancer, 5);
        live.servers[0].usable.store(false, Ordering::Relaxed);
        balancer.servers_changed();
        assert!(sequence(&*balancer, 100).iter().all(|&index| index != 0));
        live.servers[0].usable.store(true, Ordering::Relaxed);
        balancer.servers_changed();
        let share = |list: Vec<usize>| list.iter().filter(|&&index| index == 0).count();
        assert!((190..=210).contains(&share(sequence(&*balancer, 400))));
    }
}
