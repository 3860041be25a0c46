//! Hash functions of `hash-type`, the map and the ring.

mod key;
mod map;
mod ring;

pub use key::ring_key;
pub use map::Map;
pub use ring::Ring;

use std::net::IpAddr;

use hapax_core::contract::KeyValue;
use hapax_core::ir::{HashFunction, HashType};
use hapax_proto::hash::{avalanche, crc32, djb2, sdbm};

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
        HashFunction::Sdbm => Some(sdbm(0, bytes)),
        HashFunction::Djb2 => Some(djb2(bytes)),
        HashFunction::Crc32 => Some(crc32(bytes)),
        HashFunction::None => Some(leading_integer(bytes) as u32),
        HashFunction::Wt6 => None,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

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
