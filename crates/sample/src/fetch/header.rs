//! Header fields: `req.hdr` and its kin, for requests and responses (configuration manual 7.3.6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Occurrence, Sample, Value};
use hapax_proto::http::{Head, Values, first_value};

use super::http::leading_integer;
use super::{fetches, int};

const NAMED: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Int],
    required: 0,
};
const NAME: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 0,
};

fetches! {
    "req.hdr", NAMED, Some(check), Str, Needs::REQUEST, "A value of a request header." => |cx, args, occurrence| value(&cx.stream.request, args, occurrence);
    "hdr", NAMED, Some(check), Str, Needs::REQUEST.or(Needs::RESPONSE), "A value of a header of the request, or in rules of the response of that." => |cx, args, occurrence| value(head(cx), args, occurrence);
    "req.fhdr", NAMED, Some(check), Str, Needs::REQUEST, "A whole line of a request header." => |cx, args, occurrence| line(&cx.stream.request, args, occurrence);
    "req.hdr_cnt", NAME, Some(check), Int, Needs::REQUEST, "How many values a request header has." => |cx, args, _| values_count(&cx.stream.request, args);
    "hdr_cnt", NAME, Some(check), Int, Needs::REQUEST, "How many values a request header has." => |cx, args, _| values_count(&cx.stream.request, args);
    "req.fhdr_cnt", NAME, Some(check), Int, Needs::REQUEST, "How many lines a request header has." => |cx, args, _| lines_count(&cx.stream.request, args);
    "req.hdr_val", NAMED, Some(check), Int, Needs::REQUEST, "A value of a request header as an integer." => |cx, args, occurrence| integer(&cx.stream.request, args, occurrence);
    "hdr_val", NAMED, Some(check), Int, Needs::REQUEST, "A value of a request header as an integer." => |cx, args, occurrence| integer(&cx.stream.request, args, occurrence);
    "req.hdr_ip", NAMED, Some(check), Addr, Needs::REQUEST, "A value of a request header as an address." => |cx, args, occurrence| address(&cx.stream.request, args, occurrence);
    "hdr_ip", NAMED, Some(check), Addr, Needs::REQUEST, "A value of a request header as an address." => |cx, args, occurrence| address(&cx.stream.request, args, occurrence);
    "req.hdr_names", NAME, None, Str, Needs::REQUEST, "The names of the request's headers, joined." => |cx, args, _| names(&cx.stream.request, args, cx);
    "res.hdr", NAMED, Some(check), Str, Needs::RESPONSE, "A value of a response header." => |cx, args, occurrence| value(&cx.stream.response, args, occurrence);
    "shdr", NAMED, Some(check), Str, Needs::RESPONSE, "A value of a response header." => |cx, args, occurrence| value(&cx.stream.response, args, occurrence);
    "res.fhdr", NAMED, Some(check), Str, Needs::RESPONSE, "A whole line of a response header." => |cx, args, occurrence| line(&cx.stream.response, args, occurrence);
    "res.hdr_cnt", NAME, Some(check), Int, Needs::RESPONSE, "How many values a response header has." => |cx, args, _| values_count(&cx.stream.response, args);
    "shdr_cnt", NAME, Some(check), Int, Needs::RESPONSE, "How many values a response header has." => |cx, args, _| values_count(&cx.stream.response, args);
    "res.fhdr_cnt", NAME, Some(check), Int, Needs::RESPONSE, "How many lines a response header has." => |cx, args, _| lines_count(&cx.stream.response, args);
    "res.hdr_val", NAMED, Some(check), Int, Needs::RESPONSE, "A value of a response header as an integer." => |cx, args, occurrence| integer(&cx.stream.response, args, occurrence);
    "shdr_val", NAMED, Some(check), Int, Needs::RESPONSE, "A value of a response header as an integer." => |cx, args, occurrence| integer(&cx.stream.response, args, occurrence);
    "res.hdr_ip", NAMED, Some(check), Addr, Needs::RESPONSE, "A value of a response header as an address." => |cx, args, occurrence| address(&cx.stream.response, args, occurrence);
    "shdr_ip", NAMED, Some(check), Addr, Needs::RESPONSE, "A value of a response header as an address." => |cx, args, occurrence| address(&cx.stream.response, args, occurrence);
    "res.hdr_names", NAME, None, Str, Needs::RESPONSE, "The names of the response's headers, joined." => |cx, args, _| names(&cx.stream.response, args, cx);
}

/// Occurrences are counted back from the last one down to this; upstream keeps no more.
const DEEPEST: i64 = -10;

fn check(args: &mut [Arg]) -> Result<(), String> {
    // Names of fields are kept in lower case.
    if let Some(Arg::Str(name)) = args.first_mut() {
        name.make_ascii_lowercase();
    }
    match args.get(1) {
        Some(Arg::Int(number)) if *number < DEEPEST => {
            Err(format!("header occurrence must be >= {DEEPEST}"))
        }
        _ => Ok(()),
    }
}

fn head<'a>(cx: &Cx<'a>) -> &'a Head {
    if cx.on_response {
        &cx.stream.response
    } else {
        &cx.stream.request
    }
}

/// The name asked for, in lower case ([`check`]).
fn name(args: &[Arg]) -> Option<&[u8]> {
    match args.first() {
        Some(Arg::Str(name)) if !name.is_empty() => Some(name),
        _ => None,
    }
}

/// All values of one header line by line; `whole` does not split at commas.
fn items<'a>(head: &'a Head, name: &'a [u8], whole: bool) -> impl Iterator<Item = &'a [u8]> {
    head.lines_of(name)
        .flat_map(move |(_, line)| Items::of(line, whole))
}

struct Items<'a> {
    whole: Option<&'a [u8]>,
    parts: Option<Values<'a>>,
}

impl<'a> Items<'a> {
    fn of(line: &'a [u8], whole: bool) -> Items<'a> {
        Items {
            whole: whole.then_some(line),
            parts: (!whole).then(|| Values::new(line)),
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match &mut self.parts {
            Some(parts) => parts.next(),
            None => self.whole.take(),
        }
    }
}

/// The occurrence asked for: the number in the arguments, each in turn for an ACL, else the last one.
fn pick<'a>(
    head: &'a Head,
    args: &'a [Arg],
    occurrence: &mut Occurrence,
    whole: bool,
) -> Option<&'a [u8]> {
    let number = match args.get(1) {
        Some(Arg::Int(number)) => *number,
        _ => 0,
    };
    let Some(name) = name(args) else {
        return pick_any(head, number, whole);
    };
    if occurrence.iterating && number == 0 {
        let found = next(head, name, occurrence, whole);
        occurrence.more = found.is_some();
        return found;
    }
    match number {
        1.. => items(head, name, whole).nth(usize::try_from(number).ok()? - 1),
        0 => items(head, name, whole).last(),
        _ => {
            let count = i64::try_from(items(head, name, whole).count()).ok()?;
            let index = usize::try_from(count + number).ok()?;
            items(head, name, whole).nth(index)
        }
    }
}

/// The occurrence asked for among the values of all headers; one must be asked for.
fn pick_any(head: &Head, number: i64, whole: bool) -> Option<&[u8]> {
    let all = || head.iter().flat_map(|(_, line)| Items::of(line, whole));
    match number {
        0 => None,
        1.. => all().nth(usize::try_from(number).ok()? - 1),
        _ => {
            let count = i64::try_from(all().count()).ok()?;
            all().nth(usize::try_from(count + number).ok()?)
        }
    }
}

/// The value behind the cursor (a field and an offset in its line).
fn next<'a>(
    head: &'a Head,
    wanted: &[u8],
    cursor: &mut Occurrence,
    whole: bool,
) -> Option<&'a [u8]> {
    loop {
        let index = cursor.at as usize;
        if index >= head.len() {
            return None;
        }
        let offset = cursor.offset as usize;
        let line = head.value(index);
        let fits = wanted == head.name(index);
        if !fits || offset > line.len() {
            cursor.at += 1;
            cursor.offset = 0;
            continue;
        }
        if whole {
            cursor.at += 1;
            return Some(line);
        }
        let (value, length) = first_value(&line[offset..]);
        cursor.offset += length as u32;
        return Some(value);
    }
}

fn value<'a>(head: &'a Head, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    super::string(pick(head, args, occurrence, false)?)
}

fn line<'a>(head: &'a Head, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    super::string(pick(head, args, occurrence, true)?)
}

fn integer<'a>(head: &'a Head, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    int(leading_integer(pick(head, args, occurrence, false)?))
}

fn address<'a>(head: &'a Head, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    let ip = parse_address(pick(head, args, occurrence, false)?)?;
    Some(super::address(ip))
}

/// An address with an optional port, IPv6 with or without brackets.
fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        return rest
            .strip_suffix(']')?
            .parse::<Ipv6Addr>()
            .ok()
            .map(IpAddr::V6);
    }
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    let (host, port) = text.split_once(':')?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    (digits && port.parse::<u16>().is_ok())
        .then(|| host.parse::<Ipv4Addr>().ok())
        .flatten()
        .map(IpAddr::V4)
}

fn values_count<'a>(head: &'a Head, args: &'a [Arg]) -> Option<Sample<'a>> {
    let count: usize = match name(args) {
        Some(name) => head
            .lines_of(name)
            .map(|(_, line)| Values::new(line).count())
            .sum(),
        None => head.iter().map(|(_, line)| Values::new(line).count()).sum(),
    };
    int(i64::try_from(count).ok()?)
}

fn lines_count<'a>(head: &'a Head, args: &'a [Arg]) -> Option<Sample<'a>> {
    let count = match name(args) {
        Some(name) => head.lines_of(name).count(),
        None => head.len(),
    };
    int(i64::try_from(count).ok()?)
}

fn names<'a>(head: &'a Head, args: &'a [Arg], cx: &Cx<'a>) -> Option<Sample<'a>> {
    let separator = name(args).and_then(|text| text.first()).unwrap_or(&b',');
    let mut out = bumpalo::collections::Vec::new_in(cx.arena);
    for (index, (name, _)) in head.iter().enumerate() {
        if index > 0 {
            out.push(*separator);
        }
        out.extend_from_slice(name);
    }
    Some(Value::Str(out.into_bump_slice()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_ports() {
        let is = |text: &str, ip: &str| {
            assert_eq!(parse_address(text.as_bytes()), ip.parse().ok(), "{text}");
        };
        is("10.0.0.1:80", "10.0.0.1");
        is("[::1]", "::1");
        assert_eq!(parse_address(b"[::1]:22"), None);
        is("::2", "::2");
        assert_eq!(parse_address(b"10.0.0.1:x"), None);
        assert_eq!(parse_address(b"host"), None);
    }
}
