//! Opening connections.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use crate::addr::{Addr, SockAddr};
use crate::listen::{bind_to, stream_socket};
use crate::namespace::within;
use crate::option::{self, Keepalive};

/// How to connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Address to come from. With port 0 the port is chosen at connect time, so that it can be
    /// shared between destinations (`IP_BIND_ADDRESS_NO_PORT`).
    pub source: Option<SocketAddr>,
    /// The source is not an address of ours.
    pub transparent: bool,
    /// Network namespace that the socket is opened in.
    pub namespace: Option<String>,
    /// Network interface to leave through.
    pub interface: Option<String>,
    /// Firewall mark.
    pub mark: Option<u32>,
    /// Type of service or traffic class.
    pub tos: Option<u8>,
    /// Send small segments at once.
    pub nodelay: bool,
    /// Probe a silent server.
    pub keepalive: Option<Keepalive>,
    /// Milliseconds that sent data may stay unacknowledged.
    pub user_timeout: Option<u32>,
    /// Largest segment.
    pub max_segment: Option<u32>,
    /// Put the first data into the SYN where the server allows it (`TCP_FASTOPEN_CONNECT`).
    pub fast_open: bool,
    /// Bytes of the kernel's receive buffer.
    pub receive_buffer: Option<u32>,
    /// Bytes of the kernel's send buffer.
    pub send_buffer: Option<u32>,
    /// Unsent bytes below which it is ready for more (`TCP_NOTSENT_LOWAT`).
    pub unsent_low_water: Option<u32>,
    /// Congestion control algorithm.
    pub congestion: Option<String>,
}

/// A socket cannot have the address of another that it is to show.
#[derive(Debug)]
pub struct CannotPresent(io::Error);

impl std::fmt::Display for CannotPresent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CannotPresent {}

impl CannotPresent {
    /// Whether a connection failed for that.
    pub fn is(error: &io::Error) -> bool {
        error
            .get_ref()
            .is_some_and(|inner| inner.is::<CannotPresent>())
    }
}

/// Starts a connection; it is usually not finished when this returns. Sending before it is finished
/// answers `WouldBlock`; when the socket becomes writable, [`option::take_error`] says how it ended.
pub fn connect(addr: &SockAddr, options: &ConnectOptions) -> io::Result<OwnedFd> {
    let namespace = options.namespace.as_deref();
    let socket = within(namespace, || stream_socket(addr.family()))?;
    if addr.family() != libc::AF_UNIX {
        apply(&socket, addr.family() == libc::AF_INET6, options)?;
    }
    loop {
        // SAFETY: the pointer is to an address of the given length.
        let result = unsafe { libc::connect(socket.as_raw_fd(), addr.as_ptr(), addr.len()) };
        if result == 0 {
            return Ok(socket);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINPROGRESS) => return Ok(socket),
            Some(libc::EINTR) => {}
            _ => return Err(error),
        }
    }
}

/// Whether a send failed only because the connection is still being made.
pub fn is_in_progress(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINPROGRESS | libc::EALREADY)
    )
}

fn apply(socket: &OwnedFd, v6: bool, options: &ConnectOptions) -> io::Result<()> {
    let fd = socket.as_fd();
    if options.nodelay {
        option::set_nodelay(fd, true)?;
    }
    if let Some(keepalive) = options.keepalive {
        option::set_keepalive(fd, keepalive)?;
    }
    if let Some(milliseconds) = options.user_timeout {
        option::set_user_timeout(fd, milliseconds)?;
    }
    if let Some(bytes) = options.max_segment {
        option::set_max_segment(fd, bytes)?;
    }
    if let Some(bytes) = options.receive_buffer {
        option::set_receive_buffer(fd, bytes)?;
    }
    if let Some(bytes) = options.send_buffer {
        option::set_send_buffer(fd, bytes)?;
    }
    if let Some(bytes) = options.unsent_low_water {
        option::set_unsent_low_water(fd, bytes)?;
    }
    if let Some(algorithm) = &options.congestion {
        option::set_congestion(fd, algorithm)?;
    }
    if let Some(mark) = options.mark {
        option::set_mark(fd, mark)?;
    }
    if let Some(tos) = options.tos {
        option::set_tos(fd, v6, tos)?;
    }
    if let Some(name) = &options.interface {
        option::set_interface(fd, name)?;
    }
    if options.fast_open {
        option::set(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)?;
    }
    if options.transparent {
        option::set_transparent(fd, v6)?;
    }
    if let Some(source) = options.source {
        come_from(socket, source).map_err(|error| match options.transparent {
            true => io::Error::new(error.kind(), CannotPresent(error)),
            false => error,
        })?;
    }
    Ok(())
}

fn come_from(socket: &OwnedFd, source: SocketAddr) -> io::Result<()> {
    let fd = socket.as_fd();
    if source.port() == 0 {
        // Kernels before 4.2 do not know it; the bind works without, with fewer ports to share.
        let _ = option::set(fd, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1);
    } else {
        option::set(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    }
    bind_to(socket, &SockAddr::new(&Addr::Inet(source))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::local_addr;
    use std::net::TcpListener;

    #[test]
    fn connects_from_the_wanted_source() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let addr = Addr::Inet(listener.local_addr().expect("addr"));
        let options = ConnectOptions {
            source: Some("127.0.0.9:0".parse().expect("addr")),
            nodelay: true,
            ..ConnectOptions::default()
        };
        let socket = connect(&SockAddr::new(&addr).expect("addr"), &options).expect("connect");
        let (_, peer) = listener.accept().expect("accept");
        assert_eq!(peer.ip().to_string(), "127.0.0.9");
        assert_eq!(local_addr(&socket).expect("name").inet(), Some(peer));
    }

    #[test]
    fn a_closed_port_is_told_by_the_socket_error() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let addr = Addr::Inet(listener.local_addr().expect("addr"));
        drop(listener);
        let addr = SockAddr::new(&addr).expect("addr");
        let refused = match connect(&addr, &ConnectOptions::default()) {
            Ok(socket) => option::take_error(&socket)
                .expect("read")
                .expect("an error waits"),
            Err(error) => error,
        };
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
