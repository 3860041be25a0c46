//! Whether a responder's answer counts: it says so, and who signed it may (RFC 6960 4.2.2.2).

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use super::{OCTETS, Parts, inside};

/// Why an answer does not count; upstream's texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It cannot be read.
    #[error("d2i_OCSP_RESPONSE() failed")]
    Unreadable,
    /// The responder did not answer the question.
    #[error("OCSP response not successful ({0}: {name})", name = STATUS.get(usize::from(*.0)).unwrap_or(&"(UNKNOWN)"))]
    Unsuccessful(u8),
    /// It is not signed by who may.
    #[error("OCSP_basic_verify() failed")]
    Unsigned,
}

/// Looks at an answer about a certificate of `issuer`, at `now` in seconds since 1970.
///
/// # Errors
/// When it does not count.
pub fn judge(
    der: &[u8],
    issuer: &CertificateDer<'_>,
    now: i64,
    provider: &CryptoProvider,
) -> Result<(), Doubt> {
    let unreadable = Doubt::Unreadable;
    let mut response = Parts::new(inside(der).ok_or(unreadable.clone())?);
    let (_, status) = response.next().ok_or(unreadable.clone())?;
    match status {
        [0] => {}
        [status] => return Err(Doubt::Unsuccessful(*status)),
        _ => return Err(unreadable),
    }
    let (signed, certificates) = signed(response).ok_or(unreadable)?;
    let may = |signer: &X509Certificate<'_>| signed.is_by(signer, provider);
    let Ok((_, issuer)) = X509Certificate::from_der(issuer) else {
        return Err(Doubt::Unsigned);
    };
    if may(&issuer) {
        return Ok(());
    }
    let now = ASN1Time::from_timestamp(now).map_err(|_| Doubt::Unsigned)?;
    let delegated = certificates.into_iter().any(|der| {
        let Ok((_, signer)) = X509Certificate::from_der(der) else {
            return false;
        };
        let serves = signer.extended_key_usage().ok().flatten();
        let serves = serves.is_some_and(|usage| usage.value.ocsp_signing);
        serves
            && signer.validity().is_valid_at(now)
            && signer.issuer() == issuer.subject()
            && Signed::certificate(der).is_some_and(|signed| signed.is_by(&issuer, provider))
            && may(&signer)
    });
    match delegated {
        true => Ok(()),
        false => Err(Doubt::Unsigned),
    }
}

/// Something signed: a response, or a certificate. Both are what is signed, an algorithm, a signature.
struct Signed<'a> {
    content: &'a [u8],
    /// The contents of the algorithm's sequence.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

/// Takes a response apart; with it come the certificates that it brings along.
fn signed<'a>(mut response: Parts<'a>) -> Option<(Signed<'a>, Vec<&'a [u8]>)> {
    let (_, typed) = response.next()?;
    let mut typed = Parts::new(inside(typed)?);
    typed.next()?;
    let (OCTETS, basic) = typed.next()? else {
        return None;
    };
    let mut basic = Parts::new(inside(basic)?);
    let signed = Signed::of(&mut basic)?;
    let mut certificates = Vec::new();
    if let Some((CERTIFICATES, all)) = basic.next() {
        let mut all = Parts::new(inside(all)?);
        while let Some(one) = all.whole()
            && certificates.len() < MOST_CERTIFICATES
        {
            certificates.push(one);
            all.next()?;
        }
    }
    Some((signed, certificates))
}

impl<'a> Signed<'a> {
    fn of(parts: &mut Parts<'a>) -> Option<Signed<'a>> {
        let content = parts.whole()?;
        parts.next()?;
        let (_, algorithm) = parts.next()?;
        let (_, signature) = parts.next()?;
        // A bit string begins with the number of bits that do not count.
        let (0, signature) = signature.split_first()? else {
            return None;
        };
        Some(Signed {
            content,
            algorithm,
            signature,
        })
    }

    fn certificate(der: &'a [u8]) -> Option<Signed<'a>> {
        Signed::of(&mut Parts::new(inside(der)?))
    }

    /// Whether the key of this certificate signed it.
    fn is_by(&self, signer: &X509Certificate<'_>, provider: &CryptoProvider) -> bool {
        let key = signer.public_key();
        let Some(kind) = inside(key.raw).and_then(inside) else {
            return false;
        };
        let algorithms = provider.signature_verification_algorithms.all;
        algorithms.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.public_key_alg_id().as_ref() == kind
                && algorithm
                    .verify_signature(&key.subject_public_key.data, self.content, self.signature)
                    .is_ok()
        })
    }
}

const CERTIFICATES: u8 = 0xa0;
/// Certificates that a response may bring along.
const MOST_CERTIFICATES: usize = 8;
/// OCSPResponseStatus (RFC 6960 4.2.1).
const STATUS: [&str; 7] = [
    "successful",
    "malformedrequest",
    "internalerror",
    "trylater",
    "(UNKNOWN)",
    "sigrequired",
    "unauthorized",
];
