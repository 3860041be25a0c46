//! `replace-value`: other values between commas that match.

use hapax_core::keyword::ActionKeyword;

use super::HEADS;
use super::replace::{self, Unit};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "replace-value",
    rulesets: HEADS,
    usage: "<name> <match-regex> <replace-fmt>",
    doc: "Replaces comma-separated values that match.",
    parse: |cursor| replace::parse_field(cursor, Unit::Value),
};
