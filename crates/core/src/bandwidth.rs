//! A limit on the bytes that pass in one direction of an exchange: what passed is paid for with time.

use crate::ir::BandwidthLimit;
use crate::program::ProxyId;

/// A limit that a rule switched on.
#[derive(Debug, Clone)]
pub struct Bandwidth {
    filter: (ProxyId, usize),
    /// Whether it slows what goes to the client.
    pub outgoing: bool,
    size: u32,
    period: u32,
    least: u32,
    /// Bytes times milliseconds that may still pass; below zero, what passed is not paid yet.
    credit: i64,
    /// When the credit was counted.
    counted: Option<u64>,
}

/// Milliseconds of bytes that pass together when no minimum is configured.
const GRAIN: u64 = 100;

impl Bandwidth {
    /// The limit of a filter, or another one in its place; 0 stands for its own.
    pub fn new(filter: (ProxyId, usize), ir: &BandwidthLimit, size: u32, period: u32) -> Bandwidth {
        let or = |given: u32, own: u32| if given == 0 { own.max(1) } else { given };
        Bandwidth {
            filter,
            outgoing: ir.outgoing,
            size: or(size, ir.size),
            period: or(period, ir.period),
            least: ir.least,
            credit: 0,
            counted: None,
        }
    }

    /// Whether both come from one filter.
    pub fn replaces(&self, other: &Bandwidth) -> bool {
        self.filter == other.filter
    }

    /// Time passed. What a period brings is the most that is saved up.
    pub fn refill(&mut self, now: u64) {
        let since = now.saturating_sub(self.counted.unwrap_or(now));
        self.counted = Some(now);
        let earned = i64::from(self.size).saturating_mul(i64::try_from(since).unwrap_or(i64::MAX));
        let most = i64::from(self.size).saturating_mul(i64::from(self.period));
        self.credit = self.credit.saturating_add(earned).min(most);
    }

    /// Bytes passed, or are about to.
    pub fn pay(&mut self, bytes: u64) {
        let price = i64::try_from(bytes).unwrap_or(i64::MAX);
        let price = price.saturating_mul(i64::from(self.period));
        self.credit = self.credit.saturating_sub(price);
    }

    /// Bytes that are paid for; below zero, those that are not.
    pub fn credit(&self) -> i64 {
        self.credit.div_euclid(i64::from(self.period))
    }

    /// Milliseconds until what passed is paid for.
    pub fn wait(&self) -> u64 {
        match self.credit {
            0.. => 0,
            debt => debt.unsigned_abs().div_ceil(u64::from(self.size)),
        }
    }

    /// How many bytes should pass together.
    pub fn grain(&self) -> usize {
        let grain = u64::from(self.size) * GRAIN / u64::from(self.period);
        usize::try_from(grain.max(u64::from(self.least)).max(1)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Bandwidth;
    use crate::ir::BandwidthLimit;
    use crate::program::ProxyId;

    fn limit(size: u32, period: u32) -> Bandwidth {
        let ir = BandwidthLimit {
            name: "l".to_owned(),
            outgoing: true,
            size: 1000,
            period: 1000,
            least: 0,
        };
        Bandwidth::new((ProxyId(0), 0), &ir, size, period)
    }

    #[test]
    fn bytes_cost_time() {
        let mut limit = limit(0, 0);
        limit.refill(50);
        limit.pay(500);
        assert_eq!(
            (limit.credit(), limit.wait(), limit.grain()),
            (-500, 500, 100)
        );
        limit.refill(549);
        assert_eq!(limit.wait(), 1);
        limit.refill(550);
        assert_eq!((limit.credit(), limit.wait()), (0, 0));
        // What is saved up ends with a period.
        limit.refill(100_000);
        assert_eq!(limit.credit(), 1000);
    }

    #[test]
    fn numbers_at_their_ends() {
        let mut limit = limit(u32::MAX, u32::MAX);
        limit.refill(0);
        limit.pay(u64::MAX);
        assert!(limit.wait() > 0 && limit.credit() < 0);
        limit.refill(u64::MAX);
        assert!(limit.grain() > 0);
    }
}
