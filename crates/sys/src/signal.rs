//! Signals as something to read: a signalfd.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow};
use nix::sys::signalfd::{SfdFlags, SignalFd};

pub use nix::sys::signal::Signal;

/// Signals that wait to be read instead of interrupting.
#[derive(Debug)]
pub struct Signals {
    fd: SignalFd,
}

impl Signals {
    /// Blocks `signals` in the calling thread and catches them. Call it before other threads are
    /// started, which inherit the block; a thread without it would be interrupted instead.
    pub fn catch(signals: &[Signal]) -> io::Result<Signals> {
        let mut mask = SigSet::empty();
        for signal in signals {
            mask.add(*signal);
        }
        mask.thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let fd = SignalFd::with_flags(&mask, flags)?;
        Ok(Signals { fd })
    }

    /// The next signal that waits, if any.
    pub fn next(&self) -> io::Result<Option<Signal>> {
        let info = self.fd.read_signal()?;
        Ok(info.and_then(|info| Signal::try_from(info.ssi_signo.cast_signed()).ok()))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Waits for the next signal; none when the other side of `end` was closed first.
pub fn wait(signals: &Signals, end: BorrowedFd<'_>) -> io::Result<Option<Signal>> {
    loop {
        if let Some(signal) = signals.next()? {
            return Ok(Some(signal));
        }
        let mut waits = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(end, PollFlags::POLLIN),
        ];
        match poll(&mut waits, PollTimeout::NONE) {
            Ok(_) if waits[1].any().unwrap_or(false) => return Ok(None),
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Unblocks all signals in the calling thread: before an `exec`, and in a child after a fork.
pub fn unblock_all() -> io::Result<()> {
    Ok(nix::sys::signal::sigprocmask(
        SigmaskHow::SIG_SETMASK,
        Some(&SigSet::empty()),
        None,
    )?)
}

/// Unblocks a signal in the calling thread; others that wait go on waiting.
pub fn unblock(signal: Signal) -> io::Result<()> {
    let mut mask = SigSet::empty();
    mask.add(signal);
    Ok(mask.thread_unblock()?)
}

/// Lets these signals wait in the calling thread, and no others: for a child after a fork, until it catches them.
pub fn let_wait(signals: &[Signal]) -> io::Result<()> {
    let mut mask = SigSet::empty();
    for signal in signals {
        mask.add(*signal);
    }
    Ok(nix::sys::signal::sigprocmask(
        SigmaskHow::SIG_SETMASK,
        Some(&mask),
        None,
    )?)
}

/// Ignores a signal.
pub fn ignore(signal: Signal) -> io::Result<()> {
    // SAFETY: no handler of ours is installed that could run at a bad moment.
    unsafe { nix::sys::signal::signal(signal, SigHandler::SigIgn) }?;
    Ok(())
}

/// Gives a signal its default effect.
pub fn restore(signal: Signal) -> io::Result<()> {
    // SAFETY: no handler of ours is installed that could run at a bad moment.
    unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_signal_is_read() {
        let signals = Signals::catch(&[Signal::SIGUSR2]).expect("catch");
        assert_eq!(signals.next().expect("read"), None);
        nix::sys::signal::raise(Signal::SIGUSR2).expect("raise");
        assert_eq!(signals.next().expect("read"), Some(Signal::SIGUSR2));
        assert_eq!(signals.next().expect("read"), None);
    }
}
