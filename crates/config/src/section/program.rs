//! `program NAME`.

use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::ir::ExternalProgram;
use hapax_core::span::{Span, Word};

use super::Open;
use crate::parser::Parser;

/// A `program` line. HAProxy 3.2 refuses the section unless `expose-deprecated-directives` is given.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let exposed = &parser.config.global.no_counterpart;
    if !exposed
        .iter()
        .any(|(_, name, _)| *name == "expose-deprecated-directives")
    {
        let text = "The 'program' section is deprecated and HAProxy 3.3 has none. A process manager such as systemd does the same.";
        let finding = Diagnostic::at(Severity::Warning, span, text).with_prefix(Prefix::Reading);
        parser.diagnostics.push(finding);
    }
    let name = words.get(1).map(Word::lossy).unwrap_or_default();
    let programs = &parser.config.programs;
    let finding = match words {
        [_] => Some(Diagnostic::alert(
            span,
            "'program' expects an <id> argument",
        )),
        [_, _, extra, ..] => {
            let text = format!(
                "'program' cannot handle unexpected argument '{}'.",
                extra.lossy()
            );
            Some(Diagnostic::alert(extra.span, text))
        }
        _ if programs.iter().any(|program| program.name == name) => {
            let text = format!("'{name}' program section already exists in the configuration.");
            Some(Diagnostic::alert(span, text).with_prefix(Prefix::Reading))
        }
        _ => None,
    };
    if let Some(finding) = finding {
        parser.diagnostics.push(finding);
        return Open::Refused(name.into_owned());
    }
    parser.config.programs.push(ExternalProgram {
        name: name.clone().into_owned(),
        span,
        command: Vec::new(),
        uid: None,
        gid: None,
        stays_on_reload: false,
    });
    Open::Program(name.into_owned(), Box::default())
}
