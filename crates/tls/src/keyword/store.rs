//! `crt-store`: certificates by names of their own, from files that are named one by one (configuration manual 12.7).

use std::sync::Arc;

use hapax_core::contract::{Material, Shared};
use hapax_core::diagnostic::Diagnostics;
use hapax_core::ir::{CertificateStore, Config};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support, Tables};
use hapax_core::span::Span;

use super::certificates::{note, place_of};
use crate::certificate::{self, CertificateFault, CertificateMaterial, Files, Unusable};
use crate::store::keep;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

const fn row(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: fn(&mut Line<'_>) -> Result<(), Fault>,
) -> SectionKeyword {
    SectionKeyword {
        name,
        sections: Sections::CRT_STORE,
        negatable: false,
        usage,
        doc,
        support: Support::Runs,
        parse,
    }
}

static ROWS: &[SectionKeyword] = &[
    row(
        "crt-base",
        "<folder>",
        "Where the certificates of the section are.",
        |line| {
            let path = folder(line)?;
            line.config.global.tls.store.crt_base = Some(path);
            Ok(())
        },
    ),
    row(
        "key-base",
        "<folder>",
        "Where the keys of the section are.",
        |line| {
            let path = folder(line)?;
            line.config.global.tls.store.key_base = Some(path);
            Ok(())
        },
    ),
    row(
        "load",
        "crt <file> [<option> <value>]...",
        "Loads a certificate from the files that are named.",
        load_line,
    ),
];

fn folder(line: &Line<'_>) -> Result<String, Fault> {
    let path = line.arg(0).filter(|path| !path.is_empty());
    path.map(|path| path.into_owned()).ok_or_else(|| {
        let text = format!("'{}' requires a <path> argument.", line.keyword());
        placed(line, &text)
    })
}

/// A fault that names its place twice.
fn placed(line: &Line<'_>, text: &str) -> Fault {
    let path = line.scope.paths.get(usize::from(line.span.file.0));
    let path = path.map_or("?", String::as_str);
    line.fault(format!("parsing [{path}:{}] : {text}", line.span.line))
}

fn load_line(line: &mut Line<'_>) -> Result<(), Fault> {
    let words: Vec<String> = line
        .args()
        .iter()
        .map(|word| word.lossy().into_owned())
        .collect();
    let mut files = Files::default();
    let mut ocsp_update = None;
    let mut alias = None;
    for pair in words.chunks(2) {
        let Some(name) = pair.first() else { break };
        let value = pair.get(1).cloned();
        if name == "alias" {
            alias = Some(value.unwrap_or_default());
            continue;
        }
        if !is_part(name) {
            if matches!(name.as_str(), "acme" | "domains") {
                return Err(line.fault(format!(
                    "'load {name}' is not built: hapax asks no ACME server for certificates."
                )));
            }
            let text = format!("'load {name}' in section 'crt-store': unknown keyword '{name}'.");
            return Err(placed(line, &text));
        }
        part(name, value, &mut files, &mut ocsp_update).map_err(|text| placed(line, &text))?;
    }
    let Some(written) = files.certificate.clone() else {
        let text = "'load' in section 'crt-store': mandatory 'crt' parameter not found.";
        return Err(placed(line, text));
    };
    let global = &line.config.global.tls;
    let store = &global.store;
    let name = match (&alias, store.name.as_str()) {
        (Some(alias), store) => format!("@{store}/{alias}"),
        (None, "") => match &store.crt_base {
            Some(base) if !written.starts_with('/') => format!("{base}/{written}"),
            _ => place_of(global, &written),
        },
        (None, store) => format!("@{store}/{written}"),
    };
    if global.certificates.contains_key(&name) {
        let text = format!("'load' in section 'crt-store': store '{name}' was already defined.");
        return Err(placed(line, &text));
    }
    let place = Place {
        list: None,
        span: line.span,
    };
    load(
        line.config,
        line.diagnostics,
        &name,
        files,
        ocsp_update,
        &place,
    )
    .map(drop)
    .map_err(|text| line.fault(text))
}

/// Whether a word names a part of a certificate.
pub(super) fn is_part(name: &str) -> bool {
    matches!(
        name,
        "crt" | "key" | "ocsp" | "issuer" | "sctl" | "ocsp-update"
    )
}

/// Takes the value of such a word.
pub(super) fn part(
    name: &str,
    value: Option<String>,
    files: &mut Files,
    ocsp_update: &mut Option<bool>,
) -> Result<(), String> {
    let value = value.unwrap_or_default();
    let place = match name {
        "crt" => &mut files.certificate,
        "key" => &mut files.key,
        "ocsp" => &mut files.ocsp,
        "issuer" => &mut files.issuer,
        "sctl" => &mut files.sctl,
        _ => {
            *ocsp_update = Some(match value.as_str() {
                "off" => false,
                "on" => true,
                _ => {
                    let text = format!(
                        "cannot parse 'ocsp-update' value '{value}', 'on' or 'off' is expected."
                    );
                    return Err(text);
                }
            });
            return Ok(());
        }
    };
    *place = Some(value);
    Ok(())
}

/// Where a certificate is asked for.
pub(super) struct Place<'a> {
    /// The list and the line there.
    pub(super) list: Option<(&'a str, u32)>,
    /// What findings point at.
    pub(super) span: Span,
}

/// Loads a certificate from files that are named one by one; one that is loaded already has to be the same.
pub(super) fn load(
    config: &mut Config,
    diagnostics: &mut Diagnostics,
    name: &str,
    files: Files,
    ocsp_update: Option<bool>,
    place: &Place<'_>,
) -> Result<Shared<dyn Material>, String> {
    let global = &mut config.global.tls;
    if let Some(known) = global.certificates.get(name) {
        let Some(CertificateMaterial(loaded)) = known.as_any().downcast_ref() else {
            return Ok(known.clone());
        };
        let (list, number) = place.list.unwrap_or_default();
        let differs = incompatible(
            &loaded.parts.files,
            loaded.parts.ocsp_update,
            &files,
            ocsp_update,
        );
        return match differs {
            None => Ok(known.clone()),
            Some(why) => Err(format!(
                "'{name}' in crt-list '{list}' line {number}, is already defined with incompatible parameters:\n{why}"
            )),
        };
    }
    let store = match place.list {
        Some(_) => &CertificateStore::default(),
        None => &global.store,
    };
    let bases = (
        store.crt_base.as_deref().or(global.crt_base.as_deref()),
        store.key_base.as_deref().or(global.key_base.as_deref()),
    );
    let mut notes = Vec::new();
    let read = certificate::stored(name, files, ocsp_update, bases, global, &mut notes);
    note(notes, diagnostics, place.span);
    match read {
        Ok(read) => Ok(keep(
            &mut global.certificates,
            CertificateMaterial(Arc::new(read)),
        )),
        Err(
            fault @ (CertificateFault::NoKey(_)
            | CertificateFault::OtherKey(_)
            | CertificateFault::NoIssuer(_)
            | CertificateFault::NoUpdate(_)),
        ) if place.list.is_none() => {
            // Who uses it is refused.
            let text = fault.to_string();
            let name = name.to_owned();
            Ok(keep(&mut global.certificates, Unusable { name, text }))
        }
        Err(fault @ (CertificateFault::NoIssuer(_) | CertificateFault::NoUpdate(_))) => {
            let (list, number) = place.list.unwrap_or_default();
            Err(format!(
                "error processing line {number} in file '{list}' : {fault}"
            ))
        }
        Err(fault) => Err(fault.to_string()),
    }
}

/// What of a certificate that is loaded is not as it is asked for.
fn incompatible(
    loaded: &Files,
    loaded_update: Option<bool>,
    asked: &Files,
    asked_update: Option<bool>,
) -> Option<String> {
    let beside =
        |files: &Files| [&files.key, &files.ocsp, &files.issuer, &files.sctl].map(Clone::clone);
    let names = ["key", "ocsp", "issuer", "sctl"];
    let pairs = beside(loaded).into_iter().zip(beside(asked));
    let text = |file: Option<String>| file.unwrap_or_else(|| "(null)".to_owned());
    let differing = names
        .into_iter()
        .zip(pairs)
        .filter(|(_, (before, now))| before != now);
    let mut lines: Vec<String> = differing
        .map(|(name, (before, now))| {
            let (before, now) = (text(before), text(now));
            format!("- different parameter '{name}' : previously '{before}' vs '{now}'")
        })
        .collect();
    let plain = loaded_update.is_none() && beside(loaded).iter().all(Option::is_none);
    if plain && (asked_update.is_some() || !lines.is_empty()) {
        lines.insert(0, format!(" {WITHOUT}"));
        return Some(lines.join("\n"));
    }
    let text = |update: Option<bool>| match update {
        Some(true) => "on",
        Some(false) => "off",
        None => "default",
    };
    if loaded_update != asked_update {
        let (before, now) = (text(loaded_update), text(asked_update));
        lines.push(format!(
            "- different parameter 'ocsp-update' : previously '{before}' vs '{now}'"
        ));
    }
    (!lines.is_empty()).then(|| format!(" {}", lines.join("\n ")))
}

const WITHOUT: &str =
    "Can't use the certificate previously defined without any keyword with these keywords:";
