//! Verification of peers: chains, dates, revocation, names; faults carry OpenSSL's numbers.

pub mod client;
pub mod fault;
pub mod server;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::certificate::{self};

/// What peers are verified with.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) store: std::sync::Arc<RootCertStore>,
    raw: Vec<CertificateDer<'static>>,
}

impl Trust {
    pub(crate) fn new(certificates: &[CertificateDer<'static>]) -> Trust {
        let mut store = RootCertStore::empty();
        // What cannot be read trusts nobody.
        store.add_parsable_certificates(certificates.iter().cloned());
        Trust {
            store: std::sync::Arc::new(store),
            raw: certificates.to_vec(),
        }
    }

    /// Whether a certificate is trusted by itself; none when it is not one of those that are. webpki takes no authority
    /// for the certificate of a peer, OpenSSL does.
    pub(crate) fn itself(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Option<Result<(), u16>> {
        if !self
            .raw
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
