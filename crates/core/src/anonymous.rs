//! Names that give way to hashes, so that a dump can be shown to others: 24 bits of XXH32 under a key.

use std::net::IpAddr;

use xxhash_rust::xxh32::xxh32;

/// The hash of a name.
pub fn hash(name: &[u8], key: u32) -> String {
    format!("{:06x}", xxh32(name, key) & 0x00ff_ffff)
}

/// An address: those of this machine stay, others become the hash of their text behind their kind.
pub fn address(ip: IpAddr, key: u32) -> String {
    let text = ip.to_string();
    if ip.is_loopback() || ip.is_unspecified() {
        return text;
    }
    let kind = match ip {
        IpAddr::V4(_) => "IPV4",
        IpAddr::V6(_) => "IPV6",
    };
    format!("{kind}({})", hash(text.as_bytes(), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_this_machine_only_stays() {
        assert_eq!(hash(b"be", 77), "59875c");
        let shown = |text: &str| address(text.parse().expect("an address"), 77);
        assert_eq!(shown("127.0.0.1"), "127.0.0.1");
        assert_eq!(shown("10.1.2.3"), "IPV4(fe0374)");
        assert_eq!(shown("2001:db8::1"), "IPV6(e78f13)");
    }
}
