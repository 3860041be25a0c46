//! Hashes and parts of the request's target (configuration manual 7.3.6).

use std::net::{IpAddr, Ipv4Addr};

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::sample::{Sample, Value};
use hapax_proto::hash::{avalanche, sdbm};
use hapax_proto::http::Name;

use super::http::path_and_query;
use super::{fetches, int};

fetches! {
    "base32", ArgSpec::NONE, None, Int, Needs::REQUEST, "A hash of host and path." => |cx, _, _| int(hash(cx, false)?);
    "base32+src", ArgSpec::NONE, None, Bin, Needs::REQUEST, "A hash of host and path, and the client's address." => |cx, _, _| with_source(cx, hash(cx, false)?);
    "url32", ArgSpec::NONE, None, Int, Needs::REQUEST, "A hash of host, path and query." => |cx, _, _| int(hash(cx, true)?);
    "url32+src", ArgSpec::NONE, None, Bin, Needs::REQUEST, "A hash of host, path and query, and the client's address." => |cx, _, _| with_source(cx, hash(cx, true)?);
    "url_ip", ArgSpec::NONE, None, Ipv4, Needs::REQUEST, "The address in an absolute request target." => |cx, _, _| Some(Value::Ipv4(authority(cx)?.0).into());
    "url_port", ArgSpec::NONE, None, Int, Needs::REQUEST, "The port behind the address in an absolute request target." => |cx, _, _| int(authority(cx)?.1);
}

/// The hash of the first host and the path, or the path with the query; none without either.
fn hash(cx: &Cx<'_>, whole: bool) -> Option<u32> {
    let head = &cx.stream.request;
    let host = head.get(Name::Host).unwrap_or_default();
    let path = if whole {
        path_and_query(head).unwrap_or_default()
    } else {
        head.path()
    };
    Some(avalanche(sdbm(sdbm(0, host), path)))
}

/// The hash in network order, then the address.
fn with_source<'a>(cx: &Cx<'a>, hash: u32) -> Option<Sample<'a>> {
    let mut out = bumpalo::collections::Vec::with_capacity_in(20, cx.arena);
    out.extend_from_slice(&hash.to_be_bytes());
    match cx.session.source.ip() {
        Some(IpAddr::V4(ip)) => out.extend_from_slice(&ip.octets()),
        Some(IpAddr::V6(ip)) => out.extend_from_slice(&ip.octets()),
        None => return None,
    }
    Some(Value::Bin(out.into_bump_slice()).into())
}

/// The address and port of a target in absolute form; that of the scheme when it has no port.
fn authority(cx: &Cx<'_>) -> Option<(Ipv4Addr, u16)> {
    let target = cx.stream.request.target();
    let scheme = target.scheme?;
    let default = if scheme.eq_ignore_ascii_case(b"http") {
        "80"
    } else if scheme.eq_ignore_ascii_case(b"https") {
        "443"
    } else {
        return None;
    };
    let text = std::str::from_utf8(target.authority?).ok()?;
    let (host, port) = text.split_once(':').unwrap_or((text, default));
    Some((host.parse().ok()?, port.parse().ok()?))
}
