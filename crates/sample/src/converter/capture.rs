//! `capture-req` and `capture-res`: what passes by is kept in a slot.

use hapax_core::capture::Side;
use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::Sample;

use super::converters;
use crate::fetch::capture::named;

const INDEX: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int],
    required: 1,
};

converters! {
    "capture-req", INDEX, None, Str => Str, "Keeps the text in a slot of the request." => |cx, args, sample| keep(cx, Side::Request, args, sample);
    "capture-res", INDEX, None, Str => Str, "Keeps the text in a slot of the response." => |cx, args, sample| keep(cx, Side::Response, args, sample);
}

fn keep<'a>(cx: &Cx<'a>, side: Side, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let (index, slot) = named(cx, side, args)?;
    let bytes = sample.value.bytes()?;
    let most = usize::try_from(slot.length).unwrap_or(usize::MAX);
    cx.stream.captures.write(side, index, bytes, most);
    Some(sample)
}
