//! TLS of the server connection.

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::secured::Secured;

use super::{boolean, fetches, int, string};

const NONE: ArgSpec = ArgSpec::NONE;
const THERE: Needs = Needs::SERVER_CONNECTION;

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
    "ssl_bc_protocol", NONE, Str, THERE, "The version of the protocol." => |cx, _, _| string(tls(cx)?.version.as_bytes());
    "ssl_bc_sni", NONE, Str, THERE, "The name that was asked for." => |cx, _, _| string(tls(cx)?.server_name.as_deref()?);
    "ssl_bc_use_keysize", NONE, Int, THERE, "Bits of the cipher's key." => |cx, _, _| int(tls(cx)?.key_bits);
}

fn tls<'a>(cx: &Cx<'a>) -> Option<&'a Secured> {
    cx.stream.server_tls.as_deref()
}
