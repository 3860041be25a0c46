//! The worker's clock: read from the system once per turn, then a load.
//!
//! Between two reads time stands still for this thread, which is what timers of a request want:
//! things that happened in one turn happened at the same time.

use std::cell::Cell;

use hapax_sys::time;

/// Milliseconds on the monotonic clock; deadlines are values of it.
#[inline]
pub fn now_ms() -> u64 {
    now_us() / 1000
}

/// Microseconds on the monotonic clock.
#[inline]
pub fn now_us() -> u64 {
    match NOW.get() {
        0 => refresh(),
        now => now,
    }
}

/// Microseconds since 1970.
#[inline]
pub fn wall_us() -> u64 {
    now_us().wrapping_add(OFFSET.get())
}

/// Reads the system's clock and answers the new [`now_us`]. The worker does it once per turn.
pub fn refresh() -> u64 {
    let now = time::monotonic() / 1000;
    NOW.set(now);
    if now >= OFFSET_DUE.get() {
        // Somebody may set the wall clock; asking for the offset now and then is enough to follow.
        OFFSET.set((time::realtime() / 1000).wrapping_sub(now));
        OFFSET_DUE.set(now + OFFSET_EVERY_US);
    }
    now
}

const OFFSET_EVERY_US: u64 = 50_000;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static OFFSET: Cell<u64> = const { Cell::new(0) };
    static OFFSET_DUE: Cell<u64> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "time has to pass")]
    fn time_stands_still_between_two_reads() {
        let before = refresh();
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert_eq!(now_us(), before);
        assert!(refresh() >= before + 3000);
        assert!(now_ms() >= before / 1000 + 3);
        assert!(wall_us().abs_diff(time::realtime() / 1000) < 1_000_000);
    }
}
