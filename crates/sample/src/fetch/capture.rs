//! What an exchange captured, its request line, and its identifier (configuration manual 7.3.6).

use hapax_core::capture::Side;
use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Capture};
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::Sample;

use super::{fetches, string};
use crate::log_format::unique_id;

const INDEX: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int],
    required: 1,
};

fetches! {
    "capture.req.hdr", INDEX, Some(check), Str, Needs::REQUEST_LINE, "What a slot captured of the request." => |cx, args, _| slot(cx, Side::Request, args);
    "capture.res.hdr", INDEX, Some(check), Str, Needs::STATUS, "What a slot captured of the response." => |cx, args, _| slot(cx, Side::Response, args);
    "capture.req.method", ArgSpec::NONE, None, Str, Needs::REQUEST_LINE, "The method as it came." => |cx, _, _| word(cx, 0);
    "capture.req.uri", ArgSpec::NONE, None, Str, Needs::REQUEST_LINE, "The request target as it came." => |cx, _, _| word(cx, 1);
    "capture.req.ver", ArgSpec::NONE, None, Str, Needs::REQUEST_LINE, "The version of the request, `HTTP/1.0` or `HTTP/1.1`." => |cx, _, _| string(version(word(cx, 2)?.value.bytes()?));
    "capture.res.ver", ArgSpec::NONE, None, Str, Needs::REQUEST_LINE, "The version of the response, `HTTP/1.0` or `HTTP/1.1`." => |cx, _, _| match cx.stream.response.version() {
        [] => None,
        text => string(version(text)),
    };
    "unique-id", ArgSpec::NONE, None, Str, Needs::NOTHING, "The identifier of the exchange." => |cx, _, _| {
        unique_id::with(cx, |id| id.map(|id| &*cx.arena.alloc_slice_copy(id))).and_then(string)
    };
}

/// Refuses negative slots.
pub(crate) fn check(args: &mut [Arg]) -> Result<(), String> {
    match args.first() {
        Some(Arg::Int(index)) if *index < 0 => Err("capture identifier must be >= 0".to_owned()),
        _ => Ok(()),
    }
}

/// The slot that an argument names, if the frontend has it.
pub(crate) fn named<'a>(cx: &Cx<'a>, side: Side, args: &[Arg]) -> Option<(usize, &'a Capture)> {
    let Some(Arg::Int(index)) = args.first() else {
        return None;
    };
    let index = usize::try_from(*index).ok()?;
    let frontend = &cx.program.proxy(cx.session.frontend).ir;
    let slots = match side {
        Side::Request => &frontend.request_captures,
        Side::Response => &frontend.response_captures,
    };
    Some((index, slots.get(index)?))
}

fn slot<'a>(cx: &Cx<'a>, side: Side, args: &[Arg]) -> Option<Sample<'a>> {
    let (index, _) = named(cx, side, args)?;
    string(cx.stream.captures.read(side, index, cx.arena)?)
}

fn word<'a>(cx: &Cx<'a>, index: usize) -> Option<Sample<'a>> {
    let line = cx.stream.request_line.as_slice();
    if line.is_empty() {
        return None;
    }
    string(line.splitn(3, |byte| *byte == b' ').nth(index)?)
}

fn version(text: &[u8]) -> &'static [u8] {
    match text {
        b"HTTP/1.0" => b"HTTP/1.0",
        _ => b"HTTP/1.1",
    }
}
