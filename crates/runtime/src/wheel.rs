//! The worker's timer wheel: many deadlines, one tokio sleep.
//!
//! A task holds one [`Timer`] for its life. Giving it a later deadline is one store: its place in the
//! wheel stays, and when that place comes up the wheel moves it on. Giving it an earlier one relinks
//! it. Neither allocates. Deadlines are milliseconds of [`clock::now_ms`].

use std::cell::RefCell;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::clock;

/// The deadline that never comes.
pub const NEVER: u64 = u64::MAX;

/// One task's place in this worker's wheel.
#[derive(Debug)]
pub struct Timer {
    index: u32,
    // The wheel belongs to this thread.
    _local: PhantomData<Rc<()>>,
}

impl Timer {
    /// A timer without a deadline; costs nothing until it gets one.
    pub fn new() -> Timer {
        Timer {
            index: NONE,
            _local: PhantomData,
        }
    }

    /// Ready when `deadline` has come; otherwise this task is woken then. Replaces the deadline that
    /// was given before; [`NEVER`] takes it away.
    pub fn poll_at(&mut self, cx: &mut Context<'_>, deadline: u64) -> Poll<()> {
        if deadline <= clock::now_ms() {
            return Poll::Ready(());
        }
        if self.index == NONE && deadline == NEVER {
            return Poll::Pending;
        }
        // Wakers are dropped and woken outside the borrow: they may run foreign code.
        let (_old, driver) = WHEEL.with_borrow_mut(|wheel| {
            if self.index == NONE {
                self.index = wheel.insert();
            }
            wheel.arm(self.index, deadline, cx.waker())
        });
        if let Some(driver) = driver {
            driver.wake();
        }
        Poll::Pending
    }

    /// Waits for `deadline`.
    pub async fn at(&mut self, deadline: u64) {
        poll_fn(|cx| self.poll_at(cx, deadline)).await;
    }
}

impl Default for Timer {
    fn default() -> Self {
        Timer::new()
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if self.index != NONE {
            // At the end of the thread the wheel may be gone already.
            let waker = WHEEL.try_with(|wheel| wheel.borrow_mut().remove(self.index));
            drop(waker);
        }
    }
}

/// Waits for `milliseconds`; for tasks that wait now and then. Paths that are hot keep a [`Timer`].
pub async fn pause(milliseconds: u64) {
    let deadline = clock::now_ms() + milliseconds;
    Timer::new().at(deadline).await;
}

/// Drives this worker's wheel: the task that holds the one sleep. Never ends.
pub async fn drive() {
    let mut sleep = pin!(sleep_until(Instant::now()));
    let mut due = Vec::new();
    poll_fn(|cx| {
        loop {
            let now = clock::now_ms();
            let next = WHEEL.with_borrow_mut(|wheel| {
                wheel.advance(now, &mut due);
                wheel.sleep_until = wheel.next_expiry().unwrap_or(NEVER);
                if !wheel
                    .driver
                    .as_ref()
                    .is_some_and(|old| old.will_wake(cx.waker()))
                {
                    wheel.driver = Some(cx.waker().clone());
                }
                wheel.sleep_until
            });
            due.drain(..).for_each(Waker::wake);
            if next == NEVER {
                return Poll::<()>::Pending;
            }
            let wait = Duration::from_millis(next.saturating_sub(now));
            sleep.as_mut().reset(Instant::now() + wait);
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            clock::refresh();
        }
    })
    .await;
}

/// Timers that exist and those of them that are linked into the wheel.
pub fn population() -> (usize, usize) {
    WHEEL.with_borrow(|wheel| {
        let linked = wheel
            .entries
            .iter()
            .filter(|entry| entry.is_linked())
            .count();
        (wheel.live, linked)
    })
}

/// Level `n` has slots of `64^n` milliseconds; six levels reach two years.
struct Wheel {
    elapsed: u64,
    heads: [[u32; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
    entries: Vec<Entry>,
    free: u32,
    live: usize,
    sleep_until: u64,
    driver: Option<Waker>,
}

struct Entry {
    /// When the task wants to be woken.
    deadline: u64,
    /// When the wheel will look at it; not later than `deadline` while linked.
    at: u64,
    next: u32,
    previous: u32,
    level: u8,
    slot: u8,
    waker: Option<Waker>,
}

impl Entry {
    fn is_linked(&self) -> bool {
        self.level != UNLINKED
    }
}

impl Wheel {
    const fn new() -> Wheel {
        Wheel {
            elapsed: 0,
            heads: [[NONE; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            entries: Vec::new(),
            free: NONE,
            live: 0,
            sleep_until: NEVER,
            driver: None,
        }
    }

    fn insert(&mut self) -> u32 {
        self.live += 1;
        let entry = Entry {
            deadline: NEVER,
            at: NEVER,
            next: NONE,
            previous: NONE,
            level: UNLINKED,
            slot: 0,
            waker: None,
        };
        if self.free == NONE {
            self.entries.push(entry);
            return (self.entries.len() - 1) as u32;
        }
        let index = self.free;
        self.free = self.entries[index as usize].next;
        self.entries[index as usize] = entry;
        index
    }

    fn remove(&mut self, index: u32) -> Option<Waker> {
        self.unlink(index);
        self.live -= 1;
        let entry = &mut self.entries[index as usize];
        let waker = entry.waker.take();
        entry.next = self.free;
        self.free = index;
        waker
    }

    /// Answers the waker that was replaced and the driver's, if it must look at the wheel again.
    fn arm(&mut self, index: u32, deadline: u64, waker: &Waker) -> (Option<Waker>, Option<Waker>) {
        let entry = &mut self.entries[index as usize];
        let mut old = None;
        if !entry
            .waker
            .as_ref()
            .is_some_and(|held| held.will_wake(waker))
        {
            old = entry.waker.replace(waker.clone());
        }
        entry.deadline = deadline;
        if entry.is_linked() && entry.at <= deadline {
            return (old, None);
        }
        self.unlink(index);
        if deadline == NEVER {
            return (old, None);
        }
        self.link(index, deadline);
        if deadline >= self.sleep_until {
            return (old, None);
        }
        self.sleep_until = deadline;
        (old, self.driver.clone())
    }

    fn link(&mut self, index: u32, deadline: u64) {
        // Past the horizon it is looked at earlier and moved on; in the past, at once.
        let at = deadline.clamp(self.elapsed + 1, self.elapsed + HORIZON);
        let distance = (self.elapsed ^ at) | (SLOTS as u64 - 1);
        let level = ((63 - distance.leading_zeros()) / BITS) as usize;
        let level = level.min(LEVELS - 1);
        let slot = slot_of(at, level);
        let head = std::mem::replace(&mut self.heads[level][slot], index);
        self.occupied[level] |= 1 << slot;
        if head != NONE {
            self.entries[head as usize].previous = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.at = at;
        entry.next = head;
        entry.previous = NONE;
        entry.level = level as u8;
        entry.slot = slot as u8;
    }

    fn unlink(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        if !entry.is_linked() {
            return;
        }
        let (level, slot) = (entry.level as usize, entry.slot as usize);
        let (next, previous) = (entry.next, entry.previous);
        entry.level = UNLINKED;
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if previous != NONE {
            self.entries[previous as usize].next = next;
        } else {
            self.heads[level][slot] = next;
            if next == NONE {
                self.occupied[level] &= !(1 << slot);
            }
        }
    }

    /// Gathers the wakers of all deadlines up to `now`.
    fn advance(&mut self, now: u64, due: &mut Vec<Waker>) {
        while let Some((level, slot, at)) = self.next_slot() {
            if at > now {
                break;
            }
            self.elapsed = self.elapsed.max(at);
            loop {
                let index = self.heads[level][slot];
                if index == NONE {
                    break;
                }
                self.unlink(index);
                let entry = &mut self.entries[index as usize];
                if entry.deadline <= now {
                    due.extend(entry.waker.take());
                } else if entry.deadline != NEVER {
                    let deadline = entry.deadline;
                    self.link(index, deadline);
                }
            }
        }
        self.elapsed = self.elapsed.max(now);
    }

    fn next_expiry(&self) -> Option<u64> {
        self.next_slot().map(|(_, _, at)| at)
    }

    /// The occupied slot that comes up first: the lowest level with one has it.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        (0..LEVELS)
            .find(|level| self.occupied[*level] != 0)
            .map(|level| {
                let here = slot_of(self.elapsed, level);
                let ahead = self.occupied[level]
                    .rotate_right(here as u32)
                    .trailing_zeros() as usize;
                let slot = (here + ahead) % SLOTS;
                let shift = BITS * level as u32;
                let round = 1u64 << (shift + BITS);
                let mut at = (self.elapsed & !(round - 1)) + ((slot as u64) << shift);
                if at < self.elapsed && slot != here {
                    at += round;
                }
                (level, slot, at)
            })
    }
}

fn slot_of(at: u64, level: usize) -> usize {
    (at >> (BITS * level as u32)) as usize % SLOTS
}

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 6;
const HORIZON: u64 = (1 << (BITS * LEVELS as u32)) - (1 << (BITS * (LEVELS as u32 - 1)));
const NONE: u32 = u32::MAX;
const UNLINKED: u8 = u8::MAX;

thread_local! {
    static WHEEL: RefCell<Wheel> = const { RefCell::new(Wheel::new()) };
}

#[cfg(test)]
mod tests;
