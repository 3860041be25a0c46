//! Request line, status and what the request target is made of (configuration manual 7.3.6).

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Occurrence, Sample, Type, Value};
use hapax_proto::http::{Head, Name};

use super::{boolean, fetches, int, string};
use crate::cast;

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
    "path", ArgSpec::NONE, None, Str, Needs::REQUEST, "The path, without the query." => |cx, _, _| string(some(cx.stream.request.path())?);
    "pathq", ArgSpec::NONE, None, Str, Needs::REQUEST, "The path with the query." => |cx, _, _| string(path_and_query(&cx.stream.request)?);
    "url", ArgSpec::NONE, None, Str, Needs::REQUEST, "The request target." => |cx, _, _| string(some(cx.stream.request.uri())?);
    "query", OPTION, Some(check_query), Str, Needs::REQUEST, "The query." => query;
    "base", ArgSpec::NONE, None, Str, Needs::REQUEST, "Host and path." => |cx, _, _| base(cx, false);
    "baseq", ArgSpec::NONE, None, Str, Needs::REQUEST, "Host, path and query." => |cx, _, _| base(cx, true);
    "url_param", PARAMETER, Some(check_parameter), Str, Needs::REQUEST, "The value of a parameter of the query." => |cx, args, occurrence| parameter(cx, args, occurrence);
    "urlp", PARAMETER, Some(check_parameter), Str, Needs::REQUEST, "The value of a parameter of the query." => |cx, args, occurrence| parameter(cx, args, occurrence);
    "urlp_val", PARAMETER, Some(check_parameter), Int, Needs::REQUEST, "The value of a parameter of the query as an integer." => |cx, args, occurrence| cast::cast(parameter(cx, args, occurrence)?, Type::Int, cx.arena);
    "req.ver", ArgSpec::NONE, None, Str, Needs::REQUEST, "The version of the request, such as `1.1`." => |cx, _, _| string(version(&cx.stream.request)?);
    "req_ver", ArgSpec::NONE, None, Str, Needs::REQUEST, "The version of the request, such as `1.1`." => |cx, _, _| string(version(&cx.stream.request)?);
    "res.ver", ArgSpec::NONE, None, Str, Needs::RESPONSE, "The version of the response, such as `1.1`." => |cx, _, _| string(version(&cx.stream.response)?);
    "resp_ver", ArgSpec::NONE, None, Str, Needs::RESPONSE, "The version of the response, such as `1.1`." => |cx, _, _| string(version(&cx.stream.response)?);
    "status", ArgSpec::NONE, None, Int, Needs::STATUS, "The status of the response." => |cx, _, _| match cx.stream.response.status() {
        _ if cx.stream.inspection.before_status => None,
        0 if cx.stream.status > 0 => int(cx.stream.status),
        0 => None,
        status => int(status),
    };
    "txn.status", ArgSpec::NONE, None, Int, Needs::STATUS, "The status sent to the client." => |cx, _, _| int(cx.stream.status);
    "req.proto_http", ArgSpec::NONE, None, Bool, Needs::REQUEST_LINE, "Whether the request is HTTP." => |cx, _, _| boolean(!cx.stream.request.method().is_empty());
    "req_proto_http", ArgSpec::NONE, None, Bool, Needs::REQUEST_LINE, "Whether the request is HTTP." => |cx, _, _| boolean(!cx.stream.request.method().is_empty());
    "fc_http_major", ArgSpec::NONE, None, Int, Needs::CLIENT, "The major version of HTTP on the client connection." => |_, _, _| int(1);
}

fn some(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

fn version(head: &Head) -> Option<&[u8]> {
    head.version().strip_prefix(b"HTTP/")
}

/// From the path to the end of the request target; none without a path.
fn path_and_query(head: &Head) -> Option<&[u8]> {
    let target = head.target();
    some(target.path)?;
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

fn check_parameter(args: &mut [Arg]) -> Result<(), String> {
    match args.get(1) {
        Some(Arg::Str(delimiter)) if delimiter.len() > 1 => {
            Err("argument 2 of 'url_param' must be a single character".to_owned())
        }
        _ => Ok(()),
    }?;
    match args.get(2) {
        Some(Arg::Str(option)) if !option.is_empty() && option != b"i" => {
            Err("argument 3 of 'url_param' can only be 'i'".to_owned())
        }
        _ => Ok(()),
    }
}

fn parameter<'a>(cx: &Cx<'a>, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    let text = |index: usize| match args.get(index) {
        Some(Arg::Str(text)) if !text.is_empty() => Some(text.as_slice()),
        _ => None,
    };
    let (wanted, ignore_case) = (text(0), text(2).is_some());
    let start = text(1).map_or(b'?', |delimiter| delimiter[0]);
    let uri = cx.stream.request.uri();
    let query = &uri[memchr::memchr(start, uri)? + 1..];
    let mut found = query
        .split(|byte| matches!(byte, b'&' | b';'))
        .filter_map(|pair| {
            let equals = memchr::memchr(b'=', pair)?;
            let (name, value) = (&pair[..equals], &pair[equals + 1..]);
            let same = match wanted {
                None => true,
                Some(wanted) if ignore_case => wanted.eq_ignore_ascii_case(name),
                Some(wanted) => wanted == name,
            };
            same.then_some(value)
        });
    let value = found.nth(occurrence.at as usize);
    if occurrence.iterating {
        occurrence.at += 1;
        occurrence.more = value.is_some();
    }
    string(value?)
}
