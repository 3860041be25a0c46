//! Files of authorities and of revoked certificates: `ca-file`, `ca-verify-file`, `crl-file`.

use std::any::Any;
use std::path::Path;

use hapax_core::contract::Material;
use rustls::pki_types::pem::SectionKind;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::certificate::system;
use crate::pem;

/// What such a file has.
#[derive(Debug, Clone)]
pub struct Authorities {
    path: String,
    /// Certificates.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Lists of revoked ones.
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
    /// Whether it is a file of revoked certificates.
    pub is_revocation: bool,
}

impl Material for Authorities {
    fn text(&self) -> String {
        self.path.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Authorities {
    /// One that has nothing yet.
    pub fn empty(path: &str, is_revocation: bool) -> Authorities {
        Authorities {
            path: path.to_owned(),
            certificates: Vec::new(),
            revoked: Vec::new(),
            is_revocation,
        }
    }

    /// Adds what a text has. False when that is nothing.
    pub fn read(&mut self, bytes: &[u8]) -> bool {
        let before = self.certificates.len() + self.revoked.len();
        for (kind, der) in pem::sections(bytes).read {
            match kind {
                SectionKind::Certificate => self.certificates.push(der.into()),
                SectionKind::Crl => self.revoked.push(der.into()),
                _ => {}
            }
        }
        self.certificates.len() + self.revoked.len() > before
    }

    /// Reads a file, the files of a folder, or with `@system-ca` what the system trusts.
    ///
    /// # Errors
    /// Upstream's text in parentheses.
    pub fn load(path: &str) -> Result<Authorities, String> {
        if path == "@system-ca" {
            let found = SYSTEM.iter().find_map(|path| Authorities::file(path).ok());
            return Ok(Authorities {
                path: path.to_owned(),
                certificates: found.map(|found| found.certificates).unwrap_or_default(),
                revoked: Vec::new(),
                is_revocation: false,
            });
        }
        if !Path::new(path).is_dir() {
            return Authorities::file(path);
        }
        let mut all = Authorities::empty(path, false);
        let entries = std::fs::read_dir(path).map_err(|error| system(&error))?;
        let mut paths: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.sort();
        for path in paths {
            let is_one = [".pem", ".crt", ".cer", ".crl"]
                .iter()
                .any(|end| path.to_string_lossy().ends_with(end));
            if !is_one || !path.is_file() {
                continue;
            }
            let file = Authorities::file(&path.to_string_lossy())?;
            all.certificates.extend(file.certificates);
            all.revoked.extend(file.revoked);
        }
        Ok(all)
    }

    fn file(path: &str) -> Result<Authorities, String> {
        let bytes = std::fs::read(path).map_err(|error| system(&error))?;
        let mut file = Authorities::empty(path, false);
        if !file.read(&bytes) {
            return Err("no certificate or crl found".to_owned());
        }
        file.is_revocation = file.certificates.is_empty();
        Ok(file)
    }
}

/// Where systems keep what they trust.
const SYSTEM: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/lib/ssl/cert.pem",
];
