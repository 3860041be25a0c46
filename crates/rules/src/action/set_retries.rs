//! `set-retries`: how often this request may be tried again.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::Expr;
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets, Sections};
use hapax_core::sample::{Type, Value};
use hapax_sample::expression::{self, Ending, Origin};
use hapax_sample::place::Place;

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-retries",
    rulesets: Rulesets::HTTP_REQUEST.or(Rulesets::TCP_CONTENT),
    usage: "{ <retries> | <expr> }",
    doc: "Replaces `retries` for this request.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let missing = "expects exactly 1 argument (an expression or an integer between 1 and 100)";
    let word = reading::expect(cursor, missing)?;
    let defaults = cursor.line.section == Sections::DEFAULTS;
    if defaults && cursor.ruleset == Rulesets::TCP_CONTENT {
        let text = "'tcp-request' is not allowed in 'defaults' sections";
        return Err(reading::fault(cursor, text));
    }
    if !defaults && !cursor.line.proxy()?.kind.has_backend() {
        let name = match cursor.ruleset {
            Rulesets::TCP_CONTENT => "tcp-request",
            _ => "set-retries",
        };
        let text = format!("'{name}' only available in backend or listen section");
        return Err(reading::fault(cursor, text));
    }
    let shown = word.lossy();
    let retries = match shown.parse::<i64>() {
        Ok(number) => match u32::try_from(number) {
            Ok(number @ 0..=100) => Retries::Fixed(number),
            _ => {
                let text = "expects an expression or an integer between 1 and 100";
                return Err(reading::fault_at(cursor, word.span, text));
            }
        },
        Err(_) => Retries::Expr(expression(cursor, &word.text)?),
    };
    Ok(Arc::new(SetRetries {
        retries,
        text: reading::text(cursor),
    }))
}

/// As other actions read one, but upstream's text names the expression where it cannot work.
fn expression(cursor: &mut ActionCursor<'_, '_>, text: &[u8]) -> Result<Expr, Fault> {
    let parsed = expression::parse(text, Ending::Whole, &Origin::of(cursor.line))
        .map_err(|error| reading::fault(cursor, error))?;
    let kind = cursor.line.proxy()?.kind;
    if let Some(missing) = Place::of(cursor.ruleset, kind).lacks(&parsed.expr) {
        let text = format!(
            "fetch method '{}' extracts information from '{missing}', none of which is available here",
            String::from_utf8_lossy(text)
        );
        return Err(reading::fault(cursor, text));
    }
    cursor.line.config.references.extend(parsed.references);
    Ok(parsed.expr)
}

#[derive(Debug)]
enum Retries {
    Fixed(u32),
    Expr(Expr),
}

#[derive(Debug)]
struct SetRetries {
    retries: Retries,
    text: String,
}

impl Action for SetRetries {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let retries = match &self.retries {
            Retries::Fixed(number) => Some(*number),
            Retries::Expr(expr) => {
                let sample = expression::eval_as(expr, Type::Int, &tx.cx());
                match sample.map(|sample| sample.value) {
                    Some(Value::Int(number @ 0..=100)) => u32::try_from(number).ok(),
                    _ => None,
                }
            }
        };
        if retries.is_some() {
            tx.stream.overrides.retries = retries;
        }
        Outcome::Continue
    }
}
