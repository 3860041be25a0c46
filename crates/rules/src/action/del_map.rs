//! `del-map(NAME)`: removes a key from a map.

use hapax_core::keyword::ActionKeyword;

use super::pattern_list::{self, Change, WITH_AFTER};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "del-map(",
    rulesets: WITH_AFTER,
    usage: "<map-name>) <key fmt>",
    doc: "Removes a key from a map.",
    parse: |cursor| pattern_list::parse(cursor, Change::Remove),
};
