//! How much memory variables may take: `tune.vars.*-max-size`.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What the limits count for a variable beside the bytes of its text.
pub(super) const ENTRY: u64 = 80;

/// The limits in bytes; 0 is none. A wider scope counts what the narrower ones hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// `tune.vars.global-max-size`: all variables.
    pub global: u64,
    /// `tune.vars.proc-max-size`: those of the process and of all its sessions.
    pub process: u64,
    /// `tune.vars.sess-max-size`: those of a client connection and its exchange.
    pub session: u64,
    /// `tune.vars.txn-max-size`: those of an exchange.
    pub transaction: u64,
    /// `tune.vars.reqres-max-size`: `req` or `res` of an exchange.
    pub message: u64,
    /// `tune.vars.check-max-size`: those of a health check.
    pub check: u64,
}

impl Limits {
    /// Whether something is limited at all: nothing is counted otherwise.
    pub fn any(&self) -> bool {
        *self != Limits::default()
    }
}

/// What is in use in the whole process; counted only while something is limited.
#[derive(Debug, Default)]
pub struct Usage {
    process: AtomicU64,
    all: AtomicU64,
}

impl Usage {
    /// Takes room of variables of the process or a session (`in_process`), or of a check; `false` when a limit is in the way.
    pub(super) fn take(&self, limits: &Limits, amount: u64, in_process: bool) -> bool {
        if amount == 0 {
            return true;
        }
        if in_process && !add(&self.process, amount, limits.process) {
            return false;
        }
        if !add(&self.all, amount, limits.global) {
            if in_process {
                subtract(&self.process, amount);
            }
            return false;
        }
        true
    }

    /// Gives room back.
    pub(super) fn give(&self, amount: u64, in_process: bool) {
        if in_process {
            subtract(&self.process, amount);
        }
        subtract(&self.all, amount);
    }
}

fn add(sum: &AtomicU64, amount: u64, limit: u64) -> bool {
    let after = sum
        .fetch_add(amount, Ordering::Relaxed)
        .saturating_add(amount);
    if limit > 0 && after > limit {
        subtract(sum, amount);
        return false;
    }
    true
}

fn subtract(sum: &AtomicU64, amount: u64) {
    sum.fetch_sub(amount, Ordering::Relaxed);
}
