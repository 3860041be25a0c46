//! All header fields in one piece (configuration manual 7.3.6).

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::sample::{Sample, Value};
use hapax_proto::http::Head;

use super::fetches;

fetches! {
    "req.hdrs", ArgSpec::NONE, None, Bin, Needs::REQUEST, "The request's header fields as text, with the empty line." => |cx, _, _| text(cx, &cx.stream.request);
    "req.hdrs_bin", ArgSpec::NONE, None, Bin, Needs::REQUEST, "The request's header fields, each name and value behind its length." => |cx, _, _| binary(cx, &cx.stream.request);
    "res.hdrs", ArgSpec::NONE, None, Bin, Needs::RESPONSE, "The response's header fields as text, with the empty line." => |cx, _, _| text(cx, response(cx)?);
    "res.hdrs_bin", ArgSpec::NONE, None, Bin, Needs::RESPONSE, "The response's header fields, each name and value behind its length." => |cx, _, _| binary(cx, response(cx)?);
}

fn response<'a>(cx: &Cx<'a>) -> Option<&'a Head> {
    let head = &cx.stream.response;
    (head.status() > 0).then_some(head)
}

fn text<'a>(cx: &Cx<'a>, head: &Head) -> Option<Sample<'a>> {
    let length = head.text_len() + 4 * head.len() + 2;
    let mut out = bumpalo::collections::Vec::with_capacity_in(length, cx.arena);
    for (name, value) in head.iter() {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Some(Value::Bin(out.into_bump_slice()).into())
}

fn binary<'a>(cx: &Cx<'a>, head: &Head) -> Option<Sample<'a>> {
    let length = head.text_len() + 4 * head.len() + 2;
    let mut out = bumpalo::collections::Vec::with_capacity_in(length, cx.arena);
    for (name, value) in head.iter() {
        for text in [name, value] {
            put_length(text.len() as u64, |byte| out.push(byte));
            out.extend_from_slice(text);
        }
    }
    out.extend_from_slice(&[0, 0]);
    Some(Value::Bin(out.into_bump_slice()).into())
}

/// A number as SPOE encodes it (SPOE.txt 3.1): 0 to 239 in one byte, then 4 bits in the first byte and 7 in each after it.
fn put_length(mut value: u64, mut put: impl FnMut(u8)) {
    if value < 240 {
        put(value as u8);
        return;
    }
    put(value as u8 | 240);
    value = (value - 240) >> 4;
    while value >= 128 {
        put(value as u8 | 128);
        value = (value - 128) >> 7;
    }
    put(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_one_byte_up_to_239() {
        let encoded = |value| {
            let mut out = Vec::new();
            put_length(value, |byte| out.push(byte));
            out
        };
        assert_eq!(encoded(239), [239]);
        assert_eq!(encoded(240), [240, 0]);
        assert_eq!(encoded(2287), [255, 127]);
        assert_eq!(encoded(2288), [240, 128, 0]);
    }
}
