//! Message digests and authentication codes (FIPS 180-4, 202; RFC 1321, 2104, 7693).

use digest::DynDigest;
use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};
use sha2::Digest;

use super::operand::{self, Operand};
use super::{converters, int_arg, str_arg};

converters! {
    "sha1", ArgSpec::NONE, None, Bin => Bin, "The SHA-1 digest." => |cx, _, sample| binary(cx, &sha1::Sha1::digest(sample.value.bytes()?));
    "sha2", ArgSpec { kinds: &[ArgKind::Int], required: 0 }, Some(check_sha2), Bin => Bin, "A SHA-2 digest, of 256 bits unless said otherwise." => |cx, args, sample| {
        let bytes = sample.value.bytes()?;
        match int_arg(args, 0) {
            Some(224) => binary(cx, &sha2::Sha224::digest(bytes)),
            Some(384) => binary(cx, &sha2::Sha384::digest(bytes)),
            Some(512) => binary(cx, &sha2::Sha512::digest(bytes)),
            _ => binary(cx, &sha2::Sha256::digest(bytes)),
        }
    };
    "digest", ArgSpec { kinds: &[ArgKind::Str], required: 1 }, Some(check_algorithm), Bin => Bin, "The digest of an algorithm by its name." => |cx, args, sample| {
        binary(cx, &hash(algorithm(args)?, &[sample.value.bytes()?])?)
    };
    "hmac", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 2 }, Some(check_hmac), Bin => Bin, "The authentication code of an algorithm with a key in base64." => |cx, args, sample| {
        let key = args.get(1)?.base64(cx)?;
        binary(cx, &hmac(algorithm(args)?, key, sample.value.bytes()?)?)
    };
}

pub(super) fn binary<'a>(cx: &Cx<'a>, bytes: &[u8]) -> Option<Sample<'a>> {
    Some(Value::Bin(cx.arena.alloc_slice_copy(bytes)).into())
}

fn check_sha2(args: &mut [Arg]) -> Result<(), String> {
    match int_arg(args, 0) {
        None | Some(224 | 256 | 384 | 512) => Ok(()),
        Some(other) => Err(format!("Unsupported number of bits: '{other}'")),
    }
}

/// A digest algorithm: its names in lower case, bytes of a block, and what computes it; none where OpenSSL knows the name of an
/// algorithm that it does not provide, which makes a converter without a value.
struct Algorithm {
    names: &'static [&'static str],
    block: usize,
    new: Option<fn() -> Box<dyn DynDigest>>,
}

macro_rules! algorithms {
    ($([$($name:literal),+] $block:literal $new:expr;)+) => {
        static ALGORITHMS: &[Algorithm] = &[
            $(Algorithm { names: &[$($name),+], block: $block, new: $new },)+
        ];
    };
}

algorithms! {
    ["md5", "ssl3-md5"] 64 Some(|| Box::new(md5::Md5::default()));
    ["sha1", "sha-1", "ssl3-sha1", "sha1-2"] 64 Some(|| Box::new(sha1::Sha1::default()));
    ["sha224", "sha-224", "sha2-224"] 64 Some(|| Box::new(sha2::Sha224::default()));
    ["sha256", "sha-256", "sha2-256"] 64 Some(|| Box::new(sha2::Sha256::default()));
    ["sha384", "sha-384", "sha2-384"] 128 Some(|| Box::new(sha2::Sha384::default()));
    ["sha512", "sha-512", "sha2-512"] 128 Some(|| Box::new(sha2::Sha512::default()));
    ["sha512-224", "sha-512/224", "sha2-512/224"] 128 Some(|| Box::new(sha2::Sha512_224::default()));
    ["sha512-256", "sha-512/256", "sha2-512/256"] 128 Some(|| Box::new(sha2::Sha512_256::default()));
    ["sha3-224"] 144 Some(|| Box::new(sha3::Sha3_224::default()));
    ["sha3-256"] 136 Some(|| Box::new(sha3::Sha3_256::default()));
    ["sha3-384"] 104 Some(|| Box::new(sha3::Sha3_384::default()));
    ["sha3-512"] 72 Some(|| Box::new(sha3::Sha3_512::default()));
    ["sm3"] 64 Some(|| Box::new(sm3::Sm3::default()));
    ["ripemd160", "rmd160", "ripemd", "ripemd-160"] 64 Some(|| Box::new(ripemd::Ripemd160::default()));
    ["blake2b512", "blake2b-512"] 128 Some(|| Box::new(blake2::Blake2b512::default()));
    ["blake2s256", "blake2s-256"] 64 Some(|| Box::new(blake2::Blake2s256::default()));
    ["md5-sha1"] 64 Some(|| Box::new(Both::default()));
    ["md4"] 64 None;
    ["whirlpool"] 64 None;
    ["shake128", "shake-128"] 168 None;
    ["shake256", "shake-256"] 136 None;
}

/// MD5 and SHA-1 one behind the other, as TLS 1.0 had it.
#[derive(Default, Clone)]
struct Both(md5::Md5, sha1::Sha1);

impl DynDigest for Both {
    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.0, data);
        Digest::update(&mut self.1, data);
    }

    fn finalize_into(self, out: &mut [u8]) -> Result<(), digest::InvalidBufferSize> {
        let bytes = DynDigest::finalize(Box::new(self));
        if out.len() != bytes.len() {
            return Err(digest::InvalidBufferSize);
        }
        out.copy_from_slice(&bytes);
        Ok(())
    }

    fn finalize_into_reset(&mut self, out: &mut [u8]) -> Result<(), digest::InvalidBufferSize> {
        DynDigest::finalize_into(std::mem::take(self), out)
    }

    fn finalize(self: Box<Self>) -> Box<[u8]> {
        let mut bytes = self.0.finalize().to_vec();
        bytes.extend_from_slice(&self.1.finalize());
        bytes.into()
    }

    fn finalize_reset(&mut self) -> Box<[u8]> {
        DynDigest::finalize(Box::new(std::mem::take(self)))
    }

    fn reset(&mut self) {
        *self = Both::default();
    }

    fn output_size(&self) -> usize {
        36
    }

    fn box_clone(&self) -> Box<dyn DynDigest> {
        Box::new(self.clone())
    }
}

fn check_algorithm(args: &mut [Arg]) -> Result<(), String> {
    let text = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).to_ascii_lowercase();
    // OpenSSL also takes the names of signatures with a digest for it.
    let name = text.strip_prefix("rsa-").unwrap_or(&text);
    let name = name
        .strip_suffix("withrsaencryption")
        .or_else(|| name.strip_suffix("withrsa"))
        .unwrap_or(name)
        .replace('/', "-");
    let found = ALGORITHMS
        .iter()
        .find(|row| {
            row.names.contains(&name.as_str()) && !(name.len() == text.len() && text.contains('/'))
        })
        .ok_or("algorithm must be a valid OpenSSL message digest name.")?;
    args[0] = Arg::Compiled(Compiled {
        text,
        value: std::sync::Arc::new(found),
    });
    Ok(())
}

fn check_hmac(args: &mut [Arg]) -> Result<(), String> {
    check_algorithm(args)?;
    operand::check_base64(&mut args[1], "key")
}

fn algorithm(args: &[Arg]) -> Option<&'static Algorithm> {
    match args.first()? {
        Arg::Compiled(compiled) => compiled.value.downcast_ref::<&Algorithm>().copied(),
        _ => None,
    }
}

fn hash(algorithm: &Algorithm, parts: &[&[u8]]) -> Option<Box<[u8]>> {
    let mut digest = algorithm.new?();
    for part in parts {
        digest.update(part);
    }
    Some(digest.finalize())
}

/// RFC 2104.
fn hmac(algorithm: &Algorithm, key: &[u8], message: &[u8]) -> Option<Box<[u8]>> {
    let mut padded = if key.len() > algorithm.block {
        hash(algorithm, &[key])?.into_vec()
    } else {
        key.to_vec()
    };
    padded.resize(algorithm.block, 0);
    let inner: Vec<u8> = padded.iter().map(|byte| byte ^ 0x36).collect();
    let outer: Vec<u8> = padded.iter().map(|byte| byte ^ 0x5c).collect();
    let inner = hash(algorithm, &[&inner, message])?;
    hash(algorithm, &[&outer, &inner])
}
