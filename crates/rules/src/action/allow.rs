//! `allow`: no further rule of the ruleset.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::HEADS;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "allow",
    rulesets: HEADS.or(Rulesets::STATS),
    usage: "",
    doc: "Ends the ruleset and lets the message pass.",
    parse: |_| Ok(Arc::new(Allow)),
};

#[derive(Debug)]
struct Allow;

impl Action for Allow {
    fn text(&self) -> String {
        "allow".to_owned()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Stop
    }

    fn is_final(&self) -> bool {
        true
    }
}
