//! Bandwidth limits on the lanes of an exchange.

use hapax_core::bandwidth::Bandwidth;

use super::lane::{Allowance, Blocked, Lane};
use crate::wheel::NEVER;

/// Tells the lanes what they may move from now on. Called where there are limits, before the lanes are polled.
#[cold]
pub fn grant(limits: &mut [Bandwidth], up: &mut Lane, down: &mut Lane, now: u64) {
    for (lane, outgoing) in [(up, false), (down, true)] {
        settle(limits, lane, outgoing, now);
        let of_lane = limits.iter().filter(|limit| limit.outgoing == outgoing);
        lane.allowance = of_lane.fold(None, |least: Option<Allowance>, limit| {
            let (credit, grain) = (limit.credit(), limit.grain());
            Some(match least {
                None => Allowance { credit, grain },
                Some(least) => Allowance {
                    credit: least.credit.min(credit),
                    grain: least.grain.min(grain),
                },
            })
        });
    }
}

/// When a lane that stopped at its limit goes on.
pub fn resumes(limits: &mut [Bandwidth], lane: &mut Lane, outgoing: bool, now: u64) -> u64 {
    if lane.blocked != Blocked::Limit {
        return NEVER;
    }
    settle(limits, lane, outgoing, now);
    let of_lane = limits.iter().filter(|limit| limit.outgoing == outgoing);
    now + of_lane.map(Bandwidth::wait).max().unwrap_or(0)
}

/// Pays for what the lane took since it was last looked at.
fn settle(limits: &mut [Bandwidth], lane: &mut Lane, outgoing: bool, now: u64) {
    let taken = lane.payload.saturating_sub(lane.paid);
    lane.paid = lane.payload;
    for limit in limits.iter_mut().filter(|limit| limit.outgoing == outgoing) {
        limit.refill(now);
        limit.pay(taken);
    }
}
