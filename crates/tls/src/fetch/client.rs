//! TLS of the client connection.

use hapax_core::contract::Cx;
use hapax_core::keyword::{AclKeyword, ArgSpec, Needs};
use hapax_core::secured::{Secrets, Secured};

use super::{binary, boolean, fetches, int, secret, string};
use crate::fault::Reason;

const NONE: ArgSpec = ArgSpec::NONE;
const HERE: Needs = Needs::CLIENT_CONNECTION;

fetches! {
    "ssl_fc", NONE, Bool, HERE, "Whether the client speaks TLS." => |cx, _, _| boolean(cx.session.tls.is_some());
    "ssl_fc_alg_keysize", NONE, Int, HERE, "Bits that the cipher's algorithm takes." => |cx, _, _| int(tls(cx)?.key_bits);
    "ssl_fc_alpn", NONE, Str, HERE, "The protocol that ALPN chose." => |cx, _, _| string(tls(cx)?.protocol.as_deref()?);
    "ssl_fc_cipher", NONE, Str, HERE, "The cipher." => |cx, _, _| string(tls(cx)?.cipher.as_bytes());
    "ssl_fc_curve", NONE, Str, HERE, "The group of the key exchange." => |cx, _, _| string(filled(tls(cx)?.group)?);
    "ssl_fc_has_crt", NONE, Bool, HERE, "Whether the client showed a certificate." => |cx, _, _| boolean(cx.session.tls.as_ref().is_some_and(|tls| !tls.peer.is_empty() && !tls.resumed));
    "ssl_fc_has_early", NONE, Bool, HERE, "Whether early data came that may have been sent before." => |cx, _, _| cx.session.tls.as_ref().and_then(|_| boolean(false));
    "ssl_fc_has_sni", NONE, Bool, HERE, "Whether the client named a server." => |cx, _, _| cx.session.tls.as_ref().and_then(|tls| boolean(tls.server_name.is_some()));
    "ssl_fc_is_resumed", NONE, Bool, HERE, "Whether a former session goes on." => |cx, _, _| boolean(cx.session.tls.as_ref().is_some_and(|tls| tls.resumed));
    "ssl_fc_protocol", NONE, Str, HERE, "The version of the protocol." => |cx, _, _| string(tls(cx)?.version.as_bytes());
    "ssl_fc_sni", NONE, Str, HERE, "The name of the server that the client asked for." => |cx, _, _| string(tls(cx)?.server_name.as_deref()?);
    "ssl_fc_use_keysize", NONE, Int, HERE, "Bits of the cipher's key." => |cx, _, _| int(tls(cx)?.key_bits);
    "ssl_fc_client_random", NONE, Bin, HERE, "The client's random bytes." => |cx, _, _| binary(&tls(cx)?.client_random);
    "ssl_fc_server_random", NONE, Bin, HERE, "The server's random bytes." => |cx, _, _| binary(&tls(cx)?.server_random);
    "ssl_fc_session_id", NONE, Bin, HERE, "The number of the session." => |cx, _, _| binary(&tls(cx)?.session_id);
    "ssl_fc_session_key", NONE, Bin, HERE, "The master secret of a session of TLS 1.2." => |cx, _, _| binary(&secrets(cx)?.master);
    "ssl_fc_client_early_traffic_secret", NONE, Str, HERE, "The secret of a client's early data." => |cx, _, _| secret(cx, &secrets(cx)?.client_early);
    "ssl_fc_client_handshake_traffic_secret", NONE, Str, HERE, "The secret of the client's handshake." => |cx, _, _| secret(cx, &secrets(cx)?.client_handshake);
    "ssl_fc_server_handshake_traffic_secret", NONE, Str, HERE, "The secret of the server's handshake." => |cx, _, _| secret(cx, &secrets(cx)?.server_handshake);
    "ssl_fc_client_traffic_secret_0", NONE, Str, HERE, "The secret of what the client sends." => |cx, _, _| secret(cx, &secrets(cx)?.client_traffic);
    "ssl_fc_server_traffic_secret_0", NONE, Str, HERE, "The secret of what is sent to the client." => |cx, _, _| secret(cx, &secrets(cx)?.server_traffic);
    "ssl_fc_exporter_secret", NONE, Str, HERE, "The secret for keys of other protocols." => |cx, _, _| secret(cx, &secrets(cx)?.exporter);
    "ssl_fc_err", NONE, Int, HERE, "The number of the fault of the client's handshake; 0 without one." => |cx, _, _| int(i64::from(tls(cx)?.fault.map_or(0, |(number, _)| number)));
    "ssl_fc_err_str", NONE, Str, HERE, "The fault of the client's handshake in words." => |cx, _, _| {
        let (code, text) = tls(cx)?.fault?;
        string(super::kept(cx, Reason { code, text }.to_string().as_bytes()))
    };
    "ssl_fc_early_rcvd", NONE, Bool, HERE, "Whether early data came." => |cx, _, _| cx.session.tls.as_ref().and_then(|_| boolean(false));
    "ssl_fc_npn", NONE, Str, HERE, "The protocol that NPN chose: none, as nobody speaks it any more." => |_, _, _| None;
    "ssl_c_used", NONE, Bool, HERE, "Whether the client showed a certificate, in this session or in the one that goes on." => |cx, _, _| boolean(cx.session.tls.as_ref().is_some_and(|tls| !tls.peer.is_empty()));
    "ssl_c_verify", NONE, Int, HERE, "The fault of the client's certificates; 0 without one." => |cx, _, _| int(tls(cx)?.verdict.result);
    "ssl_c_err", NONE, Int, HERE, "The fault of the client's own certificate that was let pass." => |cx, _, _| int(tls(cx)?.verdict.own);
    "ssl_c_ca_err", NONE, Int, HERE, "The first fault of an authority that was let pass." => |cx, _, _| int(tls(cx)?.verdict.authority);
    "ssl_c_ca_err_depth", NONE, Int, HERE, "How far above the client's certificate that was." => |cx, _, _| int(tls(cx)?.verdict.authority_depth);
    "ssl_c_chain_der", NONE, Bin, HERE, "The certificates that came behind the client's own." => |cx, _, _| {
        let tls = tls(cx)?;
        let mut all = Vec::new();
        tls.peer.iter().skip(1).for_each(|der| all.extend_from_slice(der));
        (!all.is_empty()).then(|| binary(super::kept(cx, &all))).flatten()
    };
}

/// ACL keywords with a match method of their own.
pub(crate) static ACLS: &[AclKeyword] = &[
    AclKeyword {
        name: "ssl_fc_sni_end",
        fetch: "ssl_fc_sni",
        method: "end",
    },
    AclKeyword {
        name: "ssl_fc_sni_reg",
        fetch: "ssl_fc_sni",
        method: "reg",
    },
];

fn tls<'a>(cx: &Cx<'a>) -> Option<&'a Secured> {
    cx.session.tls.as_deref()
}

/// Those that are kept of the handshake: of TLS 1.3 with `tune.ssl.keylog` only.
fn secrets<'a>(cx: &Cx<'a>) -> Option<&'a Secrets> {
    tls(cx)?.secrets.as_deref()
}

fn filled(text: &str) -> Option<&[u8]> {
    (!text.is_empty()).then_some(text.as_bytes())
}
