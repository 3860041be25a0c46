//! What each task of a worker has done: calls, and how long they took and were late while `profiling.tasks` measures.

use std::cell::Cell;

use hapax_core::stream::Effort;
use hapax_sys::time;

use crate::profile;

/// What a task has done, kept beside it.
#[derive(Debug, Default)]
pub struct Meter(Effort);

impl Meter {
    /// Calls the task.
    #[inline]
    pub fn call<T>(&mut self, task: impl FnOnce() -> T) -> T {
        self.0.calls += 1;
        let began = match profile::measures() {
            true => time::monotonic(),
            false => 0,
        };
        let late = profile::since_turn_began(began);
        self.0.waited += late;
        NOW.set(Call {
            done: self.0,
            began,
            late,
        });
        let result = task();
        if began > 0 {
            self.0.ran += time::monotonic().saturating_sub(began);
        }
        result
    }
}

/// What the task that runs now has done.
pub fn now() -> Effort {
    let call = NOW.get();
    let ran = match call.began {
        0 => 0,
        began => time::monotonic().saturating_sub(began),
    };
    Effort {
        ran: call.done.ran + ran,
        ..call.done
    }
}

/// What it had done before what begins now: that has this call.
pub fn before() -> Effort {
    let call = NOW.get();
    Effort {
        calls: call.done.calls.saturating_sub(1),
        waited: call.done.waited.saturating_sub(call.late),
        ..now()
    }
}

/// The call that runs now.
#[derive(Debug, Clone, Copy)]
struct Call {
    done: Effort,
    began: u64,
    late: u64,
}

thread_local! {
    static NOW: Cell<Call> = const {
        let done = Effort { calls: 0, ran: 0, waited: 0 };
        Cell::new(Call { done, began: 0, late: 0 })
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_in_a_call_has_that_call() {
        let (mut one, mut other) = (Meter::default(), Meter::default());
        one.call(|| assert_eq!(now().since(before()).calls, 1));
        let began = one.call(before);
        other.call(|| assert_eq!(now().calls, 1));
        assert_eq!(one.call(now).since(began).calls, 2);
    }
}
