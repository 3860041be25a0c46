//! The value that `cookie ... dynamic` makes for a server from its address (configuration manual 4.2, `dynamic-cookie-key`).
//!
//! Found by comparing cookies of the reference with published hashes: XXH64 of the key, the address and the port in four
//! bytes, in network order.

use xxhash_rust::xxh64::Xxh64;

use super::Address;

/// The value for a server at this address, as hexadecimal digits; none for what is not IP.
pub fn dynamic_cookie(key: &str, address: &Address) -> Option<[u8; 16]> {
    let Address::Inet(address) = address else {
        return None;
    };
    let mut hash = Xxh64::new(0);
    hash.update(key.as_bytes());
    match address.ip() {
        std::net::IpAddr::V4(ip) => hash.update(&ip.octets()),
        std::net::IpAddr::V6(ip) => hash.update(&ip.octets()),
    }
    hash.update(&u32::from(address.port()).to_be_bytes());
    let number = hash.digest();
    let digit = |at: usize| b"0123456789abcdef"[(number >> (60 - 4 * at)) as usize & 15];
    Some(std::array::from_fn(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_reference() {
        let value = |address: &str| {
            let address = Address::Inet(address.parse().expect("an address"));
            dynamic_cookie("K", &address)
                .map(|digits| String::from_utf8_lossy(&digits).into_owned())
        };
        assert_eq!(value("127.0.0.1:1001").as_deref(), Some("998e980bdb1e5321"));
        assert_eq!(value("[::1]:1001").as_deref(), Some("18d54cd149a36e61"));
        assert_eq!(dynamic_cookie("K", &Address::Unix("/a".into())), None);
    }
}
