//! `balance roundrobin`: every server in turn by weight; weights may change while it runs.

mod order;

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::BalanceKeyword;
use hapax_core::live::Servers;
use parking_lot::Mutex;

use crate::farm::{Farm, Member};
use order::Order;

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

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        let farm = Farm::new(proxy, servers);
        let orders = (!farm.is_as_configured()).then(|| {
            let mut orders = Orders::default();
            orders.update(&farm.active(), &farm.backup());
            Box::new(orders)
        });
        Box::new(Turns {
            farm,
            orders: Mutex::new(orders),
        })
    }
}

#[derive(Debug)]
struct Turns {
    farm: Farm,
    /// Made when a server is first chosen or changed: most backends of a large configuration are idle.
    orders: Mutex<Option<Box<Orders>>>,
}

/// Active and backup servers take turns among themselves.
#[derive(Debug, Default)]
struct Orders {
    active: Order,
    backup: Order,
}

impl Orders {
    /// Who came first depends on what was there before: the order begins with what the lines say.
    fn of<'o>(orders: &'o mut Option<Box<Orders>>, farm: &Farm) -> &'o mut Orders {
        orders.get_or_insert_with(|| {
            let (active, backup) = farm.configured();
            let mut orders = Box::<Orders>::default();
            orders.update(&active, &backup);
            orders
        })
    }

    fn update(&mut self, active: &[Member], backup: &[Member]) {
        self.active.update(active);
        self.backup.update(backup);
    }
}

impl Balancer for Turns {
    fn choose(&self, _: KeyValue<'_>, avoid: Option<usize>) -> Option<usize> {
        let mut orders = self.orders.lock();
        let orders = Orders::of(&mut orders, &self.farm);
        let order = match orders.active.is_empty() {
            false => &mut orders.active,
            true => &mut orders.backup,
        };
        order
            .next(|index| Some(index) != avoid && self.farm.has_room(index))
            .or_else(|| {
                avoid?;
                order.next(|index| Some(index) == avoid && self.farm.has_room(index))
            })
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {
        let mut orders = self.orders.lock();
        let orders = Orders::of(&mut orders, &self.farm);
        orders.update(&self.farm.active(), &self.farm.backup());
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
