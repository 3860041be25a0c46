//! `use_backend` and `default_backend`.

use hapax_core::ir::{BackendTarget, Condition, Reference, ReferenceKind, UseBackend};
use hapax_core::keyword::{Fault, Line};
use hapax_core::span::Word;
use hapax_sample::condition;
use hapax_sample::expression::Origin;
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

use super::rule::is_condition;

pub(crate) fn use_backend(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault("'use_backend' expects a backend name."));
    };
    let condition = read_condition(line)?;
    let Some(target) = target(line, word) else {
        return Ok(());
    };
    if let BackendTarget::Name(name) = &target {
        let name = name.clone();
        refer(line, name, "use_backend")?;
    }
    let span = line.span;
    line.proxy()?.use_backend.push(UseBackend {
        target,
        condition,
        span,
    });
    Ok(())
}

pub(crate) fn default_backend(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(name) = line.arg(0) else {
        return Err(line.fault("'default_backend' expects a backend name."));
    };
    if let Some(odd) = line.arg(1) {
        let text = format!("'default_backend' cannot handle unexpected argument '{odd}'.");
        return Err(line.fault_at(1, text));
    }
    // The name is looked for when everything is read, because a later line may replace it.
    let (name, span) = (name.into_owned(), line.span);
    line.proxy()?.default_backend = Some((name, span));
    Ok(())
}

fn read_condition(line: &mut Line<'_>) -> Result<Option<Condition>, Fault> {
    let words = line.args().get(1..).unwrap_or(&[]);
    let Some(word) = words.first() else {
        return Ok(None);
    };
    if !is_condition(word) {
        let text = format!(
            "unexpected keyword '{}' after switching rule, only 'if' and 'unless' are allowed.",
            word.lossy()
        );
        return Err(line.fault_at(1, text));
    }
    condition::parse(words, Place::USE_BACKEND, line)
        .map(Some)
        .map_err(|text| {
            line.fault(format!(
                "error detected while parsing switching rule : {text}."
            ))
        })
}

/// A fixed name, or the format of one; a fault of that is reported when everything is read.
fn target(line: &mut Line<'_>, word: &Word) -> Option<BackendTarget> {
    let origin = Origin::of(line);
    let parsed = log_format::parse(&word.text, Style::Plain, Place::USE_BACKEND, &origin);
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(text) => {
            let missing = format!(
                "Parsing [{}]: failed to parse use_backend rule '{}' : {text}.",
                origin.place,
                word.lossy()
            );
            refuse_later(line, word, missing);
            return None;
        }
    };
    // Upstream looks for a name at once only where nothing in the text could be a format.
    if !word.text.contains(&b'%') {
        return Some(BackendTarget::Name(word.lossy().into_owned()));
    }
    line.config.references.extend(parsed.references);
    Some(BackendTarget::Format(parsed.format))
}

/// Refuses the configuration for a word, once everything is read.
pub(super) fn refuse_later(line: &mut Line<'_>, word: &Word, text: String) {
    let from = Origin::of(line).from;
    line.config.references.push(Reference {
        kind: ReferenceKind::Nothing,
        name: word.lossy().into_owned(),
        from,
        span: word.span,
        missing: text,
    });
}

/// Notes that a backend must exist.
fn refer(line: &mut Line<'_>, name: String, keyword: &str) -> Result<(), Fault> {
    let from = Origin::of(line).from;
    let missing = format!(
        "Proxy '{}': unable to find required {keyword}: '{name}'.",
        line.proxy()?.name
    );
    line.config.references.push(Reference {
        kind: ReferenceKind::Backend,
        name,
        from,
        span: line.span,
        missing,
    });
    Ok(())
}
