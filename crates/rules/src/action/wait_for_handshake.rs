//! `wait-for-handshake`: goes on when the TLS handshake is complete. Connections without TLS have none to wait for.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "wait-for-handshake",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "",
    doc: "Waits for the end of the TLS handshake; without TLS it is over.",
    parse: |_| Ok(Arc::new(WaitForHandshake)),
};

#[derive(Debug)]
struct WaitForHandshake;

impl Action for WaitForHandshake {
    fn text(&self) -> String {
        "wait-for-handshake".to_owned()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Continue
    }
}
