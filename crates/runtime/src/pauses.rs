//! How long the steps of a reload keep a worker from anything else: the time of its processor that each takes.

use std::cell::Cell;

use hapax_sys::time::thread_cpu;

/// Does one step.
pub fn step<T>(work: impl FnOnce() -> T) -> T {
    let begun = thread_cpu();
    let done = work();
    let taken = thread_cpu().saturating_sub(begun);
    LONGEST.set(LONGEST.get().max(taken));
    done
}

/// The longest step since the last call, nanoseconds.
pub fn longest() -> u64 {
    LONGEST.take()
}

thread_local! {
    static LONGEST: Cell<u64> = const { Cell::new(0) };
}
