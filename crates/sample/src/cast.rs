//! Casts between the types of samples (configuration manual 7.1 and 7.3.1), as upstream does them silently.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bumpalo::Bump;
use hapax_core::sample::{Sample, Type, Value};

use crate::write;

/// Whether a value of type `from` may be given where `to` is asked for.
pub fn possible(from: Type, to: Type) -> bool {
    use Type::*;
    match (from, to) {
        (Any | Same, _) | (_, Any | Same) => true,
        (from, to) if from == to => true,
        (Bool | Int, Bool | Int | Addr | Ipv4 | Ipv6 | Str | Bin) => true,
        (Addr | Ipv4, Bool | Int | Addr | Ipv4 | Ipv6 | Str | Bin) => true,
        (Ipv6, Addr | Ipv4 | Str | Bin) => true,
        (Str, _) => true,
        (Bin, Str) => true,
        (Meth, Str | Bin) => true,
        _ => false,
    }
}

/// The value as `to`; none when this value has no counterpart there.
pub fn cast<'a>(sample: Sample<'a>, to: Type, arena: &'a Bump) -> Option<Sample<'a>> {
    let value = match (to, sample.value) {
        (Type::Any | Type::Same, value) => value,
        (Type::Bool, value) => Value::Bool(integer(value)? != 0),
        (Type::Int, value) => Value::Int(integer(value)?),
        (Type::Addr, value) => address(value)?,
        (Type::Ipv4, value) => Value::Ipv4(ipv4(value)?),
        (Type::Ipv6, value) => match address(value)? {
            Value::Ipv4(ip) => Value::Ipv6(ip.to_ipv6_mapped()),
            other => other,
        },
        (Type::Str, Value::Str(bytes) | Value::Meth(bytes)) => Value::Str(bytes),
        (Type::Str, Value::Bin(bytes)) => Value::Str(up_to_nul(bytes)),
        (Type::Str, value) => Value::Str(text(value, arena)),
        (Type::Bin, Value::Str(bytes) | Value::Bin(bytes) | Value::Meth(bytes)) => {
            Value::Bin(bytes)
        }
        (Type::Bin, value) => Value::Bin(binary(value, arena)),
        (Type::Meth, value) => Value::Meth(value.bytes()?),
    };
    Some(value.into())
}

/// Reads the leading integer of a text: an optional sign and digits; what follows is ignored, overflow saturates.
pub fn leading_int(bytes: &[u8]) -> i64 {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let mut value: i64 = 0;
    for byte in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        let digit = i64::from(byte - b'0');
        value = value.saturating_mul(10);
        value = if negative {
            value.saturating_sub(digit)
        } else {
            value.saturating_add(digit)
        };
    }
    value
}

/// Reads an address of either family from the whole text.
pub fn parse_ip(bytes: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// Reads the IPv4 address that a text begins with; what follows it, other than a dot, is ignored.
fn leading_ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut rest = bytes;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, behind) = rest.split_at(length);
        *octet = std::str::from_utf8(digits).ok()?.parse().ok()?;
        rest = behind;
    }
    (rest.first() != Some(&b'.')).then(|| octets.into())
}

fn integer(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(value)),
        Value::Int(value) => Some(value),
        Value::Ipv4(ip) => Some(i64::from(u32::from(ip))),
        // An empty text is no number; one that begins with none is 0.
        Value::Str(b"") => None,
        Value::Str(bytes) => Some(leading_int(bytes)),
        Value::Ipv6(_) | Value::Bin(_) | Value::Meth(_) => None,
    }
}

fn address(value: Value<'_>) -> Option<Value<'_>> {
    match value {
        Value::Ipv4(_) | Value::Ipv6(_) => Some(value),
        Value::Str(bytes) => {
            leading_ipv4(bytes)
                .map(Value::Ipv4)
                .or_else(|| match parse_ip(bytes)? {
                    IpAddr::V4(ip) => Some(Value::Ipv4(ip)),
                    IpAddr::V6(ip) => Some(Value::Ipv6(ip)),
                })
        }
        Value::Int(_) | Value::Bool(_) => ipv4(value).map(Value::Ipv4),
        Value::Bin(_) | Value::Meth(_) => None,
    }
}

fn ipv4(value: Value<'_>) -> Option<Ipv4Addr> {
    match value {
        Value::Ipv4(ip) => Some(ip),
        Value::Ipv6(ip) => embedded_ipv4(ip),
        Value::Int(number) => Some(Ipv4Addr::from(number as u32)),
        Value::Bool(value) => Some(Ipv4Addr::from(u32::from(value))),
        Value::Str(bytes) => leading_ipv4(bytes),
        Value::Bin(_) | Value::Meth(_) => None,
    }
}

/// The IPv4 address inside a mapped, compatible (RFC 4291 2.5.5) or 6to4 address (RFC 3056).
pub fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0x2002, high, low, ..] | [0, 0, 0, 0, 0, 0xffff | 0, high, low] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

fn text<'a>(value: Value<'a>, arena: &'a Bump) -> &'a [u8] {
    match value {
        Value::Bool(value) => {
            if value {
                b"1"
            } else {
                b"0"
            }
        }
        Value::Int(number) => shown(number, arena),
        Value::Ipv4(ip) => shown(ip, arena),
        Value::Ipv6(ip) => shown(ip, arena),
        Value::Str(bytes) | Value::Bin(bytes) | Value::Meth(bytes) => bytes,
    }
}

/// The text of a number or an address, none of which is longer than the room here.
fn shown(value: impl std::fmt::Display, arena: &Bump) -> &[u8] {
    use std::io::Write;
    let mut text = [0u8; 48];
    let mut rest = &mut text[..];
    let _ = write!(rest, "{value}");
    let left = rest.len();
    arena.alloc_slice_copy(&text[..text.len() - left])
}

/// Appends a value as text.
pub fn append(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Bool(value) => out.push(b'0' + u8::from(value)),
        Value::Int(number) => write::int(out, number),
        Value::Ipv4(ip) => write::ipv4(out, ip),
        Value::Ipv6(ip) => write::ipv6(out, ip),
        Value::Bin(bytes) => out.extend_from_slice(up_to_nul(bytes)),
        Value::Str(bytes) | Value::Meth(bytes) => out.extend_from_slice(bytes),
    }
}

/// Bytes as text, which ends at a NUL byte.
fn up_to_nul(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

fn binary<'a>(value: Value<'a>, arena: &'a Bump) -> &'a [u8] {
    match value {
        Value::Bool(value) => arena.alloc_slice_copy(&i64::from(value).to_be_bytes()),
        Value::Int(number) => arena.alloc_slice_copy(&number.to_be_bytes()),
        Value::Ipv4(ip) => arena.alloc_slice_copy(&ip.octets()),
        Value::Ipv6(ip) => arena.alloc_slice_copy(&ip.octets()),
        Value::Str(bytes) | Value::Bin(bytes) | Value::Meth(bytes) => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(value: Value<'_>, kind: Type) -> Option<String> {
        let arena = Bump::new();
        let value = cast(value.into(), kind, &arena)?.value;
        let mut out = Vec::new();
        append(&mut out, value);
        Some(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn casts_follow_the_reference() {
        assert_eq!(to(Value::Str(b"12ab"), Type::Int).as_deref(), Some("12"));
        assert_eq!(to(Value::Str(b" 5"), Type::Int).as_deref(), Some("0"));
        let big = to(Value::Str(b"99999999999999999999"), Type::Int);
        assert_eq!(big.as_deref(), Some("9223372036854775807"));
        let ip = Value::Ipv4(Ipv4Addr::new(1, 2, 3, 4));
        assert_eq!(to(ip, Type::Int).as_deref(), Some("16909060"));
        assert_eq!(to(ip, Type::Ipv6).as_deref(), Some("::ffff:1.2.3.4"));
        assert_eq!(to(Value::Bin(b"a\0b"), Type::Str).as_deref(), Some("a"));
        assert_eq!(to(Value::Bin(b"1"), Type::Int), None);
        assert!(!possible(Type::Bin, Type::Int) && possible(Type::Str, Type::Meth));
    }
}
