//! Taking connections from a listening socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use crate::addr::{Addr, SockAddr, unknown_family};

/// Takes one connection, non-blocking, with its peer's address. `WouldBlock` when none waits.
pub fn accept(listener: impl AsFd) -> io::Result<(OwnedFd, Addr)> {
    let fd = listener.as_fd().as_raw_fd();
    loop {
        let mut room = SockAddr::room();
        let (addr, len) = room.as_mut_ptrs();
        // SAFETY: both pointers are to `room`, whose length field says how much the kernel may write.
        let taken =
            unsafe { libc::accept4(fd, addr, len, libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) };
        if taken >= 0 {
            // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
            let socket = unsafe { OwnedFd::from_raw_fd(taken) };
            return Ok((socket, room.to_addr().ok_or_else(unknown_family)?));
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINTR) {
            return Err(error);
        }
    }
}

/// Whether an accept failed because this process or the system has no descriptor or memory left, so
/// that trying again at once is of no use.
pub fn is_exhausted(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

/// Whether this process may open no more descriptors.
pub fn is_without_descriptors(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMFILE)
}

/// Whether an accept failed for reasons of that one connection: the next one can be taken at once.
pub fn is_peer_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENOPROTOOPT
                | libc::EPERM
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::local_addr;
    use crate::listen::{ListenOptions, listen};
    use std::net::TcpStream;

    #[test]
    fn accepted_sockets_do_not_block_and_name_their_peer() {
        let any = Addr::Inet("127.0.0.1:0".parse().expect("addr"));
        let listener = listen(&any, &ListenOptions::default()).expect("listen");
        let none = accept(&listener).expect_err("nobody is there");
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        let addr = local_addr(&listener).expect("name").inet().expect("inet");
        let client = TcpStream::connect(addr).expect("connect");
        let (server, peer) = accept(&listener).expect("one waits");
        assert_eq!(peer.inet(), client.local_addr().ok());
        let empty = crate::stream::recv(&server, &mut [0; 8]).expect_err("no data yet");
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        let server = TcpStream::from(server);
        assert!(server.nodelay().expect("inherited"));
    }
}
