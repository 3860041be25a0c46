//! `set-path`: another path, the query stays.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::target::{self, Part};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-path",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<fmt>",
    doc: "Replaces the path of the request.",
    parse: |cursor| target::parse(cursor, Part::Path),
};
