//! `userlist NAME`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::UserList;
use hapax_core::span::{Span, Word};

use super::{Open, forbidden};
use crate::parser::Parser;

/// A `userlist` line. What belongs to a section that is not taken makes no noise.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let name = words.get(1).map(Word::lossy).unwrap_or_default();
    let refused = Open::Refused(name.clone().into_owned());
    let fault = match words.get(1) {
        None => Some("'userlist' expects <name> as arguments.".to_owned()),
        Some(word) => forbidden(&word.text).map(|byte| {
            format!(
                "character '{}' is not permitted in 'userlist' name '{name}'.",
                char::from(byte)
            )
        }),
    };
    if let Some(text) = fault {
        let finding = Diagnostic::alert(span, text).with_prefix(Prefix::Reading);
        parser.diagnostics.push(finding);
        return refused;
    }
    if let Some(extra) = words.get(2) {
        let text = format!(
            "'userlist' cannot handle unexpected argument '{}'.",
            extra.lossy()
        );
        parser.diagnostics.push(Diagnostic::alert(extra.span, text));
        return refused;
    }
    let lists = &mut parser.config.user_lists;
    if lists.iter().any(|list| list.name == name) {
        let text = format!("ignoring duplicated userlist '{name}'.");
        let finding = Diagnostic::warning(span, text).with_prefix(Prefix::Reading);
        parser.diagnostics.push(finding);
        return refused;
    }
    lists.push(UserList {
        name: name.clone().into_owned(),
        span,
        users: Vec::new(),
        groups: Vec::new(),
    });
    Open::UserList(name.into_owned(), Box::default())
}
