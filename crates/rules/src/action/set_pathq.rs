//! `set-pathq`: another path and query.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::target::{self, Part};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-pathq",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<fmt>",
    doc: "Replaces path and query of the request.",
    parse: |cursor| target::parse(cursor, Part::PathAndQuery),
};
