//! Lists of a client's first message, for fingerprints (`ssl_fc_cipherlist_*` and the like), as far as
//! `tune.ssl.capture-buffer-size` kept them.

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::Sample;
use hapax_core::secured::Captured;

use super::{binary, fetches, int, kept, string};
use crate::names;

const NONE: ArgSpec = ArgSpec::NONE;
const FILTER: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int],
    required: 0,
};
const HERE: Needs = Needs::CLIENT_CONNECTION;

fetches! {
    "ssl_fc_cipherlist_bin", FILTER, Str, HERE, "The ciphers that the client offers." => |cx, args, _| binary(filtered(cx, &captured(cx)?.ciphers, args));
    "ssl_fc_cipherlist_hex", FILTER, Bin, HERE, "The ciphers that the client offers, in hexadecimal digits." => |cx, args, _| hexadecimal(cx, filtered(cx, &captured(cx)?.ciphers, args));
    "ssl_fc_cipherlist_str", FILTER, Str, HERE, "The ciphers that the client offers, in words." => |cx, args, _| in_words(cx, filtered(cx, &captured(cx)?.ciphers, args));
    "ssl_fc_cipherlist_xxh", NONE, Int, HERE, "A hash of the ciphers that the client offers." => |cx, _, _| int(captured(cx)?.ciphers_hash.cast_signed());
    "ssl_fc_ecformats_bin", NONE, Str, HERE, "The formats of points that the client offers." => |cx, _, _| binary(&captured(cx)?.formats);
    "ssl_fc_eclist_bin", FILTER, Str, HERE, "The groups that the client offers." => |cx, args, _| binary(filtered(cx, &captured(cx)?.groups, args));
    "ssl_fc_extlist_bin", FILTER, Str, HERE, "The extensions of the client's first message." => |cx, args, _| binary(filtered(cx, &captured(cx)?.extensions, args));
    "ssl_fc_protocol_hello_id", NONE, Int, HERE, "The version in the client's first message." => |cx, _, _| int(captured(cx)?.version);
    "ssl_fc_sigalgs_bin", FILTER, Bin, HERE, "The signature algorithms that the client offers." => |cx, args, _| binary(filtered(cx, &captured(cx)?.algorithms, args));
    "ssl_fc_supported_versions_bin", FILTER, Bin, HERE, "The versions that the client offers." => |cx, args, _| binary(filtered(cx, &captured(cx)?.versions, args));
}

fn captured<'a>(cx: &Cx<'a>) -> Option<&'a Captured> {
    cx.session.tls.as_deref()?.captured.as_deref()
}

/// Without the values that only keep servers from being choosy (RFC 8701), where the argument asks for it.
fn filtered<'a>(cx: &Cx<'a>, list: &'a [u8], args: &[Arg]) -> &'a [u8] {
    if !matches!(args.first(), Some(Arg::Int(filter)) if *filter != 0) {
        return list;
    }
    let is_grease = |pair: &[u8; 2]| pair[0] == pair[1] && pair[0] & 0x0f == 0x0a;
    let pairs = list.as_chunks::<2>().0.iter();
    let rest: Vec<u8> = pairs
        .filter(|pair| !is_grease(pair))
        .flatten()
        .copied()
        .collect();
    kept(cx, &rest)
}

fn hexadecimal<'a>(cx: &Cx<'a>, bytes: &[u8]) -> Option<Sample<'a>> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    binary(kept(cx, digits.as_bytes()))
}

fn in_words<'a>(cx: &Cx<'a>, list: &[u8]) -> Option<Sample<'a>> {
    let pairs = list.as_chunks::<2>().0.iter();
    let words: Vec<String> = pairs
        .map(|pair| {
            let number = u16::from_be_bytes(*pair);
            match names::any_cipher(number) {
                Some(name) => name.to_owned(),
                None => format!("UNKNOWN({number:04x})"),
            }
        })
        .collect();
    string(kept(cx, words.join(",").as_bytes()))
}
