//! Certificates of version 1, as `openssl x509 -req` makes them without extensions: webpki reads none of them, OpenSSL takes them.
//!
//! They have no extensions that could restrict anything. One that an authority of the file signed itself is taken, where no list of revoked
//! certificates is to be looked at.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::{CertificateError, DigitallySignedStruct, Error};
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::Trust;

/// What is said instead of `said` about a signature over a message of a handshake, where the certificate is such a one.
pub(super) fn signature(
    said: Result<HandshakeSignatureValid, Error>,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
    is_13: bool,
) -> Result<HandshakeSignatureValid, Error> {
    let Err(said) = said else {
        return said;
    };
    let Some(parsed) = older(certificate) else {
        return Err(said);
    };
    let key = parsed.public_key();
    if is_13 {
        let key = SubjectPublicKeyInfoDer::from(key.raw);
        return verify_tls13_signature_with_raw_key(message, &key, signed, algorithms);
    }
    let mapped = algorithms.mapping.iter();
    let mut possible = mapped
        .filter(|(scheme, _)| *scheme == signed.scheme)
        .flat_map(|(_, possible)| possible.iter());
    match possible.any(|one| holds(*one, key, message, signed.signature())) {
        true => Ok(HandshakeSignatureValid::assertion()),
        false => Err(CertificateError::BadSignature.into()),
    }
}

/// What is said instead of `said` about a chain that begins with such a certificate.
pub(super) fn chain<T>(
    said: Result<T, Error>,
    own: &CertificateDer<'_>,
    trust: &Trust,
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), Error> {
    let Err(said) = said else {
        return Ok(());
    };
    let Some((own, algorithm)) = older(own).zip(signed_with(own)) else {
        return Err(said);
    };
    let signers = trust.roots.iter();
    let signers = signers.filter_map(|root| Some(X509Certificate::from_der(root).ok()?.1));
    let mut signers = signers.filter(|root| {
        let is_authority = match root.version() {
            X509Version::V3 => matches!(root.basic_constraints(), Ok(Some(said)) if said.value.ca),
            _ => true,
        };
        is_authority && root.subject().as_raw() == own.issuer().as_raw()
    });
    let (tbs, signature) = (own.tbs_certificate.as_ref(), &own.signature_value.data);
    let mut known = false;
    let signed = signers.any(|signer| {
        known = true;
        let mut possible = algorithms.all.iter();
        possible.any(|one| {
            one.signature_alg_id().as_ref() == algorithm
                && holds(*one, signer.public_key(), tbs, signature)
        })
    });
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = own.validity();
    Err(Error::InvalidCertificate(if !known {
        CertificateError::UnknownIssuer
    } else if !signed {
        CertificateError::BadSignature
    } else if now < validity.not_before.timestamp() {
        CertificateError::NotValidYet
    } else if now > validity.not_after.timestamp() {
        CertificateError::Expired
    } else {
        return Ok(());
    }))
}

/// A certificate without extensions, of the version that has none.
fn older<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    (parsed.version() == X509Version::V1 && parsed.extensions().is_empty()).then_some(parsed)
}

/// Whether a key made this signature with that algorithm.
fn holds(
    algorithm: &dyn SignatureVerificationAlgorithm,
    key: &SubjectPublicKeyInfo<'_>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let kind = inside(key.raw).and_then(inside);
    kind == Some(algorithm.public_key_alg_id().as_ref())
        && algorithm
            .verify_signature(&key.subject_public_key.data, message, signature)
            .is_ok()
}

/// The algorithm of a certificate's signature, as it stands behind what is signed.
fn signed_with<'a>(certificate: &'a CertificateDer<'_>) -> Option<&'a [u8]> {
    let whole = inside(certificate)?;
    let (rest, _) = Any::from_der(whole).ok()?;
    inside(rest)
}

/// What is in the first value of some DER.
fn inside(der: &[u8]) -> Option<&[u8]> {
    Some(Any::from_der(der).ok()?.1.data)
}
