//! Bytes in and out of connected stream sockets.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use crate::{check, retry};

/// Reads what is there, at most `into.len()` bytes; 0 is the end of the stream.
#[inline]
pub fn recv(socket: impl AsFd, into: &mut [u8]) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer is to `into.len()` writable bytes.
    retry(|| unsafe { libc::recv(fd, into.as_mut_ptr().cast(), into.len(), 0) })
}

/// What waits to be read, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing: the connection is open and silent.
    Nothing,
    /// At least one byte.
    Bytes,
    /// The peer sends no more.
    End,
}

/// Looks at what waits to be read (`MSG_PEEK`); an error is what a read would meet.
pub fn peek(socket: impl AsFd) -> io::Result<Waiting> {
    let fd = socket.as_fd().as_raw_fd();
    let mut byte = 0u8;
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: the pointer is to one writable byte.
    match retry(|| unsafe { libc::recv(fd, (&raw mut byte).cast(), 1, flags) }) {
        Ok(0) => Ok(Waiting::End),
        Ok(_) => Ok(Waiting::Bytes),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Waiting::Nothing),
        Err(error) => Err(error),
    }
}

/// Whether a connection is broken in both directions, whatever still waits to be read.
pub fn is_broken(socket: impl AsFd) -> bool {
    let mut poll = libc::pollfd {
        fd: socket.as_fd().as_raw_fd(),
        events: 0,
        revents: 0,
    };
    // SAFETY: the pointer is to one pollfd; a time of 0 does not wait.
    let found = unsafe { libc::poll(&raw mut poll, 1, 0) };
    found > 0 && poll.revents & (libc::POLLHUP | libc::POLLERR) != 0
}

/// Copies up to `into.len()` waiting bytes without taking them.
pub fn peek_into(socket: impl AsFd, into: &mut [u8]) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer is to `into.len()` writable bytes.
    retry(|| unsafe { libc::recv(fd, into.as_mut_ptr().cast(), into.len(), libc::MSG_PEEK) })
}

/// Sends `first` and then `second` with one call and answers how many bytes the kernel took.
/// `more` says that the next bytes follow at once, so that a short segment may wait for them.
#[inline]
pub fn send(socket: impl AsFd, first: &[u8], second: &[u8], more: bool) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    let flags = libc::MSG_NOSIGNAL | if more { libc::MSG_MORE } else { 0 };
    let only = match (first.is_empty(), second.is_empty()) {
        (false, false) => return send_both(fd, first, second, flags),
        (false, true) => first,
        _ => second,
    };
    // SAFETY: the pointer is to `only.len()` readable bytes.
    retry(|| unsafe { libc::send(fd, only.as_ptr().cast(), only.len(), flags) })
}

fn send_both(fd: i32, first: &[u8], second: &[u8], flags: i32) -> io::Result<usize> {
    let mut parts = [first, second].map(|part| libc::iovec {
        iov_base: part.as_ptr().cast_mut().cast(),
        iov_len: part.len(),
    });
    // SAFETY: msghdr is pointers and integers, for which all zero bytes are a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = parts.len() as _;
    // SAFETY: the message points to `parts`, which point to readable bytes; sendmsg writes to none of them.
    retry(|| unsafe { libc::sendmsg(fd, &raw const message, flags) })
}

/// Which half of a connection [`shutdown`] closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// No more is read.
    Read,
    /// No more is sent: the peer sees the end of the stream.
    Write,
    /// Both.
    Both,
}

/// Closes one or both halves of a connection.
pub fn shutdown(socket: impl AsFd, half: Half) -> io::Result<()> {
    let how = match half {
        Half::Read => libc::SHUT_RD,
        Half::Write => libc::SHUT_WR,
        Half::Both => libc::SHUT_RDWR,
    };
    // SAFETY: takes no pointers.
    check(unsafe { libc::shutdown(socket.as_fd().as_raw_fd(), how) })?;
    Ok(())
}

/// Two connected unix stream sockets, non-blocking.
pub fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes two descriptors into the array.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) })?;
    // SAFETY: the kernel just gave us both descriptors, nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// What tells a socket from all others, however many descriptors it has: the number of its inode.
pub fn identity(socket: impl AsFd) -> io::Result<u64> {
    Ok(nix::sys::stat::fstat(socket.as_fd())?.st_ino)
}

/// Makes a descriptor that came from outside non-blocking and close-on-exec.
pub fn adopt(socket: impl AsFd) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: takes no pointers.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    // SAFETY: takes no pointers.
    check(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) })?;
    // SAFETY: takes no pointers.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_arrive_in_order_and_peek_takes_nothing() {
        let (one, two) = socket_pair().expect("pair");
        assert_eq!(peek(&two).expect("peek"), Waiting::Nothing);
        assert_eq!(send(&one, b"head ", b"body", false).expect("send"), 9);
        assert_eq!(peek(&two).expect("peek"), Waiting::Bytes);
        let mut bytes = [0; 32];
        assert_eq!(peek_into(&two, &mut bytes).expect("peek"), 9);
        assert_eq!(recv(&two, &mut bytes).expect("recv"), 9);
        assert_eq!(&bytes[..9], b"head body");
        shutdown(&one, Half::Write).expect("shutdown");
        assert_eq!(peek(&two).expect("peek"), Waiting::End);
        assert_eq!(recv(&two, &mut bytes).expect("end"), 0);
        drop(two);
        let broken = send(&one, b"x", b"", false).expect_err("shut");
        assert_eq!(broken.kind(), io::ErrorKind::BrokenPipe);
    }
}
