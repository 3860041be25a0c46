//! `replace-pathq`: another path and query where they match.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::replace;
use super::target::Part;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "replace-pathq",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<match-regex> <replace-fmt>",
    doc: "Replaces path and query when they match.",
    parse: |cursor| replace::parse_part(cursor, Part::PathAndQuery),
};
