//! `balance static-rr`: every server in turn through a fixed table; weight changes only count once a server changes state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::BalanceKeyword;
use hapax_core::live::Servers;
use parking_lot::RwLock;

use crate::farm::Farm;
use crate::hash::Map;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "static-rr",
    usage: "",
    doc: "Every server in turn through a fixed table, without a limit on the number of servers.",
    parse: |_| Ok(Arc::new(StaticRoundRobin)),
};

/// The algorithm.
#[derive(Debug, Clone, Copy, Default)]
pub struct StaticRoundRobin;

impl Algorithm for StaticRoundRobin {
    fn text(&self) -> String {
        "static-rr".into()
    }

    fn name(&self) -> &'static str {
        "static-rr"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        let farm = Farm::new(proxy, servers);
        let map = RwLock::new(Map::new(&farm.members(), farm.divisor()));
        Box::new(Table {
            farm,
            map,
            turn: AtomicU32::new(0),
        })
    }
}

#[derive(Debug)]
struct Table {
    farm: Farm,
    map: RwLock<Map>,
    turn: AtomicU32,
}

impl Balancer for Table {
    fn choose(&self, _: KeyValue<'_>, avoid: Option<usize>) -> Option<usize> {
        let map = self.map.read();
        take_turn(&map, &self.turn, avoid, |index| self.farm.has_room(index))
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {
        *self.map.write() = Map::new(&self.farm.members(), self.farm.divisor());
    }
}

/// Takes the next place of `map` whose server `fits`, if possible another one than `avoid`.
pub fn take_turn(
    map: &Map,
    turn: &AtomicU32,
    avoid: Option<usize>,
    fits: impl Fn(usize) -> bool,
) -> Option<usize> {
    let size = u32::try_from(map.len()).ok()?;
    // The end is noticed by who comes next: by then the table may have grown.
    let place = |turn: u32| if turn >= size { 0 } else { turn };
    let mut last_resort = None;
    for _ in 0..size {
        let at = turn
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |at| {
                Some(place(at) + 1)
            })
            .unwrap_or(0);
        let index = map.at(place(at))?;
        if !fits(index) {
            continue;
        }
        if Some(index) != avoid {
            return Some(index);
        }
        last_resort = Some(index);
    }
    last_resort
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::tests::backend;

    // exercises: balance/static-rr
    #[test]
    fn the_table_is_walked_in_order() {
        let (proxy, live) = backend(&[10, 20, 30], |_| {});
        let balancer = StaticRoundRobin.build(&proxy, &live.servers);
        let choose = |avoid| balancer.choose(KeyValue::None, avoid);
        let round: Vec<_> = (0..6).filter_map(|_| choose(None)).collect();
        let again: Vec<_> = (0..6).filter_map(|_| choose(None)).collect();
        assert_eq!(round, again);
        for (index, share) in [1, 2, 3].into_iter().enumerate() {
            assert_eq!(round.iter().filter(|&&one| one == index).count(), share);
        }
        live.servers[0].usable.store(false, Ordering::Relaxed);
        balancer.servers_changed();
        for _ in 0..20 {
            assert_eq!(choose(Some(1)), Some(2));
        }
    }

    #[test]
    fn no_usable_server_is_no_choice() {
        let (proxy, live) = backend(&[1], |_| {});
        live.servers[0].usable.store(false, Ordering::Relaxed);
        let balancer = StaticRoundRobin.build(&proxy, &live.servers);
        assert_eq!(balancer.choose(KeyValue::None, None), None);
    }
}
