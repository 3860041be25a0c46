//! `balance random`: the least loaded of some servers drawn by lot on the ring.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::{BalanceKeyword, Fault, Line};
use hapax_core::live::Servers;

use super::hashed::{self, Hashed};

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "random",
    usage: "[ (<draws>) ]",
    doc: "The least loaded of as many servers as are drawn by lot, two if nothing is said; weights count.",
    parse,
};

/// The algorithm.
#[derive(Debug, Clone, Copy)]
pub struct Random {
    draws: u32,
}

impl Default for Random {
    fn default() -> Random {
        Random { draws: 2 }
    }
}

fn parse(line: &mut Line<'_>) -> Result<Arc<dyn Algorithm>, Fault> {
    let word = line.arg(0).unwrap_or_default().into_owned();
    let Some(argument) = word.strip_prefix("random(") else {
        return Ok(Arc::new(Random::default()));
    };
    if argument.starts_with(')') {
        return Ok(Arc::new(Random::default()));
    }
    let end = argument.find(|c: char| !c.is_ascii_digit());
    match end.and_then(|end| argument[end..].chars().next()) {
        None => Err(line.fault_at(0, "balance random : missing closing parenthesis.")),
        Some(')') => match argument[..end.unwrap_or(0)].parse() {
            Ok(draws) if draws > 0 => Ok(Arc::new(Random { draws })),
            _ => Err(line.fault_at(0, "balance random : number of draws must be at least 1.")),
        },
        Some(other) => {
            let text = format!("balance random : unexpected character '{other}' after argument.");
            Err(line.fault_at(0, text))
        }
    }
}

impl Algorithm for Random {
    fn text(&self) -> String {
        format!("random({})", self.draws)
    }

    fn name(&self) -> &'static str {
        // Upstream's statistics have no name for it.
        "unknown"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        Box::new(Lots {
            draws: self.draws,
            ring: hashed::ring(proxy, servers),
        })
    }
}

#[derive(Debug)]
struct Lots {
    draws: u32,
    ring: Hashed,
}

impl Balancer for Lots {
    fn choose(&self, _: KeyValue<'_>, avoid: Option<usize>) -> Option<usize> {
        let mut best = None;
        // More draws than places do not find more servers.
        for _ in 0..self.draws.min(MOST_DRAWS) {
            let Some(drawn) = self.ring.choose_hash(draw(), avoid) else {
                break;
            };
            best = Some(match best {
                Some(held) if !self.ring.is_less_loaded(drawn, held) => held,
                _ => drawn,
            });
        }
        best
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {
        self.ring.servers_changed();
    }
}

/// A bound for what one choice costs.
const MOST_DRAWS: u32 = 256;

/// A number by lot: Marsaglia's xorshift64* per thread, which is fast and need not be secret.
fn draw() -> u32 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
    }
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::tests::backend;

    // exercises: balance/random
    #[test]
    fn lots_follow_weights_and_the_less_loaded_wins() {
        let (proxy, live) = backend(&[100, 300], |_| {});
        let one = Random { draws: 1 }.build(&proxy, &live.servers);
        let second = |balancer: &dyn Balancer| {
            (0..4000)
                .filter(|_| balancer.choose(KeyValue::None, None) == Some(1))
                .count()
        };
        let share = second(&*one);
        assert!((2700..3300).contains(&share), "{share}");
        let many = Random { draws: 20 }.build(&proxy, &live.servers);
        for _ in 0..10 {
            live.servers[1].sessions.up();
        }
        assert!(second(&*many) < 100);
        assert!((0..50).all(|_| many.choose(KeyValue::None, Some(0)) == Some(1)));
    }
}
