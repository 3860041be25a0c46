//! AES in Galois/counter mode (NIST SP 800-38D), with nonces of any length.

use aes::cipher::{BlockEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::digest::binary;
use super::operand::{self, Operand};
use super::{converters, int_arg};

const GCM: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int, ArgKind::Str, ArgKind::Str, ArgKind::Str],
    required: 4,
};

converters! {
    "aes_gcm_dec", GCM, Some(|args| check(args, false)), Bin => Bin, "Decrypts with AES-GCM: bits, nonce, key and the tag that must fit." => decrypt;
    "aes_gcm_enc", GCM, Some(|args| check(args, true)), Bin => Bin, "Encrypts with AES-GCM: bits, nonce, key and the variable that takes the tag." => encrypt;
}

fn check(args: &mut [Arg], encrypts: bool) -> Result<(), String> {
    if !matches!(int_arg(args, 0), Some(128 | 192 | 256)) {
        return Err("key size must be 128, 192 or 256 (bits).".to_owned());
    }
    operand::check_base64(&mut args[1], "nonce")?;
    operand::check_base64(&mut args[2], "key")?;
    if encrypts {
        operand::check_only_name(&mut args[3], "aead_tag")
    } else {
        operand::check_base64(&mut args[3], "aead_tag")
    }
}

fn decrypt<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let expected = args.get(3)?.base64(cx)?;
    let text = sample.value.bytes()?;
    let gcm = Gcm::of(cx, args)?;
    let tag = gcm.tag(text);
    // Every byte is looked at, whatever the first ones say.
    let differs = tag
        .iter()
        .zip(expected)
        .fold(0, |sum, (left, right)| sum | (left ^ right));
    if expected.is_empty() || expected.len() > tag.len() || differs != 0 {
        return None;
    }
    binary(cx, &gcm.crypt(text))
}

fn encrypt<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let gcm = Gcm::of(cx, args)?;
    let out = gcm.crypt(sample.value.bytes()?);
    let tag = BASE64_STANDARD.encode(gcm.tag(&out));
    operand::set(cx, args.get(3)?, Value::Str(tag.as_bytes()));
    binary(cx, &out)
}

enum Cipher {
    Bits128(Aes128),
    Bits192(Aes192),
    Bits256(Box<Aes256>),
}

/// A cipher with its first counter block.
struct Gcm {
    cipher: Cipher,
    hash: GHash,
    first: Block,
}

impl Gcm {
    /// The cipher that the arguments describe; of a longer key the first bytes count.
    fn of<'a>(cx: &Cx<'a>, args: &'a [Arg]) -> Option<Gcm> {
        let nonce = args.get(1)?.base64(cx)?;
        let key = args.get(2)?.base64(cx)?;
        let cipher = match int_arg(args, 0)? {
            128 => Cipher::Bits128(Aes128::new_from_slice(key.get(..16)?).ok()?),
            192 => Cipher::Bits192(Aes192::new_from_slice(key.get(..24)?).ok()?),
            _ => Cipher::Bits256(Box::new(Aes256::new_from_slice(key.get(..32)?).ok()?)),
        };
        let hash = GHash::new(&encrypted(&cipher, &Block::default()));
        let mut first = Block::default();
        if nonce.is_empty() {
            return None;
        } else if nonce.len() == 12 {
            first[..12].copy_from_slice(nonce);
            first[15] = 1;
        } else {
            first = hashed(&hash, &[], nonce);
        }
        Some(Gcm {
            cipher,
            hash,
            first,
        })
    }

    /// The text under the key stream: the same both ways.
    fn crypt(&self, text: &[u8]) -> Vec<u8> {
        let mut counter = self.first;
        let mut out = text.to_vec();
        for chunk in out.chunks_mut(16) {
            let number = u32::from_be_bytes([counter[12], counter[13], counter[14], counter[15]]);
            counter[12..].copy_from_slice(&number.wrapping_add(1).to_be_bytes());
            let stream = encrypted(&self.cipher, &counter);
            for (byte, key) in chunk.iter_mut().zip(stream) {
                *byte ^= key;
            }
        }
        out
    }

    /// The tag of what was encrypted.
    fn tag(&self, encrypted_text: &[u8]) -> [u8; 16] {
        let mut tag = hashed(&self.hash, encrypted_text, &[]);
        for (byte, key) in tag.iter_mut().zip(encrypted(&self.cipher, &self.first)) {
            *byte ^= key;
        }
        tag.into()
    }
}

fn encrypted(cipher: &Cipher, block: &Block) -> Block {
    let mut block = *block;
    match cipher {
        Cipher::Bits128(cipher) => cipher.encrypt_block(&mut block),
        Cipher::Bits192(cipher) => cipher.encrypt_block(&mut block),
        Cipher::Bits256(cipher) => cipher.encrypt_block(&mut block),
    }
    block
}

/// The hash of a text, or of a nonce, with its length in bits behind it.
fn hashed(hash: &GHash, text: &[u8], nonce: &[u8]) -> Block {
    let mut hash = hash.clone();
    hash.update_padded(if nonce.is_empty() { text } else { nonce });
    let mut lengths = Block::default();
    let bits = (text.len().max(nonce.len()) as u64) * 8;
    lengths[8..].copy_from_slice(&bits.to_be_bytes());
    hash.update(&[lengths]);
    hash.finalize()
}
