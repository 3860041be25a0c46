//! `show`, `add` and `del` of `ssl crt-list`.

use std::fmt::Write as _;

use hapax_core::diagnostic::Diagnostics;
use hapax_core::ir::CertificateLine;
use hapax_core::span::{FileId, Span};

use super::{Call, Told, configuration, done, refused};
use crate::keyword::list::{Place, Reading, entry, named};

/// `show ssl crt-list [-n] [NAME]`.
pub fn show(call: &Call<'_>) -> Told {
    let state = call.store.state();
    let numbered = call.word(0) == "-n";
    let name = call.word(usize::from(numbered));
    let mut text = String::new();
    if name.is_empty() {
        if numbered {
            return refused("'show ssl crt-list -n' expects a filename or a directory");
        }
        for name in state.lists.keys() {
            let _ = writeln!(text, "{name}");
        }
        return Told::Lines(text);
    }
    let Some(list) = state.lists.get(name) else {
        return refused("didn't find the specified filename");
    };
    let _ = writeln!(text, "# {name}");
    for line in &list.lines {
        text.push_str(&line.name);
        if numbered {
            let _ = write!(text, ":{}", line.number);
        }
        if let Some(settings) = &line.settings {
            let _ = write!(text, " [{}]", settings.text);
        }
        for filter in &line.filters {
            let _ = write!(text, " {filter}");
        }
        text.push('\n');
    }
    Told::Lines(text)
}

/// `add ssl crt-list LIST CERTIFICATE`, or the line as payload.
pub fn add(call: &Call<'_>) -> Told {
    let (list, certificate) = (call.word(0), call.word(1));
    if list.is_empty() || (certificate.is_empty() && call.payload.is_none()) {
        return refused("'add ssl crtlist' expects a filename and a certificate name");
    }
    let not = |why: String| refused(format!("Can't edit the crt-list: {why}"));
    let mut state = call.store.state();
    let Some(known) = state.lists.get(list) else {
        return not(format!("crt-list '{list}' does not exist!"));
    };
    let number = known.last_line + 1;
    let payload = call.payload.map(String::from_utf8_lossy);
    let text = match &payload {
        Some(payload) => payload.lines().next().unwrap_or_default(),
        None => certificate,
    };
    let mut config = configuration(call.store, &state);
    let before = config.global.tls.authorities.len();
    let span = Span {
        file: FileId(0),
        line: 1,
        start: 0,
        end: 0,
    };
    let place = Place {
        file: "CLI",
        number: 1,
        span,
    };
    match named(&config.global.tls, text) {
        Ok(name) if state.empty.contains(&name) => {
            return not(format!("certificate '{name}' is empty!"));
        }
        Ok(name) if !state.loaded.certificates.contains_key(&name) => {
            let mut diagnostics = Diagnostics::default();
            let reading = Reading {
                config: &mut config,
                registry: call.registry,
                diagnostics: &mut diagnostics,
            };
            return match reading.options_of(&place, text) {
                Err(fault) => not(fault),
                Ok(()) => not(format!("certificate '{name}' does not exist!")),
            };
        }
        Ok(_) => {}
        Err(fault) => return not(format!("parsing [CLI:1]: {fault}")),
    }
    let mut diagnostics = Diagnostics::default();
    let reading = Reading {
        config: &mut config,
        registry: call.registry,
        diagnostics: &mut diagnostics,
    };
    let lines = match reading.line(&place, text) {
        Ok(lines) => lines,
        Err(fault) => return not(fault),
    };
    if config.global.tls.authorities.len() != before {
        return not("a file of authorities that is not loaded; use 'new ssl ca-file'".to_owned());
    }
    let lines: Vec<CertificateLine> = lines
        .into_iter()
        .map(|line| CertificateLine { number, ..line })
        .collect();
    let mut dots = String::new();
    for listener in &state.listeners {
        if !listener.with_bind(|bind| bind.lists.iter().any(|name| name == list)) {
            continue;
        }
        let entries: Vec<_> = lines
            .iter()
            .filter_map(|line| entry(&config.global.tls, list, line))
            .collect();
        let made = listener.change(&call.store.global, &state.loaded, |bind| {
            bind.certificates.extend(entries);
        });
        if let Err(refused) = made {
            return not(format!("{refused:?}"));
        }
        dots.push('.');
    }
    let name = lines
        .first()
        .map_or("", |line| line.name.as_str())
        .to_owned();
    if let Some(known) = state.lists.get_mut(list) {
        known.last_line = number;
        known.lines.extend(lines);
    }
    Told::Lines(format!(
        "Inserting certificate '{name}' in crt-list '{list}'{dots}\nSuccess!\n"
    ))
}

/// `del ssl crt-list LIST CERTIFICATE[:LINE]`.
pub fn delete(call: &Call<'_>) -> Told {
    let (list, asked) = (call.word(0), call.word(1));
    if list.is_empty() || asked.is_empty() {
        return refused("'del ssl crtlist' expects a filename and a certificate name");
    }
    let not = |why: String| refused(format!("Can't delete the entry: {why}"));
    let mut state = call.store.state();
    let Some(known) = state.lists.get(list) else {
        return not(format!("crt-list '{list}' does not exist!"));
    };
    let (name, wanted) = match asked.rsplit_once(':') {
        Some((name, line)) if line.parse::<u32>().is_ok() => (name, line.parse::<u32>().ok()),
        _ => (asked, None),
    };
    if !state.loaded.certificates.contains_key(name) {
        return not(format!("certificate '{name}' does not exist!"));
    }
    let numbers: Vec<u32> = known
        .lines
        .iter()
        .filter(|line| line.name == name)
        .map(|line| line.number)
        .collect();
    let listed = || {
        numbers
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let number = match (numbers.as_slice(), wanted) {
        ([], _) => {
            return not(format!(
                "certificate '{name}' can't be found in crt-list '{list}'!"
            ));
        }
        ([only], None) => *only,
        (_, Some(wanted)) if numbers.contains(&wanted) => wanted,
        (_, Some(_)) => {
            return not(format!(
                "found a certificate '{name}' but the line number is incorrect, please specify a correct line number preceded by colons ({})!",
                listed()
            ));
        }
        (_, None) => {
            return not(format!(
                "found the certificate '{name}' in several entries, please specify a line number preceded by colons ({})!",
                listed()
            ));
        }
    };
    let origin = Some((list.to_owned(), number));
    let uses = |listener: &&std::sync::Arc<crate::listener::Listener>| {
        listener.with_bind(|bind| bind.certificates.iter().any(|entry| entry.origin == origin))
    };
    let defaults: Vec<&str> = state
        .listeners
        .iter()
        .filter(uses)
        .filter(|listener| {
            let ready = listener.ready();
            let entries = ready.choice().entries();
            let mut defaults = ready.choice().defaults().iter();
            defaults.any(|at| {
                entries
                    .get(*at as usize)
                    .is_some_and(|entry| entry.origin == origin)
            })
        })
        .map(|listener| listener.place.as_str())
        .collect();
    if !defaults.is_empty() {
        let places: String = defaults
            .iter()
            .map(|place| format!("\n\t- {place}"))
            .collect();
        return not(format!(
            "certificate '{name}' cannot be deleted, it is used as default certificate by the following frontends:{places}"
        ));
    }
    for listener in state.listeners.iter().filter(uses) {
        let made = listener.change(&call.store.global, &state.loaded, |bind| {
            bind.certificates.retain(|entry| entry.origin != origin);
        });
        if let Err(refused) = made {
            return not(format!("{refused:?}"));
        }
    }
    if let Some(known) = state.lists.get_mut(list) {
        known
            .lines
            .retain(|line| line.number != number || line.name != name);
    }
    done(format!("Entry '{name}' deleted in crtlist '{list}'!"))
}
