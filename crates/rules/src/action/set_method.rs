//! `set-method`: another method.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::reading::{self, Text};
use super::room;
use super::set_header::is_token;
use super::target;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-method",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<fmt>",
    doc: "Replaces the method of the request.",
    parse: |cursor| {
        let value = target::format(cursor)?;
        Ok(Arc::new(SetMethod {
            value,
            text: reading::text(cursor),
        }))
    },
};

#[derive(Debug)]
struct SetMethod {
    value: Text,
    text: String,
}

impl Action for SetMethod {
    fn text(&self) -> String {
        self.text.clone()
    }

    /// What is no method (RFC 9110 9.1) would break the request line, so the method stays; upstream sends it.
    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        self.value.with(tx, |tx, value| {
            if value.is_empty() || !value.iter().all(|byte| is_token(*byte)) {
                return Outcome::Continue;
            }
            let old = tx.stream.request.method().len();
            room::edit(tx, value.len(), old, |tx| {
                tx.stream.request.set_method(value)
            })
        })
    }
}
