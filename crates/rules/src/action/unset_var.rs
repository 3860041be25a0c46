//! `unset-var(NAME)`: takes the value of a variable away.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::ActionKeyword;
use hapax_core::variable::Name;

use super::reading;
use super::set_var::{self, EVERYWHERE};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "unset-var(",
    rulesets: EVERYWHERE,
    usage: "<var-name>)",
    doc: "Takes the value of a variable away.",
    parse: |cursor| {
        let (name, _) = set_var::target(cursor, "unset-var", false)?;
        Ok(Arc::new(UnsetVar {
            name,
            text: reading::text(cursor),
        }))
    },
};

#[derive(Debug)]
struct UnsetVar {
    name: Name,
    text: String,
}

impl Action for UnsetVar {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        tx.cx().unset_variable(&self.name);
        Outcome::Continue
    }
}
