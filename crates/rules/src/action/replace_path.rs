//! `replace-path`: another path where it matches.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::replace;
use super::target::Part;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "replace-path",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<match-regex> <replace-fmt>",
    doc: "Replaces the path when it matches.",
    parse: |cursor| replace::parse_part(cursor, Part::Path),
};
