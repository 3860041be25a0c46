//! `set-method`.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::LogFormat;
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_sample::log_format::Style;

use super::{argument, fault, read_format, with_text};

pub fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let Some(word) = argument(cursor).filter(|_| cursor.at_condition()) else {
        return Err(fault(
            cursor,
            "set-method",
            "expects exactly 1 argument <format>",
        ));
    };
    let format = read_format(cursor, word, Style::Header)
        .map_err(|text| fault(cursor, "set-method", &text))?;
    Ok(Arc::new(SetMethod(format)))
}

#[derive(Debug)]
struct SetMethod(LogFormat);

impl Action for SetMethod {
    fn text(&self) -> String {
        format!("set-method {}", self.0.text)
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        with_text(&self.0, tx, |tx, method| {
            tx.stream.request.set_method(method)
        });
        Outcome::Continue
    }
}
