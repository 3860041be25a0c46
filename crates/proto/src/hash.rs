//! The 32-bit hash functions of `hash-type`, of converters and of the PROXY protocol's checksum.
//!
//! Published functions, found by comparing results of the reference with them: sdbm (ndbm's), djb2 (Bernstein's), CRC-32 (ISO 3309),
//! CRC-32C (RFC 3720 B.4) and Bob Jenkins' integer hash.

/// sdbm of `bytes` behind what was hashed to `start`; 0 begins.
pub fn sdbm(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |hash, &byte| {
        hash.wrapping_mul(65599).wrapping_add(u32::from(byte))
    })
}

/// djb2.
pub fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |hash: u32, &byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(byte))
    })
}

/// CRC-32.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc(&CRC32, bytes)
}

/// CRC-32C.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc(&CRC32C, bytes)
}

/// Mixes all bits of a hash: Bob Jenkins' integer hash (burtleburtle.net/bob/hash/integer.html), then a multiplication by the prime
/// 3·2^30 + 1, as results of the reference show.
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

const CRC32: [u32; 256] = table(0xedb8_8320);
const CRC32C: [u32; 256] = table(0x82f6_3b78);

fn crc(table: &[u32; 256], bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (sum >> 8) ^ table[usize::from((sum as u8) ^ byte)]
    })
}

/// What a byte does to a sum of the polynomial, lowest bit first.
const fn table(polynomial: u32) -> [u32; 256] {
    let mut table = [0u32; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ (polynomial & 0u32.wrapping_sub(sum & 1));
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{crc32, crc32c, djb2, sdbm};

    #[test]
    fn functions_give_their_published_check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(djb2(b""), 5381);
        assert_eq!(sdbm(0, b"a"), 97);
        assert_eq!(sdbm(0, b"ab"), 97 * 65599 + 98);
    }
}
