//! `mailers NAME`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::Mailers;
use hapax_core::span::{Span, Word};

use super::{Open, forbidden};
use crate::parser::Parser;

/// A `mailers` line. What belongs to a section that is not taken makes no noise.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let Some(word) = words.get(1) else {
        let text = "missing name for mailers section.";
        parser.diagnostics.push(Diagnostic::alert(span, text));
        return Open::Refused("mailers".to_owned());
    };
    let name = word.lossy().into_owned();
    if let Some(byte) = forbidden(&word.text) {
        let text = format!(
            "character '{}' is not permitted in 'mailers' name '{name}'.",
            char::from(byte)
        );
        parser.diagnostics.push(Diagnostic::alert(word.span, text));
        return Open::Refused(name);
    }
    let sections = &parser.config.mailers;
    if let Some(other) = sections.iter().find(|section| section.name == name) {
        let path = |span: Span| {
            let path = parser.paths.get(usize::from(span.file.0));
            format!("{}:{}", path.map_or("?", String::as_str), span.line)
        };
        let text = format!(
            "Parsing [{}]: mailers section '{name}' has the same name as another mailers section declared at {}.",
            path(span),
            path(other.span)
        );
        let finding = Diagnostic::alert(span, text).with_prefix(Prefix::Config);
        parser.diagnostics.push(finding);
        return Open::Refused(name);
    }
    parser.config.mailers.push(Mailers {
        name: name.clone(),
        span,
        timeout: 10_000,
        mailers: Vec::new(),
    });
    Open::Mailers(name, Box::default())
}
