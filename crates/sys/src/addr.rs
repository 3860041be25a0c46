//! Socket addresses: IPv4, IPv6, unix paths and the abstract namespace, and their kernel form.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::mem::{offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::check;

/// Where a stream or datagram socket is bound or connected to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Addr {
    /// An IPv4 or IPv6 address with its port.
    Inet(SocketAddr),
    /// A unix socket.
    Unix(UnixAddr),
}

/// The name of a unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UnixAddr {
    /// No name: what a client's socket usually has.
    Unnamed,
    /// A path in the file system.
    Path(PathBuf),
    /// The abstract namespace. `padded` fills the name with zero bytes up to the full length of the
    /// kernel's field (`abns@`); otherwise the name ends where it ends (`abnsz@`).
    Abstract {
        /// The name without its leading zero byte.
        name: Vec<u8>,
        /// Whether zero bytes up to the full length belong to the name.
        padded: bool,
    },
}

impl Addr {
    /// The IP address and port, unless this is a unix socket.
    pub fn inet(&self) -> Option<SocketAddr> {
        match self {
            Addr::Inet(addr) => Some(*addr),
            Addr::Unix(_) => None,
        }
    }

    /// Whether this is a unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self, Addr::Unix(_))
    }
}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Self {
        Addr::Inet(addr)
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::Inet(addr) => addr.fmt(f),
            Addr::Unix(UnixAddr::Unnamed) => f.write_str("unix"),
            Addr::Unix(UnixAddr::Path(path)) => path.display().fmt(f),
            Addr::Unix(UnixAddr::Abstract { name, .. }) => {
                write!(f, "abns@{}", String::from_utf8_lossy(name))
            }
        }
    }
}

/// An address in the kernel's form, made once for an address that is used often.
#[derive(Clone, Copy)]
pub struct SockAddr {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

impl SockAddr {
    /// The kernel's form of `addr`. Fails when a unix name does not fit (107 bytes for a path).
    pub fn new(addr: &Addr) -> io::Result<Self> {
        match addr {
            Addr::Inet(SocketAddr::V4(v4)) => Ok(Self::v4(v4)),
            Addr::Inet(SocketAddr::V6(v6)) => Ok(Self::v6(v6)),
            Addr::Unix(name) => Self::unix(name),
        }
    }

    /// Address family: `AF_INET`, `AF_INET6` or `AF_UNIX`.
    pub fn family(&self) -> libc::c_int {
        libc::c_int::from(self.storage.ss_family)
    }

    /// What the kernel wrote, as an address; `None` for families that hapax does not speak.
    pub fn to_addr(&self) -> Option<Addr> {
        let len = self.len as usize;
        match self.family() {
            libc::AF_INET if len >= size_of::<libc::sockaddr_in>() => {
                // SAFETY: the family says that a sockaddr_in is stored, and the storage is large and aligned enough.
                let raw = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
                Some(Addr::Inet(
                    SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into(),
                ))
            }
            libc::AF_INET6 if len >= size_of::<libc::sockaddr_in6>() => {
                // SAFETY: the family says that a sockaddr_in6 is stored, and the storage is large and aligned enough.
                let raw = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
                let port = u16::from_be(raw.sin6_port);
                let addr = SocketAddrV6::new(ip, port, raw.sin6_flowinfo, raw.sin6_scope_id);
                Some(Addr::Inet(addr.into()))
            }
            libc::AF_UNIX => Some(Addr::Unix(self.unix_name())),
            _ => None,
        }
    }

    /// Room for the kernel to write an address into.
    pub(crate) fn room() -> Self {
        // SAFETY: sockaddr_storage is plain integers, for which all zero bytes are a value.
        let storage = unsafe { std::mem::zeroed() };
        let len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        SockAddr { storage, len }
    }

    pub(crate) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(crate) fn as_mut_ptrs(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        ((&raw mut self.storage).cast(), &raw mut self.len)
    }

    pub(crate) fn len(&self) -> libc::socklen_t {
        self.len
    }

    fn v4(addr: &SocketAddrV4) -> Self {
        let mut made = Self::room();
        // SAFETY: the storage is zeroed, and large and aligned enough for any address.
        let raw = unsafe { &mut *(&raw mut made.storage).cast::<libc::sockaddr_in>() };
        raw.sin_family = libc::AF_INET as libc::sa_family_t;
        raw.sin_port = addr.port().to_be();
        raw.sin_addr.s_addr = u32::from(*addr.ip()).to_be();
        made.len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        made
    }

    fn v6(addr: &SocketAddrV6) -> Self {
        let mut made = Self::room();
        // SAFETY: the storage is zeroed, and large and aligned enough for any address.
        let raw = unsafe { &mut *(&raw mut made.storage).cast::<libc::sockaddr_in6>() };
        raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
        raw.sin6_port = addr.port().to_be();
        raw.sin6_addr.s6_addr = addr.ip().octets();
        raw.sin6_flowinfo = addr.flowinfo();
        raw.sin6_scope_id = addr.scope_id();
        made.len = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        made
    }

    fn unix(name: &UnixAddr) -> io::Result<Self> {
        let mut made = Self::room();
        // SAFETY: the storage is zeroed, and large and aligned enough for any address.
        let raw = unsafe { &mut *(&raw mut made.storage).cast::<libc::sockaddr_un>() };
        raw.sun_family = libc::AF_UNIX as libc::sa_family_t;
        let (skip, bytes, used) = match name {
            UnixAddr::Unnamed => (0, &[][..], 0),
            UnixAddr::Path(path) => {
                let bytes = path.as_os_str().as_bytes();
                (0, bytes, bytes.len() + 1)
            }
            UnixAddr::Abstract { name, padded: true } => (1, &name[..], raw.sun_path.len()),
            UnixAddr::Abstract {
                name,
                padded: false,
            } => (1, &name[..], name.len() + 1),
        };
        if used > raw.sun_path.len() || skip + bytes.len() > raw.sun_path.len() {
            return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
        }
        for (to, from) in raw.sun_path.iter_mut().skip(skip).zip(bytes) {
            *to = *from as libc::c_char;
        }
        made.len = (PATH_OFFSET + used) as libc::socklen_t;
        Ok(made)
    }

    fn unix_name(&self) -> UnixAddr {
        let used = (self.len as usize).saturating_sub(PATH_OFFSET);
        // SAFETY: the family says that a sockaddr_un is stored, and the storage is large and aligned enough.
        let raw = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_un>() };
        let bytes: Vec<u8> = raw.sun_path.iter().take(used).map(|c| *c as u8).collect();
        match bytes.split_first() {
            None => UnixAddr::Unnamed,
            Some((0, name)) => UnixAddr::Abstract {
                name: name.to_vec(),
                padded: false,
            },
            Some(_) => {
                let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
                UnixAddr::Path(PathBuf::from(OsStr::from_bytes(&bytes[..end])))
            }
        }
    }
}

impl fmt::Debug for SockAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_addr().fmt(f)
    }
}

/// The address a socket is bound to (`getsockname`).
pub fn local_addr(socket: impl AsFd) -> io::Result<Addr> {
    let mut room = SockAddr::room();
    let (addr, len) = room.as_mut_ptrs();
    // SAFETY: both pointers are to `room`, whose length field says how much the kernel may write.
    check(unsafe { libc::getsockname(socket.as_fd().as_raw_fd(), addr, len) })?;
    room.to_addr().ok_or_else(unknown_family)
}

/// The address a socket is connected to (`getpeername`).
pub fn peer_addr(socket: impl AsFd) -> io::Result<Addr> {
    let mut room = SockAddr::room();
    let (addr, len) = room.as_mut_ptrs();
    // SAFETY: both pointers are to `room`, whose length field says how much the kernel may write.
    check(unsafe { libc::getpeername(socket.as_fd().as_raw_fd(), addr, len) })?;
    room.to_addr().ok_or_else(unknown_family)
}

/// The address a connection had before the firewall redirected it to us (`SO_ORIGINAL_DST`).
pub fn original_destination(socket: impl AsFd, v6: bool) -> io::Result<Addr> {
    let level = if v6 { libc::SOL_IPV6 } else { libc::SOL_IP };
    let mut room = SockAddr::room();
    let (addr, len) = room.as_mut_ptrs();
    // SAFETY: both pointers are to `room`, whose length field says how much the kernel may write.
    check(unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            libc::SO_ORIGINAL_DST,
            addr.cast(),
            len,
        )
    })?;
    room.to_addr().ok_or_else(unknown_family)
}

pub(crate) fn unknown_family() -> io::Error {
    io::Error::from_raw_os_error(libc::EAFNOSUPPORT)
}

const PATH_OFFSET: usize = offset_of!(libc::sockaddr_un, sun_path);

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(addr: Addr) {
        let raw = SockAddr::new(&addr).expect("fits");
        assert_eq!(raw.to_addr(), Some(addr));
    }

    #[test]
    fn addresses_survive_the_kernel_form() {
        there_and_back(Addr::Inet("192.0.2.7:80".parse().expect("v4")));
        there_and_back(Addr::Inet("[2001:db8::1]:8443".parse().expect("v6")));
        there_and_back(Addr::Unix(UnixAddr::Path("/run/x.sock".into())));
        there_and_back(Addr::Unix(UnixAddr::Unnamed));
        there_and_back(Addr::Unix(UnixAddr::Abstract {
            name: b"hapax".to_vec(),
            padded: false,
        }));
    }

    #[test]
    fn a_padded_abstract_name_has_the_full_length() {
        let padded = |padded| {
            SockAddr::new(&Addr::Unix(UnixAddr::Abstract {
                name: b"a".to_vec(),
                padded,
            }))
            .expect("fits")
            .len()
        };
        assert_eq!(padded(false) as usize, PATH_OFFSET + 2);
        assert_eq!(padded(true) as usize, PATH_OFFSET + 108);
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        let path = |n| SockAddr::new(&Addr::Unix(UnixAddr::Path("x".repeat(n).into())));
        assert!(path(107).is_ok());
        assert!(path(108).is_err());
        let name = |n, padded| {
            let name = vec![b'x'; n];
            SockAddr::new(&Addr::Unix(UnixAddr::Abstract { name, padded }))
        };
        assert!(name(107, true).is_ok() && name(107, false).is_ok());
        assert!(name(108, true).is_err() && name(108, false).is_err());
    }
}
