//! `show ssl sni`: which names each listener has certificates for, and until when.

use std::fmt::Write as _;

use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Call, Told, refused};
use crate::certificate::KeyKind;
use crate::choice::{Choice, Entry};
use crate::describe::date;

/// `show ssl sni [-f FRONTEND] [-A] [-t OFFSET]`.
pub fn show(call: &Call<'_>) -> Told {
    let state = call.store.state();
    let mut words = call.words.iter().map(String::as_str);
    let (mut frontend, mut only_old, mut offset) = (None, false, 0);
    while let Some(word) = words.next() {
        match word {
            "-f" => {
                let Some(name) = words.next() else {
                    return refused("'-f' requires a frontend name!");
                };
                if !state
                    .listeners
                    .iter()
                    .any(|listener| listener.proxy == name)
                {
                    return refused("Couldn't find the specified frontend!");
                }
                frontend = Some(name);
            }
            "-A" => only_old = true,
            "-t" => match words.next().and_then(seconds) {
                Some(time) => offset = time,
                None => {
                    return refused(
                        "Invalid parameters, 'show ssl sni' only supports '-f', '-A' or '-t' options!",
                    );
                }
            },
            _ => {
                return refused(
                    "Invalid parameters, 'show ssl sni' only supports '-f', '-A' or '-t' options!",
                );
            }
        }
    }
    let ends_before = only_old.then_some(call.now / 1000 + offset);
    let mut text =
        "# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n".to_owned();
    for listener in &state.listeners {
        if frontend.is_some_and(|name| name != listener.proxy) {
            continue;
        }
        let place = format!("{}/{}", listener.proxy, listener.place);
        for (name, entry) in rows(listener.ready().choice()) {
            line(&mut text, &place, &name, entry, ends_before);
        }
    }
    Told::Lines(text)
}

/// Exact names before wildcards, sorted.
fn rows(choice: &Choice) -> Vec<(String, &Entry)> {
    let mut rows: Vec<(bool, String, &Entry)> = Vec::new();
    for (position, entry) in (0..).zip(choice.entries()) {
        for name in entry.shown_names().filter(|name| !name.starts_with('!')) {
            if name != "*" {
                rows.push((name.starts_with('*'), name.to_ascii_lowercase(), entry));
            }
        }
        if choice.defaults().contains(&position) {
            rows.push((true, "*".to_owned(), entry));
        }
    }
    rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    rows.into_iter()
        .map(|(_, name, entry)| (name, entry))
        .collect()
}

fn line(text: &mut String, place: &str, name: &str, entry: &Entry, ends_before: Option<i64>) {
    let Ok((_, read)) = X509Certificate::from_der(&entry.certificate.der) else {
        return;
    };
    let validity = read.validity();
    if ends_before.is_some_and(|end| validity.not_after.timestamp() > end) {
        return;
    }
    let exceptions: String = entry
        .filters
        .iter()
        .filter(|filter| filter.starts_with('!') && name.starts_with('*'))
        .map(|filter| format!("{filter} "))
        .collect();
    let exceptions = if exceptions.is_empty() {
        "-"
    } else {
        &exceptions
    };
    let kind = match entry.kind() {
        KeyKind::Rsa => "rsa",
        KeyKind::Curve => "ecdsa",
    };
    let _ = writeln!(
        text,
        "{place}\t{name}\t{exceptions}\t{kind}\t{}\t{}\t{}",
        entry.certificate.path,
        date(&validity.not_after),
        date(&validity.not_before)
    );
}

/// A time with a unit, in seconds.
fn seconds(text: &str) -> Option<i64> {
    let end = text
        .find(|byte: char| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let each = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(each)
}
