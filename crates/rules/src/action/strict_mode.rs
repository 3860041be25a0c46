//! `strict-mode`: whether a rewrite without room is an error.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault};

use super::{HEADS, reading};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "strict-mode",
    rulesets: HEADS,
    usage: "{ on | off }",
    doc: "Makes rewrites that find no room an error for the rules that follow, or lets them be.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let word = reading::expect(cursor, "expects exactly 1 arguments")?;
    let lenient = match word.text.to_ascii_lowercase().as_slice() {
        b"on" => false,
        b"off" => true,
        _ => {
            let text = format!(
                "Unexpected value '{}'. Only 'on' and 'off' are supported",
                word.lossy()
            );
            return Err(reading::fault_at(cursor, word.span, text));
        }
    };
    Ok(Arc::new(StrictMode {
        lenient,
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct StrictMode {
    lenient: bool,
    text: String,
}

impl Action for StrictMode {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        tx.stream.rewriting.lenient = self.lenient;
        Outcome::Continue
    }
}
