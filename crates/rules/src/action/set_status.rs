//! `set-status`.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, Fault};

use super::{argument, fault, status};

pub fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let Some(word) = argument(cursor) else {
        let text = "expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>";
        return Err(fault(cursor, "set-status", text));
    };
    let number: Option<u16> = word.as_str().and_then(|text| text.parse().ok());
    let Some(number) = number.filter(|number| (100..=999).contains(number)) else {
        let text = "expects an integer status code between 100 and 999";
        return Err(fault(cursor, "set-status", text));
    };
    let mut reason = None;
    let next = cursor.line.words.get(cursor.at..).unwrap_or(&[]);
    if let [keyword, text, ..] = next
        && *keyword == "reason"
    {
        reason = Some(text.text.clone());
        cursor.at += 2;
    }
    Ok(Arc::new(SetStatus {
        status: number,
        reason,
    }))
}

#[derive(Debug)]
struct SetStatus {
    status: u16,
    reason: Option<Vec<u8>>,
}

impl Action for SetStatus {
    fn text(&self) -> String {
        match &self.reason {
            None => format!("set-status {}", self.status),
            Some(reason) => {
                let reason = String::from_utf8_lossy(reason);
                format!("set-status {} reason {reason}", self.status)
            }
        }
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let reason = self
            .reason
            .as_deref()
            .unwrap_or(status::reason(self.status).as_bytes());
        tx.stream.response.set_status(self.status, reason);
        Outcome::Continue
    }
}
