//! Which certificate a client is shown: by the name it asks for and the keys it can check (configuration manual 5.1, `crt`).

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::certificate::{Certificate, KeyKind};

/// The certificates of a listener by name.
#[derive(Debug, Default)]
pub struct Choice {
    entries: Vec<Arc<Certificate>>,
    /// Positions of those for exactly this name.
    exact: HashMap<String, Vec<u32>>,
    /// Positions of those for every name with one more label in front.
    wildcard: HashMap<String, Vec<u32>>,
    /// Names that an entry excludes, exact or with a wildcard.
    excluded: HashMap<String, Vec<u32>>,
    /// Those that are shown where no name matches.
    default: Vec<u32>,
    strict: bool,
}

impl Choice {
    /// No certificate; with `strict` a name that no certificate is for ends the handshake.
    pub fn new(strict: bool) -> Choice {
        Choice {
            strict,
            ..Choice::default()
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them.
    pub fn entries(&self) -> &[Arc<Certificate>] {
        &self.entries
    }

    /// Adds one for `filters`, or for its own names where there are none.
    pub fn add(&mut self, certificate: Arc<Certificate>, filters: &[String], is_default: bool) {
        let index = self.entries.len() as u32;
        let own = certificate.names.clone();
        let positive = filters.iter().any(|filter| !filter.starts_with('!'));
        let named = if positive { &[][..] } else { own.as_slice() };
        for name in filters.iter().chain(named) {
            let name = name.to_ascii_lowercase();
            if let Some(name) = name.strip_prefix('!') {
                self.excluded
                    .entry(name.to_owned())
                    .or_default()
                    .push(index);
            } else if let Some(suffix) = name.strip_prefix("*.") {
                self.wildcard
                    .entry(suffix.to_owned())
                    .or_default()
                    .push(index);
            } else if name == "*" {
                self.default.push(index);
            } else {
                self.exact.entry(name).or_default().push(index);
            }
        }
        if is_default {
            self.default.push(index);
        }
        self.entries.push(certificate);
    }

    /// The certificate for a client that asks for `name` and can check keys of these kinds.
    pub fn find(
        &self,
        name: Option<&str>,
        accepts: impl Fn(KeyKind) -> bool,
    ) -> Option<&Arc<Certificate>> {
        let lower = name.map(str::to_ascii_lowercase);
        let none = &Vec::new();
        if let Some(name) = &lower {
            let exact = self.exact.get(name).unwrap_or(none);
            let suffix = name.split_once('.').map_or("", |(_, suffix)| suffix);
            let wildcard = self.wildcard.get(suffix).unwrap_or(none);
            let excluded = |index: u32| {
                [name.as_str(), &format!("*.{suffix}")]
                    .iter()
                    .filter_map(|name| self.excluded.get(*name))
                    .any(|entries| entries.contains(&index))
            };
            for list in [exact, wildcard] {
                let allowed = list.iter().copied().filter(|index| !excluded(*index));
                if let Some(found) = self.best(allowed, &accepts) {
                    return Some(found);
                }
            }
            if self.strict {
                return None;
            }
        } else if self.strict {
            return None;
        }
        self.best(self.default.iter().copied(), &accepts)
            .or_else(|| self.entries.get(*self.default.first()? as usize))
    }

    /// The best one of those that the client can check: the first with a key on a curve, or the first with RSA.
    fn best(
        &self,
        indexes: impl Iterator<Item = u32>,
        accepts: &impl Fn(KeyKind) -> bool,
    ) -> Option<&Arc<Certificate>> {
        indexes
            .filter_map(|index| self.entries.get(index as usize))
            .filter(|entry| accepts(entry.kind))
            .min_by_key(|entry| entry.kind)
    }
}

thread_local! {
    /// What the handshake that is being advanced on this thread shows its client: rustls does not tell afterwards.
    pub(crate) static SHOWN: Cell<Option<Arc<[u8]>>> = const { Cell::new(None) };
}

/// Lets rustls ask.
#[derive(Debug)]
pub struct Resolver(pub Arc<Choice>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let accepts = |kind| accepts(schemes, kind);
        let found = self.0.find(hello.server_name(), accepts)?;
        SHOWN.set(Some(found.der.clone()));
        Some(found.certified.clone())
    }
}

/// Whether a client with these signature schemes can check a key of this kind.
pub fn accepts(schemes: &[SignatureScheme], kind: KeyKind) -> bool {
    schemes.iter().any(|scheme| {
        let rsa = matches!(
            scheme,
            SignatureScheme::RSA_PSS_SHA256
                | SignatureScheme::RSA_PSS_SHA384
                | SignatureScheme::RSA_PSS_SHA512
                | SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
        );
        let curve = matches!(
            scheme,
            SignatureScheme::ECDSA_NISTP256_SHA256
                | SignatureScheme::ECDSA_NISTP384_SHA384
                | SignatureScheme::ECDSA_NISTP521_SHA512
                | SignatureScheme::ED25519
        );
        match kind {
            KeyKind::Rsa => rsa,
            KeyKind::Curve => curve,
        }
    })
}
