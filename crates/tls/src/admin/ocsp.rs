//! `show`, `set` and `update` of `ssl ocsp-response`, `show ssl ocsp-updates` and `show ssl providers`.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::certificate::replace;
use super::{Call, Told, done, refused};
use crate::certificate::Certificate;
use crate::describe::hexadecimal;
use crate::ocsp;

/// `show ssl ocsp-response [[text|base64] ID|PATH]`.
pub fn show(call: &Call<'_>) -> Told {
    let state = call.store.state();
    let with_response = || {
        let all = state.loaded.certificates.values();
        all.filter(|certificate| certificate.parts.ocsp.is_some())
    };
    let mut text = String::new();
    if call.words.is_empty() {
        if with_response().next().is_some() {
            text.push_str("# Certificate IDs\n");
        }
        for certificate in with_response() {
            let id = certificate.ocsp_id.as_deref().unwrap_or_default();
            let Some((name, key, number)) = ocsp::identified(id) else {
                continue;
            };
            let _ = writeln!(
                text,
                "Certificate ID key : {}\nCertificate path : {}\n Certificate ID:\n   Issuer Name Hash: {}\n   Issuer Key Hash: {}\n   \
                 Serial Number: {}",
                lower(id),
                certificate.path,
                hexadecimal(name),
                hexadecimal(key),
                crate::describe::serial(number)
            );
        }
        return Told::Lines(text);
    }
    let (form, asked) = match call.words {
        [form, asked, ..] => (form.as_str(), asked.as_str()),
        [asked] => ("text", asked.as_str()),
        [] => ("text", ""),
    };
    let is_it = |certificate: &&std::sync::Arc<Certificate>| {
        let id = certificate.ocsp_id.as_deref().unwrap_or_default();
        certificate.path == asked || lower(id) == asked
    };
    let found = with_response().find(is_it);
    let response = found.and_then(|found| found.parts.ocsp.as_deref());
    let Some(response) = response else {
        return refused("'show ssl ocsp-response' expects a valid certid or certificate path.");
    };
    match form {
        "base64" => Told::Lines(STANDARD.encode(response)),
        _ => refused("'show ssl ocsp-response' : hapax tells responses in base64 only."),
    }
}

fn lower(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `set ssl ocsp-response RESPONSE`, or as payload.
pub fn set(call: &Call<'_>) -> Told {
    let text = match call.payload {
        Some(payload) => payload.to_vec(),
        None => call.word(0).as_bytes().to_vec(),
    };
    let text: Vec<u8> = text
        .into_iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if text.is_empty() {
        return refused("'set ssl ocsp-response' expects response in base64 encoding.");
    }
    let Ok(response) = STANDARD.decode(&text) else {
        return refused("'set ssl ocsp-response' received invalid base64 encoded response.");
    };
    let read = match ocsp::read(&response, call.now / 1000) {
        Ok(read) => read,
        Err(fault) => return refused(format!("{fault}.")),
    };
    let mut state = call.store.state();
    let about: Vec<std::sync::Arc<Certificate>> = state
        .loaded
        .certificates
        .values()
        .filter(|certificate| {
            certificate.parts.ocsp.is_some() && certificate.ocsp_id.as_ref() == Some(&read.id)
        })
        .cloned()
        .collect();
    if about.is_empty() {
        return refused(
            "OCSP single response: Certificate ID does not match any certificate or issuer.",
        );
    }
    for certificate in about {
        let mut parts = certificate.parts.clone();
        parts.ocsp = Some(response.clone());
        let made = parts.assemble(&certificate.path, &call.store.global, &mut Vec::new());
        let made = made.map_err(|fault| fault.to_string());
        let replaced = made.and_then(|made| replace(call, &mut state, &certificate.path, made));
        if let Err(why) = replaced {
            return refused(why);
        }
    }
    done("OCSP Response updated!".to_owned())
}

/// `update ssl ocsp-response NAME`: nobody is asked.
pub fn update(call: &Call<'_>) -> Told {
    let name = call.word(0);
    if name.is_empty() {
        return refused("'update ssl ocsp-response' expects a filename");
    }
    let state = call.store.state();
    let why = match state.loaded.certificate(name) {
        None => {
            "Unknown certificate! 'update ssl ocsp-response' expects an already known certificate file name."
        }
        Some(certificate) if certificate.parts.ocsp.is_none() => {
            "'update ssl ocsp-response' only works on certificates that already have a known OCSP response."
        }
        Some(_) => "hapax asks no responder: use 'set ssl ocsp-response'.",
    };
    refused(format!("{why}\nCan't send ocsp request for {name}!"))
}

/// `show ssl ocsp-updates`: there are none.
pub fn updates(_: &Call<'_>) -> Told {
    Told::Lines("OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update Status | Last Update Status (str)\n".to_owned())
}

/// `show ssl providers`.
pub fn providers(_: &Call<'_>) -> Told {
    Told::Lines("Loaded providers : \n\t- aws-lc-rs\n".to_owned())
}
