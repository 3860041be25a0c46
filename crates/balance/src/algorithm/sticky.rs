//! `balance sticky`: one server for everything until it goes down; who returns goes to the end of the line.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::BalanceKeyword;
use hapax_core::live::Servers;
use parking_lot::RwLock;

use crate::farm::Farm;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "sticky",
    usage: "",
    doc: "The first server until it goes down, then the next one; a server that returns goes to the end of the line.",
    parse: |_| Ok(Arc::new(Sticky)),
};

/// The algorithm.
#[derive(Debug, Clone, Copy, Default)]
struct Sticky;

impl Algorithm for Sticky {
    fn text(&self) -> String {
        "sticky".into()
    }

    fn name(&self) -> &'static str {
        // Upstream's statistics have no name for it.
        "unknown"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        let balancer = InLine {
            farm: Farm::new(proxy, servers),
            line: RwLock::new(Vec::new()),
        };
        balancer.servers_changed();
        Box::new(balancer)
    }
}

#[derive(Debug)]
struct InLine {
    farm: Farm,
    line: RwLock<Vec<usize>>,
}

impl Balancer for InLine {
    fn choose(&self, _: KeyValue<'_>, _: Option<usize>) -> Option<usize> {
        self.line.read().first().copied()
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {
        let members = self.farm.members();
        let mut line = self.line.write();
        line.retain(|&index| members.iter().any(|member| member.index == index));
        for member in &members {
            if !line.contains(&member.index) {
                line.push(member.index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::farm::tests::backend;

    // exercises: balance/sticky
    #[test]
    fn who_returns_goes_to_the_end_of_the_line() {
        let (proxy, live) = backend(&[1, 1, 1], |_| {});
        let balancer = Sticky.build(&proxy, &live.servers);
        let chosen = || balancer.choose(KeyValue::None, None);
        let turn = |index: usize, up: bool| {
            live.servers[index].usable.store(up, Ordering::Relaxed);
            balancer.servers_changed();
        };
        assert_eq!((chosen(), chosen()), (Some(0), Some(0)));
        turn(0, false);
        assert_eq!(chosen(), Some(1));
        turn(0, true);
        assert_eq!(chosen(), Some(1));
        turn(1, false);
        assert_eq!(chosen(), Some(2));
        turn(2, false);
        assert_eq!(chosen(), Some(0));
    }
}
