//! A descriptor that can be registered with tokio's event loop, and is so only when it must wait.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Owns a descriptor and, once [`register`](Self::register) was called, its registration.
#[derive(Debug)]
pub struct Watched {
    // Declared, and so dropped, before the descriptor that it is about.
    events: Option<AsyncFd<RawFd>>,
    fd: OwnedFd,
}

impl Watched {
    /// Takes a non-blocking descriptor; nothing is registered yet.
    pub fn new(fd: OwnedFd) -> Watched {
        Watched { events: None, fd }
    }

    /// Registers it with the event loop of this thread, for reading and writing, unless it is
    /// registered already. Outside of a tokio runtime this panics.
    pub fn register(&mut self) -> io::Result<&AsyncFd<RawFd>> {
        let events = match self.events.take() {
            Some(events) => events,
            None => {
                let both = Interest::READABLE | Interest::WRITABLE;
                let number = self.fd.as_raw_fd();
                // SAFETY: `fd` is ours and stays open longer than `events`, which is dropped first
                // and only ever lent as a shared reference.
                unsafe { AsyncFd::register_with_interest(number, both) }?
            }
        };
        Ok(self.events.insert(events))
    }

    /// Gives the descriptor back, registered no more.
    pub fn into_fd(self) -> OwnedFd {
        drop(self.events);
        self.fd
    }

    /// The registration, if there is one.
    #[inline]
    pub fn events(&self) -> Option<&AsyncFd<RawFd>> {
        self.events.as_ref()
    }
}

impl AsFd for Watched {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Watched {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
