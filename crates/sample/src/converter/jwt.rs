//! JSON Web Tokens in compact form (RFC 7515, 7518, 7519): their parts and their signatures.

use std::sync::Arc;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Type};

use super::encoding::decode_url_base64;
use super::operand::{self, Operand};
use super::{converters, int, json, str_arg};

const QUERY: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Str],
    required: 0,
};

converters! {
    "jwt_header_query", QUERY, Some(json::check_path), Bin => Any, "The header of a JSON Web Token, or the value at a path of it." => |cx, args, sample| part(cx, args, sample, 0);
    "jwt_payload_query", QUERY, Some(json::check_path), Bin => Any, "The payload of a JSON Web Token, or the value at a path of it." => |cx, args, sample| part(cx, args, sample, 1);
    "jwt_verify", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 2 }, Some(check), Bin => Int, "Verifies the signature of a JSON Web Token by an algorithm with a secret or the file of a public key: 1 when it is right, 0 when not, less when that cannot be told." => verify;
}

fn part<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>, index: usize) -> Option<Sample<'a>> {
    let part = sample
        .value
        .bytes()?
        .split(|byte| *byte == b'.')
        .nth(index)?;
    // A part is a text, which has no NUL byte.
    let text = decode_url_base64(part).filter(|text| !text.contains(&0))?;
    let text = cx.arena.alloc_slice_copy(&text);
    match args.first() {
        Some(Arg::Compiled(_)) => json::query(cx.arena, args, text),
        _ => super::string(text),
    }
}

/// Header, payload and signature; the last may be missing, which is as good as an empty one.
fn parts(token: &[u8]) -> Option<[&[u8]; 3]> {
    let mut parts = token.split(|byte| *byte == b'.');
    let found = [
        parts.next()?,
        parts.next()?,
        parts.next().unwrap_or_default(),
    ];
    if parts.next().is_some() {
        return None;
    }
    Some(found)
}

const WRONG: i64 = 0;
const RIGHT: i64 = 1;
const UNKNOWN_ALGORITHM: i64 = -1;
const INVALID_TOKEN: i64 = -3;
const UNKNOWN_CERTIFICATE: i64 = -5;

#[derive(Debug, Clone, Copy)]
enum Algorithm {
    None,
    Hmac(&'static hmac::Algorithm),
    Public(&'static dyn VerificationAlgorithm),
}

/// Keys of 1024 bits are left to who configured them.
fn algorithm(name: &[u8]) -> Option<Algorithm> {
    Some(match name {
        b"none" => Algorithm::None,
        b"HS256" => Algorithm::Hmac(&hmac::HMAC_SHA256),
        b"HS384" => Algorithm::Hmac(&hmac::HMAC_SHA384),
        b"HS512" => Algorithm::Hmac(&hmac::HMAC_SHA512),
        b"RS256" => Algorithm::Public(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
        b"RS384" => Algorithm::Public(&signature::RSA_PKCS1_2048_8192_SHA384),
        b"RS512" => Algorithm::Public(&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
        b"PS256" => Algorithm::Public(&signature::RSA_PSS_2048_8192_SHA256),
        b"PS384" => Algorithm::Public(&signature::RSA_PSS_2048_8192_SHA384),
        b"PS512" => Algorithm::Public(&signature::RSA_PSS_2048_8192_SHA512),
        b"ES256" => Algorithm::Public(&signature::ECDSA_P256_SHA256_FIXED),
        b"ES384" => Algorithm::Public(&signature::ECDSA_P384_SHA384_FIXED),
        b"ES512" => Algorithm::Public(&signature::ECDSA_P521_SHA512_FIXED),
        _ => return None,
    })
}

/// The public key of a file, DER.
struct PublicKey(Vec<u8>);

fn check(args: &mut [Arg]) -> Result<(), String> {
    operand::check_text(&mut args[0]);
    let mut secret = false;
    if let Some(name) = str_arg(args, 0) {
        match algorithm(name) {
            None => {
                return Err(format!(
                    "unknown JWT algorithm: {}",
                    String::from_utf8_lossy(name)
                ));
            }
            Some(Algorithm::Public(_)) => {}
            Some(_) => secret = true,
        }
    }
    operand::check_text(&mut args[1]);
    let Some(text) = str_arg(args, 1) else {
        return Ok(());
    };
    // What may be a secret stays a text; a file that cannot be read is found out by the request, as upstream does.
    if !secret && let Some(key) = read_key(text) {
        args[1] = Arg::Compiled(Compiled {
            text: String::from_utf8_lossy(text).into_owned(),
            value: Arc::new(PublicKey(key)),
        });
    }
    Ok(())
}

/// The key of a PEM file: `BEGIN PUBLIC KEY` or `BEGIN RSA PUBLIC KEY`.
fn read_key(path: &[u8]) -> Option<Vec<u8>> {
    let text = std::fs::read_to_string(std::str::from_utf8(path).ok()?).ok()?;
    ["PUBLIC KEY", "RSA PUBLIC KEY"].iter().find_map(|kind| {
        let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {kind}-----"))?;
        let body: String = body.split_ascii_whitespace().collect();
        BASE64_STANDARD.decode(body).ok()
    })
}

fn verify<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let name = args.first()?.text(cx, Type::Str)?;
    let key = match args.get(1)? {
        Arg::Compiled(compiled) => compiled.text.as_bytes(),
        key => key.text(cx, Type::Str)?,
    };
    let Some(algorithm) = algorithm(name) else {
        return int(UNKNOWN_ALGORITHM);
    };
    let token = sample.value.bytes()?;
    let Some([header, payload, encoded]) = parts(token) else {
        return int(INVALID_TOKEN);
    };
    let message = &token[..header.len() + 1 + payload.len()];
    if let Algorithm::None = algorithm {
        return int(if encoded.is_empty() { RIGHT } else { WRONG });
    }
    let Some(signature) = decode_url_base64(encoded).filter(|signature| !signature.is_empty())
    else {
        return int(INVALID_TOKEN);
    };
    int(match (algorithm, args.get(1)?) {
        (Algorithm::None, _) => WRONG,
        (Algorithm::Hmac(algorithm), _) => {
            let tag = hmac::sign(&hmac::Key::new(*algorithm, key), message);
            let equal = constant_time::verify_slices_are_equal(tag.as_ref(), &signature);
            i64::from(equal.is_ok())
        }
        // Two numbers of the same length (RFC 7518, 3.4).
        (Algorithm::Public(_), _) if name.starts_with(b"ES") && signature.len() % 2 == 1 => {
            INVALID_TOKEN
        }
        (Algorithm::Public(algorithm), Arg::Compiled(compiled)) => {
            let PublicKey(key) = compiled.value.downcast_ref()?;
            let key = UnparsedPublicKey::new(algorithm, key);
            i64::from(key.verify(message, &signature).is_ok())
        }
        (Algorithm::Public(_), _) => UNKNOWN_CERTIFICATE,
    })
}
