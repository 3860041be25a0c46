//! `resolvers NAME`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::Resolvers;
use hapax_core::span::{Span, Word};

use super::{Open, forbidden};
use crate::parser::Parser;

/// A `resolvers` line. What belongs to a section that is not taken makes no noise.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let Some(word) = words.get(1) else {
        let text = "missing name for resolvers section.";
        parser.diagnostics.push(Diagnostic::alert(span, text));
        return Open::Refused("resolvers".to_owned());
    };
    let name = word.lossy().into_owned();
    if let Some(byte) = forbidden(&word.text) {
        let text = format!(
            "character '{}' is not permitted in 'resolvers' name '{name}'.",
            char::from(byte)
        );
        parser.diagnostics.push(Diagnostic::alert(word.span, text));
        return Open::Refused(name);
    }
    let sections = &parser.config.resolvers;
    if let Some(other) = sections.iter().find(|section| section.name == name) {
        let path = |span: Span| {
            let path = parser.paths.get(usize::from(span.file.0));
            format!("{}:{}", path.map_or("?", String::as_str), span.line)
        };
        let text = format!(
            "Parsing [{}]: resolvers '{name}' has same name as another resolvers (declared at {}).",
            path(span),
            path(other.span)
        );
        let finding = Diagnostic::alert(span, text).with_prefix(Prefix::Config);
        parser.diagnostics.push(finding);
        return Open::Refused(name);
    }
    parser
        .config
        .resolvers
        .push(Resolvers::new(name.clone(), span));
    Open::Resolvers(name, Box::default())
}
