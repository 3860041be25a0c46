//! TLS of the client connection.

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::secured::Secured;

use super::{binary, boolean, fetches, int, string};

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

fn tls<'a>(cx: &Cx<'a>) -> Option<&'a Secured> {
    cx.session.tls.as_deref()
}

fn filled(text: &str) -> Option<&[u8]> {
    (!text.is_empty()).then_some(text.as_bytes())
}
