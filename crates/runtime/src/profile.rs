//! `profiling.tasks`: how long the turns of the workers take.
//!
//! A turn is what a worker does between two waits for events; it is what would delay others. In `auto` mode one turn in some is
//! measured, and all of them while turns are long (configuration manual 3.2, `profiling.tasks`).

use std::cell::Cell;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use hapax_core::ir::Profiling;
use hapax_sys::time;

/// Sets the mode, and begins to count anew when profiling is turned on.
pub fn set(mode: Profiling) {
    let number = match mode {
        Profiling::Auto => AUTO,
        Profiling::On => ON,
        Profiling::Off => OFF,
    };
    let before = MODE.swap(number, Ordering::Relaxed);
    match mode {
        Profiling::On if before != ON => start(),
        Profiling::On => {}
        Profiling::Auto => LONG.store(false, Ordering::Relaxed),
        Profiling::Off => stop(),
    }
}

/// `on`, `off`, `auto-on` or `auto-off`.
pub fn state() -> &'static str {
    match (MODE.load(Ordering::Relaxed), LONG.load(Ordering::Relaxed)) {
        (ON, _) => "on",
        (AUTO, true) => "auto-on",
        (AUTO, false) => "auto-off",
        _ => "off",
    }
}

/// A turn of this thread begins; `now` is the monotonic clock in microseconds.
#[inline]
pub fn begin(now: u64) {
    BEGAN.set(now);
}

/// Whether calls of tasks are measured.
#[inline]
pub fn measures() -> bool {
    match MODE.load(Ordering::Relaxed) {
        OFF => false,
        ON => true,
        _ => LONG.load(Ordering::Relaxed),
    }
}

/// Nanoseconds from the beginning of this thread's turn to `now`; none where one of both is not known.
#[inline]
pub fn since_turn_began(now: u64) -> u64 {
    match BEGAN.get() {
        0 => 0,
        began => now.saturating_sub(began * 1000),
    }
}

/// The turn ends.
#[inline]
pub fn end() {
    match MODE.load(Ordering::Relaxed) {
        OFF => {}
        ON => count(spent()),
        _ => sample(),
    }
}

/// Appends what was measured, as `show profiling tasks` tells it.
pub fn table(out: &mut String) {
    let (from, till) = (SINCE.load(Ordering::Relaxed), UNTIL.load(Ordering::Relaxed));
    let now = time::monotonic();
    let till = if till == 0 { now } else { till };
    let seconds = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1e9;
    // Writing into a text cannot fail.
    let _ = match from {
        0 => writeln!(out, "Tasks activity over 0.000 sec till 0.000 sec ago:"),
        from => writeln!(
            out,
            "Tasks activity over {:.3} sec till {:.3} sec ago:",
            seconds(from, till),
            seconds(till, now)
        ),
    };
    out.push_str("  function                      calls   cpu_tot   cpu_avg   lat_tot   lat_avg\n");
    let (turns, total) = (TURNS.load(Ordering::Relaxed), SPENT.load(Ordering::Relaxed));
    if let Some(average) = total.checked_div(turns) {
        let _ = writeln!(
            out,
            "  {:<23} {turns:>11}   {}   {}         -         -",
            "worker_turn",
            short(total),
            short(average)
        );
    }
}

/// A time with four digits and its unit.
fn short(nanoseconds: u64) -> String {
    let (value, unit) = match nanoseconds {
        0..1_000 => (nanoseconds as f64, "ns"),
        1_000..1_000_000 => (nanoseconds as f64 / 1e3, "us"),
        1_000_000..1_000_000_000 => (nanoseconds as f64 / 1e6, "ms"),
        1_000_000_000..60_000_000_000 => (nanoseconds as f64 / 1e9, "s"),
        _ => (nanoseconds as f64 / 6e10, "m"),
    };
    let digits = match value {
        value if value < 10.0 => 3,
        value if value < 100.0 => 2,
        value if value < 1000.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}{unit}")
}

/// Nanoseconds since the turn began.
fn spent() -> u64 {
    match BEGAN.get() {
        0 => 0,
        began => time::monotonic().saturating_sub(began * 1000),
    }
}

fn count(spent: u64) {
    TURNS.fetch_add(1, Ordering::Relaxed);
    SPENT.fetch_add(spent, Ordering::Relaxed);
}

/// In `auto` mode: measures the turn if it is its turn to be, or if turns are long.
fn sample() {
    let long = LONG.load(Ordering::Relaxed);
    let turn = SAMPLE.get().wrapping_add(1);
    SAMPLE.set(turn);
    if !long && !turn.is_multiple_of(EACH) {
        return;
    }
    let spent = spent();
    if long {
        count(spent);
    }
    let average = AVERAGE.get();
    let average = average - average / WINDOW + spent / WINDOW;
    AVERAGE.set(average);
    if !long && average >= FROM {
        LONG.store(true, Ordering::Relaxed);
        start();
    } else if long && average < BELOW {
        LONG.store(false, Ordering::Relaxed);
        stop();
    }
}

fn start() {
    TURNS.store(0, Ordering::Relaxed);
    SPENT.store(0, Ordering::Relaxed);
    UNTIL.store(0, Ordering::Relaxed);
    SINCE.store(time::monotonic().max(1), Ordering::Relaxed);
}

fn stop() {
    UNTIL.store(time::monotonic(), Ordering::Relaxed);
}

const OFF: u8 = 0;
const ON: u8 = 1;
const AUTO: u8 = 2;
/// Nanoseconds of an average turn from which on turns are long, and below which they are not any more.
const FROM: u64 = 1_000_000;
const BELOW: u64 = 990_000;
/// Turns that an average is over, and how many pass for each that is measured.
const WINDOW: u64 = 16;
const EACH: u32 = 64;

static MODE: AtomicU8 = AtomicU8::new(AUTO);
static LONG: AtomicBool = AtomicBool::new(false);
static TURNS: AtomicU64 = AtomicU64::new(0);
static SPENT: AtomicU64 = AtomicU64::new(0);
static SINCE: AtomicU64 = AtomicU64::new(0);
static UNTIL: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static BEGAN: Cell<u64> = const { Cell::new(0) };
    static SAMPLE: Cell<u32> = const { Cell::new(0) };
    static AVERAGE: Cell<u64> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_four_digits() {
        let all = [
            0,
            753,
            2310,
            18_490,
            149_100,
            5_000_000_000,
            120_000_000_000,
        ];
        let shown = all.map(short).join(" ");
        assert_eq!(
            shown,
            "0.000ns 753.0ns 2.310us 18.49us 149.1us 5.000s 2.000m"
        );
    }

    // exercises: section/profiling.tasks, command/set profiling, command/show profiling
    #[test]
    fn turns_are_counted_while_profiling_is_on() {
        let count = || {
            begin(time::monotonic() / 1000);
            end();
            let mut text = String::new();
            table(&mut text);
            text.lines().nth(2).map(str::to_owned)
        };
        set(Profiling::On);
        let first = count().expect("a turn");
        assert!(first.starts_with("  worker_turn "), "{first}");
        set(Profiling::Off);
        let (before, after) = (count(), count());
        assert_eq!((state(), before), ("off", after));
        set(Profiling::Auto);
        assert_eq!(state(), "auto-off");
    }
}
