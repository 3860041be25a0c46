//! `reqadd` and `rspadd`: append a line to the head, after every other old rule.

use std::sync::Arc;

use hapax_core::keyword::{Fault, Line, Rulesets, SectionKeyword};

use super::{modern, row, rule, ruleset, warn, written};
use crate::action::old_line::{OldAdd, field, lines};

pub(crate) static ROWS: &[SectionKeyword] = &[
    row(
        "reqadd",
        "2.0",
        "<string> [ { if | unless } <condition> ]",
        "Appends a header line to requests.",
        parse,
    ),
    row(
        "rspadd",
        "2.0",
        "<string> [ { if | unless } <condition> ]",
        "Appends a header line to responses.",
        parse,
    ),
];

fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let name = line.keyword();
    let Some(word) = line.args().first() else {
        return Err(line.fault(format!("'{name}' expects <header> as an argument.")));
    };
    let mut added = Vec::new();
    for text in lines(&word.text).filter(|text| !text.is_empty()) {
        let Some((name, value)) = field(text) else {
            let text = format!("'{name}' expects a header line, '<name>: <value>'.");
            return Err(line.fault_at(0, text));
        };
        added.push((name.to_vec(), value.to_vec()));
    }
    let ruleset = ruleset(line);
    let kind = modern::Side::of(ruleset);
    let condition = modern::condition(line.args().get(1..).unwrap_or(&[]));
    let modern: Vec<_> = added
        .iter()
        .map(|(name, value)| {
            let value = modern::format(value);
            let name = modern::word(name);
            modern::spaced(&[kind.keyword(), "add-header", &name, &value, &condition])
        })
        .collect();
    let action = Arc::new(OldAdd {
        lines: added,
        text: written(line),
    });
    let rule = rule(line, 2, ruleset, action)?;
    let rules = &mut line.proxy()?.old_rules;
    match ruleset {
        Rulesets::HTTP_RESPONSE => rules.response_add.push(rule),
        _ => rules.request_add.push(rule),
    }
    let instead = format!(" Use '{} add-header' instead.", kind.keyword());
    warn(line, &instead, &modern);
    Ok(())
}
