//! `del-acl(NAME)`: removes a pattern from a list of ACLs.

use hapax_core::keyword::ActionKeyword;

use super::pattern_list::{self, Change, WITH_AFTER};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "del-acl(",
    rulesets: WITH_AFTER,
    usage: "<acl-name>) <key fmt>",
    doc: "Removes a pattern from a list of ACLs.",
    parse: |cursor| pattern_list::parse(cursor, Change::Remove),
};
