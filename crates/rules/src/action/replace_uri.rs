//! `replace-uri`: another request target where it matches.

use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::replace;
use super::target::Part;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "replace-uri",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<match-regex> <replace-fmt>",
    doc: "Replaces the request target when it matches.",
    parse: |cursor| replace::parse_part(cursor, Part::Uri),
};
