//! `set-priority-class` and `set-priority-offset`: the place of a request in a queue.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::Expr;
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_core::sample::{Type, Value};
use hapax_sample::expression;

use super::reading;

/// What is set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// The class.
    Class,
    /// The offset within the class, milliseconds.
    Offset,
}

/// Reads `<expr>`.
pub(crate) fn parse(
    cursor: &mut ActionCursor<'_, '_>,
    part: Part,
) -> Result<Arc<dyn Action>, Fault> {
    let name = match part {
        Part::Class => "set-priority-class",
        Part::Offset => "set-priority-offset",
    };
    if let Some(word) = cursor.peek().filter(|_| cursor.at_condition()) {
        let text = format!("unknown fetch method '{}'", word.lossy());
        return Err(reading::fault_at(cursor, word.span, text));
    }
    let expr = reading::expression(cursor, Some(name))?;
    Ok(Arc::new(SetPriority {
        part,
        expr,
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct SetPriority {
    part: Part,
    expr: Expr,
    text: String,
}

impl Action for SetPriority {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let sample = expression::eval_as(&self.expr, Type::Int, &tx.cx());
        if let Some(Value::Int(number)) = sample.map(|sample| sample.value) {
            let priority = &mut tx.stream.overrides.priority;
            match self.part {
                Part::Class => priority.class = number.clamp(-CLASSES, CLASSES) as i16,
                Part::Offset => priority.offset = number.clamp(-OFFSETS, OFFSETS) as i32,
            }
        }
        Outcome::Continue
    }
}

/// Classes reach that far in both directions; so do offsets (configuration manual 4.4).
const CLASSES: i64 = 2047;
const OFFSETS: i64 = 524_287;
