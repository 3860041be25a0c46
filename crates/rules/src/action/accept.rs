//! `accept`: ends the ruleset and lets the connection or its contents pass.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "accept",
    rulesets: Rulesets::TCP_CONNECTION
        .or(Rulesets::TCP_SESSION)
        .or(Rulesets::TCP_CONTENT)
        .or(Rulesets::TCP_RESPONSE),
    usage: "",
    doc: "Ends the ruleset and lets the connection or its contents pass.",
    parse: |_| Ok(Arc::new(Accept)),
};

#[derive(Debug)]
struct Accept;

impl Action for Accept {
    fn text(&self) -> String {
        "accept".to_owned()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Stop
    }
}
