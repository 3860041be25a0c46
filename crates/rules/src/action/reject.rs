//! `reject`: closes the connection without an answer.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "reject",
    rulesets: Rulesets::HTTP_REQUEST
        .or(Rulesets::TCP_CONNECTION)
        .or(Rulesets::TCP_SESSION)
        .or(Rulesets::TCP_CONTENT)
        .or(Rulesets::TCP_RESPONSE),
    usage: "",
    doc: "Closes the connection without an answer.",
    parse: |_| Ok(Arc::new(Reject)),
};

#[derive(Debug)]
struct Reject;

impl Action for Reject {
    fn text(&self) -> String {
        "reject".to_owned()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Close
    }
}
