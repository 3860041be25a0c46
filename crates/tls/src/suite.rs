//! The cipher suites: those of rustls over hashes and HMAC of ours. A secret of TLS 1.3 is prepared once for all that is made
//! of it, where rustls' own prepare it anew each time, and what is hashed is what the client sent ([`odd_name`]).

use std::sync::LazyLock;

use aws_lc_rs::{digest, hmac};
use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::hmac::{Hmac, Key, Tag};
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::{CipherSuiteCommon, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};

use crate::odd_name;

/// All that are built.
pub(crate) fn all() -> &'static [SupportedCipherSuite] {
    static SUITES: LazyLock<Vec<SupportedCipherSuite>> =
        LazyLock::new(|| ALL_CIPHER_SUITES.iter().copied().map(over_ours).collect());
    &SUITES
}

/// The same suite over our hashes. It is asked for once for each suite of the process, which keeps it to its end.
fn over_ours(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    let common = |common: &CipherSuiteCommon, hash| CipherSuiteCommon {
        suite: common.suite,
        hash_provider: hash,
        confidentiality_limit: common.confidentiality_limit,
    };
    let ours = |hash: HashAlgorithm| match hash {
        HashAlgorithm::SHA256 => Some((&SHA_256, &HKDF_256)),
        HashAlgorithm::SHA384 => Some((&SHA_384, &HKDF_384)),
        _ => None,
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

static SHA_256: Digest = Digest(&digest::SHA256, HashAlgorithm::SHA256);
static SHA_384: Digest = Digest(&digest::SHA384, HashAlgorithm::SHA384);
static HKDF_256: HkdfUsingHmac<'static> = HkdfUsingHmac(&Keyed(&hmac::HMAC_SHA256, 32));
static HKDF_384: HkdfUsingHmac<'static> = HkdfUsingHmac(&Keyed(&hmac::HMAC_SHA384, 48));

/// A hash.
struct Digest(&'static digest::Algorithm, HashAlgorithm);

impl Hash for Digest {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Transcript(digest::Context::new(self.0)))
    }

    fn hash(&self, data: &[u8]) -> Output {
        Output::new(digest::digest(self.0, data).as_ref())
    }

    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.1
    }
}

/// Messages of a handshake as they come and go.
struct Transcript(digest::Context);

impl Context for Transcript {
    fn fork_finish(&self) -> Output {
        Output::new(self.0.clone().finish().as_ref())
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Transcript(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        Output::new(self.0.finish().as_ref())
    }

    fn update(&mut self, data: &[u8]) {
        match odd_name::shown(data) {
            Some(sent) => self.0.update(&sent),
            None => self.0.update(data),
        }
    }
}

/// HMAC over a hash of so many bytes.
struct Keyed(&'static hmac::Algorithm, usize);

impl Hmac for Keyed {
    fn with_key(&self, key: &[u8]) -> Box<dyn Key> {
        Box::new(Prepared(hmac::Key::new(*self.0, key), self.1))
    }

    fn hash_output_len(&self) -> usize {
        self.1
    }
}

/// A key of HMAC that is ready for use.
struct Prepared(hmac::Key, usize);

impl Key for Prepared {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(first);
        for part in middle {
            context.update(part);
        }
        context.update(last);
        Tag::new(context.sign().as_ref())
    }

    fn tag_len(&self) -> usize {
        self.1
    }
}

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
            for salt in [None, Some(&b"salt"[..])] {
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
