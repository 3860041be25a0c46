//! Bodies as far as they are here (configuration manual 7.3.6): `option http-buffer-request` waits for the request's.

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Occurrence, Sample, Value};
use hapax_proto::h1::Limits;
use hapax_proto::h1::body::{Framing, request_framing};
use hapax_proto::h1::chunk::Decoder;
use hapax_proto::http::{Head, Name};

use super::http::Parameters;
use super::{fetches, int};

const PARAMETER: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Str],
    required: 0,
};

fetches! {
    "req.body", ArgSpec::NONE, None, Bin, Needs::REQUEST, "The part of the request's body that is here." => |cx, _, _| binary(request(cx));
    "req.body_len", ArgSpec::NONE, None, Int, Needs::REQUEST, "How much of the request's body is here." => |cx, _, _| length(request(cx));
    "req.body_size", ArgSpec::NONE, None, Int, Needs::REQUEST, "The length of the request's body as announced, or of what is here." => |cx, _, _| size(&cx.stream.request, request(cx));
    "req.body_param", PARAMETER, None, Bin, Needs::REQUEST, "The value of a parameter of an url-encoded body." => parameter;
    "res.body", ArgSpec::NONE, None, Bin, Needs::RESPONSE, "The part of the response's body that is here." => |cx, _, _| binary(response(cx)?);
    "res.body_len", ArgSpec::NONE, None, Int, Needs::RESPONSE, "How much of the response's body is here." => |cx, _, _| length(response(cx)?);
    "res.body_size", ArgSpec::NONE, None, Int, Needs::RESPONSE, "The length of the response's body as announced, or of what is here." => |cx, _, _| size(&cx.stream.response, response(cx)?);
}

fn binary(body: &[u8]) -> Option<Sample<'_>> {
    Some(Value::Bin(body).into())
}

fn length<'a>(body: &[u8]) -> Option<Sample<'a>> {
    int(i64::try_from(body.len()).ok()?)
}

/// What was announced; of a body in chunks, or one that ends with the connection, what is here.
fn size<'a>(head: &Head, body: &[u8]) -> Option<Sample<'a>> {
    match announced(head) {
        Some(announced) => int(i64::try_from(announced).ok()?),
        None => length(body),
    }
}

fn announced(head: &Head) -> Option<u64> {
    if head.seen().transfer_encoding {
        return None;
    }
    let digits = std::str::from_utf8(head.get(Name::ContentLength)?).ok()?;
    digits.parse().ok()
}

/// The part of the request's body that is here, without the frames of chunks.
pub fn request<'a>(cx: &Cx<'a>) -> &'a [u8] {
    let framing = request_framing(&cx.stream.request);
    if framing == Framing::None {
        return b"";
    }
    here(cx, cx.request_bytes, framing)
}

/// None while rules of the request run or when there is no response.
fn response<'a>(cx: &Cx<'a>) -> Option<&'a [u8]> {
    let head = &cx.stream.response;
    if head.status() == 0 {
        return None;
    }
    let framing = match announced(head) {
        _ if head.seen().transfer_encoding => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    Some(here(cx, cx.response_bytes, framing))
}

fn here<'a>(cx: &Cx<'a>, bytes: &'a [u8], framing: Framing) -> &'a [u8] {
    match framing {
        Framing::None => b"",
        Framing::Length(length) => {
            let end = usize::try_from(length).unwrap_or(usize::MAX);
            &bytes[..end.min(bytes.len())]
        }
        Framing::Chunked => without_chunks(cx, bytes),
        Framing::UntilClose | Framing::Tunnel => bytes,
    }
}

/// The contents of the chunks; nothing when they are malformed, which is found out elsewhere.
fn without_chunks<'a>(cx: &Cx<'a>, bytes: &'a [u8]) -> &'a [u8] {
    let Ok(progress) = Decoder::new().advance(bytes, &Limits::default()) else {
        return b"";
    };
    if let [only] = progress.data.as_slice() {
        return bytes.get(only.clone()).unwrap_or_default();
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(bytes.len(), cx.arena);
    for part in progress.data {
        out.extend_from_slice(bytes.get(part).unwrap_or_default());
    }
    out.into_bump_slice()
}

fn parameter<'a>(cx: &Cx<'a>, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    let parameters = Parameters::of_body(request(cx), args);
    let value = parameters.pick(occurrence)?;
    Some(Value::Bin(value).into())
}
