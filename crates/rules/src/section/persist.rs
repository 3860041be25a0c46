//! `use-server`, `force-persist` and `ignore-persist`.

use hapax_core::ir::{Condition, PersistEffect, PersistRule, ServerTarget, UseServer};
use hapax_core::keyword::{Fault, Line};
use hapax_core::span::Word;
use hapax_sample::condition;
use hapax_sample::expression::Origin;
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

use super::backend::refuse_later;
use super::rule::is_condition;

pub(crate) fn use_server(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first().filter(|word| !word.text.is_empty()) else {
        return Err(line.fault("'use-server' expects a server name."));
    };
    let condition = read_condition(line, 1, Place::SERVER_CHOICE, "switching rule")?;
    let Some(target) = target(line, word) else {
        return Ok(());
    };
    let span = line.span;
    line.proxy()?.use_server.push(UseServer {
        target,
        condition,
        span,
    });
    Ok(())
}

pub(crate) fn rule(line: &mut Line<'_>, effect: PersistEffect) -> Result<(), Fault> {
    let what = format!("a '{}' rule", line.keyword());
    let condition = read_condition(line, 0, Place::BACKEND_CONTENT, &what)?;
    let span = line.span;
    line.proxy()?.persist_rules.push(PersistRule {
        effect,
        condition,
        span,
    });
    Ok(())
}

fn read_condition(
    line: &mut Line<'_>,
    at: usize,
    place: Place,
    what: &str,
) -> Result<Condition, Fault> {
    let words = line.args().get(at..).unwrap_or(&[]);
    if !words.first().is_some_and(is_condition) {
        let text = format!(
            "'{}' requires either 'if' or 'unless' followed by a condition.",
            line.keyword()
        );
        return Err(line.fault(text));
    }
    condition::parse(words, place, line)
        .map_err(|text| line.fault(format!("error detected while parsing {what} : {text}.")))
}

/// A fixed name, or the format of one; a fault of that is reported when everything is read.
fn target(line: &mut Line<'_>, word: &Word) -> Option<ServerTarget> {
    if !word.text.contains(&b'%') {
        return Some(ServerTarget::Name(word.lossy().into_owned()));
    }
    let origin = Origin::of(line);
    let parsed = log_format::parse(&word.text, Style::Plain, Place::SERVER_CHOICE, &origin);
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(text) => {
            let text = format!(
                "Parsing [{}]; use-server rule failed to parse log-format '{}' : {text}.",
                origin.place,
                word.lossy()
            );
            refuse_later(line, word, text);
            return None;
        }
    };
    line.config.references.extend(parsed.references);
    Some(ServerTarget::Format(parsed.format))
}
