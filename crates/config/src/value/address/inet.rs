//! `host:port` in all its forms.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Accept, AddressError, Host, IpFamily, Port, any};

pub(super) struct Inet {
    pub(super) host: Host,
    pub(super) port: Port,
    pub(super) ignored: Option<String>,
}

pub(super) fn parse(
    rest: &[u8],
    word: &[u8],
    only: Option<IpFamily>,
    accept: Accept,
) -> Result<Inet, AddressError> {
    let bracketed = rest.last() == Some(&b']');
    let colon = memchr::memrchr(b':', rest).filter(|_| !bracketed);
    let (host, port) = match colon {
        Some(at) => (
            rest.get(..at).unwrap_or(&[]),
            rest.get(at + 1..).unwrap_or(&[]),
        ),
        None => (rest, &[] as &[u8]),
    };
    let (port, ignored) = parse_port(port, word, accept)?;
    Ok(Inet {
        host: parse_host(host, only),
        port,
        ignored,
    })
}

fn parse_port(
    port: &[u8],
    word: &[u8],
    accept: Accept,
) -> Result<(Port, Option<String>), AddressError> {
    let whole = || lossy(word);
    let character = |byte: u8, port: &[u8]| AddressError::PortCharacter {
        byte: char::from(byte),
        port: lossy(port),
        text: whole(),
    };
    let (first, rest) = split_digits(port);
    match (port, rest) {
        ([], _) if accept.port_required => Err(AddressError::MissingPort(whole())),
        ([], _) => Ok((Port::None, None)),
        ([sign @ (b'+' | b'-'), offset @ ..], _) => {
            if !accept.port_offset {
                return Err(AddressError::OffsetNotPermitted(whole()));
            }
            let (digits, rest) = split_digits(offset);
            if let Some(byte) = rest.first() {
                return Err(character(*byte, offset));
            }
            let offset = i32::try_from(number(digits)).unwrap_or(i32::MAX);
            let offset = if *sign == b'-' { -offset } else { offset };
            Ok((Port::Offset(offset), None))
        }
        (_, []) => Ok((Port::One(one_port(first, accept)?), None)),
        (_, [b'-', last @ ..]) if !first.is_empty() => {
            if !accept.port_range {
                return Err(AddressError::RangeNotPermitted(whole()));
            }
            let start = one_port(first, accept)?;
            let (digits, rest) = split_digits(last);
            match rest.first() {
                Some(b'-') if digits.is_empty() => return Err(AddressError::Port(lossy(last))),
                Some(byte) => return Err(character(*byte, last)),
                None => {}
            }
            let end = one_port(digits, accept)?;
            if digits.is_empty() {
                return Err(AddressError::Port(String::new()));
            }
            if end < start {
                return Err(AddressError::Range(lossy(port)));
            }
            Ok((Port::Range(start, end), None))
        }
        (_, [_, ..]) if accept.tail && !first.is_empty() => {
            Ok((Port::One(one_port(first, accept)?), Some(lossy(rest))))
        }
        (_, [byte, ..]) => Err(character(*byte, port)),
    }
}

fn one_port(digits: &[u8], accept: Accept) -> Result<u16, AddressError> {
    u16::try_from(number(digits))
        .ok()
        .filter(|port| *port > 0 || !accept.port_required)
        .ok_or_else(|| AddressError::Port(lossy(digits)))
}

fn parse_host(host: &[u8], only: Option<IpFamily>) -> Host {
    if matches!(host, b"" | b"*") {
        return Host::Any(any(only));
    }
    let bare = host
        .strip_prefix(b"[")
        .and_then(|host| host.strip_suffix(b"]"))
        .unwrap_or(host);
    let numeric = lossy(bare);
    if only != Some(IpFamily::V4)
        && let Ok(ip) = numeric.parse::<Ipv6Addr>()
    {
        return Host::Ip(IpAddr::V6(ip));
    }
    if only != Some(IpFamily::V6)
        && let Some(ip) = short_ipv4(bare)
    {
        return Host::Ip(IpAddr::V4(ip));
    }
    Host::Name {
        name: lossy(host),
        only,
    }
}

/// One to four decimal parts, the last of which fills what is left: `1.2.3` is `1.2.0.3`, as the C library reads it.
fn short_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let parts: Vec<&[u8]> = text.splitn(5, |byte| *byte == b'.').collect();
    let (last, leading) = parts.split_last()?;
    let decimal = |part: &[u8]| {
        let digits = (1..=10).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
        let octal = part.len() > 1 && part.first() == Some(&b'0');
        (digits && !octal).then(|| number(part))
    };
    if leading.len() > 3 {
        return None;
    }
    let mut address = 0u64;
    for (index, part) in leading.iter().enumerate() {
        let part = decimal(part).filter(|part| *part <= 255)?;
        address |= part << (24 - 8 * index);
    }
    let room = 1u64 << (32 - 8 * leading.len());
    let last = decimal(last).filter(|last| *last < room)?;
    u32::try_from(address | last).ok().map(Ipv4Addr::from)
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at(digits)
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit.wrapping_sub(b'0')))
    })
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
