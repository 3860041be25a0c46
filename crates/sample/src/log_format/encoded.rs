//! Values of log formats as JSON (RFC 8259) and CBOR (RFC 8949).

use hapax_core::capture::Side;
use hapax_core::contract::Cx;
use hapax_core::ir::{Expr, LogEncoding, LogFlags, LogFormat, LogName, LogPart, LogType};
use hapax_core::keyword::{LogAlias, LogOutput};
use hapax_core::sample::{Type, Value};

use super::captured;
use super::cbor;
use crate::{cast, expression, write};

/// Appends the named pieces of a format as one object.
pub(super) fn whole(format: &LogFormat, cx: &Cx<'_>, out: &mut Vec<u8>) {
    let json = matches!(format.encoding, LogEncoding::Json { .. });
    // CBOR goes out in hexadecimal unless the format is binary; `raw` values never do.
    let printed = |start: usize, out: &mut Vec<u8>| {
        if !json && !format.binary {
            in_hexadecimal(cx, start, out);
        }
    };
    let start = out.len();
    out.push(if json { b'{' } else { cbor::MAP });
    printed(start, out);
    let mut first = true;
    for part in &format.parts {
        let (LogPart::Alias { name, .. } | LogPart::Expr { name, .. }) = part else {
            continue;
        };
        if name.name.is_empty() {
            continue;
        }
        if json && !first {
            out.extend_from_slice(b", ");
        }
        first = false;
        let start = out.len();
        key(name, json, out);
        printed(start, out);
        let start = out.len();
        match part {
            LogPart::Alias {
                row,
                argument,
                name,
                flags,
            } => alias(
                row.0,
                argument,
                name.output,
                (*flags, format.encoding),
                cx,
                out,
            ),
            LogPart::Expr { expr, name, .. } => {
                sample(expr, name.output, format.encoding, cx, out);
                if name.output == Some(LogType::Raw) {
                    continue;
                }
            }
            LogPart::Text(_) | LogPart::Separator => {}
        }
        printed(start, out);
    }
    if json {
        out.push(b'}');
        return;
    }
    let start = out.len();
    out.push(cbor::BREAK);
    printed(start, out);
}

fn key(name: &LogName, json: bool, out: &mut Vec<u8>) {
    if json {
        out.push(b'"');
        out.extend_from_slice(name.name.as_bytes());
        out.extend_from_slice(b"\": ");
    } else {
        cbor::text(name.name.as_bytes(), out);
    }
}

/// Appends the value of an alias.
pub(super) fn alias(
    row: &LogAlias,
    argument: &[u8],
    output: Option<LogType>,
    (flags, encoding): (LogFlags, LogEncoding),
    cx: &Cx<'_>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let plain = LogFlags {
        hex: flags.hex,
        ..LogFlags::default()
    };
    (row.write)(cx, argument, plain, out);
    let text: &[u8] = cx.arena.alloc_slice_copy(&out[start..]);
    out.truncate(start);
    let number = match row.output {
        LogOutput::Number => true,
        LogOutput::HexNumber => !flags.hex,
        _ => false,
    };
    match encoding {
        LogEncoding::Json { utf8 } => match row.output {
            LogOutput::Captured | LogOutput::RequestList | LogOutput::ResponseList
                if text.is_empty() =>
            {
                out.extend_from_slice(b"null");
            }
            LogOutput::RequestList => list(cx, Side::Request, encoding, out),
            LogOutput::ResponseList => list(cx, Side::Response, encoding, out),
            _ if number && !text.is_empty() => json_number(cast::leading_int(text), output, out),
            _ => json_text(text, utf8, out),
        },
        LogEncoding::Cbor => match row.output {
            _ if text.is_empty() => out.push(cbor::NULL),
            LogOutput::RequestList => list(cx, Side::Request, encoding, out),
            LogOutput::ResponseList => list(cx, Side::Response, encoding, out),
            LogOutput::Captured => cbor::chunks(text, true, out),
            LogOutput::Encoded => cbor::chunks(text, false, out),
            _ if number => cbor_number(cast::leading_int(text), output, out),
            _ => cbor::text(text, out),
        },
        LogEncoding::None => {}
    }
}

fn list(cx: &Cx<'_>, side: Side, encoding: LogEncoding, out: &mut Vec<u8>) {
    let json = encoding != LogEncoding::Cbor;
    out.push(if json { b'[' } else { cbor::ARRAY });
    for index in 0..captured::count(cx, side) {
        let start = out.len();
        captured::item(cx, side, index, out);
        let text: &[u8] = cx.arena.alloc_slice_copy(&out[start..]);
        out.truncate(start);
        if !json {
            cbor::chunks(text, false, out);
            continue;
        }
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        json_text(text, false, out);
    }
    out.push(if json { b']' } else { cbor::BREAK });
}

/// Appends the value of an expression; one that has none is an empty text in JSON and null in CBOR.
pub(super) fn sample(
    expr: &Expr,
    output: Option<LogType>,
    encoding: LogEncoding,
    cx: &Cx<'_>,
    out: &mut Vec<u8>,
) {
    let json = encoding != LogEncoding::Cbor;
    let value = expression::eval(expr, cx).map(|sample| sample.value);
    let to = match output {
        None => match value {
            Some(Value::Bool(_)) => Type::Bool,
            Some(Value::Int(_)) => Type::Int,
            Some(Value::Bin(_)) if !json => Type::Bin,
            _ => Type::Str,
        },
        Some(LogType::Str) => Type::Str,
        Some(LogType::Int) => Type::Int,
        Some(LogType::Bool) => Type::Bool,
        Some(LogType::Raw) => Type::Bin,
    };
    // An address is no truth.
    let value = value.filter(|value| to != Type::Bool || !matches!(value, Value::Ipv4(_)));
    let value = value.and_then(|value| cast::cast(value.into(), to, cx.arena));
    let value = value.map(|sample| sample.value);
    if output == Some(LogType::Raw) {
        if let Some(bytes) = value.and_then(|value| value.bytes()) {
            out.extend_from_slice(bytes);
        }
        return;
    }
    match (value, encoding) {
        (Some(Value::Bool(yes)), _) if json => {
            out.extend_from_slice(if yes { b"true" } else { b"false" });
        }
        (Some(Value::Bool(yes)), _) => out.push(cbor::boolean(yes)),
        (Some(Value::Int(number)), _) if json => write::int(out, number),
        (Some(Value::Int(number)), _) => cbor::int(number, out),
        (value, LogEncoding::Json { utf8 }) => {
            json_text(
                value.and_then(|value| value.bytes()).unwrap_or_default(),
                utf8,
                out,
            );
        }
        (Some(Value::Bin(bytes)), _) => cbor::bytes(bytes, out),
        (value, _) => match value.and_then(|value| value.bytes()) {
            None | Some([]) => out.push(cbor::NULL),
            Some(bytes) => cbor::text(bytes, out),
        },
    }
}

/// Writes what stands from `start` on in hexadecimal.
pub(super) fn in_hexadecimal(cx: &Cx<'_>, start: usize, out: &mut Vec<u8>) {
    let bytes: &[u8] = cx.arena.alloc_slice_copy(&out[start..]);
    out.truncate(start);
    write::hex_bytes(out, bytes);
}

fn json_number(number: i64, output: Option<LogType>, out: &mut Vec<u8>) {
    match output {
        Some(LogType::Str) => {
            out.push(b'"');
            write::int(out, number);
            out.push(b'"');
        }
        Some(LogType::Bool) => {
            out.extend_from_slice(if number == 0 { b"false" } else { b"true" });
        }
        Some(LogType::Int | LogType::Raw) | None => write::int(out, number),
    }
}

fn cbor_number(number: i64, output: Option<LogType>, out: &mut Vec<u8>) {
    match output {
        Some(LogType::Bool) => out.push(cbor::boolean(number != 0)),
        Some(LogType::Str | LogType::Int | LogType::Raw) | None => cbor::int(number, out),
    }
}

/// A JSON string of printable ASCII; with `utf8` well-formed characters stay, other than C1 controls.
fn json_text(bytes: &[u8], utf8: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = bytes;
    while let Some((&byte, behind)) = rest.split_first() {
        let character = match byte {
            0x80.. if utf8 => first_character(rest),
            _ => None,
        };
        if let Some(character) = character {
            let (whole, behind) = rest.split_at(character.len_utf8());
            match character {
                '\u{80}'..='\u{9f}' => escape(character as u64, out),
                _ => out.extend_from_slice(whole),
            }
            rest = behind;
            continue;
        }
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x20..=0x7e => out.push(byte),
            _ => escape(u64::from(byte), out),
        }
        rest = behind;
    }
    out.push(b'"');
}

fn escape(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    write::hex(out, number, 4);
}

/// The character that bytes begin with, if it is well-formed UTF-8.
fn first_character(bytes: &[u8]) -> Option<char> {
    let most = &bytes[..bytes.len().min(4)];
    let good = match std::str::from_utf8(most) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&most[..error.valid_up_to()]).ok()?,
    };
    good.chars().next()
}
