//! `set-map(NAME)`: sets the value of a key of a map, or adds both.

use hapax_core::keyword::ActionKeyword;

use super::pattern_list::{self, Change, WITH_AFTER};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-map(",
    rulesets: WITH_AFTER,
    usage: "<map-name>) <key fmt> <value fmt>",
    doc: "Sets the value of a key of a map, or adds both.",
    parse: |cursor| pattern_list::parse(cursor, Change::SetMap),
};
