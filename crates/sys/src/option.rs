//! Socket options, by the name of what they do.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use crate::check;

/// Parameters of TCP keep-alive probes; `None` leaves the kernel's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// Seconds of silence before the first probe.
    pub idle: Option<u32>,
    /// Seconds between two probes.
    pub interval: Option<u32>,
    /// Unanswered probes after which the connection is dead.
    pub count: Option<u32>,
}

/// Send small segments at once (`TCP_NODELAY`).
pub fn set_nodelay(socket: impl AsFd, on: bool) -> io::Result<()> {
    set(
        socket.as_fd(),
        libc::IPPROTO_TCP,
        libc::TCP_NODELAY,
        on.into(),
    )
}

/// Acknowledge received data at once, or let the acknowledgement ride on the answer (`TCP_QUICKACK`).
pub fn set_quickack(socket: impl AsFd, on: bool) -> io::Result<()> {
    set(
        socket.as_fd(),
        libc::IPPROTO_TCP,
        libc::TCP_QUICKACK,
        on.into(),
    )
}

/// Probe a silent peer (`SO_KEEPALIVE` and its parameters).
pub fn set_keepalive(socket: impl AsFd, keepalive: Keepalive) -> io::Result<()> {
    let fd = socket.as_fd();
    set(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    let parameters = [
        (libc::TCP_KEEPIDLE, keepalive.idle),
        (libc::TCP_KEEPINTVL, keepalive.interval),
        (libc::TCP_KEEPCNT, keepalive.count),
    ];
    for (name, value) in parameters {
        if let Some(value) = value {
            set(fd, libc::IPPROTO_TCP, name, clamp(value))?;
        }
    }
    Ok(())
}

/// Make `close` send a reset and forget unsent data (`SO_LINGER` with zero seconds).
pub fn set_reset_on_close(socket: impl AsFd) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    set_raw(socket.as_fd(), libc::SOL_SOCKET, libc::SO_LINGER, &linger)
}

/// Make `close` an ordinary one again.
pub fn unset_reset_on_close(socket: impl AsFd) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: 0,
        l_linger: 0,
    };
    set_raw(socket.as_fd(), libc::SOL_SOCKET, libc::SO_LINGER, &linger)
}

/// Milliseconds that sent data may stay unacknowledged (`TCP_USER_TIMEOUT`).
pub fn set_user_timeout(socket: impl AsFd, milliseconds: u32) -> io::Result<()> {
    set(
        socket.as_fd(),
        libc::IPPROTO_TCP,
        libc::TCP_USER_TIMEOUT,
        clamp(milliseconds),
    )
}

/// Largest segment to send (`TCP_MAXSEG`).
pub fn set_max_segment(socket: impl AsFd, bytes: u32) -> io::Result<()> {
    set(
        socket.as_fd(),
        libc::IPPROTO_TCP,
        libc::TCP_MAXSEG,
        clamp(bytes),
    )
}

/// Congestion control algorithm (`TCP_CONGESTION`).
pub fn set_congestion(socket: impl AsFd, algorithm: &str) -> io::Result<()> {
    set_bytes(
        socket.as_fd(),
        libc::IPPROTO_TCP,
        libc::TCP_CONGESTION,
        algorithm.as_bytes(),
    )
}

/// Use only this network interface (`SO_BINDTODEVICE`).
pub fn set_interface(socket: impl AsFd, name: &str) -> io::Result<()> {
    set_bytes(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_BINDTODEVICE,
        name.as_bytes(),
    )
}

/// Use addresses that are not ours (`IP_TRANSPARENT`).
pub fn set_transparent(socket: impl AsFd, v6: bool) -> io::Result<()> {
    if v6 {
        set(socket.as_fd(), libc::SOL_IPV6, libc::IPV6_TRANSPARENT, 1)
    } else {
        set(socket.as_fd(), libc::SOL_IP, libc::IP_TRANSPARENT, 1)
    }
}

/// The mark that the firewall and routing rules see (`SO_MARK`).
pub fn set_mark(socket: impl AsFd, mark: u32) -> io::Result<()> {
    set(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_MARK,
        mark.cast_signed(),
    )
}

/// Type of service of IPv4, traffic class of IPv6 (`IP_TOS`, `IPV6_TCLASS`).
pub fn set_tos(socket: impl AsFd, v6: bool, tos: u8) -> io::Result<()> {
    if v6 {
        set(
            socket.as_fd(),
            libc::IPPROTO_IPV6,
            libc::IPV6_TCLASS,
            tos.into(),
        )
    } else {
        set(socket.as_fd(), libc::IPPROTO_IP, libc::IP_TOS, tos.into())
    }
}

/// Makes closing the socket go unnoticed by the peer (`TCP_REPAIR`); needs a privilege.
pub fn set_vanishing(socket: impl AsFd) -> io::Result<()> {
    set(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_REPAIR, 1)
}

/// After how many hops packets are dropped (`IP_TTL`, `IPV6_UNICAST_HOPS`).
pub fn set_hops(socket: impl AsFd, v6: bool, hops: u8) -> io::Result<()> {
    if v6 {
        set(
            socket.as_fd(),
            libc::IPPROTO_IPV6,
            libc::IPV6_UNICAST_HOPS,
            hops.into(),
        )
    } else {
        set(socket.as_fd(), libc::IPPROTO_IP, libc::IP_TTL, hops.into())
    }
}

/// Bytes of the kernel's receive buffer (`SO_RCVBUF`).
pub fn set_receive_buffer(socket: impl AsFd, bytes: u32) -> io::Result<()> {
    set(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_RCVBUF,
        clamp(bytes),
    )
}

/// Bytes of the kernel's send buffer (`SO_SNDBUF`).
pub fn set_send_buffer(socket: impl AsFd, bytes: u32) -> io::Result<()> {
    set(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_SNDBUF,
        clamp(bytes),
    )
}

/// Unsent bytes below which the socket is ready for more (`TCP_NOTSENT_LOWAT`).
pub fn set_unsent_low_water(socket: impl AsFd, bytes: u32) -> io::Result<()> {
    set(
        socket.as_fd(),
        libc::IPPROTO_TCP,
        libc::TCP_NOTSENT_LOWAT,
        clamp(bytes),
    )
}

/// The limit of [`set_unsent_low_water`] in force.
pub fn unsent_low_water(socket: impl AsFd) -> io::Result<i32> {
    get(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT)
}

/// The error that waits on a socket, and takes it away (`SO_ERROR`); how a connect ended.
pub fn take_error(socket: impl AsFd) -> io::Result<Option<io::Error>> {
    match get(socket.as_fd(), libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(None),
        code => Ok(Some(io::Error::from_raw_os_error(code))),
    }
}

/// Whether a socket listens (`SO_ACCEPTCONN`); for inherited descriptors.
pub fn is_listening(socket: impl AsFd) -> io::Result<bool> {
    Ok(get(socket.as_fd(), libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0)
}

/// What the kernel measured about a TCP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Smoothed round-trip time in microseconds.
    pub rtt: u32,
    /// Variance of the round-trip time in microseconds.
    pub rtt_variance: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Segments acknowledged selectively.
    pub sacked: u32,
    /// Segments taken for lost.
    pub lost: u32,
    /// Segments being retransmitted.
    pub retrans: u32,
    /// Forward acknowledged segments.
    pub fackets: u32,
    /// Reordering distance.
    pub reordering: u32,
}

/// Reads `TCP_INFO`.
pub fn tcp_info(socket: impl AsFd) -> io::Result<TcpInfo> {
    tcp_info_of(socket.as_fd().as_raw_fd())
}

/// Reads `TCP_INFO` of a descriptor by its number; an error when it is closed by now or no TCP connection.
pub fn tcp_info_of(descriptor: i32) -> io::Result<TcpInfo> {
    // SAFETY: tcp_info is plain integers, for which all zero bytes are a value.
    let mut raw: libc::tcp_info = unsafe { std::mem::zeroed() };
    get_raw(descriptor, libc::IPPROTO_TCP, libc::TCP_INFO, &mut raw)?;
    Ok(TcpInfo {
        rtt: raw.tcpi_rtt,
        rtt_variance: raw.tcpi_rttvar,
        unacked: raw.tcpi_unacked,
        sacked: raw.tcpi_sacked,
        lost: raw.tcpi_lost,
        retrans: raw.tcpi_retrans,
        fackets: raw.tcpi_fackets,
        reordering: raw.tcpi_reordering,
    })
}

/// The process at the other end of a unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCredentials {
    /// Process id.
    pub pid: i32,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
}

/// Who is at the other end of a unix socket (`SO_PEERCRED`).
pub fn peer_credentials(socket: impl AsFd) -> io::Result<PeerCredentials> {
    let mut raw = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    get_raw(
        socket.as_fd().as_raw_fd(),
        libc::SOL_SOCKET,
        libc::SO_PEERCRED,
        &mut raw,
    )?;
    Ok(PeerCredentials {
        pid: raw.pid,
        uid: raw.uid,
        gid: raw.gid,
    })
}

pub(crate) fn clamp(value: u32) -> libc::c_int {
    value.min(libc::c_int::MAX as u32) as libc::c_int
}

pub(crate) fn set(fd: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    set_raw(fd, level, name, &value)
}

fn set_raw<T: Copy>(fd: BorrowedFd<'_>, level: i32, name: i32, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    let value = std::ptr::from_ref(value).cast();
    // SAFETY: `value` points to `len` readable bytes for the time of the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value, len) })?;
    Ok(())
}

fn set_bytes(fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    // SAFETY: `value` points to `len` readable bytes for the time of the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), len) })?;
    Ok(())
}

pub(crate) fn get(fd: BorrowedFd<'_>, level: i32, name: i32) -> io::Result<i32> {
    let mut value = 0;
    get_raw(fd.as_raw_fd(), level, name, &mut value)?;
    Ok(value)
}

/// `T` must be plain integers: the kernel writes up to `size_of::<T>()` bytes into it.
fn get_raw<T: Copy>(fd: i32, level: i32, name: i32, into: &mut T) -> io::Result<()> {
    let mut len = size_of::<T>() as libc::socklen_t;
    let into = std::ptr::from_mut(into).cast();
    // SAFETY: the kernel writes at most `len` bytes, the size of `into`; callers pass types made of integers.
    check(unsafe { libc::getsockopt(fd, level, name, into, &raw mut len) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn options_of_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let client = TcpStream::connect(listener.local_addr().expect("addr")).expect("connect");
        set_nodelay(&client, true).expect("nodelay");
        assert!(client.nodelay().expect("read back"));
        set_quickack(&client, false).expect("quickack");
        set_user_timeout(&client, 1500).expect("user timeout");
        let fd = client.as_fd();
        assert_eq!(
            get(fd, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT).expect("get"),
            1500
        );
        let keepalive = Keepalive {
            idle: Some(7),
            interval: None,
            count: Some(3),
        };
        set_keepalive(&client, keepalive).expect("keepalive");
        assert_eq!(
            get(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE).expect("get"),
            1
        );
        assert_eq!(
            get(fd, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE).expect("get"),
            7
        );
        assert_eq!(
            get(fd, libc::IPPROTO_TCP, libc::TCP_KEEPCNT).expect("get"),
            3
        );
        assert!(tcp_info(&client).expect("tcp_info").rtt > 0);
        assert!(take_error(&client).expect("error").is_none());
        assert!(is_listening(&listener).expect("acceptconn"));
        assert!(!is_listening(&client).expect("acceptconn"));
    }

    #[test]
    fn a_unix_peer_is_ourselves() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().expect("pair");
        let who = peer_credentials(&one).expect("peercred");
        assert_eq!(who.pid.cast_unsigned(), std::process::id());
    }
}
