//! Addresses of the configuration as the system takes them.

use std::io;

use hapax_core::ir::Address;
use hapax_sys::SockAddr;
use hapax_sys::addr::{Addr, UnixAddr};

/// The kernel's form of an address.
///
/// # Errors
/// When the name of a unix socket is too long, or for an inherited descriptor, which is no address.
pub(crate) fn socket_address(address: &Address) -> io::Result<SockAddr> {
    SockAddr::new(&match address {
        Address::Inet(address) => Addr::Inet(*address),
        Address::Unix(path) => Addr::Unix(UnixAddr::Path(path.into())),
        Address::Abstract { name, zero_padded } => Addr::Unix(UnixAddr::Abstract {
            name: name.clone().into_bytes(),
            padded: *zero_padded,
        }),
        Address::Descriptor(_) | Address::SocketPair(_) => {
            return Err(io::ErrorKind::InvalidInput.into());
        }
    })
}
