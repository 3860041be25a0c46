//! What happens once per turn of a worker's event loop.
//!
//! tokio tells a stable hook before and after it waits for events. Before: everything that was
//! gathered during the turn goes out (log lines). After: the clock is read. A worker that always has
//! tasks to run never waits; [`polled`] counts task polls so that the same work is still done.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::{clock, profile};

/// Something that gathers during a turn and is flushed at its end.
pub trait AtTurnEnd {
    /// Sends what was gathered. Must not block, and is called often with nothing to do.
    fn turn_ended(&self);
}

/// Calls `who` at the end of every turn of this thread's worker, as long as it lives.
pub fn at_end(who: &Rc<dyn AtTurnEnd>) {
    ENDS.with_borrow_mut(|ends| {
        ends.retain(|end| end.strong_count() > 0);
        ends.push(Rc::downgrade(who));
    });
}

/// The worker is about to wait for events.
pub fn end() {
    profile::end();
    POLLS.set(0);
    let mut index = 0;
    loop {
        let next = ENDS.with_borrow(|ends| ends.get(index).map(Weak::upgrade));
        match next {
            None => return,
            Some(Some(who)) => who.turn_ended(),
            Some(None) => {}
        }
        index += 1;
    }
}

/// The worker has events to work on.
pub fn begin() {
    profile::begin(clock::refresh());
}

/// A task is about to be polled.
#[inline]
pub fn polled() {
    let polls = POLLS.get() + 1;
    POLLS.set(polls);
    if polls >= POLLS_PER_TURN {
        end();
        begin();
    }
}

/// After so many task polls without a wait, the turn is taken to have ended.
const POLLS_PER_TURN: u32 = 64;

thread_local! {
    static POLLS: Cell<u32> = const { Cell::new(0) };
    static ENDS: RefCell<Vec<Weak<dyn AtTurnEnd>>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Count(Cell<u32>);
    impl AtTurnEnd for Count {
        fn turn_ended(&self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn a_busy_worker_ends_turns_too() {
        let count = Rc::new(Count(Cell::new(0)));
        let who: Rc<dyn AtTurnEnd> = count.clone();
        at_end(&who);
        end();
        assert_eq!(count.0.get(), 1);
        for _ in 0..POLLS_PER_TURN * 2 {
            polled();
        }
        assert_eq!(count.0.get(), 3);
        drop(who);
        drop(count);
        end();
    }
}
