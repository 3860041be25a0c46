//! `disable-l7-retry`: once sent, the request is not sent again.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "disable-l7-retry",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "",
    doc: "The request is sent again after failed connections only, whatever `retry-on` says.",
    parse: |_| Ok(Arc::new(DisableRetry)),
};

#[derive(Debug)]
struct DisableRetry;

impl Action for DisableRetry {
    fn text(&self) -> String {
        "disable-l7-retry".to_owned()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        tx.stream.sent_once = true;
        Outcome::Continue
    }
}
