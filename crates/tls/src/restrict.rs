//! A key that signs with some of its algorithms only (`sigalgs`).

use std::sync::Arc;

use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

/// See the module text.
#[derive(Debug)]
pub struct Restricted {
    key: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
}

impl Restricted {
    /// The key, with these algorithms only.
    pub fn new(key: Arc<dyn SigningKey>, schemes: &[SignatureScheme]) -> Restricted {
        Restricted {
            key,
            schemes: schemes.to_vec(),
        }
    }
}

impl SigningKey for Restricted {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        // Our order decides, as with the server's preference of OpenSSL.
        self.schemes
            .iter()
            .filter(|scheme| offered.contains(scheme))
            .find_map(|scheme| self.key.choose_scheme(&[*scheme]))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}
