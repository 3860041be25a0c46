//! The Forwarded field (RFC 7239), as strictly as upstream reads it: one element, no white space, names in lower case.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Type, Value};

use super::{boolean, converters, int, kept, str_arg, string};
use crate::cast;

converters! {
    "rfc7239_is_valid", ArgSpec::NONE, None, Str => Bool, "Whether it is the value of a Forwarded field." => |_, _, sample| boolean(Element::read(sample.value.bytes()?).is_some());
    "rfc7239_field", ArgSpec { kinds: &[ArgKind::Str], required: 1 }, None, Str => Str, "A parameter of a Forwarded field: for, by, host or proto." => |_, args, sample| {
        let element = Element::read(sample.value.bytes()?)?;
        let index = NAMES.iter().position(|name| Some(*name) == str_arg(args, 0))?;
        string(element.0[index]?)
    };
    "rfc7239_n2nn", ArgSpec::NONE, None, Str => Any, "The name in a node of a Forwarded field: an address, `unknown` or `_name`." => |_, _, sample| match node(sample.value.bytes()?)?.0 {
        Name::Address(IpAddr::V4(ip)) => Some(Value::Ipv4(ip).into()),
        Name::Address(IpAddr::V6(ip)) => Some(Value::Ipv6(ip).into()),
        Name::Text(text) => string(text),
    };
    "rfc7239_n2np", ArgSpec::NONE, None, Str => Any, "The port in a node of a Forwarded field: a number or `_name`." => |_, _, sample| match node(sample.value.bytes()?)?.1? {
        Port::Number(port) => int(i64::from(port)),
        Port::Text(text) => string(text),
    };
    "rfc7239_nn", ArgSpec::NONE, None, Any => Str, "An address as the name of a node of a Forwarded field; a text as `_text`, an empty one as `unknown`." => |cx, _, sample| match sample.value {
        Value::Ipv4(_) => cast::cast(sample, Type::Str, cx.arena),
        Value::Ipv6(ip) => kept(cx.arena, format!("[{ip}]").as_bytes()),
        _ => {
            let text = cast::cast(sample, Type::Str, cx.arena)?.value.bytes()?;
            if text.is_empty() { string(b"unknown") } else { hidden(cx, text) }
        }
    };
    "rfc7239_np", ArgSpec::NONE, None, Any => Str, "A number as the port of a node of a Forwarded field; a text as `_text`." => |cx, _, sample| match sample.value {
        Value::Int(number) => kept(cx.arena, (number as u32).to_string().as_bytes()),
        _ => hidden(cx, cast::cast(sample, Type::Str, cx.arena)?.value.bytes()?),
    };
}

const NAMES: [&[u8]; 4] = [b"proto", b"host", b"for", b"by"];

/// The parameters of an element, in the order of [`NAMES`].
struct Element<'a>([Option<&'a [u8]>; 4]);

impl<'a> Element<'a> {
    fn read(text: &'a [u8]) -> Option<Element<'a>> {
        let mut found = [None; 4];
        let mut rest = text;
        loop {
            let equals = memchr::memchr(b'=', rest)?;
            let index = NAMES.iter().position(|name| *name == &rest[..equals])?;
            rest = &rest[equals + 1..];
            let quoted = rest.strip_prefix(b"\"");
            let value = match quoted {
                Some(inside) => {
                    let end = memchr::memchr(b'"', inside)?;
                    rest = &inside[end + 1..];
                    &inside[..end]
                }
                None => {
                    let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
                    let value = &rest[..end];
                    rest = &rest[end..];
                    if value.is_empty() && rest.is_empty()
                        || !value.iter().all(|byte| is_plain(*byte))
                    {
                        return None;
                    }
                    value
                }
            };
            let valid = match index {
                0 => quoted.is_none() && matches!(value, b"http" | b"https"),
                1 => is_host(value),
                _ => whole_node(value),
            };
            if !valid || found[index].replace(value).is_some() {
                return None;
            }
            match rest.split_first() {
                None => return Some(Element(found)),
                Some((b';', behind)) => rest = behind,
                Some(_) => return None,
            }
        }
    }
}

/// What may stand without quotes: the token of RFC 9110 5.6.2.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_hidden(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

fn is_host(text: &[u8]) -> bool {
    let (host, port) = match text.strip_prefix(b"[") {
        Some(inside) => {
            let Some(end) = memchr::memchr(b']', inside) else {
                return false;
            };
            if six(&inside[..end]).is_none() {
                return false;
            }
            (&b""[..], &inside[end + 1..])
        }
        None => text.split_at(memchr::memchr(b':', text).unwrap_or(text.len())),
    };
    let port = match port.split_first() {
        None => true,
        Some((b':', digits)) => matches!(number(digits), Some((_, b""))),
        Some(_) => false,
    };
    port && host
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
}

enum Name<'a> {
    Address(IpAddr),
    Text(&'a [u8]),
}

enum Port<'a> {
    Number(u16),
    Text(&'a [u8]),
}

/// Reads a node; what follows it is left out.
fn node(text: &[u8]) -> Option<(Name<'_>, Option<Port<'_>>)> {
    let (name, port, _) = parts(text)?;
    Some((name, port))
}

fn whole_node(text: &[u8]) -> bool {
    parts(text).is_some_and(|(_, _, rest)| rest.is_empty())
}

type Parts<'a> = (Name<'a>, Option<Port<'a>>, &'a [u8]);

fn parts(text: &[u8]) -> Option<Parts<'_>> {
    let (name, rest) = name(text)?;
    let Some(port) = rest.strip_prefix(b":") else {
        return Some((name, None, rest));
    };
    if let Some((text, rest)) = hidden_name(port) {
        return Some((name, Some(Port::Text(text)), rest));
    }
    let (port, rest) = number(port)?;
    Some((name, Some(Port::Number(port)), rest))
}

fn name(text: &[u8]) -> Option<(Name<'_>, &[u8])> {
    if let Some(rest) = text.strip_prefix(b"unknown") {
        return Some((Name::Text(b"unknown"), rest));
    }
    if let Some((text, rest)) = hidden_name(text) {
        return Some((Name::Text(text), rest));
    }
    if let Some(inside) = text.strip_prefix(b"[") {
        let end = memchr::memchr(b']', inside)?;
        let ip = six(&inside[..end])?;
        return Some((Name::Address(ip.into()), &inside[end + 1..]));
    }
    let end = text
        .iter()
        .position(|byte| !(byte.is_ascii_digit() || *byte == b'.'))
        .unwrap_or(text.len());
    let ip: Ipv4Addr = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    Some((Name::Address(ip.into()), &text[end..]))
}

/// `_` and at least one byte.
fn hidden_name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let behind = text.strip_prefix(b"_")?;
    let length = behind.iter().take_while(|byte| is_hidden(**byte)).count();
    (length > 0).then(|| text.split_at(length + 1))
}

/// An IPv6 address without an IPv4 address in it.
fn six(text: &[u8]) -> Option<Ipv6Addr> {
    if text.contains(&b'.') {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let end = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let port: u16 = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    (port > 0).then_some((port, &text[end..]))
}

fn hidden<'a>(cx: &Cx<'a>, text: &[u8]) -> Option<Sample<'a>> {
    if text.is_empty() || !text.iter().all(|byte| is_hidden(*byte)) {
        return None;
    }
    kept(cx.arena, &[b"_", text].concat())
}
