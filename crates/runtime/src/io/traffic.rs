//! How many bytes passed through a connection, until somebody counts them.

use hapax_core::counter::{Count, Counters};

/// Bytes that passed through a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Received.
    pub received: u64,
    /// Sent.
    pub sent: u64,
    /// Those of the received ones that went into a pipe.
    pub spliced_in: u64,
    /// Those of the sent ones that came out of a pipe.
    pub spliced_out: u64,
}

impl Traffic {
    /// Adds it to counters on behalf of `worker`, and begins anew.
    pub fn count(&mut self, counters: &Counters, worker: usize) {
        let taken = std::mem::take(self);
        counters.add(worker, Count::WireIn, taken.received);
        counters.add(worker, Count::WireOut, taken.sent);
        if taken.spliced_in > 0 {
            counters.add(worker, Count::SplicedIn, taken.spliced_in);
        }
        if taken.spliced_out > 0 {
            counters.add(worker, Count::SplicedOut, taken.spliced_out);
        }
    }
}
