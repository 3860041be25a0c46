//! `crt-list`: a file of certificates with the names that each is for (configuration manual 3.11).

use std::sync::Arc;

use hapax_core::ir::{BindCertificate, BindTls};
use hapax_core::keyword::{Fault, OptionCursor};

use super::{below, extra, fault, needed, shared};
use crate::certificate;
use crate::listener::CertificateMaterial;

/// Reads the list that the next word names.
pub(super) fn add(cursor: &mut OptionCursor<'_>, tls: &mut BindTls) -> Result<(), Fault> {
    let path = needed(cursor, "missing certificate location")?;
    let base = cursor.config.global.tls.crt_base.clone();
    let path = below(base.as_deref(), &path);
    let bytes = std::fs::read(&path).map_err(|error| {
        let why = certificate::system(&error);
        fault(
            cursor,
            format!("'crt-list' : cannot open file '{path}' : {why}"),
        )
    })?;
    let text = String::from_utf8_lossy(&bytes);
    if !text.is_empty() && !text.ends_with('\n') {
        let line = text.lines().count();
        let at = text.lines().last().map_or(0, str::len);
        let text = format!(
            "'crt-list' : parsing [{path}:{line}]: Missing LF on last line, file might have been truncated at position {at}."
        );
        return Err(fault(cursor, text));
    }
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let mut rest = rest.trim();
        if let Some(options) = rest.strip_prefix('[') {
            let (options, filters) = options.split_once(']').unwrap_or((options, ""));
            let set = options.trim();
            if !matches!(set, "" | "ocsp-update off") {
                let text = format!(
                    "'crt-list' : parsing [{path}:{}]: options of single lines are not built yet ({set})",
                    number + 1
                );
                return Err(fault(cursor, text));
            }
            rest = filters;
        }
        let filters: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
        let file = below(base.as_deref(), name.trim_matches('"'));
        let global = &cursor.config.global.tls;
        let loaded = certificate::load(&file, extra(global))
            .map_err(|error| fault(cursor, format!("'crt-list' : {error}.")))?;
        for certificate in loaded {
            tls.certificates.push(BindCertificate {
                material: shared(CertificateMaterial(Arc::new(certificate))),
                filters: filters.clone(),
                is_default: false,
                settings: None,
            });
        }
    }
    Ok(())
}
