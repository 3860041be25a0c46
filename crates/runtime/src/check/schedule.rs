//! When checks run: spread over the shortest interval at the start, then each at the interval of its server's state.

use hapax_balance::health::next_check;
use hapax_core::ir::ServerCheck;
use hapax_core::live::ServerState;
use hapax_core::program::Program;

use super::Role;

/// What decides about the times of checks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    /// All first checks run within this many milliseconds.
    window_ms: u64,
    /// How many checks there are, on all workers.
    checks: u64,
    /// `spread-checks`, percent.
    spread: u64,
    random: u64,
}

impl Schedule {
    /// The schedule of a program's checks.
    pub(super) fn of(program: &Program) -> Schedule {
        let checked = || {
            program
                .proxies
                .iter()
                .filter(|proxy| proxy.servers.checks && !proxy.ir.disabled)
                .flat_map(|proxy| &proxy.ir.servers)
                .flat_map(|server| Role::of(server).map(move |role| role.inter(server)))
        };
        let shortest = checked().min().unwrap_or(0);
        let most = program.global.max_spread_checks.unwrap_or(u32::MAX);
        Schedule {
            window_ms: u64::from(shortest.min(most)),
            checks: checked().count().max(1) as u64,
            spread: u64::from(program.global.spread_checks.min(50)),
            random: SEED,
        }
    }

    /// The schedule of a server that came while the program runs: its first check is due at once.
    pub(super) fn of_added(program: &Program, index: usize) -> Schedule {
        let schedule = Schedule {
            window_ms: 0,
            checks: 1,
            spread: u64::from(program.global.spread_checks.min(50)),
            random: SEED,
        };
        schedule.of_server(index)
    }

    /// Milliseconds until the first check of the server that is number `position` of all checked ones.
    pub(super) fn first(&self, position: usize) -> u64 {
        self.window_ms * position as u64 / self.checks
    }

    /// The schedule of the server at `position`: its randomness differs from that of others.
    pub(super) fn of_server(mut self, position: usize) -> Schedule {
        for _ in 0..=position % 61 {
            self.next_random();
        }
        self.random ^= (position as u64) << 32;
        self
    }

    /// Milliseconds from the end of a check to the next one.
    pub(super) fn interval(&mut self, check: &ServerCheck, state: &ServerState) -> u64 {
        self.spread(next_check(state, check))
    }

    /// The same for one that is always the same.
    pub(super) fn spread(&mut self, interval: u32) -> u64 {
        let interval = u64::from(interval).max(1);
        let most = interval * self.spread / 100;
        if most == 0 {
            return interval;
        }
        interval - most + self.next_random() % (2 * most + 1)
    }

    /// xorshift64: enough to keep checks from falling into step.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use super::*;
    use hapax_core::live::Operation;

    // exercises: section/spread-checks
    #[test]
    fn intervals_spread_and_first_checks_share_the_window() {
        let plain = ServerCheck {
            inter: 1000,
            ..ServerCheck::default()
        };
        let up = ServerState {
            operation: Operation::Running,
            health: 4,
            ..ServerState::default()
        };
        let mut schedule = Schedule {
            window_ms: 1000,
            checks: 4,
            spread: 0,
            random: SEED,
        };
        assert_eq!(schedule.interval(&plain, &up), 1000);
        schedule.spread = 20;
        let spread: Vec<_> = (0..100).map(|_| schedule.interval(&plain, &up)).collect();
        assert!(
            spread
                .iter()
                .all(|interval| (800..=1200).contains(interval))
        );
        assert!(spread.iter().any(|interval| *interval < 900));
        assert!(spread.iter().any(|interval| *interval > 1100));
        assert_eq!((schedule.first(0), schedule.first(3)), (0, 750));
    }
}
