//! Text: letters, parts, replacement.

use std::sync::Arc;

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::{converters, int, int_arg, kept, room, str_arg, string};
use crate::cast;
use crate::regex::{Captures, Regex};

const PART: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int, ArgKind::Str, ArgKind::Int],
    required: 2,
};
const ONE: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 1,
};

converters! {
    "lower", ArgSpec::NONE, None, Str => Str, "Letters in lower case." => |cx, _, sample| lower(cx, sample.value.bytes()?);
    "upper", ArgSpec::NONE, None, Str => Str, "Letters in upper case." => |cx, _, sample| changed(cx, sample.value.bytes()?, u8::is_ascii_lowercase, <[u8]>::make_ascii_uppercase);
    "length", ArgSpec::NONE, None, Str => Int, "The length in bytes." => |_, _, sample| int(sample.value.bytes()?.len() as i64);
    "field", PART, Some(check_index), Str => Str, "A field between delimiters, counted from 1 or from the end." => |_, args, sample| field(args, sample.value.bytes()?);
    "word", PART, Some(check_index), Str => Str, "A word between delimiters, empty ones not counted." => |_, args, sample| word(args, sample.value.bytes()?);
    "ltrim", ONE, None, Str => Str, "Without the bytes given at the beginning." => |_, args, sample| {
        let (bytes, set) = (sample.value.bytes()?, str_arg(args, 0)?);
        let start = bytes.iter().position(|byte| !set.contains(byte)).unwrap_or(bytes.len());
        string(&bytes[start..])
    };
    "rtrim", ONE, None, Str => Str, "Without the bytes given at the end." => |_, args, sample| {
        let (bytes, set) = (sample.value.bytes()?, str_arg(args, 0)?);
        let end = bytes.iter().rposition(|byte| !set.contains(byte)).map_or(0, |last| last + 1);
        string(&bytes[..end])
    };
    "regsub", ArgSpec { kinds: &[ArgKind::Regex, ArgKind::Str, ArgKind::Str], required: 2 }, Some(check_regsub), Str => Str, "Replaces what a regular expression matches." => regsub;
    "ipmask", ArgSpec { kinds: &[ArgKind::Mask4, ArgKind::Mask6], required: 1 }, None, Addr => Addr, "An address under a mask." => ipmask;
    "host_only", ArgSpec::NONE, None, Str => Str, "The host of `host:port`, in lower case." => |cx, _, sample| lower(cx, split_port(sample.value.bytes()?).0);
    "port_only", ArgSpec::NONE, None, Str => Int, "The port of `host:port`, 0 without one." => |_, _, sample| {
        int(split_port(sample.value.bytes()?).1.map_or(0, port))
    };
    "param", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 1 }, Some(check_param), Str => Str, "The value of a parameter of a query." => |_, args, sample| {
        let name = str_arg(args, 0)?;
        let delimiter = str_arg(args, 1).and_then(|text| text.first()).copied().unwrap_or(b'&');
        let text = sample.value.bytes()?;
        // Behind a delimiter at the end there is no parameter.
        let text = text.strip_suffix(&[delimiter]).unwrap_or(text);
        if text.is_empty() {
            return None;
        }
        text.split(|byte| *byte == delimiter).find_map(|pair| {
            let rest = pair.strip_prefix(name)?;
            rest.strip_prefix(b"=").or_else(|| rest.is_empty().then_some(rest))
        }).and_then(string)
    };
    "cut_crlf", ArgSpec::NONE, None, Str => Str, "Up to the first carriage return or line feed." => |_, _, sample| {
        let bytes = sample.value.bytes()?;
        let end = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
        string(&bytes[..end])
    };
}

fn lower<'a>(cx: &Cx<'a>, bytes: &'a [u8]) -> Option<Sample<'a>> {
    changed(
        cx,
        bytes,
        u8::is_ascii_uppercase,
        <[u8]>::make_ascii_lowercase,
    )
}

fn changed<'a>(
    cx: &Cx<'a>,
    bytes: &'a [u8],
    differs: fn(&u8) -> bool,
    change: fn(&mut [u8]),
) -> Option<Sample<'a>> {
    if !bytes.iter().any(differs) {
        return string(bytes);
    }
    let copy = cx.arena.alloc_slice_copy(bytes);
    change(copy);
    string(copy)
}

fn check_index(args: &mut [Arg]) -> Result<(), String> {
    match int_arg(args, 0) {
        Some(0) => Err("Unexpected value 0 for index".to_owned()),
        _ if str_arg(args, 1) == Some(b"") => Err("Empty separators list".to_owned()),
        _ => Ok(()),
    }
}

/// How many fields or words are taken: one, or as many as given, all for 0.
fn wanted(args: &[Arg]) -> usize {
    match int_arg(args, 2) {
        None => 1,
        Some(count) if count > 0 => usize::try_from(count).unwrap_or(usize::MAX),
        Some(_) => usize::MAX,
    }
}

/// Fields `count` of them, beginning with number `index` (from the end and leftwards when negative).
fn field<'a>(args: &[Arg], bytes: &'a [u8]) -> Option<Sample<'a>> {
    let (index, delimiters) = (int_arg(args, 0)?, str_arg(args, 1)?);
    let fields = bytes.split(|byte| delimiters.contains(byte));
    let spans = spans(bytes, fields);
    take(bytes, spans, index, wanted(args))
}

/// As [`field`], with words; when fewer are left than asked for, it goes on to the end of the text, delimiters included.
fn word<'a>(args: &[Arg], bytes: &'a [u8]) -> Option<Sample<'a>> {
    let (index, delimiters) = (int_arg(args, 0)?, str_arg(args, 1)?);
    let words = bytes
        .split(|byte| delimiters.contains(byte))
        .filter(|word| !word.is_empty());
    let mut spans = spans(bytes, words);
    let skip = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    let more = wanted(args) - 1;
    if index > 0 {
        let (start, end) = spans.nth(skip)?;
        let end = match more {
            0 => end,
            _ => spans.nth(more - 1).map_or(bytes.len(), |span| span.1),
        };
        return string(bytes.get(start..end)?);
    }
    let (start, end) = spans.nth_back(skip)?;
    let start = match more {
        0 => start,
        _ => spans.nth_back(more - 1).map_or(0, |span| span.0),
    };
    string(bytes.get(start..end)?)
}

type Span = (usize, usize);

/// Where parts of `whole` stand in it.
fn spans<'a>(
    whole: &'a [u8],
    parts: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> impl DoubleEndedIterator<Item = Span> {
    let start = whole.as_ptr().addr();
    parts.map(move |part| {
        let at = part.as_ptr().addr() - start;
        (at, at + part.len())
    })
}

fn take<'a>(
    bytes: &'a [u8],
    mut spans: impl DoubleEndedIterator<Item = Span>,
    index: i64,
    count: usize,
) -> Option<Sample<'a>> {
    let skip = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    let more = count.saturating_sub(1);
    let (first, last) = if index > 0 {
        let first = spans.nth(skip)?;
        (first, spans.take(more).last().unwrap_or(first))
    } else {
        let last = spans.nth_back(skip)?;
        let mut first = last;
        for _ in 0..more {
            match spans.next_back() {
                Some(span) => first = span,
                None => break,
            }
        }
        (first, last)
    };
    string(bytes.get(first.0..last.1)?)
}

/// A compiled `regsub`.
struct Substitution {
    regex: Regex,
    replacement: Vec<u8>,
    global: bool,
}

fn check_regsub(args: &mut [Arg]) -> Result<(), String> {
    let flags = str_arg(args, 2).unwrap_or_default();
    if let Some(flag) = flags.iter().find(|flag| !b"ig".contains(flag)) {
        return Err(format!(
            "invalid regex flag '{}', only 'i' and 'g' are supported",
            char::from(*flag)
        ));
    }
    let pattern = str_arg(args, 0).unwrap_or_default();
    let substitution = Substitution {
        regex: Regex::new(pattern, flags.contains(&b'i'))?,
        replacement: str_arg(args, 1).unwrap_or_default().to_vec(),
        global: flags.contains(&b'g'),
    };
    let text = [pattern, &substitution.replacement, flags]
        .map(String::from_utf8_lossy)
        .join(",");
    args[0] = Arg::Compiled(Compiled {
        text,
        value: Arc::new(substitution),
    });
    Ok(())
}

fn regsub<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let Some(Arg::Compiled(compiled)) = args.first() else {
        return None;
    };
    let substitution = compiled.value.downcast_ref::<Substitution>()?;
    let bytes = sample.value.bytes()?;
    let mut out = Vec::new();
    let (mut done, mut found_any) = (0, false);
    let mut seen = Vec::new();
    // Every search but the first sees only what is left.
    while let Some(captures) = match found_any {
        false => substitution.regex.captures(bytes),
        true => substitution.regex.captures_in_rest(bytes, done, &mut seen),
    } {
        let found = captures.range();
        found_any = true;
        out.extend_from_slice(bytes.get(done..found.start).unwrap_or_default());
        expand(&substitution.replacement, &captures, &mut out);
        let moved = found.end > done;
        done = done.max(found.end);
        if !substitution.global {
            break;
        }
        // Nothing was found at the very beginning of what is left: the search goes on behind its first byte.
        if !moved {
            let Some(byte) = bytes.get(done) else { break };
            out.push(*byte);
            done += 1;
        }
    }
    if !found_any {
        return string(bytes);
    }
    out.extend_from_slice(&bytes[done..]);
    out.truncate(room(cx));
    kept(cx.arena, &out)
}

/// Appends a replacement: `\0` to `\9` stand for groups, `\xHH` for a byte, another escaped byte for itself.
pub fn expand(replacement: &[u8], captures: &Captures<'_>, out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = replacement.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match replacement.get(at) {
            Some(digit @ b'0'..=b'9') => {
                if let Some(group) = captures.get(usize::from(digit - b'0')) {
                    out.extend_from_slice(group);
                }
            }
            Some(b'x') if hex_byte(replacement, at + 1).is_some() => {
                out.extend(hex_byte(replacement, at + 1));
                at += 2;
            }
            Some(byte) => out.push(*byte),
            None => {}
        }
        at += 1;
    }
}

fn hex_byte(text: &[u8], at: usize) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(at..at + 2)?).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

fn ipmask<'a>(_: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let four = |ip: std::net::Ipv4Addr| match args.first() {
        Some(Arg::Mask4(mask)) => Some(Value::Ipv4((u32::from(ip) & mask).into()).into()),
        _ => None,
    };
    match sample.value {
        Value::Ipv4(ip) => four(ip),
        Value::Ipv6(ip) => match (args.get(1), cast::embedded_ipv4(ip)) {
            (_, Some(ip)) => four(ip),
            (Some(Arg::Mask6(mask)), None) => {
                Some(Value::Ipv6((u128::from(ip) & mask).into()).into())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Host and port of an authority; the port follows the last colon outside brackets.
fn split_port(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memrchr(b':', bytes) {
        Some(colon) if !bytes[colon..].contains(&b']') => {
            (&bytes[..colon], Some(&bytes[colon + 1..]))
        }
        _ => (bytes, None),
    }
}

/// As upstream reads it: every byte counts as a digit, in 32 bits.
fn port(text: &[u8]) -> i64 {
    let number = text.iter().fold(0u32, |number, byte| {
        let digit = u32::from(*byte).wrapping_sub(u32::from(b'0'));
        number.wrapping_mul(10).wrapping_add(digit)
    });
    i64::from(number)
}

fn check_param(args: &mut [Arg]) -> Result<(), String> {
    match str_arg(args, 1) {
        Some(delimiter) if delimiter.len() != 1 => {
            Err("Delimiter must be exactly 1 character.".to_owned())
        }
        _ => Ok(()),
    }
}
