//! `log-profile NAME`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::LogProfile;
use hapax_core::span::{Span, Word};

use super::{Open, forbidden};
use crate::parser::Parser;

/// A `log-profile` line. The lines of a section that is not taken are read all the same, as upstream reads them.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let name = words.get(1).map(Word::lossy).unwrap_or_default();
    let finding = match words {
        [_] => Some(Diagnostic::alert(
            span,
            "missing name for log-profile section.",
        )),
        [_, word, ..] if let Some(byte) = forbidden(&word.text) => {
            let text = format!(
                "character '{}' is not permitted in 'log-profile' name '{name}'.",
                char::from(byte)
            );
            Some(Diagnostic::alert(word.span, text))
        }
        [_, _, extra, ..] => {
            let text = format!(
                "'log-profile' cannot handle unexpected argument '{}'.",
                extra.lossy()
            );
            Some(Diagnostic::alert(extra.span, text))
        }
        _ => {
            let profiles = &parser.config.log_profiles;
            let same = profiles.iter().find(|profile| profile.name == name);
            same.map(|other| {
                let path = |span: Span| parser.paths.get(usize::from(span.file.0));
                let shown = |span: Span| {
                    let path = path(span).map_or("?", String::as_str);
                    format!("{path}:{}", span.line)
                };
                let text = format!(
                    "Parsing [{}]: log-profile section '{name}' has the same name as another log-profile section \
                     declared at {}.",
                    shown(span),
                    shown(other.span)
                );
                Diagnostic::alert(span, text).with_prefix(Prefix::Config)
            })
        }
    };
    if let Some(finding) = finding {
        parser.diagnostics.push(finding);
    }
    parser.config.log_profiles.push(LogProfile {
        name: name.clone().into_owned(),
        span,
        tag: None,
        steps: Vec::new(),
    });
    Open::LogProfile(name.into_owned(), Box::default())
}
