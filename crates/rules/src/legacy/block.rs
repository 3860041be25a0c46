//! `block`: 403 before every `http-request` rule.

use std::sync::Arc;

use hapax_core::keyword::{Fault, Line, Rulesets, SectionKeyword};

use super::{modern, row, rule, warn, written};
use crate::action::old_line::OldBlock;
use crate::section::rule::is_condition;

pub(crate) static ROWS: &[SectionKeyword] = &[row(
    "block",
    "2.0",
    "{ if | unless } <condition>",
    "Refuses requests with 403 before the http-request rules.",
    parse,
)];

fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    if !line.args().first().is_some_and(is_condition) {
        let text = "'block' requires either 'if' or 'unless' followed by a condition.";
        return Err(line.fault(text));
    }
    let action = Arc::new(OldBlock {
        text: written(line),
    });
    let rule = rule(line, 1, Rulesets::HTTP_REQUEST, action)?;
    line.proxy()?.old_rules.block.push(rule);
    let mut lines = vec![format!("http-request deny {}", modern::words(line.args()))];
    if !line.proxy()?.http_request.is_empty() {
        lines.push("(before the other http-request rules)".to_owned());
    }
    let instead = " Use 'http-request deny' which uses the exact same syntax.";
    warn(line, instead, &lines);
    Ok(())
}
