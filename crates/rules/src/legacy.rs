//! Rules that HAProxy dropped: they run here in the order of 1.5, with a warning that prints what to write today.

mod add;
mod block;
mod line;
mod modern;
mod pattern;

use hapax_core::contract::{Action, Shared};
use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::Rule;
use hapax_core::keyword::{Fault, Line, Rulesets, SectionKeyword, Sections, Support, Tables};
use std::sync::Arc;

use crate::section::rule::read_condition;

/// `reqadd`, `rspadd`.
pub const ADD: Tables = table(add::ROWS);
/// `block`.
pub const BLOCK: Tables = table(block::ROWS);
/// Those over lines.
pub const LINE: Tables = table(line::ROWS);

const fn table(sections: &'static [SectionKeyword]) -> Tables {
    Tables {
        sections,
        ..Tables::NONE
    }
}

/// Old rules never had a place in `defaults`.
const NAMED: Sections = Sections(4 | 8 | 16);

const fn row(
    name: &'static str,
    last: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: fn(&mut Line<'_>) -> Result<(), Fault>,
) -> SectionKeyword {
    SectionKeyword {
        name,
        sections: NAMED,
        negatable: false,
        usage,
        doc,
        support: Support::Legacy(last),
        parse,
    }
}

/// The rule that `action` makes, with the condition that stands from word `at`.
fn rule(
    line: &mut Line<'_>,
    at: usize,
    ruleset: Rulesets,
    action: Arc<dyn Action>,
) -> Result<Rule, Fault> {
    let name = line.keyword();
    let condition = read_condition(line, at, ruleset, &name)?;
    Ok(Rule {
        action: Shared(action),
        condition,
        span: line.span,
    })
}

/// Requests or responses, as the keyword says.
fn ruleset(line: &Line<'_>) -> Rulesets {
    match line.keyword().starts_with("rsp") {
        true => Rulesets::HTTP_RESPONSE,
        false => Rulesets::HTTP_REQUEST,
    }
}

/// Warns as upstream refuses, and shows what to write instead.
fn warn(line: &mut Line<'_>, instead: &str, modern: &[String]) {
    let name = line.keyword();
    let text =
        format!("The '{name}' directive is not supported anymore since HAProxy 2.1.{instead}");
    let warning = Diagnostic::warning(line.span, text).with_hint(modern.join(NEXT_LINE));
    line.diagnostics.push(warning);
}

/// Lines after the first stand below it.
const NEXT_LINE: &str = "\n          ";

/// The rule as written.
fn written(line: &Line<'_>) -> String {
    let words: Vec<_> = line
        .words
        .iter()
        .map(|word| modern::word(&word.text))
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
