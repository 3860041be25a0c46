//! Histograms of durations: one slot per worker with a single writer, summed when read.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::slots::Slots;

/// Upper ends of the buckets, milliseconds; a last one takes what is longer.
pub const BOUNDS_MS: [u64; 13] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// How long something took, by buckets.
#[derive(Debug)]
pub struct Histogram {
    slots: Slots<Slot>,
}

/// One worker's slot, on cache lines of its own.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Slot {
    buckets: [AtomicU64; BUCKETS],
    sum_ms: AtomicU64,
}

/// The sums of all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How many fell into each bucket.
    pub buckets: [u64; BUCKETS],
    /// All durations together, milliseconds.
    pub sum_ms: u64,
}

impl Histogram {
    /// Zeros for `workers` workers.
    pub fn new(workers: usize) -> Histogram {
        Histogram {
            slots: Slots::new(workers),
        }
    }

    /// Counts one duration on behalf of a worker; only that worker writes its slot.
    #[inline]
    pub fn add(&self, worker: usize, duration_ms: u64) {
        let Some(slot) = self.slots.of(worker) else {
            return;
        };
        let at = BOUNDS_MS.partition_point(|bound| *bound < duration_ms);
        for (cell, amount) in [(&slot.buckets[at], 1), (&slot.sum_ms, duration_ms)] {
            let now = cell.load(Ordering::Relaxed);
            cell.store(now.wrapping_add(amount), Ordering::Relaxed);
        }
    }

    /// The sums over the workers.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            buckets: [0; BUCKETS],
            sum_ms: 0,
        };
        for slot in self.slots.all() {
            for (sum, cell) in summary.buckets.iter_mut().zip(&slot.buckets) {
                *sum = sum.wrapping_add(cell.load(Ordering::Relaxed));
            }
            let own = slot.sum_ms.load(Ordering::Relaxed);
            summary.sum_ms = summary.sum_ms.wrapping_add(own);
        }
        summary
    }

    /// Sets everything to zero; what races with it may survive.
    pub fn clear(&self) {
        for slot in self.slots.all() {
            for cell in slot.buckets.iter().chain([&slot.sum_ms]) {
                cell.store(0, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fall_into_buckets_of_all_workers() {
        let histogram = Histogram::new(2);
        for (worker, duration) in [
            (0, 0),
            (0, 1),
            (1, 2),
            (1, 3),
            (0, 10_000),
            (1, 10_001),
            (7, 1),
        ] {
            histogram.add(worker, duration);
        }
        let summary = histogram.summary();
        assert_eq!(summary.buckets[..3], [2, 1, 1]);
        assert_eq!(summary.buckets[12..], [1, 1]);
        assert_eq!(summary.sum_ms, 20_007);
        histogram.clear();
        assert_eq!(histogram.summary().sum_ms, 0);
    }
}
