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

/// Whether the kernel can cut a large buffer into datagrams of one size for this socket (`UDP_SEGMENT`, Linux 4.18). An older one
/// would send the buffer as one datagram.
pub fn can_segment(socket: impl AsFd) -> bool {
    option::get(socket.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT).is_ok()
}

/// Sends up to [`BATCH`] messages with one call. Message `i` is `bytes[ends[i - 1]..ends[i]]`, the first one starting at `start`.
/// Answers how many were taken; an error is about the first one. `to` names the receiver when the socket is not connected.
///
/// With `segment`, messages of one size in a row (the last may be shorter) go through the network's layers as one and become
/// datagrams behind them, which spares most of the way; a device that cannot do it gives an error, about the whole row.
pub fn send_messages(
    socket: impl AsFd,
    to: Option<&SockAddr>,
    bytes: &[u8],
    start: usize,
    ends: &[usize],
    segment: bool,
) -> io::Result<usize> {
    // SAFETY: iovec, mmsghdr and cmsghdr are pointers and integers, for which all zero bytes are a value.
    let mut parts: [libc::iovec; BATCH] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut controls: [SegmentSize; BATCH] = unsafe { std::mem::zeroed() };
    let mut rows = [0; BATCH];
    let (mut from, mut count) = (start, 0);
    let mut rest = ends.get(..BATCH).unwrap_or(ends);
    let slots = parts.iter_mut().zip(&mut messages).zip(&mut controls);
    for (((part, message), control), row) in slots.zip(&mut rows) {
        *row = match segment {
            true => row_of_one_size(from, rest),
            false => rest.len().min(1),
        };
        let Some((taken, left)) = rest.split_at_checked(*row) else {
            break;
        };
        let (Some(&first), Some(&end)) = (taken.first(), taken.last()) else {
            break;
        };
        let text = bytes.get(from..end).ok_or(io::ErrorKind::InvalidInput)?;
        part.iov_base = text.as_ptr().cast_mut().cast();
        part.iov_len = text.len();
        let header = &mut message.msg_hdr;
        header.msg_iov = part;
        header.msg_iovlen = 1;
        if let Some(to) = to {
            header.msg_name = to.as_ptr().cast_mut().cast();
            header.msg_namelen = to.len();
        }
        if taken.len() > 1 {
            *control = SegmentSize::of(first - from);
            header.msg_control = std::ptr::from_mut(control).cast();
            header.msg_controllen = size_of::<SegmentSize>() as _;
        }
        (from, rest) = (end, left);
        count += 1;
    }
    if count == 0 {
        return Ok(0);
    }
    let fd = socket.as_fd().as_raw_fd();
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the first `count` messages point to parts, controls, addresses and bytes that outlive the call; sendmmsg writes only
    // to the messages' own length field.
    let sent = check(unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count, flags as _) })?;
    Ok(rows.iter().take(sent.cast_unsigned() as usize).sum())
}

/// How many messages from the first on have its size, with a shorter one behind them that ends the row.
fn row_of_one_size(start: usize, ends: &[usize]) -> usize {
    let Some(size) = ends.first().and_then(|end| end.checked_sub(start)) else {
        return ends.len().min(1);
    };
    if size == 0 || size > MOST_SEGMENT {
        return 1;
    }
    let most = ends.len().min(MOST_ROW / size).max(1);
    let mut before = start;
    let mut row = 0;
    for &end in ends.iter().take(most) {
        let length = end.saturating_sub(before);
        if length == 0 || length > size {
            break;
        }
        row += 1;
        before = end;
        if length < size {
            break;
        }
    }
    row.max(1)
}

/// Datagrams of rows fit into the smallest packet that IPv6 allows.
const MOST_SEGMENT: usize = 1280 - 48;
/// A row fits into the largest packet.
const MOST_ROW: usize = 65_000;

/// The control message that tells the size of datagrams.
#[repr(C)]
struct SegmentSize {
    header: libc::cmsghdr,
    size: u16,
    padding: [u8; 6],
}

// SAFETY: CMSG_SPACE only computes.
const _: () = assert!(size_of::<SegmentSize>() == unsafe { libc::CMSG_SPACE(2) } as usize);

impl SegmentSize {
    fn of(size: usize) -> Self {
        // SAFETY: a cmsghdr is integers, for which all zero bytes are a value.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        // SAFETY: CMSG_LEN only computes.
        header.cmsg_len = unsafe { libc::CMSG_LEN(2) } as _;
        header.cmsg_level = libc::SOL_UDP;
        header.cmsg_type = libc::UDP_SEGMENT;
        Self {
            header,
            size: u16::try_from(size).unwrap_or(u16::MAX),
            padding: [0; 6],
        }
    }
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
            for segment in [false, can_segment(&socket)] {
                let ends = [5, 8, 13, 17, 18];
                let sent = send_messages(&socket, to, b"__onetwothreefour5", 2, &ends, segment);
                assert_eq!(sent.expect("send"), 5);
                for expected in ["one", "two", "three", "four", "5"] {
                    let mut bytes = [0; 64];
                    let (n, _) = sink.recv_from(&mut bytes).expect("recv");
                    assert_eq!(&bytes[..n], expected.as_bytes());
                }
            }
        }
    }

    #[test]
    fn rows_end_with_the_first_shorter_message() {
        assert_eq!(row_of_one_size(2, &[5, 8, 13]), 2);
        assert_eq!(row_of_one_size(0, &[3, 6, 8, 10]), 3);
        assert_eq!(row_of_one_size(0, &[2, 5]), 1);
        assert_eq!(row_of_one_size(0, &[0, 0]), 1);
        assert_eq!(row_of_one_size(0, &[2000, 4000]), 1);
        assert_eq!(row_of_one_size(0, &[]), 0);
        let large: Vec<usize> = (1..=64).map(|number| number * 1200).collect();
        assert_eq!(row_of_one_size(0, &large), 54);
    }

    #[test]
    fn wrong_ranges_are_refused() {
        let to = SockAddr::new(&Addr::Inet("127.0.0.1:9".parse().expect("addr"))).expect("addr");
        let socket = open(&to, false).expect("open");
        assert!(send_messages(&socket, Some(&to), b"abc", 0, &[4], false).is_err());
        assert!(send_messages(&socket, Some(&to), b"abc", 2, &[1], true).is_err());
        assert_eq!(
            send_messages(&socket, Some(&to), b"abc", 0, &[], true).expect("none"),
            0
        );
    }
}
