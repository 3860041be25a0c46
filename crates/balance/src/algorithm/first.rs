//! `balance first`: the first server, by number, that has a free slot.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::BalanceKeyword;
use hapax_core::live::Servers;
use parking_lot::RwLock;

use crate::farm::Farm;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "first",
    usage: "",
    doc: "The server with the lowest id that has a free slot below its maxconn.",
    parse: |_| Ok(Arc::new(First)),
};

/// The algorithm.
#[derive(Debug, Clone, Copy, Default)]
pub struct First;

impl Algorithm for First {
    fn text(&self) -> String {
        "first".into()
    }

    fn name(&self) -> &'static str {
        "first"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        let balancer = ById {
            farm: Farm::new(proxy, servers),
            order: RwLock::new(Vec::new()),
        };
        balancer.servers_changed();
        Box::new(balancer)
    }
}

#[derive(Debug)]
struct ById {
    farm: Farm,
    order: RwLock<Vec<usize>>,
}

impl Balancer for ById {
    fn choose(&self, _: KeyValue<'_>, avoid: Option<usize>) -> Option<usize> {
        let order = self.order.read();
        let mut free = order
            .iter()
            .copied()
            .filter(|&index| self.farm.has_room(index));
        let first = free.next()?;
        if Some(first) == avoid {
            free.next().or(Some(first))
        } else {
            Some(first)
        }
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {
        let mut members = self.farm.members();
        members.sort_by_key(|member| member.id);
        *self.order.write() = members.iter().map(|member| member.index).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::tests::backend;

    // exercises: balance/first
    #[test]
    fn the_lowest_id_with_a_free_slot_serves() {
        let (proxy, live) = backend(&[1, 1, 1], |proxy| {
            for (server, id) in proxy.servers.iter_mut().zip([30, 10, 20]) {
                server.options.id = Some(id);
                server.options.maxconn = 1;
            }
        });
        let balancer = First.build(&proxy, &live.servers);
        let mut order = Vec::new();
        while let Some(index) = balancer.choose(KeyValue::None, None) {
            live.servers[index].sessions.up();
            order.push(index);
        }
        assert_eq!(order, [1, 2, 0]);
        live.servers[2].sessions.down();
        assert_eq!(balancer.choose(KeyValue::None, None), Some(2));
    }
}
