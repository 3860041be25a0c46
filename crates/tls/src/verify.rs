//! Verification of peers: chains, dates, revocation, names; faults carry OpenSSL's numbers.

pub mod client;
pub mod fault;
mod older;
pub mod server;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::certificate::{self};

/// What peers are verified with. As with OpenSSL, only what says that it made itself ends a chain; other certificates of the
/// file may stand in it.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) store: std::sync::Arc<RootCertStore>,
    roots: Vec<CertificateDer<'static>>,
    between: Vec<CertificateDer<'static>>,
}

impl Trust {
    pub(crate) fn new(certificates: &[CertificateDer<'static>]) -> Trust {
        let (roots, between): (Vec<_>, Vec<_>) =
            certificates.iter().cloned().partition(is_self_signed);
        let mut store = RootCertStore::empty();
        // What cannot be read trusts nobody. webpki wants something to trust: without roots nothing is asked of it.
        let some = if roots.is_empty() { &between } else { &roots };
        store.add_parsable_certificates(some.iter().cloned());
        Trust {
            store: std::sync::Arc::new(store),
            roots,
            between,
        }
    }

    /// What webpki says of a chain, to which the certificates of the file are added that end none.
    pub(crate) fn judge<T>(
        &self,
        rest: &[CertificateDer<'_>],
        webpki: impl FnOnce(&[CertificateDer<'_>]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.roots.is_empty() {
            return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        }
        if self.between.is_empty() {
            return webpki(rest);
        }
        let all: Vec<_> = rest.iter().chain(&self.between).cloned().collect();
        webpki(&all)
    }

    /// How far above `own` the chain stops at a certificate of the file that is no root; none when it stops elsewhere.
    pub(crate) fn stops_at(
        &self,
        own: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
    ) -> Option<u8> {
        let read = |certificate| X509Certificate::from_der(certificate).map(|(_, parsed)| parsed);
        let mut here = read(own.as_ref()).ok()?;
        let mut depth = 0;
        let mut known = self.between.contains(own);
        while depth < MOST_DEPTH {
            let above = rest.iter().chain(&self.between).find_map(|candidate| {
                let parsed = read(candidate.as_ref()).ok()?;
                let is_above =
                    parsed.subject() == here.issuer() && parsed.subject() != here.subject();
                is_above.then_some((candidate, parsed))
            });
            let Some((candidate, parsed)) = above else {
                return known.then_some(depth);
            };
            known = self.between.iter().any(|one| one == candidate);
            here = parsed;
            depth += 1;
        }
        None
    }

    /// The root that a chain leads to.
    pub(crate) fn root(
        &self,
        own: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
    ) -> Option<&[u8]> {
        let mut issuer = parsed(own)?.issuer().as_raw().to_vec();
        let is_above = |candidate: &&CertificateDer<'_>, issuer: &[u8]| {
            parsed(candidate).is_some_and(|above| above.subject().as_raw() == issuer)
        };
        for _ in 0..MOST_DEPTH {
            if let Some(root) = self.roots.iter().find(|root| is_above(root, &issuer)) {
                return Some(root.as_ref());
            }
            let mut others = rest.iter().chain(&self.between);
            let above = others.find(|other| is_above(other, &issuer))?;
            issuer = parsed(above)?.issuer().as_raw().to_vec();
        }
        None
    }

    /// Whether a certificate is trusted by itself; none when it is not one of those that are. webpki takes no authority
    /// for the certificate of a peer, OpenSSL does.
    pub(crate) fn itself(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Option<Result<(), u16>> {
        if !self
            .roots
            .iter()
            .any(|root| root.as_ref() == certificate.as_ref())
        {
            return None;
        }
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
            return Some(Err(fault::UNSPECIFIED));
        };
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let validity = parsed.validity();
        Some(if now < validity.not_before.timestamp() {
            Err(fault::NOT_YET_VALID)
        } else if now > validity.not_after.timestamp() {
            Err(fault::EXPIRED)
        } else {
            Ok(())
        })
    }
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(parsed)
}

/// Chains are followed so far.
const MOST_DEPTH: u8 = 10;

/// Whether a certificate is for this host.
pub(crate) fn is_for(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let host = host.to_ascii_lowercase();
    if let Ok(address) = host.parse::<std::net::IpAddr>()
        && certificate::addresses(&parsed).contains(&address)
    {
        return true;
    }
    certificate::names(&parsed)
        .iter()
        .any(|name| match name.strip_prefix("*.") {
            // One label, and not less.
            Some(suffix) => host
                .split_once('.')
                .is_some_and(|(first, rest)| !first.is_empty() && rest == suffix),
            None => *name == host,
        })
}

/// Whether a certificate says that it made itself.
pub(crate) fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, parsed)| parsed.subject() == parsed.issuer())
}
