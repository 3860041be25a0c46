//! `show`, `set` and `update` of `ssl ocsp-response`, `show ssl ocsp-updates` and `show ssl providers`.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::certificate::replace;
use super::{Call, Told, done, refused};
use crate::certificate::Certificate;
use crate::describe::hexadecimal;
use crate::ocsp;
use crate::store::{State, Store};

/// `show ssl ocsp-response [[text|base64] ID|PATH]`.
pub fn show(call: &Call<'_>) -> Told {
    let state = call.store.state();
    let with_response = || {
        let all = state.loaded.certificates.values();
        let with = all.filter(|certificate| certificate.parts.ocsp.is_some());
        let mut with: Vec<&std::sync::Arc<Certificate>> = with.collect();
        with.sort_by_key(|certificate| &certificate.ocsp_id);
        with.into_iter()
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
        _ if response.is_empty() => Told::Lines(String::new()),
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
    match staple(call.store, &mut state, &read.id, &response) {
        Ok(0) => refused(
            "OCSP single response: Certificate ID does not match any certificate or issuer.",
        ),
        Ok(_) => done("OCSP Response updated!".to_owned()),
        Err(why) => refused(why),
    }
}

/// Has a response shown with the certificates that it is about, so far as they have one or will have; tells how many there are.
pub(crate) fn staple(
    store: &Store,
    state: &mut State,
    id: &[u8],
    response: &[u8],
) -> Result<usize, String> {
    let about: Vec<std::sync::Arc<Certificate>> = state
        .loaded
        .certificates
        .values()
        .filter(|certificate| {
            certificate.parts.ocsp.is_some() && certificate.ocsp_id.as_deref() == Some(id)
        })
        .cloned()
        .collect();
    for certificate in &about {
        let mut parts = certificate.parts.clone();
        parts.ocsp = Some(response.to_vec());
        let made = parts.assemble(&certificate.path, &store.global, &mut Vec::new());
        let made = made.map_err(|fault| fault.to_string())?;
        replace(store, state, &certificate.path, made)?;
    }
    Ok(about.len())
}

/// `update ssl ocsp-response NAME`: what becomes of it, the log tells.
pub fn update(call: &Call<'_>) -> Told {
    let name = call.word(0);
    if name.is_empty() {
        return refused("'update ssl ocsp-response' expects a filename");
    }
    let state = call.store.state();
    let certificate = state.loaded.certificate(name);
    let why = match certificate {
        None => {
            "Unknown certificate! 'update ssl ocsp-response' expects an already known certificate file name."
        }
        Some(certificate) if certificate.parts.ocsp.is_none() => {
            "'update ssl ocsp-response' only works on certificates that already have a known OCSP response."
        }
        Some(certificate) => {
            call.store
                .want(certificate.ocsp_id.as_deref().unwrap_or_default());
            return Told::Lines(String::new());
        }
    };
    refused(format!("{why}\nCan't send ocsp request for {name}!"))
}

/// `show ssl ocsp-updates`.
pub fn updates(call: &Call<'_>) -> Told {
    let mut text = "OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update Status | Last Update Status (str)\n".to_owned();
    let now = call.now / 1000;
    call.store.with_updates(|id, entry| {
        let _ = writeln!(
            text,
            "{} | {} | {} | {} | {} | {} | {} | {}",
            lower(id),
            entry.path,
            date(call.store, entry.next.unwrap_or(now)),
            entry
                .last
                .map_or("-".to_owned(), |last| date(call.store, last)),
            entry.successes,
            entry.failures,
            entry.ended.number(),
            entry.ended
        );
    });
    Told::Lines(text)
}

/// `22/Nov/2026:02:23:01 +0000`.
fn date(store: &Store, seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(moment) => {
            let moment = moment.to_zoned(store.zone.clone());
            moment.strftime("%d/%b/%Y:%H:%M:%S %z").to_string()
        }
        Err(_) => "-".to_owned(),
    }
}

/// `show ssl providers`.
pub fn providers(_: &Call<'_>) -> Told {
    Told::Lines("Loaded providers : \n\t- aws-lc-rs\n".to_owned())
}
