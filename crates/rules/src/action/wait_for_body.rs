//! `wait-for-body`: the next rules see the request's body.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault};
use hapax_sample::argument;

use super::{BOTH, reading};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "wait-for-body",
    rulesets: BOTH,
    usage: "time <time> [ at-least <bytes> ]",
    doc: "Waits for the message's body before the next rules.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let (mut time, mut least) = (None, 0);
    while let Some(option) = cursor.peek() {
        if *option == "time" {
            cursor.at += 1;
            let word = reading::expect(cursor, "missing argument for 'time'")?;
            let value = argument::milliseconds(&word.text);
            time = Some(value.map_err(|text| reading::fault_at(cursor, word.span, text))?);
        } else if *option == "at-least" {
            cursor.at += 1;
            let word = reading::expect(cursor, "missing argument for 'at-least'")?;
            least =
                size(&word.lossy()).map_err(|text| reading::fault_at(cursor, word.span, text))?;
        } else {
            break;
        }
    }
    match time {
        Some(time) => Ok(Arc::new(WaitForBody {
            time,
            least,
            text: reading::text(cursor),
        })),
        None => Err(reading::fault(
            cursor,
            "expects time <time> [ at-least <bytes> ]",
        )),
    }
}

/// Bytes with an optional unit (configuration manual 2.6).
fn size(text: &str) -> Result<usize, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let unexpected = |at: usize| {
        let odd = text.get(at..).and_then(|rest| rest.chars().next());
        format!("unexpected character '{}'", odd.unwrap_or_default())
    };
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return Err(unexpected(digits)),
    };
    let number: usize = number.parse().map_err(|_| unexpected(0))?;
    Ok(number.saturating_mul(1 << shift))
}

#[derive(Debug)]
struct WaitForBody {
    time: u32,
    least: usize,
    text: String,
}

impl Action for WaitForBody {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::WaitForBody {
            time: self.time,
            least: self.least,
        }
    }
}
