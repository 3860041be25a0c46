//! `do-log`: a log line of the frontend, here and now.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::LogOrigin;
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};

use super::HEADS;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "do-log",
    rulesets: Rulesets::TCP_CONNECTION
        .or(Rulesets::TCP_SESSION)
        .or(Rulesets::TCP_CONTENT)
        .or(Rulesets::TCP_RESPONSE)
        .or(HEADS),
    usage: "",
    doc: "Writes a log line with what is known by now.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let origin = match cursor.ruleset {
        Rulesets::TCP_CONNECTION => LogOrigin::TcpConnection,
        Rulesets::TCP_SESSION => LogOrigin::TcpSession,
        Rulesets::TCP_CONTENT => LogOrigin::TcpContent,
        Rulesets::TCP_RESPONSE => LogOrigin::TcpResponse,
        Rulesets::HTTP_RESPONSE => LogOrigin::HttpResponse,
        Rulesets::HTTP_AFTER_RESPONSE => LogOrigin::HttpAfterResponse,
        _ => LogOrigin::HttpRequest,
    };
    Ok(Arc::new(DoLog { origin }))
}

#[derive(Debug)]
struct DoLog {
    origin: LogOrigin,
}

impl Action for DoLog {
    fn text(&self) -> String {
        format!("do-log ({})", self.origin.name())
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        tx.log.line(tx, self.origin);
        Outcome::Continue
    }
}
