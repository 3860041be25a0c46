//! `hash-key`: where a server's points on the ring begin (configuration manual 5.2).
//!
//! Found by looking for the points of the reference's ring and undoing the mix: an IPv4 address is read as a little-endian
//! number and mixed, an IPv6 address goes through XXH32; with a port, its mixed number is added before, or is the seed.

use std::net::SocketAddr;

use hapax_core::ir::{Address, HashKey};
use hapax_core::live::ServerLive;
use xxhash_rust::xxh32::xxh32;

use super::avalanche;

/// Where the points of a server begin.
pub fn ring_key(server: &ServerLive) -> u32 {
    let kind = server.ir.options.hash_key;
    match (kind, &**server.address.load()) {
        (HashKey::Address, Address::Inet(address)) => of_address(address, 0),
        (HashKey::AddressAndPort, Address::Inet(address)) => {
            of_address(address, avalanche(u32::from(address.port())))
        }
        _ => server.id.wrapping_mul(4096),
    }
}

fn of_address(address: &SocketAddr, seed: u32) -> u32 {
    match address {
        SocketAddr::V4(v4) => avalanche(u32::from_le_bytes(v4.ip().octets()).wrapping_add(seed)),
        SocketAddr::V6(v6) => xxh32(&v6.ip().octets(), seed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_addresses_are_where_the_reference_has_them() {
        let key = |address: &str, port: bool| {
            let address: SocketAddr = address.parse().expect("an address");
            let seed = if port {
                avalanche(u32::from(address.port()))
            } else {
                0
            };
            of_address(&address, seed)
        };
        assert_eq!(key("127.0.0.1:1", false), 0x0f7a_29c5);
        assert_eq!(key("127.0.0.1:1", true), 0x345f_018e);
        assert_eq!(key("[::1]:1", false), 0x7f2f_367e);
        assert_eq!(key("[::1]:1", true), 0x39f4_311c);
    }
}
