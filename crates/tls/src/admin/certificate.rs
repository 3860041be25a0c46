//! `show`, `dump`, `new`, `set`, `commit`, `abort` and `del` of `ssl cert`.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;

use super::{Call, Told, done, make_anew, refused};
use crate::certificate::{Certificate, Parts};
use crate::describe;
use crate::store::{State, Store};

/// `show ssl cert [NAME]`.
pub fn show(call: &Call<'_>) -> Told {
    let state = call.store.state();
    let asked = call.word(0);
    if asked.is_empty() {
        let mut text = String::new();
        if let Some((name, _)) = &state.certificate {
            let _ = writeln!(text, "# transaction\n*{name}");
        }
        let names = names(&state);
        if !names.is_empty() {
            text.push_str("# filename\n");
        }
        for name in names {
            let _ = writeln!(text, "{name}");
        }
        return Told::Lines(text);
    }
    let mut text = String::new();
    if let Some(name) = asked.strip_prefix('*') {
        let Some((_, parts)) = state
            .certificate
            .as_ref()
            .filter(|(known, _)| known == name)
        else {
            return refused(NOT_FOUND);
        };
        let _ = writeln!(text, "Filename: *{name}");
        details(&mut text, parts, "Uncommitted", None);
        return Told::Lines(text);
    }
    let name = asked.strip_prefix('\\').unwrap_or(asked);
    if state.empty.iter().any(|empty| empty == name) {
        let _ = writeln!(text, "Filename: {name}\nStatus: Empty\nOCSP Response Key: ");
        return Told::Lines(text);
    }
    let Some(certificate) = state.loaded.certificate(name) else {
        return refused(NOT_FOUND);
    };
    let _ = writeln!(text, "Filename: {name}");
    let status = if instances(&state, name) > 0 {
        "Used"
    } else {
        "Unused"
    };
    let id = certificate
        .ocsp_id
        .as_deref()
        .filter(|_| certificate.parts.ocsp.is_some());
    details(&mut text, &certificate.parts, status, id);
    Told::Lines(text)
}

const NOT_FOUND: &str = "Can't display the certificate: Not found or the certificate is a bundle!";

fn details(text: &mut String, parts: &Parts, status: &str, id: Option<&[u8]>) {
    let files = [
        ("Crt", &parts.files.certificate),
        ("Key", &parts.files.key),
        ("OCSP", &parts.files.ocsp),
        ("OCSP Issuer", &parts.files.issuer),
        ("SCTL", &parts.files.sctl),
    ];
    for (what, file) in files {
        if let Some(file) = file {
            let _ = writeln!(text, "{what} filename: {file}");
        }
    }
    let _ = writeln!(text, "Status: {status}");
    if let Some((own, rest)) = parts.chain.split_first() {
        text.push_str(&describe::certificate(own));
        for der in rest {
            text.push_str(&describe::link(der));
        }
    }
    let id: String = id
        .unwrap_or_default()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let _ = writeln!(text, "OCSP Response Key: {id}");
}

/// All names, empty ones included, sorted.
fn names(state: &State) -> Vec<&str> {
    let loaded = state.loaded.certificates.keys().chain(&state.empty);
    let mut names: Vec<&str> = loaded.map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// How often a certificate is in use.
pub(super) fn instances(state: &State, name: &str) -> usize {
    let listeners = state.listeners.iter();
    let shown = listeners.map(|listener| {
        listener.with_bind(|bind| {
            let certificates = bind.certificates.iter();
            certificates
                .filter(|entry| entry.material.text() == name)
                .count()
        })
    });
    let servers = state.servers.iter();
    let servers = servers.filter(|server| server.certificate.as_deref() == Some(name));
    shown.sum::<usize>() + servers.count()
}

/// `dump ssl cert NAME`.
pub fn dump(call: &Call<'_>) -> Told {
    let state = call.store.state();
    let asked = call.word(0);
    let mut text = String::new();
    let pending = asked.strip_prefix('*');
    let pending = pending.and_then(|name| {
        state
            .certificate
            .as_ref()
            .filter(|(known, _)| known == name)
    });
    let parts = match pending {
        Some((_, parts)) => Some(parts),
        None => {
            let name = asked.strip_prefix('\\').unwrap_or(asked);
            state
                .loaded
                .certificate(name)
                .map(|certificate| &certificate.parts)
        }
    };
    let Some(parts) = parts else {
        return refused(NOT_FOUND);
    };
    if let Some(key) = &parts.key {
        let label = match key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        pem(&mut text, label, key.secret_der());
    }
    for der in &parts.chain {
        pem(&mut text, "CERTIFICATE", der);
    }
    Told::Lines(text)
}

fn pem(text: &mut String, label: &str, der: &[u8]) {
    let _ = writeln!(text, "-----BEGIN {label}-----");
    let encoded = STANDARD.encode(der);
    for line in encoded.as_bytes().chunks(64) {
        let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
    }
    let _ = writeln!(text, "-----END {label}-----");
}

/// `new ssl cert NAME`.
pub fn create(call: &Call<'_>) -> Told {
    let name = call.word(0);
    if name.is_empty() {
        return refused("'new ssl cert' expects a filename");
    }
    let mut state = call.store.state();
    if names(&state).contains(&name) {
        return refused(format!("Certificate '{name}' already exists!"));
    }
    state.empty.push(name.to_owned());
    done(format!("New empty certificate store '{name}'!"))
}

/// `del ssl cert NAME`.
pub fn delete(call: &Call<'_>) -> Told {
    let name = call.word(0);
    if name.is_empty() {
        return refused("'del ssl cert' expects a certificate name");
    }
    let mut state = call.store.state();
    let not = |why: &str| {
        refused(format!(
            "Can't remove the certificate: certificate '{name}' {why}"
        ))
    };
    if let Some(at) = state.empty.iter().position(|empty| empty == name) {
        state.empty.remove(at);
    } else if !state.loaded.certificates.contains_key(name) {
        return not("doesn't exist!");
    } else if instances(&state, name) > 0 {
        return not("in use, can't be deleted!");
    } else {
        state.loaded.certificates.remove(name);
    }
    if state
        .certificate
        .as_ref()
        .is_some_and(|(known, _)| known == name)
    {
        state.certificate = None;
    }
    done(format!("Certificate '{name}' deleted!"))
}

/// `set ssl cert NAME PAYLOAD`.
pub fn set(call: &Call<'_>) -> Told {
    let asked = call.word(0);
    let (Some(payload), false) = (call.payload, asked.is_empty()) else {
        return refused("'set ssl cert' expects a filename and a certificate as a payload");
    };
    let mut state = call.store.state();
    let mut faults = Vec::new();
    let told = place(&mut state, asked, payload, &mut faults);
    told.unwrap_or_else(|| {
        faults.push(format!("Can't update {asked}!"));
        refused(faults.join("\n"))
    })
}

fn place(state: &mut State, asked: &str, payload: &[u8], faults: &mut Vec<String>) -> Option<Told> {
    let known = |name: &str| names(state).contains(&name);
    let (name, end) = match known(asked) {
        true => (asked, ""),
        false => {
            let mut ends = ENDS.iter();
            let end = ends.find(|end| asked.strip_suffix(**end).is_some_and(known));
            end.map_or((asked, ""), |end| (&asked[..asked.len() - end.len()], *end))
        }
    };
    if let Some((other, _)) = state
        .certificate
        .as_ref()
        .filter(|(other, _)| other != name)
    {
        faults.push(format!(
            "The ongoing transaction is about '{other}' but you are trying to set '{name}'"
        ));
        return None;
    }
    if !known(name) {
        faults.push(
            "Can't replace a certificate which is not referenced by the configuration!".to_owned(),
        );
        return None;
    }
    let before = match &state.certificate {
        Some((_, parts)) => parts.clone(),
        None => {
            let loaded = state.loaded.certificate(name);
            loaded
                .map(|loaded| loaded.parts.clone())
                .unwrap_or_default()
        }
    };
    let (parts, read) = match end {
        "" => {
            let mut parts = Parts {
                key: None,
                ..before
            };
            let read = parts.read(payload).map_err(|fault| {
                faults.push(format!(
                    "unable to load certificate from file '{name}': {fault}."
                ));
            });
            (parts, read.is_ok())
        }
        ".key" => {
            let mut parts = before;
            let read = parts.read_key(payload);
            if !read {
                faults.push(format!("unable to load private key from file '{name}'."));
            }
            (parts, read)
        }
        ".issuer" => {
            let mut parts = before;
            let read = parts.read_issuer(payload);
            (parts, read)
        }
        ".ocsp" => {
            let text: Vec<u8> = payload
                .iter()
                .copied()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            let response = STANDARD.decode(text).ok();
            let read = response.is_some();
            let parts = Parts {
                ocsp: response.or_else(|| before.ocsp.clone()),
                ..before
            };
            (parts, read)
        }
        _ => (before, false),
    };
    if !read {
        faults.push("Can't load the payload".to_owned());
        return None;
    }
    let verb = if state.certificate.is_some() {
        "updated"
    } else {
        "created"
    };
    let text = format!("Transaction {verb} for certificate {name}!");
    state.certificate = Some((name.to_owned(), parts));
    Some(done(text))
}

const ENDS: &[&str] = &[".key", ".issuer", ".ocsp", ".sctl"];

/// `abort ssl cert NAME`.
pub fn abort(call: &Call<'_>) -> Told {
    let name = call.word(0);
    if name.is_empty() {
        return refused("'abort ssl cert' expects a filename");
    }
    let mut state = call.store.state();
    match &state.certificate {
        None => refused("No ongoing transaction!"),
        Some((other, _)) if other != name => refused(format!(
            "The ongoing transaction is about '{other}' but you are trying to abort a transaction for '{name}'"
        )),
        Some(_) => {
            state.certificate = None;
            done(format!("Transaction aborted for certificate '{name}'!"))
        }
    }
}

/// `commit ssl cert NAME`.
pub fn commit(call: &Call<'_>) -> Told {
    let name = call.word(0);
    if name.is_empty() {
        return refused("'commit ssl cert' expects a filename");
    }
    let mut state = call.store.state();
    let not = |why: String| refused(format!("{why}\nCan't commit {name}!"));
    let parts = match &state.certificate {
        None => return not("No ongoing transaction! !".to_owned()),
        Some((other, _)) if other != name => {
            return not(format!(
                "The ongoing transaction is about '{other}' but you are trying to set '{name}'"
            ));
        }
        Some((_, parts)) => parts.clone(),
    };
    if parts.chain.is_empty() || parts.key.is_none() {
        return not(
            "The transaction must contain at least a certificate and a private key!".to_owned(),
        );
    }
    let mut notes = Vec::new();
    let certificate = match parts.assemble(name, &call.store.global, &mut notes) {
        Ok(certificate) => certificate,
        Err(fault) => return not(fault.to_string()),
    };
    if let Err(why) = replace(call.store, &mut state, name, certificate) {
        return not(why);
    }
    state.certificate = None;
    let dots = ".".repeat(instances(&state, name));
    let notes: String = notes.into_iter().map(|note| note + "\n").collect();
    Told::Lines(format!("Committing {name}{dots}\n{notes}Success!\n"))
}

/// Puts a certificate into the place of the one of its name; nothing changes when something cannot be made with it.
pub(super) fn replace(
    store: &Store,
    state: &mut State,
    name: &str,
    certificate: Certificate,
) -> Result<(), String> {
    let before = state
        .loaded
        .certificates
        .insert(name.to_owned(), Arc::new(certificate));
    let shows = |listener: &crate::listener::Listener| {
        listener.with_bind(|bind| {
            let mut certificates = bind.certificates.iter();
            certificates.any(|entry| entry.material.text() == name)
        })
    };
    let made = make_anew(store, state, shows, |server| {
        server.certificate.as_deref() == Some(name)
    });
    match (made, before) {
        (Ok(()), _) => {
            state.empty.retain(|empty| empty != name);
            Ok(())
        }
        (Err(why), before) => {
            match before {
                Some(before) => state.loaded.certificates.insert(name.to_owned(), before),
                None => state.loaded.certificates.remove(name),
            };
            Err(why)
        }
    }
}
