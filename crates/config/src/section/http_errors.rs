//! `http-errors NAME`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::HttpErrors;
use hapax_core::span::{Span, Word};

use super::Open;
use crate::parser::Parser;

/// An `http-errors` line. What belongs to a section that is not taken makes no noise.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let Some(name) = words.get(1) else {
        let text = "missing name for http-errors section.";
        parser.diagnostics.push(Diagnostic::alert(span, text));
        return Open::Refused("http-errors".to_owned());
    };
    let name = name.lossy().into_owned();
    let sections = &parser.config.http_errors;
    if let Some(other) = sections.iter().find(|section| section.name == name) {
        let path = parser.paths.get(usize::from(other.span.file.0));
        let text = format!(
            "http-errors section '{name}' already exists (declared at {}:{}).",
            path.map_or("?", String::as_str),
            other.span.line
        );
        let finding = Diagnostic::alert(span, text).with_prefix(Prefix::Reading);
        parser.diagnostics.push(finding);
        return Open::Refused(name);
    }
    parser.config.http_errors.push(HttpErrors {
        name: name.clone(),
        span,
        pages: Vec::new(),
    });
    Open::HttpErrors(name, Box::default())
}
