//! `set-nice`: no counterpart here.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-nice",
    rulesets: Rulesets::TCP_CONTENT
        .or(Rulesets::TCP_RESPONSE)
        .or(Rulesets::HTTP_REQUEST)
        .or(Rulesets::HTTP_RESPONSE),
    usage: "<nice>",
    doc: "No counterpart: workers have no scheduler with priorities.",
    parse: |cursor| {
        reading::expect(cursor, "expects exactly 1 argument (integer value)")?;
        let entry = (
            cursor.line.span,
            ROW.name,
            "workers have no scheduler with priorities",
        );
        cursor.line.config.global.no_counterpart.push(entry);
        Ok(Arc::new(SetNice {
            text: reading::text(cursor),
        }))
    },
};

#[derive(Debug)]
struct SetNice {
    text: String,
}

impl Action for SetNice {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Continue
    }
}
