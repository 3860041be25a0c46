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

/// The cookies of the lines in order.
fn cookies<'a>(cx: &Cx<'a>, response: bool) -> impl Iterator<Item = Pairs<'a>> {
    let (head, field) = side(cx, response);
    head.lines(field).map(move |(_, line)| Pairs {
        line,
        at: 0,
        response,
    })
}

/// The `name=value` pairs of one line. In `set-cookie` attributes stand behind the cookie, up to a comma.
struct Pairs<'a> {
    line: &'a [u8],
    /// Where the next one begins; behind the line after the last.
    at: usize,
    response: bool,
}

impl<'a> Pairs<'a> {
    /// The next one that is wanted. The reference does not pass over the attributes of one that it took.
    fn next_wanted(&mut self, wanted: Option<&[u8]>) -> Option<Pair<'a>> {
        loop {
            let pair = self.next()?;
            if pair.is(wanted) {
                return Some(pair);
            }
            self.skip_attributes();
        }
    }

    fn skip_attributes(&mut self) {
        let behind_comma = |at: usize| at == 0 || self.line.get(at - 1) == Some(&b',');
        while self.response && self.at < self.line.len() && !behind_comma(self.at) {
            self.at += pair_end(&self.line[self.at..]) + 1;
        }
    }
}

/// One of them.
struct Pair<'a> {
    name: &'a [u8],
    value: &'a [u8],
    /// Empty, with neither a semicolon behind it nor one and a blank before it: who asks for the name passes over it.
    is_loose: bool,
}

impl Pair<'_> {
    fn is(&self, wanted: Option<&[u8]>) -> bool {
        wanted.is_none_or(|wanted| wanted == self.name && !self.is_loose)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at;
            let rest = self.line.get(start..)?;
            let end = start + pair_end(rest);
            let text = &self.line[start..end];
            self.at = end + 1;
            // Names that begin with `$` are attributes (RFC 2965).
            let attribute = text.trim_ascii_start().starts_with(b"$");
            if let Some(equals) = memchr::memchr(b'=', text).filter(|_| !attribute) {
                let value = text[equals + 1..].trim_ascii();
                let semicolon = |at: usize| self.line.get(at) == Some(&b';');
                let before = start.checked_sub(1).is_some_and(semicolon)
                    && text.first().is_some_and(u8::is_ascii_whitespace);
                return Some(Pair {
                    name: text[..equals].trim_ascii(),
                    value,
                    is_loose: value.is_empty() && !before && !semicolon(end),
                });
            }
        }
    }
}

/// The `name=value` pairs of a `cookie` or `set-cookie` line as they stand there, without blanks around them.
pub fn cookie_pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = pair_end(text);
        rest = text.get(end + 1..);
        Some(text[..end].trim_ascii())
    })
}

/// Where the pair ends: at `;` or `,`, which a quoted string in the value protects.
fn pair_end(text: &[u8]) -> usize {
    let mut in_value = false;
    let mut quoted = false;
    let mut escaped = false;
    for (index, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if in_value => quoted = !quoted,
            b'=' => in_value = true,
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
    if occurrence.iterating {
        let found = next(cx, response, name, occurrence);
        occurrence.more = found.is_some();
        return super::string(found?);
    }
    let mut last = None;
    for mut pairs in cookies(cx, response) {
        while let Some(pair) = pairs.next_wanted(name) {
            if name.is_none() {
                return super::string(pair.value);
            }
            last = Some(pair.value);
        }
    }
    super::string(last?)
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
        if head.name(index) == field {
            let mut pairs = Pairs {
                line: head.value(index),
                at: cursor.offset as usize,
                response,
            };
            if let Some(pair) = pairs.next_wanted(wanted) {
                cursor.offset = pairs.at as u32;
                return Some(pair.value);
            }
        }
        cursor.at += 1;
        cursor.offset = 0;
    }
}

/// The names of all cookies, joined by the first byte of the argument.
fn names<'a>(cx: &Cx<'a>, response: bool, args: &[Arg]) -> Option<Sample<'a>> {
    let separator = name(args).and_then(<[u8]>::first).unwrap_or(&b',');
    let mut out = bumpalo::collections::Vec::new_in(cx.arena);
    for pairs in cookies(cx, response) {
        let (first, all) = match response {
            true => (set_name(pairs.line), None),
            false => (None, Some(pairs.map(|pair| pair.name))),
        };
        for name in first.into_iter().chain(all.into_iter().flatten()) {
            if !out.is_empty() {
                out.push(*separator);
            }
            out.extend_from_slice(name);
        }
    }
    super::string(out.into_bump_slice())
}

/// The name that a `set-cookie` line begins with; commas belong to it, names that begin with `$` are passed over.
fn set_name(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line;
    loop {
        let end = memchr::memchr2(b';', b'=', rest)?;
        let name = rest[..end].trim_ascii();
        rest = match rest[end] {
            b'=' if !name.starts_with(b"$") => return Some(name),
            b'=' => rest.get(pair_end(rest) + 1..)?,
            _ => &rest[end + 1..],
        };
    }
}

fn count<'a>(cx: &Cx<'a>, response: bool, args: &'a [Arg]) -> Option<Sample<'a>> {
    let name = name(args);
    let mut count = 0;
    for mut pairs in cookies(cx, response) {
        while pairs.next_wanted(name).is_some() {
            count += 1;
            pairs.skip_attributes();
        }
    }
    int(count)
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
