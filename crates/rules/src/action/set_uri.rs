//! `set-uri`: another request target.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::target::{self, Part};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-uri",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<fmt>",
    doc: "Replaces the whole request target.",
    parse: |cursor| target::parse(cursor, Part::Uri),
};
