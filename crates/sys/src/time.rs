//! Clocks.

/// Nanoseconds of the monotonic clock, whose zero is some moment before the process started.
pub fn monotonic() -> u64 {
    nanoseconds(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds of the monotonic clock as of the kernel's last tick: cheaper, a few milliseconds coarse.
pub fn monotonic_coarse() -> u64 {
    nanoseconds(libc::CLOCK_MONOTONIC_COARSE)
}

/// Nanoseconds since 1970.
pub fn realtime() -> u64 {
    nanoseconds(libc::CLOCK_REALTIME)
}

/// Nanoseconds of processor time that the calling thread has used.
pub fn thread_cpu() -> u64 {
    nanoseconds(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let mut at = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec.
    unsafe { libc::clock_gettime(clock, &raw mut at) };
    let seconds = u64::try_from(at.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(at.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_forward() {
        let before = monotonic();
        assert!(monotonic() >= before);
        assert!(monotonic_coarse() <= monotonic());
        let seconds = std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_secs();
        assert!((realtime() / 1_000_000_000).abs_diff(seconds) <= 1);
        assert!(thread_cpu() > 0);
    }
}
