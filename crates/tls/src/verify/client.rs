//! Certificates of clients (configuration manual 5.1, `verify`).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use hapax_core::ir::{BindTls, TlsIgnored, TlsVerify};
use hapax_core::secured::Verdict;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::{Trust, fault, is_self_signed, older};
use crate::authority::Authorities;
use crate::odd_name;
use crate::provider::Chosen;

/// What is asked of a client's certificate.
#[derive(Debug)]
pub struct ClientCheck {
    inner: Arc<dyn ClientCertVerifier>,
    trust: Trust,
    names: Vec<DistinguishedName>,
    mandatory: bool,
    authority_ignored: TlsIgnored,
    own_ignored: TlsIgnored,
    schemes: Option<Vec<SignatureScheme>>,
    context: Vec<u8>,
    algorithms: WebPkiSupportedAlgorithms,
    /// Lists of revoked certificates are looked at.
    revokes: bool,
}

impl ClientCheck {
    /// Makes it: `shown` names authorities to clients, `verifying` only verifies.
    ///
    /// # Errors
    /// When webpki refuses the authorities or lists of revoked certificates.
    pub(crate) fn new(
        bind: &BindTls,
        shown: Option<&Authorities>,
        verifying: Option<&Authorities>,
        revoked: Option<&Authorities>,
        chosen: &Chosen,
    ) -> Result<ClientCheck, String> {
        let all: Vec<_> = [shown, verifying]
            .into_iter()
            .flatten()
            .flat_map(|file| file.certificates.iter().cloned())
            .collect();
        let trust = Trust::new(&all);
        let names = match (bind.no_ca_names, shown) {
            (false, Some(shown)) => Trust::new(&shown.certificates).store.subjects(),
            _ => Vec::new(),
        };
        let mut builder = WebPkiClientVerifier::builder_with_provider(
            trust.store.clone(),
            chosen.provider.clone(),
        );
        if let Some(revoked) = revoked {
            builder = builder
                .with_crls(revoked.revoked.iter().cloned())
                .allow_unknown_revocation_status();
        }
        let inner = builder.build().map_err(|error| error.to_string())?;
        let files = [shown, verifying, revoked];
        let context = digest(&SHA256, format!("{files:?}{:?}", bind.verify).as_bytes());
        Ok(ClientCheck {
            context: context.as_ref().to_vec(),
            inner,
            trust,
            names,
            mandatory: bind.verify == TlsVerify::Required,
            authority_ignored: bind.ca_ignored.clone(),
            own_ignored: bind.crt_ignored.clone(),
            schemes: chosen.client_schemes.clone(),
            algorithms: chosen.provider.signature_verification_algorithms,
            revokes: revoked.is_some(),
        })
    }

    /// What it asks of clients, for sessions that may go on only where the same is asked.
    pub(crate) fn context(&self) -> Vec<u8> {
        self.context.clone()
    }

    /// The faults of a chain, and whether they are let pass.
    fn faults(
        &self,
        own: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Verdict, Error> {
        let error = match self.trust.itself(own, now) {
            Some(Ok(())) => return Ok(Verdict::default()),
            Some(Err(number)) => (number, 0, None),
            None => match self.said(own, rest, now) {
                Ok(_) => return Ok(Verdict::default()),
                Err(error) => {
                    let stops = self.trust.stops_at(own, rest);
                    let number = match fault::number(&error) {
                        fault::NO_ISSUER if stops.is_some() => fault::NO_ISSUER_OF_KNOWN,
                        fault::NO_ISSUER if is_self_signed(own) => fault::SELF_SIGNED,
                        fault::NO_ISSUER if rest.iter().any(is_self_signed) => {
                            fault::SELF_SIGNED_IN_CHAIN
                        }
                        number => number,
                    };
                    let depth = match number {
                        fault::SELF_SIGNED_IN_CHAIN => rest.len() as u8,
                        fault::NO_ISSUER => rest.len() as u8,
                        fault::NO_ISSUER_OF_KNOWN => stops.unwrap_or_default(),
                        _ => 0,
                    };
                    (number, depth, Some(error))
                }
            },
        };
        let (number, depth, error) = error;
        let ignored = match depth {
            0 => &self.own_ignored,
            _ => &self.authority_ignored,
        };
        if !fault::is_ignored(ignored, number) {
            return Err(error.unwrap_or(Error::InvalidCertificate(CertificateError::Expired)));
        }
        let mut verdict = Verdict {
            result: number,
            ..Verdict::default()
        };
        match depth {
            0 => verdict.own = number,
            _ => (verdict.authority, verdict.authority_depth) = (number, depth),
        }
        Ok(verdict)
    }

    fn said(
        &self,
        own: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let said = self
            .trust
            .judge(rest, |rest| self.inner.verify_client_cert(own, rest, now));
        match self.revokes {
            true => said.map(drop),
            false => older::chain(said, own, &self.trust, now, &self.algorithms),
        }
    }

    /// The authority of the files that a chain leads to.
    pub fn root(&self, chain: &[Box<[u8]>]) -> Option<&[u8]> {
        let read = |der: &[u8]| CertificateDer::from(der.to_vec());
        let chain: Vec<_> = chain.iter().map(|der| read(der)).collect();
        let (own, rest) = chain.split_first()?;
        self.trust.root(own, rest)
    }

    /// What was found about a chain that was let pass.
    pub fn verdict(&self, chain: &[Box<[u8]>]) -> Verdict {
        if (&self.authority_ignored, &self.own_ignored) == (&TlsIgnored::None, &TlsIgnored::None) {
            return Verdict::default();
        }
        let chain: Vec<CertificateDer<'_>> = chain
            .iter()
            .map(|der| CertificateDer::from(&der[..]))
            .collect();
        match chain.split_first() {
            Some((own, rest)) => self.faults(own, rest, UnixTime::now()).unwrap_or_default(),
            None => Verdict::default(),
        }
    }
}

impl ClientCertVerifier for ClientCheck {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.faults(own, rest, now)
            .map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let sent = odd_name::shown(message);
        let message = sent.as_deref().unwrap_or(message);
        let said = (self.inner).verify_tls12_signature(message, certificate, signed);
        older::signature(said, message, certificate, signed, &self.algorithms, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let said = (self.inner).verify_tls13_signature(message, certificate, signed);
        older::signature(said, message, certificate, signed, &self.algorithms, true)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let all = self.inner.supported_verify_schemes();
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
