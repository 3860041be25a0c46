//! Certificates with their keys and what goes with them (configuration manual 5.1, `crt`).

mod files;

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;

use hapax_core::contract::Material;
use hapax_core::ir::GlobalTls;
use rustls::pki_types::pem::SectionKind;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
    UnixTime,
};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::{ocsp, pem};

pub use files::{Issuers, bundle, file, folder, load, stored};

/// A certificate, its chain and its key.
pub struct Certificate {
    /// The name under which it was loaded: a path, or a store and an alias.
    pub path: String,
    /// What it is made of.
    pub parts: Parts,
    /// What rustls works with.
    pub certified: Arc<CertifiedKey>,
    /// The same with a response of OCSP, and the second since 1970 until which that counts.
    pub stapled: Option<(Arc<CertifiedKey>, Option<i64>)>,
    /// The identity in responses of OCSP, where the issuer is known.
    pub ocsp_id: Option<Vec<u8>>,
    /// Who signed it, where that is known.
    pub issuer: Option<CertificateDer<'static>>,
    /// The certificate itself, DER.
    pub der: Arc<[u8]>,
    /// The names it is for, in lower case; wildcards as they stand there.
    pub names: Vec<String>,
    /// The kind of key.
    pub kind: KeyKind,
}

/// What a certificate is made of; a transaction of the runtime API changes single ones.
#[derive(Debug, Default)]
pub struct Parts {
    /// The certificate and those behind it in its file.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: Option<PrivateKeyDer<'static>>,
    /// A response of OCSP; an empty one only says that there will be some.
    pub ocsp: Option<Vec<u8>>,
    /// Who signed it, where the chain does not tell.
    pub issuer: Option<CertificateDer<'static>>,
    /// Where they came from.
    pub files: Files,
    /// `ocsp-update`.
    pub ocsp_update: Option<bool>,
}

impl Clone for Parts {
    fn clone(&self) -> Parts {
        Parts {
            chain: self.chain.clone(),
            key: self.key.as_ref().map(PrivateKeyDer::clone_key),
            ocsp: self.ocsp.clone(),
            issuer: self.issuer.clone(),
            files: self.files.clone(),
            ocsp_update: self.ocsp_update,
        }
    }
}

/// The files of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// The certificate itself.
    pub certificate: Option<String>,
    /// Its key, where that stands in a file of its own.
    pub key: Option<String>,
    /// A response of OCSP.
    pub ocsp: Option<String>,
    /// Who signed it.
    pub issuer: Option<String>,
    /// Timestamps, which are read and not sent.
    pub sctl: Option<String>,
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

/// A certificate as it stands in the configuration.
#[derive(Debug)]
pub struct CertificateMaterial(pub Arc<Certificate>);

impl Material for CertificateMaterial {
    fn text(&self) -> String {
        self.0.path.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A certificate that was loaded and cannot be used: who asks for it is told why.
#[derive(Debug)]
pub struct Unusable {
    /// The name under which it was loaded.
    pub name: String,
    /// Why.
    pub text: String,
}

impl Material for Unusable {
    fn text(&self) -> String {
        self.name.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Why a certificate cannot be used; the texts are upstream's.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// It is not there.
    #[error("unable to stat SSL certificate from file '{0}' : {1}.")]
    Missing(String, String),
    /// A file of a `load` line is not there.
    #[error("cannot open the file '{0}'.\n '{1}' cannot be read or parsed.")]
    NotOpened(String, String),
    /// A file that a line names beside the certificate is of no use.
    #[error(" '{0}' cannot be read or parsed.")]
    Beside(String),
    /// A response of OCSP that a line names is not there.
    #[error("Error opening OCSP response file '{0}' cannot be read or parsed.")]
    Response(String),
    /// The file cannot be read.
    #[error("unable to load certificate from file '{0}': {1}.")]
    Certificate(String, &'static str),
    /// The file has no key, and neither has the one beside it.
    #[error("No Private Key found in '{0}'.")]
    NoKey(String),
    /// The key is another certificate's.
    #[error("inconsistencies between private key and certificate loaded '{0}'.")]
    OtherKey(String),
    /// The key is of a kind that is not built.
    #[error("unable to use the private key of '{0}': {1}.")]
    Key(String, String),
    /// Nobody knows who signed it.
    #[error(
        " '{0}.ocsp' is present and activates OCSP but it is impossible to compute the OCSP certificate ID (maybe the issuer could not be found)'."
    )]
    NoIssuer(String),
    /// Responses of OCSP cannot be asked for.
    #[error(
        " '{0}' has an OCSP auto-update set to 'on' but an error occurred (maybe the OCSP URI or the issuer could not be found)'."
    )]
    NoUpdate(String),
    /// It is loaded already, with other words.
    #[error("{0}")]
    Incompatible(String),
}

impl Parts {
    /// Reads certificates and keys of a PEM file.
    ///
    /// # Errors
    /// What OpenSSL says about it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let sections = pem::sections(bytes);
        let chain = certificates(&sections);
        if chain.is_empty() {
            return Err(sections.fault.unwrap_or("no start line"));
        }
        self.chain = chain;
        if let Some(key) = key(&sections) {
            self.key = Some(key);
        }
        Ok(())
    }

    /// Reads a file with a key only. False when it has none.
    pub fn read_key(&mut self, bytes: &[u8]) -> bool {
        let found = key(&pem::sections(bytes));
        let is_one = found.is_some();
        if is_one {
            self.key = found;
        }
        is_one
    }

    /// Reads the file of an issuer. False when it has no certificate.
    pub fn read_issuer(&mut self, bytes: &[u8]) -> bool {
        let found = certificates(&pem::sections(bytes)).into_iter().next();
        let is_one = found.is_some();
        if is_one {
            self.issuer = found;
        }
        is_one
    }

    /// Makes one of them; `notes` takes what is ignored.
    ///
    /// # Errors
    /// When they do not belong together.
    pub fn assemble(
        mut self,
        name: &str,
        global: &GlobalTls,
        notes: &mut Vec<String>,
    ) -> Result<Certificate, CertificateFault> {
        let unreadable = || CertificateFault::Certificate(name.to_owned(), "asn1 error");
        let first = self.chain.first().ok_or_else(unreadable)?.clone();
        let (_, parsed) = X509Certificate::from_der(&first).map_err(|_| unreadable())?;
        let key = self.key.as_ref();
        let key = key.ok_or_else(|| CertificateFault::NoKey(name.to_owned()))?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key)
            .map_err(|error| CertificateFault::Key(name.to_owned(), error.to_string()))?;
        let matches = key
            .public_key()
            .is_none_or(|public| public.as_ref() == parsed.public_key().raw);
        if !matches {
            return Err(CertificateFault::OtherKey(name.to_owned()));
        }
        let kind = match key.algorithm() {
            rustls::SignatureAlgorithm::RSA => KeyKind::Rsa,
            _ => KeyKind::Curve,
        };
        let mut sent = match files::issuers(global) {
            Some(issuers) => issuers.complete(&self.chain),
            None => self.chain.clone(),
        };
        let signed_by = |der: &&CertificateDer<'_>| {
            X509Certificate::from_der(der)
                .is_ok_and(|(_, issuer)| issuer.subject() == parsed.issuer())
        };
        let issuer = self.issuer.as_ref();
        let issuer = issuer.or_else(|| sent.iter().skip(1).find(signed_by));
        let issuer = issuer.cloned();
        let updates = self.ocsp_update.unwrap_or(global.ocsp_update);
        let updates = updates && ocsp::responder(&first).is_some();
        match (&issuer, &self.ocsp) {
            (Some(_), None) if updates => self.ocsp = Some(Vec::new()),
            // Where the process asks for all, the line that shows it to clients is refused.
            (None, _) if updates && self.ocsp_update.is_some() => {
                return Err(CertificateFault::NoUpdate(name.to_owned()));
            }
            _ => {}
        }
        let ocsp_id = match (&issuer, &self.ocsp) {
            (None, Some(_)) => return Err(CertificateFault::NoIssuer(name.to_owned())),
            (None, None) => None,
            (Some(issuer), _) => ocsp::identity(&first, issuer),
        };
        let names = names(&parsed);
        if global.skip_self_issued && sent.len() > 1 {
            let own = sent.remove(0);
            sent.retain(|der| !crate::verify::is_self_signed(der));
            sent.insert(0, own);
        }
        let certified = CertifiedKey::new(sent, key);
        let stapled = self.ocsp.as_deref().filter(|response| !response.is_empty());
        let mut others = false;
        let stapled = stapled.and_then(|response| {
            let read = ocsp::read(response, now()).and_then(|read| {
                let same = ocsp_id.as_ref() == Some(&read.id);
                same.then_some(read).ok_or(ocsp::OcspFault::Other)
            });
            match read {
                Ok(read) => {
                    let mut certified = certified.clone();
                    certified.ocsp = Some(response.to_vec());
                    Some((Arc::new(certified), read.next_update))
                }
                // The one for this certificate will be asked for.
                Err(ocsp::OcspFault::Other) if updates => {
                    others = true;
                    None
                }
                Err(fault) => {
                    notes.push(format!("Loading: {fault}. Content will be ignored."));
                    None
                }
            }
        });
        if others {
            self.ocsp = Some(Vec::new());
        }
        Ok(Certificate {
            path: name.to_owned(),
            certified: Arc::new(certified),
            stapled,
            ocsp_id,
            issuer,
            der: Arc::from(first.as_ref()),
            names,
            kind,
            parts: self,
        })
    }
}

impl Certificate {
    /// What a client is shown now.
    pub fn shown(&self) -> &Arc<CertifiedKey> {
        match &self.stapled {
            Some((stapled, end)) if end.is_none_or(|end| end >= now()) => stapled,
            _ => &self.certified,
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX)
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
