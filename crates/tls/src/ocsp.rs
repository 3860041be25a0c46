//! OCSP: what is asked about a certificate, and of responses what stapling needs to know (RFC 6960 4.2.1): which certificate one is
//! about, and for how long.

mod judge;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
pub use judge::{Doubt, judge};

use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{ASN1Time, FromDer, GeneralName, ParsedExtension, X509Certificate};

/// What stapling needs of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The DER of the identity of the certificate.
    pub id: Vec<u8>,
    /// Seconds since 1970 after which it means nothing any more; none says nothing about it.
    pub next_update: Option<i64>,
}

/// Why a response is of no use; the texts are upstream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OcspFault {
    /// It cannot be read.
    #[error("Unable to parse OCSP response")]
    Unreadable,
    /// The responder did not answer the question.
    #[error("OCSP response status not successful")]
    Unsuccessful,
    /// It is about more or less than one certificate.
    #[error("OCSP response ignored because contains multiple single responses ({0})")]
    Many(usize),
    /// It does not know the certificate.
    #[error("OCSP single response: certificate status is unknown")]
    Unknown,
    /// It does not tell when it is over.
    #[error("OCSP single response: missing nextupdate")]
    Endless,
    /// It is over soon, or has not begun.
    #[error("OCSP single response: no longer valid. Must be valid during at least 300s.")]
    Expired,
    /// It is about another certificate.
    #[error("OCSP single response: Certificate ID does not match certificate and issuer")]
    Other,
}

/// Reads a response and checks what upstream checks; its signature is the client's business.
///
/// # Errors
/// When it is of no use at `now`, in seconds since 1970.
pub fn read(der: &[u8], now: i64) -> Result<Response, OcspFault> {
    let unreadable = OcspFault::Unreadable;
    // OCSPResponse: a status, and behind [0] a type and the bytes of a BasicOCSPResponse.
    let mut response = Parts::new(inside(der).ok_or(unreadable)?);
    if response.next().ok_or(unreadable)?.1 != [0] {
        return Err(OcspFault::Unsuccessful);
    }
    let (_, typed) = response.next().ok_or(unreadable)?;
    let mut typed = Parts::new(inside(typed).ok_or(unreadable)?);
    typed.next().ok_or(unreadable)?;
    let (_, basic) = typed.next().ok_or(unreadable)?;
    let mut basic = Parts::new(inside(basic).ok_or(unreadable)?);
    let (_, data) = basic.next().ok_or(unreadable)?;
    // ResponseData: perhaps a version, the responder, a date, the single responses.
    let mut data = Parts::new(data).skip_while(|(tag, _)| *tag == VERSION);
    let (_, _) = data.next().ok_or(unreadable)?;
    let (_, _) = data.next().ok_or(unreadable)?;
    let (_, singles) = data.next().ok_or(unreadable)?;
    let mut all = Parts::new(singles);
    let (Some((_, single)), None) = (all.next(), all.next()) else {
        return Err(OcspFault::Many(Parts::new(singles).count()));
    };
    let mut single = Parts::new(single);
    let id = single.whole().ok_or(unreadable)?.to_vec();
    single.next().ok_or(unreadable)?;
    // Whether the certificate is good or revoked is for the client to judge.
    if single.next().ok_or(unreadable)?.0 == UNKNOWN {
        return Err(OcspFault::Unknown);
    }
    let this_update = time(single.whole().ok_or(unreadable)?).ok_or(unreadable)?;
    single.next().ok_or(unreadable)?;
    let next_update = match single.next() {
        Some((NEXT_UPDATE, text)) => Some(time(text).ok_or(unreadable)?),
        _ => return Err(OcspFault::Endless),
    };
    let over = next_update.is_some_and(|end| end < now + LEAST_LEFT);
    if over || this_update > now + MOST_AHEAD {
        return Err(OcspFault::Expired);
    }
    Ok(Response { id, next_update })
}

/// The identity of a certificate, whose issuer is known, in responses with SHA-1.
pub fn identity(certificate: &[u8], issuer: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let (_, issuer) = X509Certificate::from_der(issuer).ok()?;
    let name = digest(&SHA1_FOR_LEGACY_USE_ONLY, issuer.subject().as_raw());
    let key = &issuer.public_key().subject_public_key.data;
    let key = digest(&SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut content = SHA1.to_vec();
    for (tag, part) in [
        (OCTETS, name.as_ref()),
        (OCTETS, key.as_ref()),
        (INTEGER, certificate.raw_serial()),
    ] {
        content.push(tag);
        content.push(
            u8::try_from(part.len())
                .ok()
                .filter(|length| *length < 128)?,
        );
        content.extend_from_slice(part);
    }
    let mut whole = vec![
        SEQUENCE,
        u8::try_from(content.len())
            .ok()
            .filter(|length| *length < 128)?,
    ];
    whole.extend(content);
    Some(whole)
}

/// The question about the certificate of an identity (RFC 6960 4.1.1): four sequences around it.
pub fn request(id: &[u8]) -> Option<Vec<u8>> {
    let mut whole = id.to_vec();
    for _ in 0..4 {
        let length = u8::try_from(whole.len())
            .ok()
            .filter(|length| *length < 128)?;
        whole.splice(..0, [SEQUENCE, length]);
    }
    Some(whole)
}

/// Where it is to be asked about a certificate: the first place that this names (RFC 5280 4.2.2.1).
pub fn responder(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut places = certificate.extensions().iter().filter_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
            return None;
        };
        access.accessdescs.iter().find_map(|place| {
            match (
                place.access_method.to_id_string().as_str(),
                &place.access_location,
            ) {
                ("1.3.6.1.5.5.7.48.1", GeneralName::URI(uri)) => Some((*uri).to_owned()),
                _ => None,
            }
        })
    });
    places.next()
}

/// The hashes of the issuer's name and key and the number in an identity.
pub fn identified(id: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut parts = Parts::new(inside(id)?);
    parts.next()?;
    Some((parts.next()?.1, parts.next()?.1, parts.next()?.1))
}

/// The contents of a sequence, or of what stands in for one.
fn inside(der: &[u8]) -> Option<&[u8]> {
    Parts::new(der).next().map(|(_, content)| content)
}

fn time(der: &[u8]) -> Option<i64> {
    ASN1Time::from_der(der)
        .ok()
        .map(|(_, time)| time.timestamp())
}

/// The parts of a sequence: the first byte of each, and its contents.
struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn new(rest: &'a [u8]) -> Parts<'a> {
        Parts { rest }
    }

    /// The next part with its header.
    fn whole(&self) -> Option<&'a [u8]> {
        let (rest, _) = Any::from_der(self.rest).ok()?;
        self.rest.get(..self.rest.len() - rest.len())
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let tag = *self.rest.first()?;
        let (rest, part) = Any::from_der(self.rest).ok()?;
        self.rest = rest;
        Some((tag, part.data))
    }
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const NEXT_UPDATE: u8 = 0xa0;
/// The certificate's state is that nothing is known of it.
const UNKNOWN: u8 = 0x82;
/// The algorithm SHA-1 without parameters.
const SHA1: &[u8] = &[
    0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00,
];
/// Seconds by which the clocks of responders may be ahead.
const MOST_AHEAD: i64 = 300;
/// Seconds that a response has to be good for.
const LEAST_LEFT: i64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_four_sequences_around_an_identity() {
        let asked = request(&[0x30, 1, 0]);
        let expected = [0x30, 9, 0x30, 7, 0x30, 5, 0x30, 3, 0x30, 1, 0];
        assert_eq!(asked.as_deref(), Some(&expected[..]));
        assert_eq!(request(&[0; 127]), None);
    }

    #[test]
    fn bytes_that_are_no_response_are_told() {
        assert_eq!(read(b"", 0), Err(OcspFault::Unreadable));
        assert_eq!(
            read(b"\x30\x03\x0a\x01\x06", 0),
            Err(OcspFault::Unsuccessful)
        );
        assert_eq!(read(b"\x30\x03\x0a\x01\x00", 0), Err(OcspFault::Unreadable));
        for length in 0..64 {
            // Lengths that lie.
            let mut bytes = vec![0x30, length, 0x0a, 0x01, 0x00, 0xa0, 0x7f, 0x30];
            bytes.resize(8 + usize::from(length), 0x30);
            let _ = read(&bytes, 0);
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            assert!(judge(&bytes, &bytes.clone().into(), 0, &provider).is_err());
        }
    }
}
