//! Old directives that only renamed or moved something. They work, with a warning whose hint is the modern line.

pub(crate) mod listen;
pub(crate) mod monitor;
pub(crate) mod option;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod quotes;
pub(crate) mod session;

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::keyword::Line;

/// Warns, and shows the line to write instead.
pub(crate) fn renamed(line: &mut Line<'_>, message: impl Into<String>, modern: impl Into<String>) {
    let warning = Diagnostic::warning(line.span, message).with_hint(modern);
    line.diagnostics.push(warning);
}

/// The same in the form of the messages about old options.
pub(crate) fn renamed_option(
    line: &mut Line<'_>,
    message: impl Into<String>,
    modern: impl Into<String>,
) {
    let warning = Diagnostic::warning(line.span, message)
        .with_prefix(Prefix::Reading)
        .with_hint(modern);
    line.diagnostics.push(warning);
}

/// Warns that a line does nothing any more.
pub(crate) fn without_effect(line: &mut Line<'_>, message: impl Into<String>) {
    renamed(line, message, "please remove this line");
}
