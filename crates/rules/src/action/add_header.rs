//! `add-header`: one more field.

use hapax_core::keyword::ActionKeyword;

use super::{HEADS, set_header};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "add-header",
    rulesets: HEADS,
    usage: "<name> <fmt>",
    doc: "Appends a header field.",
    parse: |cursor| set_header::parse(cursor, false),
};
