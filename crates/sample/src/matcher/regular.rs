//! Regular expressions: `-m reg`, `regsub` and the actions that replace.

use std::sync::Arc;

use hapax_core::contract::Matcher;
use hapax_core::keyword::Patterns;
use hapax_core::sample::{Sample, Type};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::describe;

#[derive(Debug)]
struct Regular {
    text: String,
    set: Set,
}

#[derive(Debug)]
enum Set {
    One(Regex),
    Many(RegexSet),
}

pub fn build(patterns: &Patterns) -> Result<Arc<dyn Matcher>, String> {
    let mut sources = Vec::with_capacity(patterns.list.len());
    let mut one = None;
    for pattern in &patterns.list {
        one = Some(compile(pattern, patterns.ignore_case)?);
        sources.push(source(pattern));
    }
    let set = match one {
        Some(regex) if sources.len() == 1 => Set::One(regex),
        _ => Set::Many(
            RegexSetBuilder::new(&sources)
                .unicode(false)
                .case_insensitive(patterns.ignore_case)
                .build()
                .map_err(|error| explain("", &error))?,
        ),
    };
    Ok(Arc::new(Regular {
        text: describe("reg", patterns),
        set,
    }))
}

impl Matcher for Regular {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn input(&self) -> Type {
        Type::Str
    }

    fn matches(&self, sample: &Sample<'_>) -> bool {
        let Some(bytes) = sample.value.bytes() else {
            return false;
        };
        match &self.set {
            Set::One(regex) => regex.is_match(bytes),
            Set::Many(set) => set.is_match(bytes),
        }
    }
}

/// Compiles an expression over bytes.
///
/// # Errors
/// Upstream's text, for expressions that are wrong and for those that this engine cannot run in linear time.
pub fn compile(pattern: &[u8], ignore_case: bool) -> Result<Regex, String> {
    RegexBuilder::new(&source(pattern))
        .unicode(false)
        .case_insensitive(ignore_case)
        .build()
        .map_err(|error| explain(&String::from_utf8_lossy(pattern), &error))
}

/// The pattern as the engine reads it: bytes that are not UTF-8 become escapes.
fn source(pattern: &[u8]) -> String {
    match std::str::from_utf8(pattern) {
        Ok(text) => text.to_owned(),
        Err(_) => pattern
            .iter()
            .map(|byte| match byte {
                0x80.. => format!("\\x{byte:02x}"),
                _ => char::from(*byte).to_string(),
            })
            .collect(),
    }
}

fn explain(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let known = [
        (
            "unclosed group",
            "missing closing parenthesis",
            pattern.len(),
        ),
        (
            "unopened group",
            "unmatched closing parenthesis",
            pattern.find(')').unwrap_or(0),
        ),
        (
            "unclosed character class",
            "missing terminating ] for character class",
            pattern.len(),
        ),
        (
            "incomplete escape sequence",
            "\\ at end of pattern",
            pattern.len(),
        ),
        (
            "repetition operator missing expression",
            "quantifier does not follow a repeatable item",
            pattern.find(['*', '+', '?']).unwrap_or(0),
        ),
    ];
    if let Some((_, theirs, offset)) = known.iter().find(|(ours, ..)| text.contains(ours)) {
        return format!("regex '{pattern}' is invalid (error={theirs}, erroffset={offset})");
    }
    let reason = text.lines().last().unwrap_or_default();
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    format!("regex '{pattern}' cannot be used: {reason}")
}
