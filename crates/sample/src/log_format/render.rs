//! The pieces of a log format into bytes.

use hapax_core::contract::Cx;
use hapax_core::ir::{LogEncoding, LogFlags, LogFormat, LogPart, LogType, Mode};
use hapax_core::sample::{Sample, Value};

use super::encoded;
use crate::{cast, expression, write};

/// Appends what the format gives.
pub fn render(format: &LogFormat, cx: &Cx<'_>, out: &mut Vec<u8>) {
    if format.encoding != LogEncoding::None {
        return encoded::whole(format, cx, out);
    }
    // A blank at the beginning is left out as one after a blank is.
    let mut after_blank = true;
    for part in &format.parts {
        let before = out.len();
        match part {
            LogPart::Text(text) => out.extend_from_slice(text),
            LogPart::Separator => {
                if !after_blank {
                    out.push(b' ');
                    after_blank = true;
                }
                continue;
            }
            LogPart::Alias {
                row,
                argument,
                name,
                flags,
            } => {
                let encoding = encoding(*flags);
                if encoding != LogEncoding::None {
                    let how = (*flags, encoding);
                    encoded::alias(row.0, argument, name.output, how, cx, out);
                    if encoding == LogEncoding::Cbor {
                        encoded::in_hexadecimal(cx, before, out);
                    }
                    after_blank = false;
                    continue;
                }
                if row.at_end && cx.program.proxy(cx.session.frontend).ir.options.logasap {
                    out.push(b'+');
                }
                (row.0.write)(cx, argument, *flags, out);
            }
            LogPart::Expr { expr, name, flags } => {
                match encoding(*flags) {
                    LogEncoding::None => {
                        sample(expression::eval(expr, cx), *flags, format.binary, out);
                    }
                    encoding => {
                        encoded::sample(expr, name.output, encoding, cx, out);
                        let is_raw = name.output == Some(LogType::Raw);
                        if encoding == LogEncoding::Cbor && !is_raw {
                            encoded::in_hexadecimal(cx, before, out);
                        }
                    }
                }
                after_blank = false;
            }
        }
        if out.len() > before {
            after_blank = false;
        }
    }
}

/// Appends the text of a frontend that has no format: who connected to what.
pub fn default_line(cx: &Cx<'_>, out: &mut Vec<u8>) {
    let frontend = &cx.program.proxy(cx.session.frontend).ir;
    let end = |endpoint: hapax_core::stream::Endpoint, out: &mut Vec<u8>| {
        match endpoint.ip() {
            Some(ip) => super::alias::append_ip(out, ip),
            None => out.extend_from_slice(b"unix"),
        }
        out.push(b':');
        write::unsigned(out, u64::from(endpoint.port()));
    };
    out.extend_from_slice(b"Connect from ");
    end(cx.session.source, out);
    out.extend_from_slice(b" to ");
    end(cx.session.destination, out);
    out.extend_from_slice(b" (");
    out.extend_from_slice(frontend.name.as_bytes());
    out.extend_from_slice(match frontend.mode {
        Mode::Http => b"/HTTP)",
        Mode::Tcp | Mode::Log => b"/TCP)",
    });
}

/// The encoding of one item; header fields are encoded in their own way.
fn encoding(flags: LogFlags) -> LogEncoding {
    match flags.encode {
        true => LogEncoding::None,
        false => flags.encoding(),
    }
}

fn sample(sample: Option<Sample<'_>>, flags: LogFlags, binary: bool, out: &mut Vec<u8>) {
    let quote = flags.quote && !flags.encode;
    let start = out.len();
    if quote {
        out.push(b'"');
    }
    let content = out.len();
    if let Some(sample) = sample {
        match sample.value {
            Value::Bin(bytes) if binary => out.extend_from_slice(bytes),
            value => cast::append(out, value),
        }
    }
    if flags.encode {
        encode_header(out, content);
    } else if flags.escape {
        escape(out, content);
    }
    if quote {
        out.push(b'"');
    } else if out.len() == start && flags.mandatory {
        out.push(b'-');
    }
}

/// Appends the text of an alias: quoted, escaped, `-` when it is absent, unsafe bytes as `#XX`.
pub fn text(bytes: &[u8], flags: LogFlags, out: &mut Vec<u8>) {
    if flags.quote {
        out.push(b'"');
    } else if bytes.is_empty() && flags.mandatory {
        out.push(b'-');
    }
    for &byte in bytes {
        match byte {
            b'"' | b'\\' | b']' if flags.escape => out.extend_from_slice(&[b'\\', byte]),
            0x20..=0x7e if byte != b'"' && byte != b'#' => out.push(byte),
            _ => encode(b'#', byte, out),
        }
    }
    if flags.quote {
        out.push(b'"');
    }
}

/// The same, but bytes stay as they are.
pub(super) fn unencoded(bytes: &[u8], flags: LogFlags, out: &mut Vec<u8>) {
    if flags.quote {
        out.push(b'"');
    } else if bytes.is_empty() && flags.mandatory {
        out.push(b'-');
    }
    let start = out.len();
    out.extend_from_slice(bytes);
    if flags.escape {
        escape(out, start);
    }
    if flags.quote {
        out.push(b'"');
    }
}

pub(super) fn encode(mark: u8, byte: u8, out: &mut Vec<u8>) {
    out.push(mark);
    write::hex(out, u64::from(byte), 2);
}

/// Encodes control bytes from `start` on as `%XX`: they must not stand in a header field.
fn encode_header(out: &mut Vec<u8>, start: usize) {
    let unsafe_byte = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if !out[start..].iter().any(unsafe_byte) {
        return;
    }
    let raw = out.split_off(start);
    for byte in raw {
        if unsafe_byte(&byte) {
            encode(b'%', byte, out);
        } else {
            out.push(byte);
        }
    }
}

fn escape(out: &mut Vec<u8>, start: usize) {
    if !out[start..].iter().any(|byte| b"\"\\]".contains(byte)) {
        return;
    }
    let raw = out.split_off(start);
    for byte in raw {
        if b"\"\\]".contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
}
