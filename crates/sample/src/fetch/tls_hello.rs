//! The TLS hello in bytes that pass by (configuration manual 7.3.5); connections that end here have fetches of their own.

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::sample::{Sample, Value};
use hapax_proto::tls::{self, Found, extension};

use super::{boolean, contents, fetches, int, string};

fetches! {
    "req.ssl_hello_type", ArgSpec::NONE, None, Int, Needs::REQUEST_BYTES, "The type of the client's complete hello." => |cx, _, _| hello_type(cx, false);
    "req_ssl_hello_type", ArgSpec::NONE, None, Int, Needs::REQUEST_BYTES, "The type of the client's complete hello." => |cx, _, _| hello_type(cx, false);
    "res.ssl_hello_type", ArgSpec::NONE, None, Int, Needs::RESPONSE_BYTES, "The type of the server's complete hello." => |cx, _, _| hello_type(cx, true);
    "rep_ssl_hello_type", ArgSpec::NONE, None, Int, Needs::RESPONSE_BYTES, "The type of the server's complete hello." => |cx, _, _| hello_type(cx, true);
    "req.ssl_ver", ArgSpec::NONE, None, Int, Needs::REQUEST_BYTES, "The version of SSL or TLS that the client speaks." => |cx, _, _| version(cx);
    "req_ssl_ver", ArgSpec::NONE, None, Int, Needs::REQUEST_BYTES, "The version of SSL or TLS that the client speaks." => |cx, _, _| version(cx);
    "req.ssl_sni", ArgSpec::NONE, None, Str, Needs::REQUEST_BYTES, "The name of the server that the client asks for." => |cx, _, _| string(settle(cx, tls::server_name)?);
    "req_ssl_sni", ArgSpec::NONE, None, Str, Needs::REQUEST_BYTES, "The name of the server that the client asks for." => |cx, _, _| string(settle(cx, tls::server_name)?);
    "req.ssl_alpn", ArgSpec::NONE, None, Str, Needs::REQUEST_BYTES, "The first protocol that the client offers." => |cx, _, _| string(settle(cx, tls::first_protocol)?);
    "req.ssl_cipherlist", ArgSpec::NONE, None, Bin, Needs::CLIENT, "The ciphers that the client offers." => |cx, _, _| binary(settle(cx, tls::ciphers)?);
    "req.ssl_ec_ext", ArgSpec::NONE, None, Bool, Needs::REQUEST_BYTES, "Whether the client offers groups of elliptic curves." => |cx, _, _| {
        boolean(settle(cx, |bytes| tls::extension(bytes, extension::SUPPORTED_GROUPS))?.is_some())
    };
    "req.ssl_st_ext", ArgSpec::NONE, None, Int, Needs::REQUEST_BYTES, "1 when the client takes session tickets, 2 when it has one." => |cx, _, _| {
        int(match settle(cx, tls::session_ticket)? {
            None => 0,
            Some([]) => 1,
            Some(_) => 2,
        })
    };
    "req.ssl_supported_groups", ArgSpec::NONE, None, Bin, Needs::CLIENT, "The groups that the client offers." => |cx, _, _| {
        binary(tls::list(settle(cx, |bytes| tls::extension(bytes, extension::SUPPORTED_GROUPS))??)?)
    };
    "req.ssl_sigalgs", ArgSpec::NONE, None, Bin, Needs::CLIENT, "The signature algorithms that the client offers." => |cx, _, _| {
        binary(tls::list(settle(cx, |bytes| tls::extension(bytes, extension::SIGNATURE_ALGORITHMS))??)?)
    };
    "req.ssl_keyshare_groups", ArgSpec::NONE, None, Bin, Needs::CLIENT, "The groups that the client sends a key for." => |cx, _, _| {
        let content = settle(cx, |bytes| tls::extension(bytes, extension::KEY_SHARE))??;
        let mut groups = bumpalo::collections::Vec::new_in(cx.arena);
        for group in tls::share_groups(content) {
            groups.extend_from_slice(&group);
        }
        (!groups.is_empty()).then(|| binary(groups.into_bump_slice()))?
    };
}

/// The value in the client's bytes; what is not there yet may come.
fn settle<'a, T>(cx: &Cx<'a>, find: impl FnOnce(&'a [u8]) -> Found<T>) -> Option<T> {
    settle_in(cx, false, find)
}

fn settle_in<'a, T>(
    cx: &Cx<'a>,
    response: bool,
    find: impl FnOnce(&'a [u8]) -> Found<T>,
) -> Option<T> {
    match find(contents(cx, response)) {
        Found::Here(value) => Some(value),
        Found::NotYet => {
            cx.stream.inspection.lacks_bytes();
            None
        }
        Found::Nothing => None,
    }
}

fn hello_type<'a>(cx: &Cx<'a>, response: bool) -> Option<Sample<'a>> {
    int(settle_in(cx, response, tls::hello_type)?)
}

fn version<'a>(cx: &Cx<'a>) -> Option<Sample<'a>> {
    int(settle(cx, tls::version)?)
}

fn binary(bytes: &[u8]) -> Option<Sample<'_>> {
    Some(Value::Bin(bytes).into())
}
