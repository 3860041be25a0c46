//! `set-log-level`: the level of the exchange's log line, or none of it.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::{BOTH, reading};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-log-level",
    rulesets: BOTH
        .or(Rulesets::HTTP_AFTER_RESPONSE)
        .or(Rulesets::TCP_CONTENT)
        .or(Rulesets::TCP_RESPONSE),
    usage: "<level>",
    doc: "Sets the level of the log line, or leaves the line out.",
    parse: |cursor| {
        let missing = "expects exactly 1 argument (log level name or 'silent')";
        let word = reading::expect(cursor, missing)?;
        let level = LEVELS.iter().zip(0..).find(|(name, _)| *word == **name);
        let level = match level {
            Some((_, level)) => Some(level),
            None if *word == "silent" => None,
            None => return Err(reading::fault_at(cursor, word.span, missing)),
        };
        Ok(Arc::new(SetLogLevel {
            level,
            text: reading::text(cursor),
        }))
    },
};

static LEVELS: &[&str] = &[
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

#[derive(Debug)]
struct SetLogLevel {
    /// None is no line.
    level: Option<u8>,
    text: String,
}

impl Action for SetLogLevel {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        tx.stream.log_silent = self.level.is_none();
        tx.stream.log_level = self.level;
        Outcome::Continue
    }
}
