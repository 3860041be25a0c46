//! Captured fields in log lines: `{a|b}` or one after another (configuration manual 8.8).

use hapax_core::capture::Side;
use hapax_core::contract::Cx;
use hapax_core::ir::{Capture, LogFlags};

use super::render::encode;

/// `%hr` and `%hs`: between braces, nothing without captures.
pub(super) fn braces(cx: &Cx<'_>, side: Side, flags: LogFlags, out: &mut Vec<u8>) {
    let Some(slots) = slots(cx, side) else {
        return;
    };
    quote(flags, out);
    for index in 0..slots.len() {
        out.push(if index == 0 { b'{' } else { b'|' });
        cx.stream.captures.look(side, index, |bytes| {
            append(bytes.unwrap_or_default(), flags, out);
        });
    }
    out.push(b'}');
    quote(flags, out);
}

/// `%hrl` and `%hsl`: one after another, `-` for what was not there.
pub(super) fn list(cx: &Cx<'_>, side: Side, flags: LogFlags, out: &mut Vec<u8>) {
    let Some(slots) = slots(cx, side) else {
        return;
    };
    for index in 0..slots.len() {
        if index > 0 {
            out.push(b' ');
        }
        quote(flags, out);
        cx.stream.captures.look(side, index, |bytes| match bytes {
            Some(bytes) => append(bytes, flags, out),
            None if !flags.quote => out.push(b'-'),
            None => {}
        });
        quote(flags, out);
    }
}

/// How many captures there are to show.
pub(super) fn count(cx: &Cx<'_>, side: Side) -> usize {
    slots(cx, side).map_or(0, <[Capture]>::len)
}

/// One of them as it stands in a list.
pub(super) fn item(cx: &Cx<'_>, side: Side, index: usize, out: &mut Vec<u8>) {
    cx.stream.captures.look(side, index, |bytes| match bytes {
        Some(bytes) => append(bytes, LogFlags::default(), out),
        None => out.push(b'-'),
    });
}

/// The frontend's slots; none when there is nothing to show: no slot, or bytes that were no request.
fn slots<'a>(cx: &Cx<'a>, side: Side) -> Option<&'a [Capture]> {
    let proxy = &cx.program.proxy(cx.session.frontend).ir;
    let slots = match side {
        Side::Request => &proxy.request_captures,
        Side::Response => &proxy.response_captures,
    };
    let no_request = proxy.mode == hapax_core::ir::Mode::Http && cx.stream.request_line.is_empty();
    (!slots.is_empty() && !no_request).then_some(slots.as_slice())
}

fn quote(flags: LogFlags, out: &mut Vec<u8>) {
    if flags.quote {
        out.push(b'"');
    }
}

fn append(bytes: &[u8], flags: LogFlags, out: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'"' | b'#' | b'{' | b'|' | b'}' => encode(b'#', byte, out),
            b'\\' | b']' if flags.escape => out.extend_from_slice(&[b'\\', byte]),
            0x20..=0x7e => out.push(byte),
            _ => encode(b'#', byte, out),
        }
    }
}
