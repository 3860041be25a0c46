//! TLS of the server connection.

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::secured::{Secrets, Secured};

use crate::fault::Reason;

use super::{binary, boolean, fetches, int, secret, string};

const NONE: ArgSpec = ArgSpec::NONE;
const THERE: Needs = Needs::SERVER_CONNECTION;
/// Upstream takes these for fetches of the client's connection: where they stand is not checked.
const LATER: Needs = Needs::CLIENT_CONNECTION;

fetches! {
    "ssl_bc", NONE, Bool, THERE, "Whether the server speaks TLS." => |cx, _, _| boolean(tls(cx).is_some());
    "ssl_bc_alg_keysize", NONE, Int, THERE, "Bits that the cipher's algorithm takes." => |cx, _, _| int(tls(cx)?.key_bits);
    "ssl_bc_alpn", NONE, Str, THERE, "The protocol that ALPN chose." => |cx, _, _| string(tls(cx)?.protocol.as_deref()?);
    "ssl_bc_cipher", NONE, Str, THERE, "The cipher." => |cx, _, _| string(tls(cx)?.cipher.as_bytes());
    "ssl_bc_curve", NONE, Str, THERE, "The group of the key exchange." => |cx, _, _| {
        let group = tls(cx)?.group;
        (!group.is_empty()).then(|| string(group.as_bytes())).flatten()
    };
    "ssl_bc_is_resumed", NONE, Bool, THERE, "Whether a former session goes on." => |cx, _, _| boolean(tls(cx).is_some_and(|tls| tls.resumed));
    "ssl_bc_protocol", NONE, Str, THERE, "The version of the protocol; none where the handshake failed." => |cx, _, _| {
        let version = tls(cx)?.version;
        (!version.is_empty()).then(|| string(version.as_bytes())).flatten()
    };
    "ssl_bc_err", NONE, Int, THERE, "The number of the fault of the handshake with the server; 0 without one." => |cx, _, _| int(i64::from(tls(cx)?.fault.map_or(0, |(number, _)| number)));
    "ssl_bc_err_str", NONE, Str, THERE, "The fault of the handshake with the server in words." => |cx, _, _| {
        let (code, text) = tls(cx)?.fault?;
        string(super::kept(cx, Reason { code, text }.to_string().as_bytes()))
    };
    "ssl_bc_client_random", NONE, Bin, THERE, "The random bytes that were sent to the server." => |cx, _, _| binary(&tls(cx)?.client_random);
    "ssl_bc_server_random", NONE, Bin, THERE, "The server's random bytes." => |cx, _, _| binary(&tls(cx)?.server_random);
    "ssl_bc_session_id", NONE, Bin, THERE, "The number of the session." => |cx, _, _| binary(&tls(cx)?.session_id);
    "ssl_bc_session_key", NONE, Bin, THERE, "The master secret of a session of TLS 1.2." => |cx, _, _| binary(&secrets(cx)?.master);
    "ssl_bc_client_early_traffic_secret", NONE, Str, LATER, "The secret of early data." => |cx, _, _| secret(cx, &secrets(cx)?.client_early);
    "ssl_bc_client_handshake_traffic_secret", NONE, Str, LATER, "The secret of our own handshake." => |cx, _, _| secret(cx, &secrets(cx)?.client_handshake);
    "ssl_bc_server_handshake_traffic_secret", NONE, Str, LATER, "The secret of the server's handshake." => |cx, _, _| secret(cx, &secrets(cx)?.server_handshake);
    "ssl_bc_client_traffic_secret_0", NONE, Str, LATER, "The secret of what is sent to the server." => |cx, _, _| secret(cx, &secrets(cx)?.client_traffic);
    "ssl_bc_server_traffic_secret_0", NONE, Str, LATER, "The secret of what the server sends." => |cx, _, _| secret(cx, &secrets(cx)?.server_traffic);
    "ssl_bc_exporter_secret", NONE, Str, LATER, "The secret for keys of other protocols." => |cx, _, _| secret(cx, &secrets(cx)?.exporter);
    "ssl_bc_npn", NONE, Str, THERE, "The protocol that NPN chose: none, as nobody speaks it any more." => |_, _, _| None;
    "ssl_bc_sni", NONE, Str, THERE, "The name that was asked for." => |cx, _, _| string(tls(cx)?.server_name.as_deref()?);
    "ssl_bc_use_keysize", NONE, Int, THERE, "Bits of the cipher's key." => |cx, _, _| int(tls(cx)?.key_bits);
}

fn secrets<'a>(cx: &Cx<'a>) -> Option<&'a Secrets> {
    tls(cx)?.secrets.as_deref()
}

fn tls<'a>(cx: &Cx<'a>) -> Option<&'a Secured> {
    cx.stream.server_tls.as_deref()
}
