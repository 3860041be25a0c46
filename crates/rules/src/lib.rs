//! Actions of rulesets and their evaluation.
//!
//! A rule is an action under a condition. [`section`] reads the lines, [`action`] holds one file per action, [`ruleset`]
//! runs the rules over an exchange.

pub mod action;
mod legacy;
pub mod ruleset;
pub mod section;
pub mod server_choice;

use hapax_core::keyword::Tables;

/// The tables of this room.
pub static TABLES: &[Tables] = &[
    Tables {
        sections: section::KEYWORDS,
        actions: action::KEYWORDS,
        ..Tables::NONE
    },
    legacy::ADD,
    legacy::BLOCK,
    legacy::LINE,
];

#[cfg(test)]
mod tests;
