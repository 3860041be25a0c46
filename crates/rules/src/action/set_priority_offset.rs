//! `set-priority-offset`.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::priority::{self, Part};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-priority-offset",
    rulesets: Rulesets::HTTP_REQUEST.or(Rulesets::TCP_CONTENT),
    usage: "<expr>",
    doc: "Milliseconds that the request counts as having come later to the queue.",
    parse: |cursor| priority::parse(cursor, Part::Offset),
};
