//! Writes numbers, addresses and dates into byte buffers without going through `format!`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Appends `value` in decimal.
pub fn int(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(out, value.unsigned_abs());
}

/// Appends `value` in decimal.
pub fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `value` in decimal with leading zeros up to `width` (20 at most).
pub fn padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = 1;
    let mut rest = value / 10;
    while rest > 0 {
        digits += 1;
        rest /= 10;
    }
    for _ in digits..width.min(20) {
        out.push(b'0');
    }
    unsigned(out, value);
}

/// Appends `value` in upper-case hexadecimal with leading zeros up to `width`.
pub fn hex(out: &mut Vec<u8>, value: u64, width: usize) {
    let used = (64 - value.leading_zeros() as usize).div_ceil(4).max(1);
    for digit in (0..used.max(width.min(16))).rev() {
        out.push(HEX[(value >> (digit * 4)) as usize & 15]);
    }
}

/// Appends bytes as pairs of upper-case hexadecimal digits.
pub fn hex_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// Appends an IPv4 address.
pub fn ipv4(out: &mut Vec<u8>, address: Ipv4Addr) {
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        unsigned(out, u64::from(octet));
    }
}

/// Appends an IPv6 address.
pub fn ipv6(out: &mut Vec<u8>, address: Ipv6Addr) {
    use std::io::Write;
    // Writing into a vector cannot fail.
    let _ = write!(out, "{address}");
}

/// Upper-case hexadecimal digits.
pub const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses() {
        let mut out = Vec::new();
        int(&mut out, i64::MIN);
        out.push(b' ');
        padded(&mut out, 7, 3);
        out.push(b' ');
        hex(&mut out, 0x1f, 4);
        out.push(b' ');
        hex(&mut out, 0x12345, 4);
        out.push(b' ');
        ipv4(&mut out, Ipv4Addr::new(10, 0, 0, 255));
        out.push(b' ');
        ipv6(&mut out, "::ffff:1.2.3.4".parse().expect("an address"));
        assert_eq!(
            String::from_utf8_lossy(&out),
            "-9223372036854775808 007 001F 12345 10.0.0.255 ::ffff:1.2.3.4"
        );
    }
}
