//! `add-acl(NAME)`: adds a pattern to a list of ACLs unless it is there.

use hapax_core::keyword::ActionKeyword;

use super::BOTH;
use super::pattern_list::{self, Change};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "add-acl(",
    rulesets: BOTH,
    usage: "<acl-name>) <key fmt>",
    doc: "Adds a pattern to a list of ACLs unless it is there.",
    parse: |cursor| pattern_list::parse(cursor, Change::AddAcl),
};
