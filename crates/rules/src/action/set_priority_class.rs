//! `set-priority-class`.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::priority::{self, Part};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-priority-class",
    rulesets: Rulesets::HTTP_REQUEST.or(Rulesets::TCP_CONTENT),
    usage: "<expr>",
    doc: "The class of the request in queues: lower ones are served first.",
    parse: |cursor| priority::parse(cursor, Part::Class),
};
