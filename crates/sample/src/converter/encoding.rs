//! Encodings: hexadecimal, base64, URLs, JSON.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::{converters, int, int_arg, kept, room, str_arg, string};
use crate::write;

converters! {
    "hex", ArgSpec::NONE, None, Bin => Str, "Bytes in hexadecimal." => |cx, _, sample| {
        let bytes = sample.value.bytes()?;
        let mut out = Vec::with_capacity(bytes.len() * 2);
        write::hex_bytes(&mut out, &bytes[..bytes.len().min(room(cx) / 2)]);
        kept(cx.arena, &out)
    };
    "hex2i", ArgSpec::NONE, None, Str => Int, "A hexadecimal number, of which the last 16 digits count." => |_, _, sample| {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).map(u64::from);
        let number = sample.value.bytes()?.iter().try_fold(0, |number, byte| Some(number << 4 | digit(byte)?));
        int(number? as i64)
    };
    "base64", ArgSpec::NONE, None, Bin => Str, "Bytes in base64." => |cx, _, sample| base64(cx, sample, &BASE64_STANDARD);
    "b64dec", ArgSpec::NONE, None, Str => Bin, "The bytes of base64." => |cx, _, sample| binary(cx, &decode_base64(sample.value.bytes()?)?);
    "ub64dec", ArgSpec::NONE, None, Str => Bin, "The bytes of base64 for URLs." => |cx, _, sample| binary(cx, &decode_url_base64(sample.value.bytes()?)?);
    "ub64enc", ArgSpec::NONE, None, Bin => Str, "Bytes in base64 for URLs, without padding." => |cx, _, sample| base64(cx, sample, &BASE64_URL_SAFE_NO_PAD);
    "url_dec", ArgSpec { kinds: &[ArgKind::Int], required: 0 }, None, Str => Str, "The bytes behind `%XX` and `+`." => url_dec;
    "url_enc", ArgSpec { kinds: &[ArgKind::Str], required: 1 }, Some(check_url_enc), Str => Str, "Bytes that a URL must not hold as `%XX`." => url_enc;
    "json", ArgSpec { kinds: &[ArgKind::Str], required: 1 }, Some(check_json), Str => Str, "Escaped for a JSON string." => json;
}

fn binary<'a>(cx: &Cx<'a>, bytes: &[u8]) -> Option<Sample<'a>> {
    Some(Value::Bin(cx.arena.alloc_slice_copy(bytes)).into())
}

/// None when it would not fit a buffer.
fn base64<'a>(cx: &Cx<'a>, sample: Sample<'a>, engine: &GeneralPurpose) -> Option<Sample<'a>> {
    let bytes = sample.value.bytes()?;
    if bytes.len().div_ceil(3) * 4 >= room(cx) {
        return None;
    }
    kept(cx.arena, engine.encode(bytes).as_bytes())
}

/// Groups of four letters, each of which may end in padding; bits beyond the last byte do not matter.
pub(crate) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let (groups, []) = text.as_chunks::<4>() else {
        return None;
    };
    let mut out = Vec::with_capacity(groups.len() * 3);
    for group in groups {
        let letters = group.iter().rposition(|byte| *byte != b'=')? + 1;
        let mut bits = 0;
        for byte in &group[..letters] {
            bits = bits << 6 | u32::from(six_bits(*byte, b"+/")?);
        }
        let bytes = (bits << (6 * (4 - letters))).to_be_bytes();
        out.extend_from_slice(&bytes[1..letters.max(1)]);
    }
    Some(out)
}

/// Without padding: as upstream has it, an equals sign is another spelling of the last letter of the alphabet.
pub(crate) fn decode_url_base64(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        let mut bits = 0;
        for byte in group {
            let byte = if *byte == b'=' { b'_' } else { *byte };
            bits = bits << 6 | u32::from(six_bits(byte, b"-_")?);
        }
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        out.extend_from_slice(&bytes[1..group.len()]);
    }
    Some(out)
}

/// What a letter stands for; the two last ones of the alphabet are given.
fn six_bits(byte: u8, last: &[u8; 2]) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        byte if byte == last[0] => Some(62),
        byte if byte == last[1] => Some(63),
        _ => None,
    }
}

/// `+` is a blank behind the first question mark, and everywhere when the argument is not 0.
fn url_dec<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let bytes = sample.value.bytes()?;
    if memchr::memchr2(b'%', b'+', bytes).is_none() {
        return string(bytes);
    }
    let mut form = int_arg(args, 0).is_some_and(|form| form != 0);
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'+' if form => out.push(b' '),
            b'?' => {
                form = true;
                out.push(b'?');
            }
            b'%' => {
                let digits = std::str::from_utf8(bytes.get(at..at + 2)?).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                out.push(u8::from_str_radix(digits, 16).ok()?);
                at += 2;
            }
            byte => out.push(byte),
        }
    }
    kept(cx.arena, &out)
}

fn check_url_enc(args: &mut [Arg]) -> Result<(), String> {
    match str_arg(args, 0) {
        None | Some(b"" | b"query") => Ok(()),
        Some(_) => Err("Unexpected encode type. Allowed value is 'query'".to_owned()),
    }
}

fn url_enc<'a>(cx: &Cx<'a>, _: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let bytes = sample.value.bytes()?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    if bytes.iter().all(plain) {
        return string(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        if plain(byte) {
            out.push(*byte);
        } else {
            out.push(b'%');
            write::hex(&mut out, u64::from(*byte), 2);
        }
    }
    if out.len() + 1 >= room(cx) {
        return None;
    }
    kept(cx.arena, &out)
}

fn check_json(args: &mut [Arg]) -> Result<(), String> {
    match str_arg(args, 0) {
        None | Some(b"" | b"ascii" | b"utf8" | b"utf8s" | b"utf8p" | b"utf8ps") => Ok(()),
        Some(_) => Err(
            "Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', 'utf8p' and 'utf8ps'"
                .to_owned(),
        ),
    }
}

/// What is not ASCII is escaped as `\uXXXX`; the argument says how the input is read and what broken UTF-8 does.
fn json<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let bytes = sample.value.bytes()?;
    let mode = str_arg(args, 0).unwrap_or_default();
    let mut out = Vec::with_capacity(bytes.len() + 16);
    if mode.is_empty() || mode == b"ascii" {
        for byte in bytes {
            escape(u32::from(*byte), &mut out);
        }
        return kept(cx.arena, &out);
    }
    let skips = mode.ends_with(b"s");
    let permissive = mode.get(4) == Some(&b'p');
    let mut rest = bytes;
    while !rest.is_empty() {
        let (decoded, length) = decode(rest, permissive);
        rest = &rest[length..];
        // Only the basic plane fits the four digits.
        match decoded.filter(|code| *code <= 0xffff) {
            Some(code) => escape(code, &mut out),
            None if skips => {}
            None => return None,
        }
    }
    kept(cx.arena, &out)
}

/// The character that bytes begin with, if they are UTF-8, and how many they are; permissive: also when it is written with
/// more bytes than it needs.
fn decode(bytes: &[u8], permissive: bool) -> (Option<u32>, usize) {
    let first = bytes[0];
    let length = match first.leading_ones() {
        0 => return (Some(u32::from(first)), 1),
        ones @ 2..=6 => ones as usize,
        _ => return (None, 1),
    };
    let mut code = u32::from(first) & (0x7f >> length);
    for index in 1..length {
        match bytes.get(index) {
            Some(byte) if byte & 0xc0 == 0x80 => code = code << 6 | u32::from(byte & 0x3f),
            _ => return (None, index),
        }
    }
    let least = [0, 0, 0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000][length];
    let valid = (code >= least || permissive) && !(0xd800..0xe000).contains(&code);
    (valid.then_some(code), length)
}

fn escape(code: u32, out: &mut Vec<u8>) {
    match code {
        0x22 => out.extend_from_slice(b"\\\""),
        0x5c => out.extend_from_slice(b"\\\\"),
        0x2f => out.extend_from_slice(b"\\/"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        0x0a => out.extend_from_slice(b"\\n"),
        0x0d => out.extend_from_slice(b"\\r"),
        0x09 => out.extend_from_slice(b"\\t"),
        0x20..=0x7e => out.push(code as u8),
        _ => {
            out.extend_from_slice(b"\\u");
            for shift in [12, 8, 4, 0] {
                out.push(b"0123456789abcdef"[(code >> shift) as usize & 15]);
            }
        }
    }
}
