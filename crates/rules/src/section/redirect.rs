//! The `redirect` line of a section.

use hapax_core::contract::Shared;
use hapax_core::ir::Rule;
use hapax_core::keyword::{ActionCursor, Fault, Line, Rulesets};

use super::rule;
use crate::action::redirect;

pub(crate) fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let mut cursor = ActionCursor {
        at: line.name_words,
        line,
        ruleset: Rulesets::HTTP_REQUEST,
    };
    let action = redirect::read(&mut cursor)?;
    let condition = redirect::condition(&mut cursor)?;
    let span = line.span;
    line.proxy()?.redirect.push(Rule {
        action: Shared(action),
        condition,
        span,
    });
    rule::warn_order(line)
}
