//! Moving bytes between sockets inside the kernel, through a pipe.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use crate::{check, retry};

/// A pipe that holds bytes on their way from one socket to another.
#[derive(Debug)]
pub struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    capacity: usize,
    held: usize,
}

impl Pipe {
    /// Opens a pipe that holds about `bytes`; a smaller one when the user's limit on pipe memory is reached.
    pub fn new(bytes: usize) -> io::Result<Pipe> {
        let mut fds = [0; 2];
        // SAFETY: the kernel writes two descriptors into the array.
        check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) })?;
        // SAFETY: the kernel just gave us both descriptors, nobody else owns them.
        let (read, write) = unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) };
        let wanted = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
        // SAFETY: takes no pointers.
        let sized = unsafe { libc::fcntl(write.as_raw_fd(), libc::F_SETPIPE_SZ, wanted) };
        Ok(Pipe {
            read,
            write,
            capacity: usize::try_from(sized).unwrap_or(DEFAULT_CAPACITY),
            held: 0,
        })
    }

    /// Bytes inside.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Bytes it can hold when every page is full.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Moves up to `limit` bytes from `socket` into the pipe; 0 is the end of the stream.
    pub fn fill(&mut self, socket: impl AsFd, limit: usize) -> io::Result<usize> {
        let moved = splice(socket.as_fd().as_raw_fd(), self.write.as_raw_fd(), limit, 0)?;
        self.held += moved;
        Ok(moved)
    }

    /// Moves bytes from the pipe to `socket`.
    pub fn drain(&mut self, socket: impl AsFd, more: bool) -> io::Result<usize> {
        let flags = if more { libc::SPLICE_F_MORE } else { 0 };
        let moved = splice(
            self.read.as_raw_fd(),
            socket.as_fd().as_raw_fd(),
            self.held,
            flags,
        )?;
        self.held = self.held.saturating_sub(moved);
        Ok(moved)
    }
}

fn splice(from: i32, to: i32, limit: usize, flags: u32) -> io::Result<usize> {
    let flags = flags | libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    // SAFETY: no offsets are passed, so that there is no memory of ours to write to.
    retry(|| unsafe {
        libc::splice(
            from,
            std::ptr::null_mut(),
            to,
            std::ptr::null_mut(),
            limit,
            flags,
        )
    })
}

const DEFAULT_CAPACITY: usize = 65536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{recv, send, shutdown, socket_pair};

    #[test]
    fn bytes_pass_through() {
        let (from, inlet) = socket_pair().expect("pair");
        let (outlet, to) = socket_pair().expect("pair");
        let mut pipe = Pipe::new(1 << 18).expect("pipe");
        assert!(pipe.capacity() >= 4096);
        send(&from, b"through the kernel", b"", false).expect("send");
        assert_eq!(pipe.fill(&inlet, 7).expect("fill"), 7);
        assert_eq!(pipe.fill(&inlet, 1000).expect("fill"), 11);
        assert_eq!(pipe.held(), 18);
        assert_eq!(pipe.drain(&outlet, false).expect("drain"), 18);
        let mut bytes = [0; 32];
        assert_eq!(recv(&to, &mut bytes).expect("recv"), 18);
        assert_eq!(&bytes[..18], b"through the kernel");
        let empty = pipe.fill(&inlet, 10).expect_err("nothing there");
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        shutdown(&from, crate::stream::Half::Write).expect("shutdown");
        assert_eq!(pipe.fill(&inlet, 10).expect("end"), 0);
    }
}
