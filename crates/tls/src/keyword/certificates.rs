//! Files of certificates and of authorities, as options name them.

use hapax_core::contract::{Material, Shared};
use hapax_core::diagnostic::{Diagnostic, Diagnostics, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::{Fault, OptionCursor};
use hapax_core::span::Span;

use super::{below, fault, list, needed};
use crate::authority::Authorities;
use crate::certificate::{self, CertificateFault, CertificateMaterial, Files, Unusable};
use crate::ocsp;
use crate::store::keep;

/// `crt` and `default-crt` of a `bind` line.
pub(super) fn add(
    cursor: &mut OptionCursor<'_>,
    tls: &mut ir::BindTls,
    is_default: bool,
) -> Result<(), Fault> {
    let name = needed(cursor, "missing certificate location")?;
    let span = cursor.keyword().span;
    let path = place_of(&cursor.config.global.tls, &name);
    let folder = match cursor.config.global.tls.certificates.contains_key(&path) {
        true => None,
        false => certificate::folder(&path).map_err(|error| fault(cursor, error.to_string()))?,
    };
    if let Some(paths) = folder {
        list::add_folder(cursor, tls, &path, &paths)?;
        if is_default {
            tls.certificates
                .iter_mut()
                .for_each(|entry| entry.is_default = true);
        }
        return Ok(());
    }
    let loaded = load(
        &mut cursor.config.global.tls,
        &path,
        By::Bind,
        cursor.diagnostics,
        span,
    );
    let loaded = loaded.map_err(|text| fault(cursor, text))?;
    for material in loaded {
        tls.certificates.push(ir::BindCertificate {
            material,
            filters: Vec::new(),
            is_default,
            settings: None,
            origin: None,
        });
    }
    Ok(())
}

/// Where a certificate of this name is: one of a store by that name, any other below `crt-base`.
pub(super) fn place_of(global: &ir::GlobalTls, name: &str) -> String {
    match name.starts_with('@') {
        true => name.to_owned(),
        false => below(global.crt_base.as_deref(), name),
    }
}

/// Who asks for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A `bind` line.
    Bind,
    /// A line of a list: of what stands beside the certificate nothing is told later, as upstream has it.
    List,
}

/// The certificate of that name, or those of a bundle; read from their files unless they are loaded already.
pub(crate) fn load(
    global: &mut ir::GlobalTls,
    path: &str,
    by: By,
    diagnostics: &mut Diagnostics,
    span: Span,
) -> Result<Vec<Shared<dyn Material>>, String> {
    if let Some(known) = global.certificates.get(path) {
        return match known.as_any().downcast_ref::<Unusable>() {
            Some(unusable) => Err(unusable.text.clone()),
            None => Ok(vec![known.clone()]),
        };
    }
    let mut notes = Vec::new();
    let paths = certificate::bundle(path, global).map_err(|error| error.to_string())?;
    let mut loaded = Vec::new();
    for path in paths {
        if let Some(known) = global.certificates.get(&path) {
            loaded.push(known.clone());
            continue;
        }
        let read = certificate::file(&path, global, &mut notes);
        let mut certificate = read.map_err(|error| error.to_string())?;
        let unknown = certificate.issuer.is_none();
        if global.ocsp_update && unknown && ocsp::responder(&certificate.der).is_some() {
            return Err(CertificateFault::NoUpdate(path).to_string());
        }
        if by == By::List {
            let certificate_file = certificate.parts.files.certificate.take();
            certificate.parts.files = Files {
                certificate: certificate_file,
                ..Files::default()
            };
        }
        let material = CertificateMaterial(std::sync::Arc::new(certificate));
        loaded.push(keep(&mut global.certificates, material));
    }
    note(notes, diagnostics, span);
    Ok(loaded)
}

/// Says what was ignored.
pub(crate) fn note(notes: Vec<String>, diagnostics: &mut Diagnostics, span: Span) {
    for text in notes {
        let finding = Diagnostic::whole(Severity::Warning, Some(span), text);
        diagnostics.push(finding.with_prefix(Prefix::Config));
    }
}

/// `ca-file`, `crl-file` and the like of a `bind` line.
pub(super) fn authorities(
    cursor: &mut OptionCursor<'_>,
    missing: &str,
) -> Result<Shared<dyn Material>, Fault> {
    let name = cursor.keyword().lossy().into_owned();
    let path = needed(cursor, missing)?;
    let path = place(cursor, &path);
    known(cursor, &path).map_err(|error| {
        let text = format!("Couldn't open the ca-file '{path}' ({error}).");
        let span = cursor.keyword().span;
        let first = Diagnostic::whole(Severity::Alert, Some(span), text);
        cursor.diagnostics.push(first);
        fault(cursor, format!("'{name}' : unable to load {path}"))
    })
}

/// The same of a `server` line, whose texts are in another order.
pub(super) fn server_authorities(
    cursor: &mut OptionCursor<'_>,
    missing: &str,
) -> Result<Shared<dyn Material>, Fault> {
    let name = cursor.keyword().lossy().into_owned();
    let path = needed(cursor, missing)?;
    let path = place(cursor, &path);
    known(cursor, &path).map_err(|error| {
        // One message of two lines: the second has lost its place.
        fault(
            cursor,
            format!(
                "Couldn't open the ca-file '{path}' ({error}).\n'{name}' : unable to load {path}"
            ),
        )
    })
}

fn known(cursor: &mut OptionCursor<'_>, path: &str) -> Result<Shared<dyn Material>, String> {
    let kept = &mut cursor.config.global.tls.authorities;
    match kept.get(path) {
        Some(known) => Ok(known.clone()),
        None => Authorities::load(path).map(|read| keep(kept, read)),
    }
}

fn place(cursor: &OptionCursor<'_>, path: &str) -> String {
    match path.starts_with('@') {
        true => path.to_owned(),
        false => below(cursor.config.global.tls.ca_base.as_deref(), path),
    }
}

/// A text as one message of its own, behind nothing.
pub(crate) fn bare(severity: Severity, span: Span, text: String) -> Diagnostic {
    Diagnostic::whole(severity, Some(span), text).with_prefix(Prefix::Bare)
}
