//! `set-status`: another status for the response.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::reading;
use super::reason::reason;
use super::room;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-status",
    rulesets: Rulesets::HTTP_RESPONSE.or(Rulesets::HTTP_AFTER_RESPONSE),
    usage: "<status> [reason <str>]",
    doc: "Replaces the status of the response.",
    parse: |cursor| {
        let missing = "expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>";
        let word = reading::expect(cursor, missing)?;
        let number = std::str::from_utf8(&word.text).ok();
        let Some(status @ 100..=999) = number.and_then(|text| text.parse::<u16>().ok()) else {
            let text = "expects an integer status code between 100 and 999";
            return Err(reading::fault_at(cursor, word.span, text));
        };
        let mut phrase = reason(status).as_bytes().to_vec();
        let rest = cursor.line.words.get(cursor.at..).unwrap_or(&[]);
        if let [keyword, given, ..] = rest
            && *keyword == "reason"
        {
            phrase = given.text.clone();
            cursor.at += 2;
        }
        Ok(Arc::new(SetStatus {
            status,
            phrase,
            text: reading::text(cursor),
        }))
    },
};

#[derive(Debug)]
struct SetStatus {
    status: u16,
    phrase: Vec<u8>,
    text: String,
}

impl Action for SetStatus {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let old = tx.stream.response.reason().len();
        room::edit(tx, self.phrase.len(), old, |tx| {
            tx.stream.response.set_status(self.status, &self.phrase);
        })
    }
}
