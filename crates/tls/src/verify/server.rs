//! Certificates of servers (configuration manual 5.2, `verify`, `verifyhost`).

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::{Trust, is_for, older};
use crate::authority::Authorities;

/// What is asked of a server's certificate.
#[derive(Debug)]
pub(crate) struct ServerCheck {
    provider: Arc<CryptoProvider>,
    /// None verifies nothing.
    chain: Option<Chain>,
    /// The name that it must be for, whatever name was asked for (`verifyhost`).
    host: Option<String>,
    /// The signature algorithms that the server may use, in order; all when there are none (`sigalgs`).
    pub(crate) schemes: Option<Vec<SignatureScheme>>,
}

#[derive(Debug)]
struct Chain {
    trust: Trust,
    inner: Arc<WebPkiServerVerifier>,
    /// Lists of revoked certificates are looked at.
    revokes: bool,
}

impl ServerCheck {
    /// Everything is taken.
    pub(crate) fn nothing(provider: Arc<CryptoProvider>) -> ServerCheck {
        ServerCheck {
            provider,
            chain: None,
            host: None,
            schemes: None,
        }
    }

    /// Chains must end at one of these authorities.
    pub(crate) fn new(
        provider: Arc<CryptoProvider>,
        authorities: &Authorities,
        revoked: Option<&Authorities>,
        host: Option<String>,
    ) -> Result<ServerCheck, String> {
        let trust = Trust::new(&authorities.certificates);
        let mut builder =
            WebPkiServerVerifier::builder_with_provider(trust.store.clone(), provider.clone());
        if let Some(revoked) = revoked {
            builder = builder
                .with_crls(revoked.revoked.iter().cloned())
                .allow_unknown_revocation_status();
        }
        let inner = builder.build().map_err(|error| error.to_string())?;
        Ok(ServerCheck {
            provider,
            chain: Some(Chain {
                trust,
                inner,
                revokes: revoked.is_some(),
            }),
            host,
            schemes: None,
        })
    }
}

impl ServerCertVerifier for ServerCheck {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.trust.itself(own, now) {
            Some(Ok(())) => {}
            Some(Err(_)) => return Err(Error::InvalidCertificate(CertificateError::Expired)),
            None => match chain.trust.judge(rest, |rest| {
                chain.inner.verify_server_cert(own, rest, name, ocsp, now)
            }) {
                Ok(_) => {}
                // Names are looked at below, the common one too.
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) => {}
                Err(error) if chain.revokes => return Err(error),
                said => older::chain(
                    said,
                    own,
                    &chain.trust,
                    now,
                    &self.provider.signature_verification_algorithms,
                )?,
            },
        }
        let asked = match (&self.host, name) {
            (Some(host), _) => Some(host.clone()),
            // An address is what stands for no name here.
            (None, ServerName::DnsName(name)) => Some(name.as_ref().to_owned()),
            (None, _) => None,
        };
        match asked.is_none_or(|host| is_for(own, &host)) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let said = verify_tls12_signature(message, certificate, signed, algorithms);
        older::signature(said, message, certificate, signed, algorithms, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let said = verify_tls13_signature(message, certificate, signed, algorithms);
        older::signature(said, message, certificate, signed, algorithms, true)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let all = algorithms.supported_schemes();
        match &self.schemes {
            Some(wanted) => wanted
                .iter()
                .copied()
                .filter(|scheme| all.contains(scheme))
                .collect(),
            None => all,
        }
    }
}
