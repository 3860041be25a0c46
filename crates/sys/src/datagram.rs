//! Sending many datagrams with one call: UDP and unix datagram sockets.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use crate::addr::{Addr, SockAddr};
use crate::check;
use crate::listen::{bind_to, socket};
use crate::option;

/// A non-blocking datagram socket of the family of `to`, connected to it when `connected`.
pub fn open(to: &SockAddr, connected: bool) -> io::Result<OwnedFd> {
    let fd = socket(to.family(), libc::SOCK_DGRAM)?;
    if connected {
        // SAFETY: the pointer is to an address of the given length.
        check(unsafe { libc::connect(fd.as_raw_fd(), to.as_ptr(), to.len()) })?;
    }
    Ok(fd)
}

/// A non-blocking datagram socket bound to `addr`.
pub fn bind(addr: &Addr) -> io::Result<OwnedFd> {
    let addr = SockAddr::new(addr)?;
    let fd = socket(addr.family(), libc::SOCK_DGRAM)?;
    option::set(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    bind_to(&fd, &addr)?;
    Ok(fd)
}

/// Most messages that one call of [`send_messages`] takes.
pub const BATCH: usize = 64;

/// Sends up to [`BATCH`] messages with one call. Message `i` is `bytes[ends[i - 1]..ends[i]]`, the
/// first one starting at `start`. Answers how many were taken; an error is about the first one.
/// `to` names the receiver when the socket is not connected.
pub fn send_messages(
    socket: impl AsFd,
    to: Option<&SockAddr>,
    bytes: &[u8],
    start: usize,
    ends: &[usize],
) -> io::Result<usize> {
    // SAFETY: iovec and mmsghdr are pointers and integers, for which all zero bytes are a value.
    let mut parts: [libc::iovec; BATCH] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
    let mut from = start;
    let mut count = 0;
    for ((&end, part), message) in ends.iter().zip(&mut parts).zip(&mut messages) {
        let text = bytes.get(from..end).ok_or(io::ErrorKind::InvalidInput)?;
        part.iov_base = text.as_ptr().cast_mut().cast();
        part.iov_len = text.len();
        message.msg_hdr.msg_iov = part;
        message.msg_hdr.msg_iovlen = 1;
        if let Some(to) = to {
            message.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
            message.msg_hdr.msg_namelen = to.len();
        }
        from = end;
        count += 1;
    }
    if count == 0 {
        return Ok(0);
    }
    let fd = socket.as_fd().as_raw_fd();
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the first `count` messages point to parts, addresses and bytes that outlive the call;
    // sendmmsg writes only to the messages' own length field.
    let sent = check(unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count, flags as _) })?;
    Ok(sent.cast_unsigned() as usize)
}

/// Writes to any descriptor (a terminal, a pipe, a file).
pub fn write(file: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: the pointer is to `bytes.len()` readable bytes.
    crate::retry(|| unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

/// Whether a write to the descriptor would be taken now. Standard output is shared with other
/// processes, so that its non-blocking flag must not be changed; this asks instead (`poll`).
pub fn is_writable(file: impl AsFd) -> bool {
    let mut ask = libc::pollfd {
        fd: file.as_fd().as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: the pointer is to one pollfd.
    unsafe { libc::poll(&raw mut ask, 1, 0) == 1 && ask.revents & libc::POLLOUT != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn many_messages_in_one_call() {
        let sink = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let to = SockAddr::new(&Addr::Inet(sink.local_addr().expect("addr"))).expect("addr");
        for connected in [true, false] {
            let socket = open(&to, connected).expect("open");
            let to = (!connected).then_some(&to);
            let sent = send_messages(&socket, to, b"__onetwothree", 2, &[5, 8, 13]).expect("send");
            assert_eq!(sent, 3);
            for expected in ["one", "two", "three"] {
                let mut bytes = [0; 64];
                let (n, _) = sink.recv_from(&mut bytes).expect("recv");
                assert_eq!(&bytes[..n], expected.as_bytes());
            }
        }
    }

    #[test]
    fn wrong_ranges_are_refused() {
        let to = SockAddr::new(&Addr::Inet("127.0.0.1:9".parse().expect("addr"))).expect("addr");
        let socket = open(&to, false).expect("open");
        assert!(send_messages(&socket, Some(&to), b"abc", 0, &[4]).is_err());
        assert!(send_messages(&socket, Some(&to), b"abc", 2, &[1]).is_err());
        assert_eq!(
            send_messages(&socket, Some(&to), b"abc", 0, &[]).expect("none"),
            0
        );
    }
}
