//! `pause`: the next rules run after a while.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault};

use super::duration::{self, Duration};
use super::{BOTH, reading};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "pause",
    rulesets: BOTH,
    usage: "{ <timeout> | <expr> }",
    doc: "Lets the message wait before the next rules.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    // Upstream's text about an argument that is not there has a zero byte, which ends it.
    let word = reading::expect(cursor, "unexpected character '")?;
    let time = duration::read(cursor, word, ROW.name)?;
    Ok(Arc::new(Pause {
        time,
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct Pause {
    time: Duration,
    text: String,
}

impl Action for Pause {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        match self.time.value(&tx.cx()) {
            Some(time) => Outcome::Pause { time },
            None => Outcome::Continue,
        }
    }
}
