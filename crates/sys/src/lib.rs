//! The operating system: sockets, splice, users, limits; the only `unsafe` code of hapax.
//!
//! Every function is a safe wrapper over one or a few system calls and answers `std::io::Result`.
//! Nothing here knows what a proxy is, and nothing here waits: sockets are non-blocking.

pub mod accept;
pub mod addr;
pub mod affinity;
pub mod capability;
pub mod child;
pub mod connect;
pub mod datagram;
pub mod epoll;
pub mod identity;
pub mod limits;
pub mod listen;
pub mod memory;
pub mod namespace;
pub mod option;
pub mod pass;
pub mod process;
pub mod signal;
pub mod splice;
pub mod stream;
pub mod time;
pub mod watch;

pub use addr::{Addr, SockAddr, UnixAddr};

use std::io;

/// Turns the -1 of a system call into the error that `errno` holds.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// As [`check`], for calls that answer a byte count; tries again when a signal interrupted the call.
fn retry(mut call: impl FnMut() -> libc::ssize_t) -> io::Result<usize> {
    loop {
        let result = call();
        if let Ok(count) = usize::try_from(result) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINTR) {
            return Err(error);
        }
    }
}
