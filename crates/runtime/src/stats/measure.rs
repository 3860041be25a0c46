//! What the workers measure of themselves for `show info`: each leaves its figures once per second and whenever it is
//! asked itself; the answer is their sum.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::program::Program;
use hapax_sys::time;
use parking_lot::Mutex;

use super::info::Measures;
use crate::{buffer, pipe};

static LEFT: Mutex<Vec<Measures>> = Mutex::new(Vec::new());

thread_local! {
    static WORKER: Cell<usize> = const { Cell::new(0) };
    /// Processor time and clock at the last look, ns.
    static LOOKED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    static IDLE: Cell<u32> = const { Cell::new(100) };
}

/// This thread runs worker `worker`.
pub fn begin(worker: usize) {
    WORKER.set(worker);
    LOOKED.set((time::thread_cpu(), time::monotonic()));
    leave();
}

/// Once per second: looks how much of it was work.
pub fn second() {
    let (worked_before, before) = LOOKED.get();
    let (worked, now) = (time::thread_cpu(), time::monotonic());
    LOOKED.set((worked, now));
    IDLE.set(idle(worked - worked_before, now - before));
    leave();
}

/// How much of the last second was work on this worker, percent.
pub fn usage() -> u32 {
    100_u32.saturating_sub(IDLE.get())
}

/// The figures of each worker.
pub fn each() -> Vec<Measures> {
    leave();
    LEFT.lock().clone()
}

/// The figures of all workers.
pub fn all(program: &Program, now: Now) -> Measures {
    leave();
    let process = &program.live.process;
    let mut all = Measures {
        bytes_out_rate: u64::from(process.bytes_out_rate.per_second(now.ms)),
        maxconn_reached: process.maxconn_reached.load(Ordering::Relaxed),
        ..Measures::default()
    };
    let left = LEFT.lock();
    for one in left.iter() {
        all.pool_allocated += one.pool_allocated;
        all.pool_used += one.pool_used;
        all.pipes_used += one.pipes_used;
        all.pipes_free += one.pipes_free;
        all.tasks += one.tasks;
        all.spliced_bytes += one.spliced_bytes;
        all.idle_percent += one.idle_percent;
    }
    all.idle_percent /= u32::try_from(left.len()).unwrap_or(1).max(1);
    all
}

fn leave() {
    let used = buffer::used();
    let (pipes, pipes_free) = pipe::open();
    let tasks = tokio::runtime::Handle::try_current().map(|runtime| runtime.metrics());
    let mine = Measures {
        pool_allocated: (used + buffer::pooled() * buffer::size()) as u64,
        pool_used: used as u64,
        pipes_used: pipes.saturating_sub(pipes_free) as u32,
        pipes_free: pipes_free as u32,
        tasks: tasks.map_or(0, |metrics| metrics.num_alive_tasks()) as u32,
        idle_percent: IDLE.get(),
        spliced_bytes: pipe::spliced(),
        ..Measures::default()
    };
    let mut left = LEFT.lock();
    let worker = WORKER.get();
    if left.len() <= worker {
        left.resize(worker + 1, Measures::default());
    }
    if let Some(slot) = left.get_mut(worker) {
        *slot = mine;
    }
}

/// Percent of `time` that was not worked.
fn idle(worked: u64, time: u64) -> u32 {
    let worked = worked.min(time).saturating_mul(100);
    100 - u32::try_from(worked.checked_div(time).unwrap_or(0)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_worked_is_idle() {
        assert_eq!(idle(0, 0), 100);
        assert_eq!(idle(250, 1000), 75);
        assert_eq!(idle(2000, 1000), 0);
    }
}
