//! `traces`.

use hapax_core::diagnostic::Diagnostic;
use hapax_core::span::Word;

use super::Open;
use crate::parser::Parser;

/// A `traces` line.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word]) -> Open {
    if let Some(extra) = words.get(1) {
        let text = format!(
            "'traces' cannot handle unexpected argument '{}'.",
            extra.lossy()
        );
        parser.diagnostics.push(Diagnostic::alert(extra.span, text));
        return Open::Refused("traces".to_owned());
    }
    Open::Traces(Box::default())
}
