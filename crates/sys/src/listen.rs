//! Listening stream sockets.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::addr::{Addr, SockAddr, UnixAddr};
use crate::check;
use crate::identity;
use crate::namespace::within;
use crate::option::{self, Keepalive};

/// How to listen. The default is what most `bind` lines need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Length of the queue of connections that wait to be accepted.
    pub backlog: u32,
    /// Take a port that a closed connection still holds (`SO_REUSEADDR`).
    pub reuse_address: bool,
    /// Share the port with other sockets; the kernel spreads connections over them (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Whether an IPv6 socket refuses IPv4 (`IPV6_V6ONLY`); `None` leaves the system's default.
    pub v6only: Option<bool>,
    /// Network namespace that the socket is opened in.
    pub namespace: Option<String>,
    /// Network interface to listen on.
    pub interface: Option<String>,
    /// Listen on addresses that are not ours.
    pub transparent: bool,
    /// Seconds to wait for the first data before the connection is shown to us (`TCP_DEFER_ACCEPT`).
    pub defer_accept: Option<u32>,
    /// Largest segment.
    pub max_segment: Option<u32>,
    /// Milliseconds that sent data may stay unacknowledged; accepted sockets inherit it.
    pub user_timeout: Option<u32>,
    /// Length of the TCP fast open queue.
    pub fast_open: Option<u32>,
    /// Accepted sockets inherit `TCP_NODELAY`, which saves a call for each.
    pub nodelay: bool,
    /// Acknowledge what clients send at once, rather than with the first bytes sent to them.
    pub quickack: bool,
    /// Accepted sockets inherit keep-alive probing.
    pub keepalive: Option<Keepalive>,
    /// Congestion control algorithm.
    pub congestion: Option<String>,
    /// Owner and mode of a unix socket's file.
    pub file: SocketFile,
}

/// Owner and mode of the file of a unix socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketFile {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions {
            backlog: 4096,
            reuse_address: true,
            reuse_port: true,
            v6only: None,
            namespace: None,
            interface: None,
            transparent: false,
            defer_accept: None,
            max_segment: None,
            user_timeout: None,
            fast_open: None,
            nodelay: true,
            quickack: true,
            keepalive: None,
            congestion: None,
            file: SocketFile::default(),
        }
    }
}

/// Opens a non-blocking listening socket.
///
/// A unix path is bound under a temporary name and then renamed, so that there is no moment without
/// a listener; what stood under the name before is replaced.
pub fn listen(addr: &Addr, options: &ListenOptions) -> io::Result<OwnedFd> {
    let fd = bind(addr, options)?;
    let backlog = option::clamp(options.backlog.max(1));
    // SAFETY: takes no pointers.
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog) })?;
    acknowledge(&fd, addr, options)?;
    Ok(fd)
}

/// As [`listen`], without the last step: keeps the port without taking connections.
pub fn bind(addr: &Addr, options: &ListenOptions) -> io::Result<OwnedFd> {
    match addr {
        Addr::Unix(UnixAddr::Path(path)) => bind_path(path, &options.file),
        Addr::Unix(_) => {
            let fd = stream_socket(libc::AF_UNIX)?;
            bind_to(&fd, &SockAddr::new(addr)?)?;
            Ok(fd)
        }
        Addr::Inet(_) => bind_inet(&SockAddr::new(addr)?, options),
    }
}

fn bind_inet(addr: &SockAddr, options: &ListenOptions) -> io::Result<OwnedFd> {
    let v6 = addr.family() == libc::AF_INET6;
    let namespace = options.namespace.as_deref();
    let socket = within(namespace, || stream_socket(addr.family()))?;
    let fd = socket.as_fd();
    if options.reuse_address {
        option::set(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    }
    if options.reuse_port {
        option::set(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    }
    if let (true, Some(only)) = (v6, options.v6only) {
        option::set(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only.into())?;
    }
    if let Some(name) = &options.interface {
        option::set_interface(fd, name)?;
    }
    if options.transparent {
        option::set_transparent(fd, v6)?;
    }
    set_changeable(fd, options)?;
    bind_to(&socket, addr)?;
    Ok(socket)
}

/// Gives a listening socket that another process opened the options of this one, as far as they may change.
pub fn adopt(socket: impl AsFd, options: &ListenOptions) -> io::Result<()> {
    let fd = socket.as_fd();
    crate::stream::adopt(fd)?;
    let addr = crate::addr::local_addr(fd)?;
    if !matches!(addr, Addr::Unix(_)) {
        set_changeable(fd, options)?;
    }
    // SAFETY: takes no pointers.
    check(unsafe { libc::listen(fd.as_raw_fd(), option::clamp(options.backlog.max(1))) })?;
    acknowledge(fd, &addr, options)
}

/// The kernel forgets this option when a socket begins to listen.
fn acknowledge(socket: impl AsFd, addr: &Addr, options: &ListenOptions) -> io::Result<()> {
    match (addr, options.quickack) {
        (Addr::Inet(_), on) => option::set_quickack(socket, on),
        (Addr::Unix(_), _) => Ok(()),
    }
}

/// Options that a TCP socket takes at any time.
fn set_changeable(fd: BorrowedFd<'_>, options: &ListenOptions) -> io::Result<()> {
    if let Some(bytes) = options.max_segment {
        option::set_max_segment(fd, bytes)?;
    }
    if let Some(milliseconds) = options.user_timeout {
        option::set_user_timeout(fd, milliseconds)?;
    }
    if let Some(seconds) = options.defer_accept {
        let seconds = option::clamp(seconds);
        option::set(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)?;
    }
    if let Some(queue) = options.fast_open {
        option::set(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_FASTOPEN,
            option::clamp(queue),
        )?;
    }
    if let Some(algorithm) = &options.congestion {
        option::set_congestion(fd, algorithm)?;
    }
    if options.nodelay {
        option::set_nodelay(fd, true)?;
    }
    if let Some(keepalive) = options.keepalive {
        option::set_keepalive(fd, keepalive)?;
    }
    Ok(())
}

fn bind_path(path: &Path, file: &SocketFile) -> io::Result<OwnedFd> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = stream_socket(libc::AF_UNIX)?;
    let addr = Addr::Unix(UnixAddr::Path(temporary.clone()));
    bind_to(&socket, &SockAddr::new(&addr)?)?;
    let placed = place(&temporary, path, file);
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    placed.map(|()| socket)
}

fn place(temporary: &Path, path: &Path, file: &SocketFile) -> io::Result<()> {
    if file.uid.is_some() || file.gid.is_some() {
        identity::chown(temporary, file.uid, file.gid)?;
    }
    if let Some(mode) = file.mode {
        fs::set_permissions(temporary, fs::Permissions::from_mode(mode))?;
    }
    fs::rename(temporary, path)
}

pub(crate) fn stream_socket(family: libc::c_int) -> io::Result<OwnedFd> {
    socket(family, libc::SOCK_STREAM)
}

pub(crate) fn socket(family: libc::c_int, kind: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd =
        check(unsafe { libc::socket(family, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(crate) fn bind_to(socket: &OwnedFd, addr: &SockAddr) -> io::Result<()> {
    // SAFETY: the pointer is to an address of the given length.
    check(unsafe { libc::bind(socket.as_raw_fd(), addr.as_ptr(), addr.len()) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::local_addr;

    #[test]
    fn two_sockets_share_a_port() {
        let options = ListenOptions::default();
        let one = listen(&Addr::Inet("127.0.0.1:0".parse().expect("addr")), &options).expect("one");
        let addr = local_addr(&one).expect("name");
        let two = listen(&addr, &options).expect("the port is shared");
        assert_eq!(local_addr(&two).expect("name"), addr);
        let alone = ListenOptions {
            reuse_port: false,
            ..ListenOptions::default()
        };
        let refused = listen(&addr, &alone).expect_err("not shared by all");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_unix_socket_replaces_the_file_and_has_its_mode() {
        let folder = std::env::temp_dir().join(format!("hapax-sys-listen-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("folder");
        let path = folder.join("s");
        let addr = Addr::Unix(UnixAddr::Path(path.clone()));
        let options = ListenOptions {
            file: SocketFile {
                mode: Some(0o600),
                ..SocketFile::default()
            },
            ..ListenOptions::default()
        };
        let _one = listen(&addr, &options).expect("one");
        let _two = listen(&addr, &options).expect("again");
        let mode = fs::metadata(&path).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::os::unix::net::UnixStream::connect(&path).expect("someone listens");
        assert_eq!(fs::read_dir(&folder).expect("list").count(), 1);
        fs::remove_dir_all(&folder).expect("clean");
    }
}
