//! Request line, status and what the request target is made of (configuration manual 7.3.6).

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Occurrence, Sample, Value};
use hapax_core::variable::Phase;
use hapax_proto::http::{Head, Name};

use super::{boolean, fetches, int, string};

const PARAMETER: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Str, ArgKind::Str],
    required: 0,
};
const OPTION: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 0,
};

fetches! {
    "method", ArgSpec::NONE, None, Meth, Needs::REQUEST_LINE, "The method." => |cx, _, _| some(cx.stream.request.method()).map(|method| Value::Meth(method).into());
    "path", ArgSpec::NONE, None, Str, Needs::REQUEST, "The path, without the query." => |cx, _, _| string(path(&cx.stream.request)?);
    "pathq", ArgSpec::NONE, None, Str, Needs::REQUEST, "The path with the query." => |cx, _, _| string(path_and_query(&cx.stream.request)?);
    "url", ArgSpec::NONE, None, Str, Needs::REQUEST, "The request target." => |cx, _, _| string(some(cx.stream.request.uri())?);
    "query", OPTION, Some(check_query), Str, Needs::REQUEST, "The query." => query;
    "base", ArgSpec::NONE, None, Str, Needs::REQUEST, "Host and path." => |cx, _, _| base(cx, false);
    "baseq", ArgSpec::NONE, None, Str, Needs::REQUEST, "Host, path and query." => |cx, _, _| base(cx, true);
    "url_param", PARAMETER, None, Str, Needs::REQUEST, "The value of a parameter of the query." => |cx, args, occurrence| parameter(cx, args, occurrence);
    "urlp", PARAMETER, None, Str, Needs::REQUEST, "The value of a parameter of the query." => |cx, args, occurrence| parameter(cx, args, occurrence);
    "urlp_val", PARAMETER, None, Int, Needs::REQUEST, "The value of a parameter of the query as an integer." => |cx, args, occurrence| int(leading_integer(parameter(cx, args, occurrence)?.value.bytes()?));
    "req.ver", ArgSpec::NONE, None, Str, Needs::REQUEST, "The version of the request, such as `1.1`." => |cx, _, _| string(version(&cx.stream.request)?);
    "req_ver", ArgSpec::NONE, None, Str, Needs::REQUEST, "The version of the request, such as `1.1`." => |cx, _, _| string(version(&cx.stream.request)?);
    "res.ver", ArgSpec::NONE, None, Str, Needs::RESPONSE, "The version of the response, such as `1.1`." => |cx, _, _| string(version(&cx.stream.response)?);
    "resp_ver", ArgSpec::NONE, None, Str, Needs::RESPONSE, "The version of the response, such as `1.1`." => |cx, _, _| string(version(&cx.stream.response)?);
    "status", ArgSpec::NONE, None, Int, Needs::STATUS, "The status of the response; none in logs, when it is gone." => |cx, _, _| match cx.stream.response.status() {
        _ if cx.stream.inspection.before_status => None,
        0 => None,
        _ if cx.stream.times.end > 0 => None,
        status => int(status),
    };
    "server_status", ArgSpec::NONE, None, Int, Needs::STATUS, "The status that the server sent." => |cx, _, _| int(cx.stream.server_status);
    "http_first_req", ArgSpec::NONE, None, Bool, Needs::REQUEST_LINE, "Whether the request is the first one of its connection." => |cx, _, _| boolean(cx.stream.is_first);
    "txn.status", ArgSpec::NONE, None, Int, Needs::STATUS, "The status sent to the client, or what will be sent." => |cx, _, _| match cx.stream.response.status() {
        0 => int(cx.stream.status),
        _ if cx.stream.status > 0 => int(cx.stream.status),
        status => int(status),
    };
    "req.proto_http", ArgSpec::NONE, None, Bool, Needs::REQUEST_LINE, "Whether the request is HTTP; no value when it is not." => |cx, _, _| some(cx.stream.request.method()).and_then(|_| boolean(true));
    "req_proto_http", ArgSpec::NONE, None, Bool, Needs::REQUEST_LINE, "Whether the request is HTTP; no value when it is not." => |cx, _, _| some(cx.stream.request.method()).and_then(|_| boolean(true));
    "fc_http_major", ArgSpec::NONE, None, Int, Needs::CLIENT, "The major version of HTTP on the client connection." => |cx, _, _| int(if cx.session.http2 { 2 } else { 1 }).filter(|_| cx.stream.phase != Phase::Check);
}

/// The integer that a text begins with, in 32 bits with its overflows as the reference has them; 0 without one.
pub(super) fn leading_integer(text: &[u8]) -> i32 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let value = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i32, |value, digit| {
            value.wrapping_mul(10).wrapping_add(i32::from(digit - b'0'))
        });
    if negative {
        value.wrapping_neg()
    } else {
        value
    }
}

fn some(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

/// What stands behind the slash: before it may stand something else where nobody checks (`Limits::looks_on`).
fn version(head: &Head) -> Option<&[u8]> {
    let version = head.version();
    memchr::memchr(b'/', version).map(|slash| &version[slash + 1..])
}

/// The path; an empty one where a query follows the authority directly.
fn path(head: &Head) -> Option<&[u8]> {
    let target = head.target();
    let none = target.path.is_empty() && (target.scheme.is_none() || target.query.is_none());
    (!none).then_some(target.path)
}

/// From the path to the end of the request target; none without a path.
pub(super) fn path_and_query(head: &Head) -> Option<&[u8]> {
    let target = head.target();
    path(head)?;
    let query = target.query.map_or(0, |query| query.len() + 1);
    let uri = head.uri();
    uri.get(uri.len().checked_sub(target.path.len() + query)?..)
}

fn check_query(args: &mut [Arg]) -> Result<(), String> {
    match args.first() {
        Some(Arg::Str(option)) if option != b"with_qm" && !option.is_empty() => {
            Err("supported options are: 'with_qm'".to_owned())
        }
        _ => Ok(()),
    }
}

fn query<'a>(cx: &Cx<'a>, args: &'a [Arg], _: &mut Occurrence) -> Option<Sample<'a>> {
    let uri = cx.stream.request.uri();
    let query = cx.stream.request.query()?;
    let mark = matches!(args.first(), Some(Arg::Str(option)) if option == b"with_qm");
    let mark = mark && !query.is_empty();
    let start = uri.len().checked_sub(query.len() + usize::from(mark))?;
    string(uri.get(start..)?)
}

/// The first host followed by the path, with the query if asked for; the host alone without a path.
fn base<'a>(cx: &Cx<'a>, with_query: bool) -> Option<Sample<'a>> {
    let head = &cx.stream.request;
    let host = head.get(Name::Host).unwrap_or_default();
    let path = if with_query {
        path_and_query(head).unwrap_or_default()
    } else {
        head.path()
    };
    if path.is_empty() {
        return string(some(host)?);
    }
    if host.is_empty() {
        return string(path);
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(host.len() + path.len(), cx.arena);
    out.extend_from_slice(host);
    out.extend_from_slice(path);
    string(out.into_bump_slice())
}

fn parameter<'a>(cx: &Cx<'a>, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    string(Parameters::of_target(cx.stream.request.uri(), args)?.pick(occurrence)?)
}

/// `name=value` pairs of an url-encoded text.
pub(super) struct Parameters<'a> {
    text: &'a [u8],
    /// What ends a pair beside `&`.
    ends: [u8; 2],
    wanted: Option<&'a [u8]>,
    ignore_case: bool,
}

impl<'a> Parameters<'a> {
    /// Those behind `?` or the delimiter given; `;` and the delimiter end them too.
    fn of_target(uri: &'a [u8], args: &'a [Arg]) -> Option<Parameters<'a>> {
        let delimiter = given(args, 1).map_or(b'?', |delimiter| delimiter[0]);
        let start = memchr::memchr(delimiter, uri)? + 1;
        Some(Parameters {
            text: &uri[start..],
            ends: [b';', delimiter],
            wanted: given(args, 0),
            ignore_case: given(args, 2) == Some(b"i"),
        })
    }

    /// Those of a body.
    pub(super) fn of_body(body: &'a [u8], args: &'a [Arg]) -> Parameters<'a> {
        Parameters {
            text: body,
            ends: [b'&', b';'],
            wanted: given(args, 0),
            ignore_case: given(args, 1) == Some(b"i"),
        }
    }

    /// The first value of the name (of any without one); the next one when all are gone through.
    pub(super) fn pick(&self, cursor: &mut Occurrence) -> Option<&'a [u8]> {
        let mut at = cursor.at as usize;
        let mut found = None;
        while let Some(rest) = self.text.get(at..).filter(|_| found.is_none()) {
            let end = rest
                .iter()
                .position(|byte| *byte == b'&' || self.ends.contains(byte))
                .unwrap_or(rest.len());
            found = self.value(&rest[..end]);
            at += end + 1;
        }
        if cursor.iterating {
            cursor.at = at as u32;
            cursor.more = found.is_some();
        }
        found
    }

    fn value(&self, pair: &'a [u8]) -> Option<&'a [u8]> {
        let equals = memchr::memchr(b'=', pair)?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        let same = match self.wanted {
            None => true,
            Some(wanted) if self.ignore_case => wanted.eq_ignore_ascii_case(name),
            Some(wanted) => wanted == name,
        };
        same.then_some(value)
    }
}

fn given(args: &[Arg], index: usize) -> Option<&[u8]> {
    match args.get(index) {
        Some(Arg::Str(text)) if !text.is_empty() => Some(text.as_slice()),
        _ => None,
    }
}
