//! `replace-header`: other values for whole header lines that match.

use hapax_core::keyword::ActionKeyword;

use super::HEADS;
use super::replace::{self, Unit};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "replace-header",
    rulesets: HEADS,
    usage: "<name> <match-regex> <replace-fmt>",
    doc: "Replaces the value of header lines that match.",
    parse: |cursor| replace::parse_field(cursor, Unit::Line),
};
