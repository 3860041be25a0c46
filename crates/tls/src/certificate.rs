//! Certificates with their keys, read from files (configuration manual 5.1, `crt`).

use std::any::Any;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use hapax_core::contract::Material;
use hapax_core::ir::ExtraFiles;
use rustls::pki_types::pem::SectionKind;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::pem;

/// A certificate, its chain and its key.
pub struct Certificate {
    /// The file.
    pub path: String,
    /// What rustls works with.
    pub certified: Arc<CertifiedKey>,
    /// The certificate itself, DER.
    pub der: Arc<[u8]>,
    /// The names it is for, in lower case; wildcards as they stand there.
    pub names: Vec<String>,
    /// The kind of key.
    pub kind: KeyKind,
}

/// Kinds of keys, the one that is preferred first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// ECDSA or EdDSA.
    Curve,
    /// RSA.
    Rsa,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {:?})", self.path, self.names)
    }
}

impl Material for Certificate {
    fn text(&self) -> String {
        self.path.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Why a certificate cannot be used; the texts are upstream's.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// It is not there.
    #[error("unable to stat SSL certificate from file '{0}' : {1}")]
    Missing(String, String),
    /// The file cannot be read.
    #[error("unable to load certificate from file '{0}': {1}")]
    Certificate(String, &'static str),
    /// The file has no key, and neither has the one beside it.
    #[error("No Private Key found in '{0}'")]
    NoKey(String),
    /// The key is another certificate's.
    #[error("inconsistencies between private key and certificate loaded '{0}'")]
    OtherKey(String),
    /// The key is of a kind that is not built.
    #[error("unable to use the private key of '{0}': {1}")]
    Key(String, String),
}

/// Reads `crt PATH`: a file, the files of a bundle, or those of a folder.
///
/// # Errors
/// What is wrong with the first one that cannot be used.
pub fn load(path: &str, extra: Extra<'_>) -> Result<Vec<Certificate>, CertificateFault> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => folder(path, extra),
        Ok(_) => Ok(vec![file(path, extra)?]),
        Err(error) => {
            let bundle: Vec<String> = BUNDLE
                .iter()
                .map(|end| format!("{path}{end}"))
                .filter(|path| extra.files.bundle && Path::new(path).is_file())
                .collect();
            match bundle.is_empty() {
                true => Err(CertificateFault::Missing(path.to_owned(), system(&error))),
                false => bundle.iter().map(|path| file(path, extra)).collect(),
            }
        }
    }
}

/// What of other files belongs to a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Extra<'a> {
    /// `ssl-load-extra-files`.
    pub files: ExtraFiles,
    /// `ssl-load-extra-del-ext`.
    pub del_ext: bool,
    /// `key-base`.
    pub key_base: Option<&'a str>,
}

fn folder(path: &str, extra: Extra<'_>) -> Result<Vec<Certificate>, CertificateFault> {
    let unreadable = |error: io::Error| CertificateFault::Missing(path.to_owned(), system(&error));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    let mut certificates = Vec::new();
    for name in names {
        let is_beside = BESIDE.iter().any(|end| name.ends_with(end));
        let file_path = format!("{}/{name}", path.trim_end_matches('/'));
        if name.starts_with('.') || is_beside || !Path::new(&file_path).is_file() {
            continue;
        }
        certificates.push(file(&file_path, extra)?);
    }
    Ok(certificates)
}

/// Reads one file, and what stands beside it.
///
/// # Errors
/// What is wrong with it.
pub fn file(path: &str, extra: Extra<'_>) -> Result<Certificate, CertificateFault> {
    let missing = |error: io::Error| CertificateFault::Missing(path.to_owned(), system(&error));
    let bytes = std::fs::read(path).map_err(missing)?;
    let beside = |end: &str| {
        let path = match extra.del_ext {
            true => Path::new(path)
                .with_extension("")
                .to_string_lossy()
                .into_owned(),
            false => path.to_owned(),
        };
        format!("{path}{end}")
    };
    let own = pem::sections(&bytes);
    let chain: Vec<_> = certificates(&own);
    if chain.is_empty() {
        let fault = own.fault.unwrap_or("no start line");
        return Err(CertificateFault::Certificate(path.to_owned(), fault));
    }
    let key_path = beside(".key");
    let key = match key(&own) {
        Some(key) => Some(key),
        None if extra.files.key => {
            let path = match (extra.key_base, Path::new(&key_path).is_absolute()) {
                (Some(base), false) => format!("{base}/{key_path}"),
                _ => key_path.clone(),
            };
            let bytes = std::fs::read(path).unwrap_or_default();
            key(&pem::sections(&bytes))
        }
        None => None,
    };
    let key = key.ok_or(CertificateFault::NoKey(key_path))?;
    let ocsp = match extra.files.ocsp {
        true => std::fs::read(beside(".ocsp"))
            .ok()
            .filter(|ocsp| !ocsp.is_empty()),
        false => None,
    };
    assemble(path, chain, key, ocsp)
}

fn certificates(sections: &pem::Sections) -> Vec<CertificateDer<'static>> {
    let is_certificate = |section: &&(SectionKind, Vec<u8>)| section.0 == SectionKind::Certificate;
    let found = sections.read.iter().filter(is_certificate);
    found.map(|(_, der)| der.clone().into()).collect()
}

fn key(sections: &pem::Sections) -> Option<PrivateKeyDer<'static>> {
    sections.read.iter().find_map(|(kind, der)| {
        Some(match kind {
            SectionKind::PrivateKey => PrivatePkcs8KeyDer::from(der.clone()).into(),
            SectionKind::RsaPrivateKey => PrivatePkcs1KeyDer::from(der.clone()).into(),
            SectionKind::EcPrivateKey => PrivateSec1KeyDer::from(der.clone()).into(),
            _ => return None,
        })
    })
}

/// Makes one of what files had.
///
/// # Errors
/// When they do not belong together.
pub fn assemble(
    path: &str,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    ocsp: Option<Vec<u8>>,
) -> Result<Certificate, CertificateFault> {
    let unreadable = || CertificateFault::Certificate(path.to_owned(), "asn1 error");
    let first = chain.first().ok_or_else(unreadable)?;
    let (_, parsed) = X509Certificate::from_der(first).map_err(|_| unreadable())?;
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|error| CertificateFault::Key(path.to_owned(), error.to_string()))?;
    let matches = key
        .public_key()
        .is_none_or(|public| public.as_ref() == parsed.public_key().raw);
    if !matches {
        return Err(CertificateFault::OtherKey(path.to_owned()));
    }
    let kind = match key.algorithm() {
        rustls::SignatureAlgorithm::RSA => KeyKind::Rsa,
        _ => KeyKind::Curve,
    };
    let names = names(&parsed);
    let der = Arc::from(first.as_ref());
    let mut certified = CertifiedKey::new(chain, key);
    certified.ocsp = ocsp;
    Ok(Certificate {
        path: path.to_owned(),
        certified: Arc::new(certified),
        der,
        names,
        kind,
    })
}

/// The names that a certificate is for: alternative ones, then the common one.
pub(crate) fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |name: &str| {
        let name = name.to_ascii_lowercase();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    };
    if let Ok(Some(alternative)) = certificate.subject_alternative_name() {
        for name in &alternative.value.general_names {
            if let GeneralName::DNSName(name) = name {
                add(name);
            }
        }
    }
    for common in certificate.subject().iter_common_name() {
        if let Ok(name) = common.as_str() {
            add(name);
        }
    }
    names
}

/// The addresses that a certificate is for.
pub(crate) fn addresses(certificate: &X509Certificate<'_>) -> Vec<std::net::IpAddr> {
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = alternative.value.general_names.iter();
    names
        .filter_map(|name| match *name {
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(bytes).ok().map(Into::into),
                _ => <[u8; 16]>::try_from(bytes).ok().map(Into::into),
            },
            _ => None,
        })
        .collect()
}

/// The system's text for an error.
pub fn system(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Files that belong to a certificate and are none themselves.
const BESIDE: &[&str] = &[".issuer", ".ocsp", ".sctl", ".key"];
/// Files of one name with different keys.
const BUNDLE: &[&str] = &[".rsa", ".ecdsa", ".dsa"];
