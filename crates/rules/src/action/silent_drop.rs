//! `silent-drop`: the connection vanishes without the client being told.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "silent-drop",
    rulesets: Rulesets::TCP_CONNECTION
        .or(Rulesets::TCP_SESSION)
        .or(Rulesets::TCP_CONTENT)
        .or(Rulesets::TCP_RESPONSE)
        .or(Rulesets::HTTP_REQUEST)
        .or(Rulesets::HTTP_RESPONSE),
    usage: "[ rst-ttl <ttl> ]",
    doc: "Makes the connection vanish without the client being told.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let mut reset_ttl = None;
    if cursor.peek().is_some_and(|word| *word == "rst-ttl") {
        cursor.at += 1;
        let word = reading::expect(cursor, "missing rst-ttl value\n")?;
        let text = word.lossy();
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        if digits < text.len() || digits == 0 {
            let rest = text.get(digits..).unwrap_or_default();
            let text = format!("invalid character starting at '{rest}' (value 1-255 expected)\n");
            return Err(reading::fault_at(cursor, word.span, text));
        }
        let value = text.parse::<u8>().ok().filter(|value| *value > 0);
        let Some(value) = value else {
            let text = "valid rst-ttl values are [1-255]\n";
            return Err(reading::fault_at(cursor, word.span, text));
        };
        reset_ttl = Some(value);
    }
    Ok(Arc::new(SilentDrop { reset_ttl }))
}

#[derive(Debug)]
struct SilentDrop {
    reset_ttl: Option<u8>,
}

impl Action for SilentDrop {
    fn text(&self) -> String {
        match self.reset_ttl {
            Some(ttl) => format!("silent-drop rst-ttl {ttl}"),
            None => "silent-drop".to_owned(),
        }
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::SilentDrop {
            reset_ttl: self.reset_ttl,
        }
    }
}
