//! Which files a certificate is read from: one alone, those beside it, the parts of a bundle, all of a folder, or those that
//! a line names one by one.

use std::any::Any;
use std::io;
use std::path::Path;

use hapax_core::contract::Material;
use hapax_core::ir::GlobalTls;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Certificate, CertificateFault, Files, Parts, certificates, system};
use crate::pem;

/// Reads `crt PATH`: a file, the files of a bundle, or those of a folder.
///
/// # Errors
/// What is wrong with the first one that cannot be used.
pub fn load(
    path: &str,
    global: &GlobalTls,
    notes: &mut Vec<String>,
) -> Result<Vec<Certificate>, CertificateFault> {
    let paths = match folder(path)? {
        Some(paths) => paths,
        None => bundle(path, global)?,
    };
    let read = paths.iter().map(|path| file(path, global, notes));
    read.collect()
}

/// The paths of a file, or of the files of a bundle.
///
/// # Errors
/// When there is none.
pub fn bundle(path: &str, global: &GlobalTls) -> Result<Vec<String>, CertificateFault> {
    let error = match std::fs::metadata(path) {
        Ok(_) => return Ok(vec![path.to_owned()]),
        Err(error) => error,
    };
    let bundle: Vec<String> = BUNDLE
        .iter()
        .map(|end| format!("{path}{end}"))
        .filter(|path| global.extra_files.bundle && Path::new(path).is_file())
        .collect();
    match bundle.is_empty() {
        true => Err(CertificateFault::Missing(path.to_owned(), system(&error))),
        false => Ok(bundle),
    }
}

/// The paths of the certificates of a folder; none when it is not one.
///
/// # Errors
/// When it cannot be read.
pub fn folder(path: &str) -> Result<Option<Vec<String>>, CertificateFault> {
    if !Path::new(path).is_dir() {
        return Ok(None);
    }
    let unreadable = |error: io::Error| CertificateFault::Missing(path.to_owned(), system(&error));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    let is_one = |name: &String| {
        let is_beside = BESIDE.iter().any(|end| name.ends_with(end));
        !name.starts_with('.') && !is_beside
    };
    let paths = names.into_iter().filter(is_one);
    let paths = paths.map(|name| format!("{}/{name}", path.trim_end_matches('/')));
    Ok(Some(
        paths.filter(|path| Path::new(path).is_file()).collect(),
    ))
}

/// Reads one file, and what stands beside it.
///
/// # Errors
/// What is wrong with it.
pub fn file(
    path: &str,
    global: &GlobalTls,
    notes: &mut Vec<String>,
) -> Result<Certificate, CertificateFault> {
    let missing = |error: io::Error| CertificateFault::Missing(path.to_owned(), system(&error));
    let bytes = std::fs::read(path).map_err(missing)?;
    let mut parts = Parts::default();
    parts.files.certificate = Some(path.to_owned());
    parts
        .read(&bytes)
        .map_err(|fault| CertificateFault::Certificate(path.to_owned(), fault))?;
    let base = match global.extra_del_ext {
        true => Path::new(path)
            .with_extension("")
            .to_string_lossy()
            .into_owned(),
        false => path.to_owned(),
    };
    let extra = global.extra_files;
    parts.files.key = Some(path.to_owned());
    parts.files.ocsp = extra.ocsp.then(|| format!("{base}.ocsp"));
    parts.files.sctl = extra.sctl.then(|| format!("{base}.sctl"));
    if parts.key.is_none() {
        let key_path = format!("{base}.key");
        let place = match (&global.key_base, Path::new(&key_path).is_absolute()) {
            (Some(base), false) => format!("{base}/{key_path}"),
            _ => key_path.clone(),
        };
        let read = std::fs::read(&place).ok().filter(|_| extra.key);
        if !read.is_some_and(|bytes| parts.read_key(&bytes)) {
            return Err(CertificateFault::NoKey(key_path));
        }
        parts.files.key = Some(place);
    }
    let beside = |end: &str, wanted: bool| {
        let path = format!("{base}{end}");
        let bytes = if wanted {
            std::fs::read(&path).ok()
        } else {
            None
        };
        bytes.map(|bytes| (path, bytes))
    };
    if let Some((path, bytes)) = beside(".issuer", extra.issuer) {
        if !parts.read_issuer(&bytes) {
            return Err(CertificateFault::Certificate(path, "no start line"));
        }
        parts.files.issuer = Some(path);
    }
    if let Some((_, bytes)) = beside(".ocsp", extra.ocsp) {
        parts.ocsp = Some(bytes);
    }
    if let Some((path, bytes)) = beside(".sctl", extra.sctl) {
        timestamps(&bytes).ok_or_else(|| CertificateFault::Beside(path.clone()))?;
        notes.push(format!(
            "hapax sends no certificate timestamps: '{path}' is not used."
        ));
    }
    parts.ocsp_update = None;
    parts.assemble(path, global, notes)
}

/// Reads the files that a line names one by one; the name is what others know the certificate by.
///
/// # Errors
/// What is wrong with the first one that cannot be used.
pub fn stored(
    name: &str,
    files: Files,
    ocsp_update: Option<bool>,
    (crt_base, key_base): (Option<&str>, Option<&str>),
    global: &GlobalTls,
    notes: &mut Vec<String>,
) -> Result<Certificate, CertificateFault> {
    let below = |base: Option<&str>, path: &str| match base {
        Some(base) if !path.starts_with('/') => format!("{base}/{path}"),
        _ => path.to_owned(),
    };
    let mut parts = Parts {
        ocsp_update,
        ..Parts::default()
    };
    let written = files.certificate.clone().unwrap_or_default();
    let place = below(crt_base, &written);
    let not_opened = |_| CertificateFault::NotOpened(place.clone(), written.clone());
    let bytes = std::fs::read(&place).map_err(not_opened)?;
    let fault = |fault| CertificateFault::Certificate(place.clone(), fault);
    parts.read(&bytes).map_err(fault)?;
    let read = |path: &Option<String>, base| {
        let path = path.as_ref()?;
        let bytes = std::fs::read(below(base, path)).ok();
        Some((path.clone(), bytes))
    };
    if let Some((path, bytes)) = read(&files.key, key_base)
        && !bytes.is_some_and(|bytes| parts.read_key(&bytes))
    {
        return Err(CertificateFault::Beside(path));
    }
    if let Some((path, bytes)) = read(&files.issuer, crt_base)
        && !bytes.is_some_and(|bytes| parts.read_issuer(&bytes))
    {
        return Err(CertificateFault::Beside(path));
    }
    if let Some((path, bytes)) = read(&files.ocsp, crt_base) {
        parts.ocsp = Some(bytes.ok_or(CertificateFault::Response(path))?);
    }
    if let Some((path, bytes)) = read(&files.sctl, crt_base) {
        let read = bytes.as_deref().and_then(timestamps);
        read.ok_or_else(|| CertificateFault::Beside(path.clone()))?;
        notes.push(format!(
            "hapax sends no certificate timestamps: '{path}' is not used."
        ));
    }
    parts.files = files;
    if parts.key.is_none() {
        return Err(CertificateFault::NoKey(format!("{name}.key")));
    }
    parts.assemble(name, global, notes)
}

/// A list of signed timestamps: a length and entries behind theirs (RFC 6962 3.3).
fn timestamps(bytes: &[u8]) -> Option<()> {
    let (length, mut rest) = bytes.split_first_chunk::<2>()?;
    if usize::from(u16::from_be_bytes(*length)) != rest.len() || rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        rest = behind.get(length..).filter(|_| length > 0)?;
    }
    Some(())
}

/// Chains of issuers that complete certificates which come without one (`issuers-chain-path`).
#[derive(Debug)]
pub struct Issuers {
    path: String,
    chains: Vec<Vec<CertificateDer<'static>>>,
}

impl Material for Issuers {
    fn text(&self) -> String {
        self.path.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Issuers {
    /// Reads the files of a folder.
    ///
    /// # Errors
    /// When it is none.
    pub fn load(path: &str) -> io::Result<Issuers> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(path)? {
            paths.push(entry?.path());
        }
        paths.sort();
        let read = paths.iter().filter_map(|path| std::fs::read(path).ok());
        let chains = read.map(|bytes| certificates(&pem::sections(&bytes)));
        Ok(Issuers {
            path: path.to_owned(),
            chains: chains.filter(|chain| !chain.is_empty()).collect(),
        })
    }

    /// The chain that is sent: the own one, or the one of the issuer behind a certificate alone.
    pub(super) fn complete(&self, own: &[CertificateDer<'static>]) -> Vec<CertificateDer<'static>> {
        let mut chain = own.to_vec();
        if let [alone] = own
            && let Ok((_, parsed)) = X509Certificate::from_der(alone)
        {
            let signed = self.chains.iter().find(|chain| {
                let first = chain.first().map(|first| X509Certificate::from_der(first));
                matches!(first, Some(Ok((_, first))) if first.subject() == parsed.issuer())
            });
            chain.extend(signed.into_iter().flatten().cloned());
        }
        chain
    }
}

/// The issuers that `global` names.
pub fn issuers(global: &GlobalTls) -> Option<&Issuers> {
    global.issuers.as_ref()?.as_any().downcast_ref()
}

/// Files that belong to a certificate and are none themselves.
const BESIDE: &[&str] = &[".issuer", ".ocsp", ".sctl", ".key"];
/// Files of one name with different keys.
const BUNDLE: &[&str] = &[".rsa", ".ecdsa", ".dsa"];
