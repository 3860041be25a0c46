//! Cookies of requests and responses (configuration manual 7.3.6).

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Occurrence, Sample, Type};

use super::{fetches, int};
use crate::cast;

const NAME: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 0,
};

fetches! {
    "req.cook", NAME, None, Str, Needs::REQUEST, "The value of a cookie of the request." => |cx, args, occurrence| cookie(cx, false, args, occurrence);
    "cook", NAME, None, Str, Needs::REQUEST, "The value of a cookie of the request." => |cx, args, occurrence| cookie(cx, false, args, occurrence);
    "req.cook_cnt", NAME, None, Int, Needs::REQUEST, "How often a cookie stands in the request." => |cx, args, _| count(cx, false, args);
    "cook_cnt", NAME, None, Int, Needs::REQUEST, "How often a cookie stands in the request." => |cx, args, _| count(cx, false, args);
    "req.cook_val", NAME, None, Int, Needs::REQUEST, "The value of a cookie of the request as an integer." => |cx, args, occurrence| integer(cx, false, args, occurrence);
    "cook_val", NAME, None, Int, Needs::REQUEST, "The value of a cookie of the request as an integer." => |cx, args, occurrence| integer(cx, false, args, occurrence);
    "res.cook", NAME, None, Str, Needs::RESPONSE, "The value of a cookie of the response." => |cx, args, occurrence| cookie(cx, true, args, occurrence);
    "scook", NAME, None, Str, Needs::RESPONSE, "The value of a cookie of the response." => |cx, args, occurrence| cookie(cx, true, args, occurrence);
    "res.cook_cnt", NAME, None, Int, Needs::RESPONSE, "How often a cookie stands in the response." => |cx, args, _| count(cx, true, args);
    "scook_cnt", NAME, None, Int, Needs::RESPONSE, "How often a cookie stands in the response." => |cx, args, _| count(cx, true, args);
    "res.cook_val", NAME, None, Int, Needs::RESPONSE, "The value of a cookie of the response as an integer." => |cx, args, occurrence| integer(cx, true, args, occurrence);
    "scook_val", NAME, None, Int, Needs::RESPONSE, "The value of a cookie of the response as an integer." => |cx, args, occurrence| integer(cx, true, args, occurrence);
}

fn name(args: &[Arg]) -> Option<&[u8]> {
    match args.first() {
        Some(Arg::Str(name)) if !name.is_empty() => Some(name),
        _ => None,
    }
}

/// Values of the cookies of that name (of all without one), in order.
fn values<'a>(
    cx: &Cx<'a>,
    response: bool,
    wanted: Option<&'a [u8]>,
) -> impl Iterator<Item = &'a [u8]> {
    let (head, field): (_, &[u8]) = if response {
        (&cx.stream.response, b"set-cookie")
    } else {
        (&cx.stream.request, b"cookie")
    };
    head.lines(field)
        .flat_map(move |(_, line)| Pairs {
            rest: Some(line),
            only_first: response,
        })
        .filter(move |(name, _)| wanted.is_none_or(|wanted| wanted == *name))
        .map(|(_, value)| value)
}

/// The `name=value` pairs of one line; of `set-cookie` only the first, what follows are its attributes.
pub(crate) struct Pairs<'a> {
    rest: Option<&'a [u8]>,
    only_first: bool,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest?;
            let end = pair_end(rest);
            self.rest = if self.only_first {
                None
            } else {
                rest.get(end + 1..)
            };
            let pair = rest[..end].trim_ascii();
            if let Some(equals) = memchr::memchr(b'=', pair) {
                return Some((
                    pair[..equals].trim_ascii_end(),
                    pair[equals + 1..].trim_ascii_start(),
                ));
            }
        }
    }
}

/// Where the pair ends: at `;` outside a quoted string.
fn pair_end(text: &[u8]) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (index, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => return index,
            _ => {}
        }
    }
    text.len()
}

fn cookie<'a>(
    cx: &Cx<'a>,
    response: bool,
    args: &'a [Arg],
    occurrence: &mut Occurrence,
) -> Option<Sample<'a>> {
    let name = name(args);
    let found = if occurrence.iterating {
        let found = values(cx, response, name).nth(occurrence.at as usize);
        occurrence.at += 1;
        occurrence.more = found.is_some();
        found
    } else if name.is_none() {
        values(cx, response, None).next()
    } else {
        values(cx, response, name).last()
    };
    super::string(found?)
}

fn count<'a>(cx: &Cx<'a>, response: bool, args: &'a [Arg]) -> Option<Sample<'a>> {
    int(i64::try_from(values(cx, response, name(args)).count()).ok()?)
}

fn integer<'a>(
    cx: &Cx<'a>,
    response: bool,
    args: &'a [Arg],
    occurrence: &mut Occurrence,
) -> Option<Sample<'a>> {
    cast::cast(cookie(cx, response, args, occurrence)?, Type::Int, cx.arena)
}
