//! `close`: closes the connection to the server.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "close",
    rulesets: Rulesets::TCP_RESPONSE,
    usage: "",
    doc: "Closes the connection to the server.",
    parse: |_| Ok(Arc::new(Close)),
};

#[derive(Debug)]
struct Close;

impl Action for Close {
    fn text(&self) -> String {
        "close".to_owned()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::CloseServer
    }
}
