//! Sample fetches (configuration manual 7.3).

pub(crate) mod acl;
mod auth;
mod block;
mod body;
pub(crate) mod capture;
mod chance;
mod connection;
mod constant;
mod cookie;
mod distcc;
mod effort;
mod header;
mod http;
mod htx;
mod internal;
mod multiplexer;
mod payload;
mod process;
mod proxy_header;
mod rdp;
mod timer;
mod tls_hello;
pub(crate) mod transport;
mod url;
mod variable;

pub use body::request as request_body;

use hapax_core::sample::{Sample, Value};

pub(crate) use acl::FETCHES as ACL;
pub(crate) use auth::FETCHES as AUTH;
pub(crate) use block::FETCHES as BLOCK;
pub(crate) use body::FETCHES as BODY;
pub(crate) use capture::FETCHES as CAPTURE;
pub(crate) use chance::FETCHES as CHANCE;
pub(crate) use connection::FETCHES as CONNECTION;
pub(crate) use constant::FETCHES as CONSTANT;
pub(crate) use cookie::FETCHES as COOKIE;
pub use cookie::cookie_pairs;
pub(crate) use distcc::FETCHES as DISTCC;
pub(crate) use effort::FETCHES as EFFORT;
pub(crate) use header::FETCHES as HEADER;
pub(crate) use http::FETCHES as HTTP;
pub(crate) use htx::FETCHES as HTX;
pub(crate) use internal::{FETCHES as INTERNAL, usable};
pub(crate) use multiplexer::FETCHES as MULTIPLEXER;
pub(crate) use payload::FETCHES as PAYLOAD;
pub(crate) use process::FETCHES as PROCESS;
pub(crate) use proxy_header::FETCHES as PROXY_HEADER;
pub(crate) use rdp::FETCHES as RDP;
pub(crate) use timer::FETCHES as TIMER;
pub(crate) use tls_hello::FETCHES as TLS_HELLO;
pub(crate) use transport::FETCHES as TRANSPORT;
pub(crate) use url::FETCHES as URL;
pub(crate) use variable::FETCHES as VARIABLE;

/// Rows of a family: name, arguments, type, needs, documentation and function.
macro_rules! fetches {
    ($($name:literal, $args:expr, $check:expr, $output:ident, $needs:expr, $doc:literal => $run:expr;)+) => {
        pub static FETCHES: &[hapax_core::keyword::Fetch] = &[
            $(hapax_core::keyword::Fetch {
                name: $name,
                args: $args,
                check: $check,
                output: hapax_core::sample::Type::$output,
                needs: $needs,
                doc: $doc,
                run: $run,
            },)+
        ];
    };
}
pub(crate) use fetches;

pub(crate) fn int<'a>(value: impl Into<i64>) -> Option<Sample<'a>> {
    Some(Value::Int(value.into()).into())
}

pub(crate) fn boolean<'a>(value: bool) -> Option<Sample<'a>> {
    Some(Value::Bool(value).into())
}

/// The bytes that one side sent and nobody took yet; nothing is left once the message is HTTP.
fn contents<'a>(cx: &hapax_core::contract::Cx<'a>, response: bool) -> &'a [u8] {
    match response {
        _ if cx.stream.is_http() => &[],
        true => cx.response_bytes,
        false => cx.request_bytes,
    }
}

pub(crate) fn string(bytes: &[u8]) -> Option<Sample<'_>> {
    Some(Value::Str(bytes).into())
}

pub(crate) fn address<'a>(ip: std::net::IpAddr) -> Sample<'a> {
    match ip {
        std::net::IpAddr::V4(ip) => Value::Ipv4(ip).into(),
        std::net::IpAddr::V6(ip) => Value::Ipv6(ip).into(),
    }
}

#[cfg(test)]
mod tests;
