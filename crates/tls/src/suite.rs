//! The cipher suites: those of rustls over hashes and HMAC of ours. A secret of TLS 1.3 is prepared once for all that is made
//! of it, where rustls' own prepare it anew each time, and what is hashed is what the client sent ([`odd_name`]).

use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::LazyLock;

use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::hmac::{Hmac, Key, Tag};
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::{CipherSuiteCommon, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};
use sha2::{Digest, Sha256, Sha384};

use crate::odd_name;

/// All that are built.
pub(crate) fn all() -> &'static [SupportedCipherSuite] {
    static SUITES: LazyLock<Vec<SupportedCipherSuite>> =
        LazyLock::new(|| ALL_CIPHER_SUITES.iter().copied().map(over_ours).collect());
    &SUITES
}

/// The same suite over our hashes. It is asked for once for each suite of the process, which keeps it to its end.
fn over_ours(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    let common = |common: &CipherSuiteCommon, hash: &'static dyn Hash| CipherSuiteCommon {
        suite: common.suite,
        hash_provider: hash,
        confidentiality_limit: common.confidentiality_limit,
    };
    let ours = |hash: HashAlgorithm| -> Option<(&'static dyn Hash, _)> {
        match hash {
            HashAlgorithm::SHA256 => Some((&SHA_256, &HKDF_256)),
            HashAlgorithm::SHA384 => Some((&SHA_384, &HKDF_384)),
            _ => None,
        }
    };
    match suite {
        SupportedCipherSuite::Tls13(theirs) => {
            let Some((hash, hkdf)) = ours(theirs.common.hash_provider.algorithm()) else {
                return suite;
            };
            SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
                common: common(&theirs.common, hash),
                hkdf_provider: hkdf,
                aead_alg: theirs.aead_alg,
                quic: theirs.quic,
            })))
        }
        SupportedCipherSuite::Tls12(theirs) => {
            let Some((hash, _)) = ours(theirs.common.hash_provider.algorithm()) else {
                return suite;
            };
            SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
                common: common(&theirs.common, hash),
                prf_provider: theirs.prf_provider,
                kx: theirs.kx,
                sign: theirs.sign,
                aead_alg: theirs.aead_alg,
            })))
        }
    }
}

static SHA_256: Hashing<Sha256> = Hashing(HashAlgorithm::SHA256, PhantomData);
static SHA_384: Hashing<Sha384> = Hashing(HashAlgorithm::SHA384, PhantomData);
static HKDF_256: HkdfUsingHmac<'static> = HkdfUsingHmac(&Keyed::<Sha256>(PhantomData));
static HKDF_384: HkdfUsingHmac<'static> = HkdfUsingHmac(&Keyed::<Sha384>(PhantomData));

/// A hash whose states are plain values: a handshake copies some forty of them.
trait State: Digest + Clone + Send + Sync + 'static {}

impl<D: Digest + Clone + Send + Sync + 'static> State for D {}

/// A hash.
struct Hashing<D>(HashAlgorithm, PhantomData<D>);

impl<D: State> Hash for Hashing<D> {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Transcript(D::new()))
    }

    fn hash(&self, data: &[u8]) -> Output {
        Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.0
    }
}

/// Messages of a handshake as they come and go.
struct Transcript<D>(D);

impl<D: State> Context for Transcript<D> {
    fn fork_finish(&self) -> Output {
        Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Transcript(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        match odd_name::shown(data) {
            Some(sent) => self.0.update(&sent),
            None => self.0.update(data),
        }
    }
}

/// HMAC (RFC 2104) over a hash.
struct Keyed<D>(PhantomData<D>);

impl<D: State> Hmac for Keyed<D> {
    fn with_key(&self, key: &[u8]) -> Box<dyn Key> {
        let mut inner = [INNER; BLOCK];
        let mut outer = [OUTER; BLOCK];
        let block = match <D as Digest>::output_size() {
            32 => BLOCK / 2,
            _ => BLOCK,
        };
        let mut put = |key: &[u8]| {
            for (position, byte) in key.iter().enumerate().take(block) {
                inner[position] ^= byte;
                outer[position] ^= byte;
            }
        };
        match key.len() > block {
            true => put(&D::digest(key)),
            false => put(key),
        }
        let prepared = Prepared {
            inner: D::new_with_prefix(&inner[..block]),
            outer: D::new_with_prefix(&outer[..block]),
        };
        black_box(&mut inner).fill(0);
        black_box(&mut outer).fill(0);
        Box::new(prepared)
    }

    fn hash_output_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

/// A key of HMAC that is ready for use.
struct Prepared<D: State> {
    inner: D,
    outer: D,
}

impl<D: State> Key for Prepared<D> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut inner = self.inner.clone();
        inner.update(first);
        for part in middle {
            inner.update(part);
        }
        inner.update(last);
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        Tag::new(&outer.finalize())
    }

    fn tag_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

impl<D: State> Drop for Prepared<D> {
    fn drop(&mut self) {
        // What was made from the secret does not stay in memory.
        (self.inner, self.outer) = (D::new(), D::new());
        black_box((&self.inner, &self.outer));
    }
}

const INNER: u8 = 0x36;
const OUTER: u8 = 0x5c;
/// Bytes that SHA-384 takes at a time; SHA-256 takes half of it.
const BLOCK: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// What ours make is what rustls' own make.
    #[test]
    fn our_suites_are_theirs() {
        assert_eq!(all().len(), ALL_CIPHER_SUITES.len());
        for (ours, theirs) in all().iter().zip(ALL_CIPHER_SUITES) {
            assert_eq!(ours, theirs);
            let (SupportedCipherSuite::Tls13(ours), SupportedCipherSuite::Tls13(theirs)) =
                (ours, theirs)
            else {
                continue;
            };
            let (hash, other) = (ours.common.hash_provider, theirs.common.hash_provider);
            assert_eq!(hash.hash(b"x").as_ref(), other.hash(b"x").as_ref());
            let (mut one, mut two) = (hash.start(), other.start());
            one.update(b"abc");
            two.update(b"abc");
            assert_eq!(one.fork_finish().as_ref(), two.fork_finish().as_ref());
            for salt in [None, Some(&b"salt"[..]), Some(&[7; 100]), Some(&[7; 200])] {
                let one = ours.hkdf_provider.extract_from_secret(salt, b"secret");
                let two = theirs.hkdf_provider.extract_from_secret(salt, b"secret");
                let (mut first, mut second) = ([0; 100], [0; 100]);
                assert!(one.expand_slice(&[b"in", b"fo"], &mut first).is_ok());
                assert!(two.expand_slice(&[b"in", b"fo"], &mut second).is_ok());
                assert_eq!(first, second);
                let (one, two) = (one.expand_block(&[b"a"]), two.expand_block(&[b"a"]));
                assert_eq!(one.as_ref(), two.as_ref());
                let tags = [ours.hkdf_provider, theirs.hkdf_provider];
                let [first, second] = tags.map(|hkdf| hkdf.hmac_sign(&one, b"message"));
                assert_eq!(first.as_ref(), second.as_ref());
            }
        }
    }
}
