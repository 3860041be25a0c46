//! How a soft stop closes connections: at once, spread over `close-spread-time`, or not at all.

use std::cell::Cell;
use std::rc::Rc;

use hapax_core::ir::CloseSpread;

use crate::clock;
use crate::local::{Handle, Local};
use crate::wheel::pause;
use crate::worker::spawn;

/// A worker's soft stop.
#[derive(Debug, Default)]
pub struct Departure {
    spread: Cell<Option<CloseSpread>>,
    began_ms: Cell<u64>,
    random: Cell<u64>,
    /// A task closes a share of the waiting connections from time to time.
    closing: Cell<bool>,
}

impl Departure {
    /// The stop begins.
    pub(crate) fn begin(&self, local: &Rc<Local>) {
        let spread = local.plan().program.global.close_spread;
        self.spread.set(spread);
        self.began_ms.set(clock::now_ms());
        self.random.set(clock::wall_us() | 1);
        let Some(CloseSpread::Within(time)) = spread else {
            return;
        };
        if self.closing.replace(true) {
            return;
        }
        let (local, time) = (local.clone(), u64::from(time));
        spawn(async move { close_gradually(&local, time).await });
    }

    /// A number that differs from call to call, below `below`.
    fn random_below(&self, below: u64) -> u64 {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        random % below.max(1)
    }
}

impl Local {
    /// Whether the worker stops and closes what waits without delay.
    pub fn stops_at_once(&self) -> bool {
        self.stopping.get() && self.departure.spread.get().is_none()
    }

    /// Whether the client is told with this response that its connection ends. Within `close-spread-time` that is more likely
    /// the more of it has passed.
    pub fn closes_after_response(&self) -> bool {
        if !self.stopping.get() {
            return false;
        }
        match self.departure.spread.get() {
            None => true,
            Some(CloseSpread::Infinite) => false,
            Some(CloseSpread::Within(time)) => {
                let passed = clock::now_ms().saturating_sub(self.departure.began_ms.get());
                self.departure.random_below(time.into()) <= passed
            }
        }
    }
}

/// Closes waiting connections in shares until the time is over; whoever waits then is closed.
async fn close_gradually(local: &Rc<Local>, time: u64) {
    let end = local.departure.began_ms.get().saturating_add(time);
    loop {
        let now = clock::now_ms();
        let rounds = end.saturating_sub(now).div_ceil(STEP_MS);
        let mut waiting: Vec<Rc<Handle>> = Vec::new();
        local.each_handle(|handle| {
            if handle.idle.get() && !handle.leaving.get() {
                waiting.push(handle.clone());
            }
        });
        let share = waiting
            .len()
            .div_ceil(usize::try_from(rounds).unwrap_or(usize::MAX).max(1));
        for handle in waiting.iter().take(share) {
            handle.leaving.set(true);
            handle.wake();
        }
        // Those that begin to wait later are closed by their response.
        if local.living() == 0 || rounds == 0 && waiting.is_empty() {
            return;
        }
        pause(STEP_MS).await;
    }
}

/// Between two shares.
const STEP_MS: u64 = 20;
