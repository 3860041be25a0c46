//! Bytes of connections as they came (configuration manual 7.3.5).

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Sample, Value};

use super::{contents, fetches, int};

const BLOCK: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int, ArgKind::Int],
    required: 2,
};
const LENGTH_VALUE: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int, ArgKind::Int, ArgKind::Str],
    required: 2,
};

fetches! {
    "req.len", ArgSpec::NONE, None, Int, Needs::REQUEST_BYTES, "Bytes of the request that are there." => |cx, _, _| length(cx, false);
    "req_len", ArgSpec::NONE, None, Int, Needs::REQUEST_BYTES, "Bytes of the request that are there." => |cx, _, _| length(cx, false);
    "res.len", ArgSpec::NONE, None, Int, Needs::RESPONSE_BYTES, "Bytes of the response that are there." => |cx, _, _| length(cx, true);
    "req.payload", BLOCK, None, Bin, Needs::REQUEST_BYTES, "A block of the request's bytes." => |cx, args, _| block(cx, args, false);
    "res.payload", BLOCK, None, Bin, Needs::RESPONSE_BYTES, "A block of the response's bytes." => |cx, args, _| block(cx, args, true);
    "payload", BLOCK, None, Bin, Needs::REQUEST_BYTES.or(Needs::RESPONSE_BYTES), "A block of the message's bytes." => |cx, args, _| block(cx, args, cx.on_response);
    "req.payload_lv", LENGTH_VALUE, Some(check_relative), Bin, Needs::REQUEST_BYTES, "A block of the request's bytes whose length stands before it." => |cx, args, _| prefixed(cx, args, false);
    "res.payload_lv", LENGTH_VALUE, Some(check_relative), Bin, Needs::RESPONSE_BYTES, "A block of the response's bytes whose length stands before it." => |cx, args, _| prefixed(cx, args, true);
    "payload_lv", LENGTH_VALUE, Some(check_relative), Bin, Needs::REQUEST_BYTES.or(Needs::RESPONSE_BYTES), "A block of the message's bytes whose length stands before it." => |cx, args, _| prefixed(cx, args, cx.on_response);
}

fn length<'a>(cx: &Cx<'a>, response: bool) -> Option<Sample<'a>> {
    cx.stream.inspection.lacks_bytes();
    let length = match cx.stream.is_http() {
        true => super::htx::length(cx, response).unwrap_or(0),
        false if response => cx.response_bytes.len(),
        false => cx.request_bytes.len(),
    };
    int(i64::try_from(length).ok()?)
}

fn block<'a>(cx: &Cx<'a>, args: &'a [Arg], response: bool) -> Option<Sample<'a>> {
    let [Arg::Int(offset), Arg::Int(length), ..] = args else {
        return None;
    };
    let (offset, length) = (
        usize::try_from(*offset).ok()?,
        usize::try_from(*length).ok()?,
    );
    if cx.stream.is_http() {
        return None;
    }
    if length == 0 {
        // Whatever is there; more may join it. Before the first byte there is no block, not even an empty one.
        cx.stream.inspection.lacks_bytes();
        let bytes = contents(cx, response);
        if bytes.is_empty() {
            return None;
        }
        let bytes = bytes.get(offset..)?;
        return Some(Value::Bin(bytes).into());
    }
    part(cx, response, offset, length)
}

fn prefixed<'a>(cx: &Cx<'a>, args: &'a [Arg], response: bool) -> Option<Sample<'a>> {
    let [Arg::Int(offset), Arg::Int(size), value] = args else {
        return None;
    };
    let offset = usize::try_from(*offset).ok()?;
    let size = usize::try_from(*size).ok()?;
    let behind = offset.checked_add(size)?;
    let digits = match part(cx, response, offset, size)?.value {
        Value::Bin(digits) => digits,
        _ => return None,
    };
    let length = digits
        .iter()
        .fold(0u32, |number, byte| number << 8 | u32::from(*byte)) as usize;
    let at = match value {
        Arg::Str(text) => match place(text)? {
            Place::From(by) => behind.checked_add_signed(by)?,
            Place::At(offset) => offset,
        },
        _ => behind,
    };
    if length == 0 {
        return None;
    }
    part(cx, response, at, length)
}

/// Bytes from `offset` on. What can never come, because a buffer does not hold so many, is not waited for.
fn part<'a>(cx: &Cx<'a>, response: bool, offset: usize, length: usize) -> Option<Sample<'a>> {
    let end = offset.checked_add(length)?;
    if end > cx.program.global.tune.bufsize as usize {
        return None;
    }
    let found = contents(cx, response).get(offset..end);
    if found.is_none() {
        cx.stream.inspection.lacks_bytes();
    }
    Some(Value::Bin(found?).into())
}

/// Where a value stands that does not follow its length.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// So far behind its length.
    From(isize),
    /// So far from the start.
    At(usize),
}

/// A number with a sign counts from the end of the length. One without a sign should be a position; upstream 3.2 takes its lowest
/// bit for the mark of those that count from the length, and half of it for the number.
fn place(text: &[u8]) -> Option<Place> {
    let number: isize = match text {
        b"" | b"+" | b"-" => 0,
        _ => std::str::from_utf8(text).ok()?.parse().ok()?,
    };
    match text.first() {
        Some(b'+' | b'-') => Some(Place::From(number)),
        _ if number & 1 == 1 => Some(Place::From(number >> 1)),
        _ => usize::try_from(number >> 1).ok().map(Place::At),
    }
}

fn check_relative(args: &mut [Arg]) -> Result<(), String> {
    if let [_, Arg::Int(size), _] = args
        && *size == 0
    {
        return Err("payload length must be > 0".to_owned());
    }
    if let [Arg::Int(offset), Arg::Int(size), Arg::Str(text)] = args {
        match place(text) {
            Some(Place::From(by)) if offset.saturating_add(*size).saturating_add(by as i64) < 0 => {
                return Err("payload offset2 too negative".to_owned());
            }
            Some(_) => {}
            None => return Err("payload offset2 is not a number".to_owned()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bit_of_a_position_is_taken_for_a_mark() {
        assert_eq!(place(b"4"), Some(Place::At(2)));
        assert_eq!(place(b"5"), Some(Place::From(2)));
        assert_eq!(place(b"+4"), Some(Place::From(4)));
        assert_eq!(place(b"-1"), Some(Place::From(-1)));
        assert_eq!(place(b"+"), Some(Place::From(0)));
        assert_eq!(place(b"1x"), None);
    }
}
