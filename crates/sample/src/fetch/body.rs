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
    of_request(cx).data
}

/// None while rules of the request run or when there is no response.
fn response<'a>(cx: &Cx<'a>) -> Option<&'a [u8]> {
    Some(of_response(cx)?.data)
}

/// The part of a body that is here.
pub struct Contents<'a> {
    /// Its bytes.
    pub data: &'a [u8],
    /// Whether that is all of it.
    pub complete: bool,
    /// Whether it came in chunks.
    pub chunked: bool,
}

/// What is here of the request's body.
pub fn of_request<'a>(cx: &Cx<'a>) -> Contents<'a> {
    here(cx, cx.request_bytes, request_framing(&cx.stream.request))
}

/// What is here of the response's body; none while rules of the request run or when there is no response.
pub fn of_response<'a>(cx: &Cx<'a>) -> Option<Contents<'a>> {
    let head = &cx.stream.response;
    if head.status() == 0 {
        return None;
    }
    let bodiless = matches!(head.status(), 100..=199 | 204 | 304);
    let framing = match announced(head) {
        _ if bodiless || cx.stream.request.method() == b"HEAD" => Framing::None,
        _ if head.seen().transfer_encoding => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    Some(here(cx, cx.response_bytes, framing))
}

fn here<'a>(cx: &Cx<'a>, bytes: &'a [u8], framing: Framing) -> Contents<'a> {
    let (data, complete) = match framing {
        Framing::None => (&b""[..], true),
        Framing::Length(length) => {
            let end = usize::try_from(length).unwrap_or(usize::MAX);
            (&bytes[..end.min(bytes.len())], bytes.len() >= end)
        }
        Framing::Chunked => without_chunks(cx, bytes),
        Framing::UntilClose | Framing::Tunnel => (bytes, false),
    };
    Contents {
        data,
        complete,
        chunked: framing == Framing::Chunked,
    }
}

/// The contents of the chunks and whether they ended; nothing when they are malformed, which is found out elsewhere.
fn without_chunks<'a>(cx: &Cx<'a>, bytes: &'a [u8]) -> (&'a [u8], bool) {
    let Ok(progress) = Decoder::new().advance(bytes, &Limits::default()) else {
        return (b"", false);
    };
    if let [only] = progress.data.as_slice() {
        return (bytes.get(only.clone()).unwrap_or_default(), progress.done);
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(bytes.len(), cx.arena);
    for part in progress.data {
        out.extend_from_slice(bytes.get(part).unwrap_or_default());
    }
    (out.into_bump_slice(), progress.done)
}

fn parameter<'a>(cx: &Cx<'a>, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    let parameters = Parameters::of_body(request(cx), args);
    let value = parameters.pick(occurrence)?;
    Some(Value::Bin(value).into())
}
