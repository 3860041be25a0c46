//! Hash functions of `hash-type`, the map and the ring.
//!
//! Found by comparing placements of the reference with published functions: sdbm (ndbm's), djb2 (Bernstein's), CRC-32
//! (ISO 3309) and, for `avalanche`, Bob Jenkins' 32-bit integer mix followed by one multiplication.

mod key;
mod map;
mod ring;

pub use key::ring_key;
pub use map::Map;
pub use ring::Ring;

use std::net::IpAddr;

use hapax_core::contract::KeyValue;
use hapax_core::ir::{HashFunction, HashType};

/// The hash of a key; none for [`KeyValue::None`] and for functions that are not built. An address is its own hash,
/// whatever the function is: the exclusive or of its 32-bit words.
pub fn hash(kind: HashType, key: KeyValue<'_>) -> Option<u32> {
    let hash = match key {
        KeyValue::None => return None,
        KeyValue::Bytes(bytes) => digest(kind.function, bytes)?,
        KeyValue::Address(IpAddr::V4(address)) => address.to_bits(),
        KeyValue::Address(IpAddr::V6(address)) => {
            let bits = address.to_bits();
            let half = (bits >> 64) as u64 ^ bits as u64;
            (half >> 32) as u32 ^ half as u32
        }
    };
    Some(if kind.avalanche {
        avalanche(hash)
    } else {
        hash
    })
}

fn digest(function: HashFunction, bytes: &[u8]) -> Option<u32> {
    match function {
        HashFunction::Sdbm => Some(sdbm(bytes)),
        HashFunction::Djb2 => Some(djb2(bytes)),
        HashFunction::Crc32 => Some(crc32(bytes)),
        HashFunction::None => Some(leading_integer(bytes) as u32),
        HashFunction::Wt6 => None,
    }
}

fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |hash: u32, &byte| {
        hash.wrapping_mul(65599).wrapping_add(u32::from(byte))
    })
}

fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |hash: u32, &byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(byte))
    })
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (crc >> 8) ^ CRC32[usize::from((crc as u8) ^ byte)]
    })
}

const CRC32: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1));
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

/// The integer a text begins with; 0 when it begins with none. Out of range it stops at the ends of 64 bits.
pub fn leading_integer(bytes: &[u8]) -> i64 {
    let text = bytes.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    digits
        .iter()
        .map_while(|byte| byte.is_ascii_digit().then(|| i64::from(byte - b'0')))
        .fold(0i64, |value, digit| {
            let value = value.saturating_mul(10);
            if negative {
                value.saturating_sub(digit)
            } else {
                value.saturating_add(digit)
            }
        })
}

/// Mixes all bits of a hash: Bob Jenkins' integer hash (burtleburtle.net/bob/hash/integer.html), then a multiplication by
/// the prime 3·2^30 + 1, as placements of the reference show.
pub fn avalanche(hash: u32) -> u32 {
    let mut a = hash;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xc000_0001)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_give_their_published_check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(djb2(b""), 5381);
        assert_eq!(sdbm(b"a"), 97);
        assert_eq!(sdbm(b"ab"), 97 * 65599 + 98);
    }

    #[test]
    fn numbers_are_read_up_to_what_is_none() {
        for (text, value) in [
            (&b"12x"[..], 12),
            (b" 7 8", 7),
            (b"abc", 0),
            (b"-5", -5),
            (b"+9", 9),
            (b"", 0),
            (b"99999999999999999999", i64::MAX),
        ] {
            assert_eq!(leading_integer(text), value, "{text:?}");
        }
    }
}
