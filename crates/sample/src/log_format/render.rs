//! The pieces of a log format into bytes.

use hapax_core::contract::Cx;
use hapax_core::ir::{LogFlags, LogFormat, LogPart, Mode};
use hapax_core::sample::Sample;

use crate::{cast, expression, write};

/// Appends what the format gives.
pub fn render(format: &LogFormat, cx: &Cx<'_>, out: &mut Vec<u8>) {
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
                flags,
            } => {
                if row.at_end && cx.program.proxy(cx.session.frontend).ir.options.logasap {
                    out.push(b'+');
                }
                (row.0.write)(cx, argument, *flags, out);
            }
            LogPart::Expr { expr, flags } => {
                sample(expression::eval(expr, cx), *flags, out);
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
        Mode::Tcp => b"/TCP)",
    });
}

fn sample(sample: Option<Sample<'_>>, flags: LogFlags, out: &mut Vec<u8>) {
    let quote = flags.quote && !flags.encode;
    let start = out.len();
    if quote {
        out.push(b'"');
    }
    let content = out.len();
    if let Some(sample) = sample {
        cast::append(out, sample.value);
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

fn encode(mark: u8, byte: u8, out: &mut Vec<u8>) {
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
