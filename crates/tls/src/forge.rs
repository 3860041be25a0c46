//! Certificates that are made for the name a client asks for (configuration manual 5.1, `generate-certificates`): the key of
//! the listener's first certificate, signed by an authority whose key is at hand.

mod der;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand;
use hapax_core::ir::GlobalTls;
use parking_lot::Mutex;
use rustls::SignatureScheme;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::{CertifiedKey, SigningKey};
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use crate::certificate::{self, Certificate, Parts};

/// Makes certificates, and keeps those that were made last.
pub(crate) struct Forger {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
    scheme: SignatureScheme,
    /// The authority's own name, DER.
    name: Vec<u8>,
    /// What says by whom a certificate is signed (`authorityKeyIdentifier`).
    identity: Vec<u8>,
    serial: AtomicU32,
    /// How many are kept (`tune.ssl.ssl-ctx-cache-size`).
    most: usize,
    kept: Mutex<Kept>,
}

impl fmt::Debug for Forger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forger").finish_non_exhaustive()
    }
}

/// Those that were made last.
#[derive(Default)]
struct Kept {
    by_name: HashMap<String, One>,
    /// Names by when they were asked for.
    by_use: BTreeMap<u64, String>,
    uses: u64,
}

struct One {
    /// Whose key it has.
    like: Arc<Certificate>,
    made: Arc<Certificate>,
    used: u64,
}

impl Forger {
    /// One that signs with the authority of this file.
    ///
    /// # Errors
    /// Why that cannot be, in upstream's words.
    pub(crate) fn load(path: &str, global: &GlobalTls) -> Result<Forger, String> {
        if std::fs::metadata(path).is_err() {
            return Err(format!("cannot open the file '{path}'."));
        }
        let authority = certificate::file(path, global, &mut Vec::new());
        let authority = authority.map_err(|fault| fault.to_string())?;
        let most = global.made_size.unwrap_or(DEFAULT_MOST) as usize;
        Forger::new(&authority, most).ok_or_else(|| format!("'{path}' cannot be read or parsed."))
    }

    fn new(authority: &Certificate, most: usize) -> Option<Forger> {
        let (_, parsed) = X509Certificate::from_der(&authority.der).ok()?;
        let name = parsed.subject().as_raw().to_vec();
        let mut key_id = Vec::new();
        for extension in parsed.extensions() {
            if let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() {
                key_id = der::value(0x80, &[id.0]);
            }
        }
        let issuer = parsed.issuer().as_raw();
        let identity = der::value(
            der::SEQUENCE,
            &[
                &key_id,
                &der::value(0xa1, &[&der::value(0xa4, &[issuer])]),
                &der::value(0x82, &[parsed.raw_serial()]),
            ],
        );
        let key = authority.certified.key.clone();
        // Of other keys (Ed25519) the reference makes none either: clients are shown the default.
        let scheme = SCHEMES
            .iter()
            .find_map(|(scheme, _)| Some(key.choose_scheme(&[*scheme])?.scheme()));
        let mut seed = [0; 4];
        rand::fill(&mut seed).ok()?;
        Some(Forger {
            chain: authority.certified.cert.clone(),
            key,
            scheme: scheme.unwrap_or(SignatureScheme::Unknown(0)),
            name,
            identity,
            // Four bytes whose first bit is set: all certificates are of one length.
            serial: AtomicU32::new(u32::from_be_bytes(seed) | 1 << 31),
            most,
            kept: Mutex::default(),
        })
    }

    /// The certificate for a name, with the key of `like`. None when nothing can be made for it.
    pub(crate) fn certificate(
        &self,
        name: &str,
        like: &Arc<Certificate>,
    ) -> Option<Arc<Certificate>> {
        let name = name.to_ascii_lowercase();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_name) {
            return None;
        }
        if let Some(made) = self.kept.lock().find(&name, like) {
            return Some(made);
        }
        // Others may make the same one meanwhile, and all of them are good.
        let made = Arc::new(self.make(&name, like)?);
        if self.most > 0 {
            self.kept.lock().keep(name, like, &made, self.most);
        }
        Some(made)
    }

    fn make(&self, name: &str, like: &Certificate) -> Option<Certificate> {
        let (_, parsed) = X509Certificate::from_der(&like.der).ok()?;
        let spki = parsed.public_key();
        let algorithm = SCHEMES.iter().find(|(scheme, _)| *scheme == self.scheme)?.1;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) | 1 << 31;
        let now = i64::try_from(UnixTime::now().as_secs()).ok()?;
        let (from, to) = (der::time(now - DAY)?, der::time(now + 365 * DAY)?);
        let own_id = digest(&SHA1_FOR_LEGACY_USE_ONLY, &spki.subject_public_key.data);
        let extensions = [
            extension(&BASIC_CONSTRAINTS, &der::value(der::SEQUENCE, &[])),
            extension(&COMMENT, &der::value(der::IA5, &[COMMENT_TEXT])),
            extension(&OWN_KEY, &der::value(der::OCTETS, &[own_id.as_ref()])),
            extension(&SIGNED_BY, &self.identity),
            extension(&KEY_USAGE, &SIGNS_AND_ENCIPHERS),
            extension(
                &NAMES,
                &der::value(der::SEQUENCE, &[&der::value(0x82, &[name.as_bytes()])]),
            ),
        ]
        .concat();
        let tbs = der::value(
            der::SEQUENCE,
            &[
                &der::value(0xa0, &[&der::number(2)]),
                &der::number(serial),
                algorithm,
                &self.name,
                &der::value(der::SEQUENCE, &[&from, &to]),
                &self.subject(name)?,
                spki.raw,
                &der::value(0xa3, &[&der::value(der::SEQUENCE, &[&extensions])]),
            ],
        );
        let signer = self.key.choose_scheme(&[self.scheme])?;
        let signature = signer.sign(&tbs).ok()?;
        let whole = der::value(der::SEQUENCE, &[&tbs, algorithm, &der::bits(&signature)]);
        let mut chain = vec![CertificateDer::from(whole)];
        chain.extend_from_slice(&self.chain);
        let der = Arc::from(chain.first()?.as_ref());
        Some(Certificate {
            path: name.to_owned(),
            parts: Parts::default(),
            certified: Arc::new(CertifiedKey::new(chain, like.certified.key.clone())),
            stapled: None,
            ocsp_id: None,
            issuer: None,
            der,
            names: vec![name.to_owned()],
            kind: like.kind,
        })
    }

    /// The authority's name and the one that is asked for; a long one stands among the alternative names only.
    fn subject(&self, name: &str) -> Option<Vec<u8>> {
        if name.len() > LONGEST_COMMON_NAME {
            return Some(self.name.clone());
        }
        let (_, own) = x509_parser::der_parser::parse_der(&self.name).ok()?;
        let inside = own.header.length().definite().ok()?;
        let own = self.name.get(self.name.len().checked_sub(inside)?..)?;
        let common = der::value(
            der::SEQUENCE,
            &[&COMMON_NAME, &der::value(der::UTF8, &[name.as_bytes()])],
        );
        let common = der::value(der::SET, &[&common]);
        Some(der::value(der::SEQUENCE, &[own, &common]))
    }
}

impl Kept {
    fn find(&mut self, name: &str, like: &Arc<Certificate>) -> Option<Arc<Certificate>> {
        let one = self.by_name.get_mut(name)?;
        if !Arc::ptr_eq(&one.like, like) {
            // The listener's certificate was changed since.
            return None;
        }
        let name = self.by_use.remove(&one.used)?;
        self.uses += 1;
        one.used = self.uses;
        self.by_use.insert(self.uses, name);
        Some(one.made.clone())
    }

    fn keep(
        &mut self,
        name: String,
        like: &Arc<Certificate>,
        made: &Arc<Certificate>,
        most: usize,
    ) {
        self.uses += 1;
        let one = One {
            like: like.clone(),
            made: made.clone(),
            used: self.uses,
        };
        if let Some(former) = self.by_name.insert(name.clone(), one) {
            self.by_use.remove(&former.used);
        }
        self.by_use.insert(self.uses, name);
        while self.by_name.len() > most
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.by_name.remove(&oldest);
        }
    }
}

fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    der::value(der::SEQUENCE, &[id, &der::value(der::OCTETS, &[value])])
}

/// What an authority signs with, and how that is called in a certificate (RFC 5758 3.2, RFC 8017 A.2.4).
static SCHEMES: &[(SignatureScheme, &[u8])] = &[
    (
        SignatureScheme::ECDSA_NISTP256_SHA256,
        b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
    ),
    (
        SignatureScheme::ECDSA_NISTP384_SHA384,
        b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
    ),
    (
        SignatureScheme::ECDSA_NISTP521_SHA512,
        b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04",
    ),
    (
        SignatureScheme::RSA_PKCS1_SHA256,
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
    ),
];
/// RFC 5280 4.2.1, and the comment that Netscape had.
const BASIC_CONSTRAINTS: [u8; 5] = *b"\x06\x03\x55\x1d\x13";
const COMMENT: [u8; 11] = *b"\x06\x09\x60\x86\x48\x01\x86\xf8\x42\x01\x0d";
const COMMENT_TEXT: &[u8] = b"\"OpenSSL Generated Certificate\"";
const OWN_KEY: [u8; 5] = *b"\x06\x03\x55\x1d\x0e";
const SIGNED_BY: [u8; 5] = *b"\x06\x03\x55\x1d\x23";
const KEY_USAGE: [u8; 5] = *b"\x06\x03\x55\x1d\x0f";
const NAMES: [u8; 5] = *b"\x06\x03\x55\x1d\x11";
const COMMON_NAME: [u8; 5] = *b"\x06\x03\x55\x04\x03";
/// The first three bits: it signs, cannot be denied, and enciphers keys.
const SIGNS_AND_ENCIPHERS: [u8; 4] = [der::BITS, 2, 5, 0xe0];
/// X.520 allows no longer ones.
const LONGEST_COMMON_NAME: usize = 64;
const LONGEST_NAME: usize = 255;
const DAY: i64 = 86_400;
/// `tune.ssl.ssl-ctx-cache-size`.
const DEFAULT_MOST: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// An authority, or another certificate, with a key of its own.
    fn own(curve: &str, folder: &str) -> Certificate {
        let path = std::env::temp_dir().join(format!("{folder}-{}.pem", std::process::id()));
        let path = path.to_string_lossy().into_owned();
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
            .arg(format!("ec_paramgen_curve:{curve}"))
            .args(["-nodes", "-days", "9", "-subj", "/C=DE/CN=own"])
            .args(["-keyout", &path, "-out"])
            .arg(format!("{path}.crt"))
            .output();
        assert!(made.is_ok_and(|made| made.status.success()), "openssl");
        let mut text = std::fs::read(format!("{path}.crt")).expect("a certificate");
        text.extend(std::fs::read(&path).expect("a key"));
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_file(format!("{path}.crt"));
        let mut parts = Parts::default();
        parts.read(&text).expect("both");
        let made = parts.assemble("own", &GlobalTls::default(), &mut Vec::new());
        made.expect("a certificate")
    }

    // exercises: bind/generate-certificates, bind/ca-sign-file, section/tune.ssl.ssl-ctx-cache-size
    #[test]
    fn what_is_made_is_signed_and_kept() {
        let authority = own("P-384", "forge-authority");
        let [like, other] = ["forge-like", "forge-other"].map(|name| Arc::new(own("P-256", name)));
        let forger = Forger::new(&authority, 2).expect("a forger");
        let made = forger.certificate("A.Example", &like).expect("made");
        let (_, signer) = X509Certificate::from_der(&authority.der).expect("parsed");
        let (_, parsed) = X509Certificate::from_der(&made.der).expect("parsed");
        assert!(
            parsed.issuer().as_raw() == signer.subject().as_raw() && parsed.validity().is_valid()
        );
        assert_eq!(parsed.subject().to_string(), "C=DE, CN=own, CN=a.example");
        let checked = rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == SignatureScheme::ECDSA_NISTP384_SHA384)
            .flat_map(|(_, all)| all.iter())
            .any(|one| {
                let key = &signer.public_key().subject_public_key.data;
                let signature = &parsed.signature_value.data;
                one.verify_signature(key, parsed.tbs_certificate.as_ref(), signature)
                    .is_ok()
            });
        assert!(checked);
        let again = |name: &str, like| forger.certificate(name, like);
        let is_same = |found: Option<Arc<Certificate>>, than: &Arc<Certificate>| {
            found.is_some_and(|found| Arc::ptr_eq(&found, than))
        };
        assert!(is_same(again("a.example", &like), &made));
        assert!(!is_same(again("a.example", &other), &made), "another key");
        let made = again("a.example", &like).expect("made");
        assert!(again("b.example", &like).is_some() && is_same(again("a.example", &like), &made));
        assert!(again("c.example", &like).is_some() && is_same(again("a.example", &like), &made));
        assert!(again("d.example", &like).is_some() && again("e.example", &like).is_some());
        assert!(!is_same(again("a.example", &like), &made), "others came");
        for name in ["", "a b", "a_b", "*.example", &"a".repeat(256)] {
            assert!(again(name, &like).is_none(), "{name}");
        }
        let long = again(&"a".repeat(65), &like).expect("made");
        let (_, parsed) = X509Certificate::from_der(&long.der).expect("parsed");
        assert_eq!(parsed.subject().as_raw(), signer.subject().as_raw());
    }
}
