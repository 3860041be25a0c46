//! `set-log-level`: how important the exchange's log line is, or that there is none.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-log-level",
    rulesets: Rulesets::TCP_CONTENT
        .or(Rulesets::TCP_RESPONSE)
        .or(Rulesets::HTTP_REQUEST)
        .or(Rulesets::HTTP_RESPONSE)
        .or(Rulesets::HTTP_AFTER_RESPONSE),
    usage: "<level>",
    doc: "Sets the level of the log line; `silent` writes none.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let known = |text: &str| match text {
        "silent" => Some(None),
        text => LEVELS
            .iter()
            .position(|level| *level == text)
            .map(|level| Some(level as u8)),
    };
    let level = cursor.take().and_then(|word| known(&word.lossy()));
    match level {
        Some(level) => Ok(Arc::new(SetLogLevel {
            level,
            text: reading::text(cursor),
        })),
        None => Err(reading::fault(
            cursor,
            "expects exactly 1 argument (log level name or 'silent')",
        )),
    }
}

const LEVELS: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

#[derive(Debug)]
struct SetLogLevel {
    /// None is silent.
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
