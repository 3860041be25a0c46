//! `early-hint`: a field of a 103 response that goes to the client before the request is passed on (RFC 8297).

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};
use hapax_sample::log_format::Style;

use super::reading::{self, Text};
use super::room;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "early-hint",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<name> <fmt>",
    doc: "Sends a field in a 103 response; rules without a condition share one with the rule before.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    const MISSING: &str = "expects exactly 2 arguments";
    let name = reading::expect(cursor, MISSING)?;
    let value = reading::expect(cursor, MISSING)?;
    let value = reading::format(cursor, &value.text, Style::Header, value.span)?;
    let conditional = cursor.peek().is_some();
    let rules = &cursor.line.proxy()?.http_request;
    // A rule with a condition begins a response, and those without one behind it join.
    let mut group = rules.len();
    let before = rules.iter().enumerate().rev();
    for (index, rule) in before.take_while(|(_, rule)| rule.action.text().starts_with(ROW.name)) {
        if conditional {
            break;
        }
        group = index;
        if rule.condition.is_some() {
            break;
        }
    }
    Ok(Arc::new(EarlyHint {
        name: name.text.to_ascii_lowercase(),
        value,
        group,
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct EarlyHint {
    name: Vec<u8>,
    value: Text,
    group: usize,
    text: String,
}

impl Action for EarlyHint {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        self.value.with(tx, |tx, value| {
            if !room::holds_hint(tx, &self.name, value) {
                return Outcome::AnswerFailed { local: false };
            }
            tx.stream.early_hints.add(self.group, &self.name, value);
            Outcome::Continue
        })
    }
}
