//! `set-var-fmt(NAME[,COND...])`: a variable takes the text of a log format.

use hapax_core::keyword::ActionKeyword;

use super::set_var::{self, EVERYWHERE};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-var-fmt(",
    rulesets: EVERYWHERE,
    usage: "<var-name>[,<cond>...]) <fmt>",
    doc: "Sets a variable to the text of a log format.",
    parse: set_var::parse_format,
};
