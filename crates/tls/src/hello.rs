//! A client's first message, read before rustls sees it: which certificate and settings it is for, and what of it is kept.

use std::borrow::Cow;

use hapax_core::secured::Captured;
use hapax_proto::tls::{self as wire, Found, extension};
use rustls::SignatureScheme;
use xxhash_rust::xxh64::xxh64;

use crate::certificate::KeyKind;
use crate::record::{self, HEADER, RecordFault, content};

/// A whole first message in one record.
pub struct Hello<'a>(Cow<'a, [u8]>);

impl<'a> Hello<'a> {
    /// The message at the start of what a client sent; none while it has not come whole. What is no such message is given
    /// too: rustls says what is wrong with it.
    ///
    /// # Errors
    /// When the bytes are no records.
    pub fn read(bytes: &'a [u8]) -> Result<Option<Hello<'a>>, RecordFault> {
        let Some(first) = first_record(bytes)? else {
            return Ok(None);
        };
        let length = match first.get(HEADER..HEADER + MESSAGE) {
            Some([_, a, b, c]) => MESSAGE + u32::from_be_bytes([0, *a, *b, *c]) as usize,
            _ => MESSAGE,
        };
        if first.first() != Some(&content::HANDSHAKE) || length <= first.len() - HEADER {
            return Ok(Some(Hello(Cow::Borrowed(first))));
        }
        if length > MOST_MESSAGE {
            return Err(RecordFault::TooLong);
        }
        // A message in several records.
        let mut message = Vec::with_capacity(length);
        let mut rest = bytes;
        while message.len() < length {
            let Some(record) = first_record(rest)? else {
                return Ok(None);
            };
            if record.first() != Some(&content::HANDSHAKE) || record.len() <= HEADER {
                return Ok(Some(Hello(Cow::Borrowed(first))));
            }
            message.extend_from_slice(&record[HEADER..]);
            rest = rest.get(record.len()..).unwrap_or_default();
        }
        message.truncate(length);
        let mut bytes = vec![content::HANDSHAKE, 3, 1];
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend(message);
        Ok(Some(Hello(Cow::Owned(bytes))))
    }

    /// The name of the server that it asks for.
    pub fn server_name(&self) -> Option<&[u8]> {
        match wire::server_name(&self.0) {
            Found::Here(name) => Some(name),
            Found::NotYet | Found::Nothing => None,
        }
    }

    /// Whether it takes a response of OCSP with the certificate.
    pub fn takes_response(&self) -> bool {
        wire::extensions(&self.0).any(|(number, _)| number == extension::STATUS_REQUEST)
    }

    /// Whether the client offers one of these protocols.
    pub fn offers_any(&self, protocols: &[Vec<u8>]) -> bool {
        let mut offered = self.list(extension::ALPN);
        while let Some((length, rest)) = offered.split_first() {
            let Some((name, rest)) = rest.split_at_checked(usize::from(*length)) else {
                return false;
            };
            if protocols.iter().any(|protocol| protocol == name) {
                return true;
            }
            offered = rest;
        }
        false
    }

    /// The client's random bytes.
    pub fn random(&self) -> [u8; 32] {
        wire::begun(&self.0).map_or([0; 32], |hello| hello.random)
    }

    /// Whether the client can check a key of this kind, with TLS 1.3 where `speaks_13`.
    pub fn accepts(&self, kind: KeyKind, speaks_13: bool) -> bool {
        let schemes = self.list(extension::SIGNATURE_ALGORITHMS);
        let mut schemes = pairs(schemes).map(SignatureScheme::from);
        if !schemes.any(|scheme| is_of(scheme, kind)) {
            return false;
        }
        let offers = |wanted: u16| pairs(self.versions()).any(|version| version == wanted);
        let newer = offers(TLS_13);
        if newer && (speaks_13 || !offers(TLS_12)) {
            return true;
        }
        // Ciphers of TLS 1.2 are for one kind of key.
        let ciphers = match kind {
            KeyKind::Curve => ECDSA_CIPHERS,
            KeyKind::Rsa => RSA_CIPHERS,
        };
        pairs(self.ciphers()).any(|cipher| ciphers.contains(&cipher))
    }

    /// What of it is kept in `room` bytes.
    pub fn capture(&self, room: usize) -> Captured {
        let mut left = room;
        let mut keep = |list: &[u8]| -> Box<[u8]> {
            let kept = list.get(..left).unwrap_or(list);
            left -= kept.len();
            kept.into()
        };
        let ciphers = keep(self.ciphers());
        let numbers = wire::extensions(&self.0).map(|(number, _)| number.to_be_bytes());
        let extensions = keep(&numbers.flatten().collect::<Vec<u8>>());
        let formats = self.extension(extension::POINT_FORMATS);
        Captured {
            version: wire::begun(&self.0).map_or(0, |hello| hello.version),
            ciphers_hash: xxh64(self.ciphers(), 0),
            ciphers,
            extensions,
            groups: keep(self.list(extension::SUPPORTED_GROUPS)),
            formats: keep(formats.get(1..).unwrap_or_default()),
            versions: keep(self.versions()),
            algorithms: keep(self.list(extension::SIGNATURE_ALGORITHMS)),
        }
    }

    fn ciphers(&self) -> &[u8] {
        match wire::ciphers(&self.0) {
            Found::Here(ciphers) => ciphers,
            Found::NotYet | Found::Nothing => &[],
        }
    }

    fn extension(&self, number: u16) -> &[u8] {
        let mut all = wire::extensions(&self.0);
        all.find(|(found, _)| *found == number)
            .map_or(&[], |(_, content)| content)
    }

    fn list(&self, number: u16) -> &[u8] {
        wire::list(self.extension(number)).unwrap_or_default()
    }

    fn versions(&self) -> &[u8] {
        let content = self.extension(extension::SUPPORTED_VERSIONS);
        content.get(1..).unwrap_or_default()
    }
}

/// The record that bytes begin with; none while it has not come whole.
fn first_record(bytes: &[u8]) -> Result<Option<&[u8]>, RecordFault> {
    let whole = record::whole(bytes)?;
    Ok(whole.and_then(|whole| bytes.get(..whole)))
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = u16> {
    let pairs = bytes.as_chunks::<2>().0.iter();
    pairs.map(|pair| u16::from_be_bytes(*pair))
}

fn is_of(scheme: SignatureScheme, kind: KeyKind) -> bool {
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
}

/// Type and length before the body of a handshake message.
const MESSAGE: usize = 4;
/// The most that rustls takes as one message.
const MOST_MESSAGE: usize = 0xffff;
const TLS_12: u16 = 0x0303;
const TLS_13: u16 = 0x0304;
const ECDSA_CIPHERS: &[u16] = &[0xc02b, 0xc02c, 0xcca9];
const RSA_CIPHERS: &[u16] = &[0xc02f, 0xc030, 0xcca8];

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of `length` bytes in records of `each` bytes.
    fn records(length: u8, each: usize) -> Vec<u8> {
        let mut message = vec![1, 0, 0, length];
        message.resize(4 + usize::from(length), 7);
        let record = |part: &[u8]| {
            let mut record = vec![22, 3, 1, 0, part.len() as u8];
            record.extend(part);
            record
        };
        message.chunks(each).flat_map(record).collect()
    }

    #[test]
    fn a_message_in_several_records_is_put_together() {
        let whole = records(60, 64);
        for each in [5, 17, 63] {
            let bytes = records(60, each);
            for length in 0..bytes.len() {
                let read = Hello::read(&bytes[..length]).expect("records");
                assert!(read.is_none(), "{each} {length}");
            }
            let read = Hello::read(&bytes).expect("records").expect("all of it");
            assert_eq!(read.0.as_ref(), whole.as_slice());
        }
    }
}
