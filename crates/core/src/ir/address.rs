//! Addresses as they stand in a configuration, after names are resolved.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

/// An address to listen on, connect to or send datagrams to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum Address {
    /// TCP or UDP over IPv4 or IPv6.
    Inet(SocketAddr),
    /// A unix socket by path.
    Unix(String),
    /// A socket of Linux' abstract namespace; `zero_padded` tells `abns@` (true) from `abnsz@`.
    Abstract {
        /// The name.
        name: String,
        /// Whether the name is padded with NUL bytes to the full length of the address.
        zero_padded: bool,
    },
    /// An inherited descriptor, `fd@N`.
    Descriptor(i32),
    /// One side of a socket pair, `sockpair@N`.
    SocketPair(i32),
}

impl Address {
    /// The port, 0 where there is none.
    pub fn port(&self) -> u16 {
        match self {
            Address::Inet(address) => address.port(),
            _ => 0,
        }
    }

    /// The internet address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Address::Inet(address) => Some(address.ip()),
            _ => None,
        }
    }
}

/// A network for `except` and source matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Network {
    /// The address with the host bits cleared.
    pub address: IpAddr,
    /// Number of leading bits that count.
    pub prefix: u8,
}

impl Network {
    /// Whether `ip` lies in the network; IPv4-mapped IPv6 addresses match IPv4 networks.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                same_prefix(&network.octets(), &ip.octets(), self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                same_prefix(&network.octets(), &ip.octets(), self.prefix)
            }
            (IpAddr::V4(network), IpAddr::V6(ip)) => ip
                .to_ipv4_mapped()
                .is_some_and(|ip| same_prefix(&network.octets(), &ip.octets(), self.prefix)),
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn same_prefix(left: &[u8], right: &[u8], bits: u8) -> bool {
    let whole = usize::from(bits / 8).min(left.len());
    if left[..whole] != right[..whole] {
        return false;
    }
    match (bits % 8, left.get(whole), right.get(whole)) {
        (0, ..) | (_, None, _) | (_, _, None) => true,
        (rest, Some(left), Some(right)) => (left ^ right) >> (8 - rest) == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_hosts_only() {
        let network = Network {
            address: IpAddr::from([127, 0, 0, 0]),
            prefix: 9,
        };
        assert!(network.contains(IpAddr::from([127, 127, 0, 1])));
        assert!(!network.contains(IpAddr::from([127, 128, 0, 1])));
        assert!(network.contains("::ffff:127.0.0.1".parse().expect("an address")));
    }
}
