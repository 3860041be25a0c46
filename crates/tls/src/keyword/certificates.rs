//! Files of certificates and of authorities, as options name them.

use std::sync::Arc;

use hapax_core::contract::{Material, Shared};
use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::{Fault, OptionCursor};

use super::{below, fault, needed, shared};
use crate::authority::Authorities;
use crate::certificate::{self, Extra};
use crate::listener::CertificateMaterial;

/// What belongs to certificates, as `global` says so far.
pub(crate) fn extra(global: &ir::GlobalTls) -> Extra<'_> {
    Extra {
        files: global.extra_files,
        del_ext: global.extra_del_ext,
        key_base: global.key_base.as_deref(),
    }
}

/// `crt` and `default-crt` of a `bind` line.
pub(super) fn add(
    cursor: &mut OptionCursor<'_>,
    tls: &mut ir::BindTls,
    is_default: bool,
) -> Result<(), Fault> {
    let path = needed(cursor, "missing certificate location")?;
    let global = &cursor.config.global.tls;
    let path = below(global.crt_base.as_deref(), &path);
    let loaded = certificate::load(&path, extra(global))
        .map_err(|error| fault(cursor, format!("{error}.")))?;
    for certificate in loaded {
        tls.certificates.push(ir::BindCertificate {
            material: shared(CertificateMaterial(Arc::new(certificate))),
            filters: Vec::new(),
            is_default,
            settings: None,
        });
    }
    Ok(())
}

/// `ca-file`, `crl-file` and the like of a `bind` line.
pub(super) fn authorities(
    cursor: &mut OptionCursor<'_>,
    missing: &str,
) -> Result<Shared<dyn Material>, Fault> {
    let name = cursor.keyword().lossy().into_owned();
    let path = needed(cursor, missing)?;
    let path = place(cursor, &path);
    Authorities::load(&path).map(shared).map_err(|error| {
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
    Authorities::load(&path).map(shared).map_err(|error| {
        // One message of two lines: the second has lost its place.
        fault(
            cursor,
            format!(
                "Couldn't open the ca-file '{path}' ({error}).\n'{name}' : unable to load {path}"
            ),
        )
    })
}

fn place(cursor: &OptionCursor<'_>, path: &str) -> String {
    match path.starts_with('@') {
        true => path.to_owned(),
        false => below(cursor.config.global.tls.ca_base.as_deref(), path),
    }
}

/// A text as one message of its own, behind nothing.
pub(crate) fn bare(severity: Severity, span: hapax_core::span::Span, text: String) -> Diagnostic {
    Diagnostic::whole(severity, Some(span), text).with_prefix(Prefix::Bare)
}
