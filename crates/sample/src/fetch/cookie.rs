//! Cookies of requests and responses (configuration manual 7.3.6).

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Occurrence, Sample};

use hapax_proto::http::Head;

use super::http::leading_integer;
use super::{fetches, int};

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
    "cookie", NAME, None, Str, Needs::REQUEST.or(Needs::RESPONSE), "The value of a cookie of the request, or in rules of the response of that." => |cx, args, occurrence| cookie(cx, cx.on_response, args, occurrence);
    "req.cook_names", NAME, None, Str, Needs::REQUEST, "The names of the request's cookies, joined." => |cx, args, _| names(cx, false, args);
    "res.cook_names", NAME, None, Str, Needs::RESPONSE, "The names of the response's cookies, joined." => |cx, args, _| names(cx, true, args);
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

fn side<'a>(cx: &Cx<'a>, response: bool) -> (&'a Head, &'static [u8]) {
    if response {
        (&cx.stream.response, b"set-cookie")
    } else {
        (&cx.stream.request, b"cookie")
    }
}

/// Values of the cookies of that name (of all without one), in order.
fn values<'a>(
    cx: &Cx<'a>,
    response: bool,
    wanted: Option<&'a [u8]>,
) -> impl Iterator<Item = &'a [u8]> {
    let (head, field) = side(cx, response);
    head.lines(field)
        .flat_map(move |(_, line)| Pairs {
            rest: Some(line),
            only_first: response,
        })
        .filter(move |pair| pair.is(wanted))
        .map(|pair| pair.value)
}

/// The `name=value` pairs of one line; of `set-cookie` only the first, what follows are its attributes.
pub(crate) struct Pairs<'a> {
    rest: Option<&'a [u8]>,
    only_first: bool,
}

/// One of them.
pub(crate) struct Pair<'a> {
    name: &'a [u8],
    value: &'a [u8],
    /// Blanks instead of a value, or the line's end right behind the equals sign: who asks for the name passes over it.
    is_blank: bool,
}

impl Pair<'_> {
    fn is(&self, wanted: Option<&[u8]>) -> bool {
        wanted.is_none_or(|wanted| wanted == self.name && !self.is_blank)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest?;
            let end = pair_end(rest);
            let text = &rest[..end];
            self.rest = if self.only_first {
                None
            } else {
                rest.get(end + 1..)
            };
            let start = text.len() - text.trim_ascii_start().len();
            // Names that begin with `$` are attributes of the request's cookies (RFC 2965).
            let attribute = !self.only_first && text.get(start) == Some(&b'$');
            if let Some(equals) = memchr::memchr(b'=', text).filter(|_| !attribute) {
                let after = &text[equals + 1..];
                let value = after.trim_ascii();
                let at_end = end == rest.len();
                return Some(Pair {
                    name: text[..equals].trim_ascii(),
                    value,
                    is_blank: value.is_empty() && (at_end || !after.is_empty()),
                });
            }
        }
    }
}

/// Where the pair ends: at `;` or `,` outside a quoted string.
fn pair_end(text: &[u8]) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (index, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => return index,
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
        let found = next(cx, response, name, occurrence);
        occurrence.more = found.is_some();
        found
    } else if name.is_none() {
        values(cx, response, None).next()
    } else {
        values(cx, response, name).last()
    };
    super::string(found?)
}

/// The value behind the cursor: a field and an offset in its line.
fn next<'a>(
    cx: &Cx<'a>,
    response: bool,
    wanted: Option<&[u8]>,
    cursor: &mut Occurrence,
) -> Option<&'a [u8]> {
    let (head, field) = side(cx, response);
    loop {
        let index = cursor.at as usize;
        if index >= head.len() {
            return None;
        }
        let line = head.value(index);
        let rest = line.get(cursor.offset as usize..);
        let mut pairs = Pairs {
            rest: rest.filter(|_| head.name(index) == field),
            only_first: response,
        };
        let found = pairs.find(|pair| pair.is(wanted));
        cursor.offset = pairs
            .rest
            .map_or(line.len() + 1, |rest| line.len() - rest.len()) as u32;
        if let Some(pair) = found {
            return Some(pair.value);
        }
        cursor.at += 1;
        cursor.offset = 0;
    }
}

/// The names of all cookies, joined by the first byte of the argument.
fn names<'a>(cx: &Cx<'a>, response: bool, args: &[Arg]) -> Option<Sample<'a>> {
    let separator = name(args).and_then(<[u8]>::first).unwrap_or(&b',');
    let (head, field) = side(cx, response);
    let mut out = bumpalo::collections::Vec::new_in(cx.arena);
    let pairs = head.lines(field).flat_map(|(_, line)| Pairs {
        rest: Some(line),
        only_first: response,
    });
    for pair in pairs {
        if !out.is_empty() {
            out.push(*separator);
        }
        out.extend_from_slice(pair.name);
    }
    super::string(out.into_bump_slice())
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
    int(leading_integer(
        cookie(cx, response, args, occurrence)?.value.bytes()?,
    ))
}
