//! `set-query`: another query.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::target::{self, Part};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-query",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<fmt>",
    doc: "Replaces the query of the request.",
    parse: |cursor| target::parse(cursor, Part::Query),
};
