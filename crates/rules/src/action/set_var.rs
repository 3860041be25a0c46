//! `set-var(NAME[,COND...])`: a variable takes the value of an expression; and what its relatives share with it.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::Expr;
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};
use hapax_core::sample::Value;
use hapax_core::variable::{Conditions, Name};
use hapax_sample::expression;
use hapax_sample::log_format::Style;
use hapax_sample::variable;

use super::reading::{self, Text};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-var(",
    rulesets: EVERYWHERE,
    usage: "<var-name>[,<cond>...]) <expr>",
    doc: "Sets a variable to the value of an expression.",
    parse,
};

/// Rulesets that variables may be set in.
pub(crate) const EVERYWHERE: Rulesets = Rulesets::HTTP_REQUEST
    .or(Rulesets::HTTP_RESPONSE)
    .or(Rulesets::HTTP_AFTER_RESPONSE)
    .or(Rulesets::TCP_CONNECTION)
    .or(Rulesets::TCP_SESSION)
    .or(Rulesets::TCP_CONTENT)
    .or(Rulesets::TCP_RESPONSE);

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let (name, conditions) = target(cursor, "set-var", true)?;
    let named = reading::name(cursor);
    let expr = reading::expression(cursor, Some(&named))?;
    Ok(Arc::new(SetVar {
        name,
        conditions,
        expr,
        text: reading::text(cursor),
    }))
}

/// Reads `<var-name>[,<cond>...]` between the parentheses of the action's own word.
pub(crate) fn target(
    cursor: &ActionCursor<'_, '_>,
    action: &str,
    may_have_conditions: bool,
) -> Result<(Name, Conditions), Fault> {
    let word = cursor
        .at
        .checked_sub(1)
        .and_then(|at| cursor.line.words.get(at));
    let given = word.map_or(&b""[..], |word| word.text.as_slice());
    let fault = |text: String| match word {
        Some(word) => reading::fault_at(cursor, word.span, text),
        None => reading::fault(cursor, text),
    };
    let shown = String::from_utf8_lossy(given);
    let rest = given.strip_prefix(action.as_bytes()).unwrap_or_default();
    let Some(rest) = rest.strip_prefix(b"(") else {
        return Err(fault(format!(
            "invalid or incomplete action '{shown}'. {EXPECTED}"
        )));
    };
    let Some(inside) = rest.strip_suffix(b")") else {
        return Err(fault(format!(
            "incomplete argument after action '{shown}'. {EXPECTED}"
        )));
    };
    let mut parts = inside.split(|byte| *byte == b',');
    let name = parts.next().unwrap_or_default();
    let mut conditions = Conditions::default();
    if !may_have_conditions && inside.len() > name.len() {
        return Err(fault(
            "unset-var does not expect parameters after the variable name. Only \"set-var\" and \"set-var-fmt\" manage \
             conditions"
                .to_owned(),
        ));
    }
    for part in parts {
        if !part.is_empty() {
            conditions.add(part).map_err(fault)?;
        }
    }
    let name = Name::parse(name).map_err(|error| fault(error.to_string()))?;
    Ok((name, conditions))
}

/// Reads the rest of `set-var-fmt`.
pub(crate) fn parse_format(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let (name, conditions) = target(cursor, "set-var-fmt", true)?;
    let format = match cursor.take() {
        Some(word) => reading::format(cursor, &word.text, Style::Plain, word.span)?,
        None => Text::Fixed(Vec::new()),
    };
    Ok(Arc::new(SetVarFormat {
        name,
        conditions,
        format,
        text: reading::text(cursor),
    }))
}

/// What words of this family are told to look like.
const EXPECTED: &str =
    "Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'";

#[derive(Debug)]
struct SetVar {
    name: Name,
    conditions: Conditions,
    expr: Expr,
    text: String,
}

impl Action for SetVar {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let cx = tx.cx();
        if let Some(sample) = expression::eval(&self.expr, &cx) {
            variable::set(&cx, &self.name, self.conditions, sample.value);
        }
        Outcome::Continue
    }
}

#[derive(Debug)]
struct SetVarFormat {
    name: Name,
    conditions: Conditions,
    format: Text,
    text: String,
}

impl Action for SetVarFormat {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        self.format.with(tx, |tx, value| {
            variable::set(&tx.cx(), &self.name, self.conditions, Value::Str(value));
        });
        Outcome::Continue
    }
}
