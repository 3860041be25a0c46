//! Actions of rulesets and their evaluation.
//!
//! A rule is an action under a condition. [`section`] reads the lines, [`action`] holds one file per action, [`ruleset`]
//! evaluates them.

pub mod action;
pub mod backend;
pub mod ruleset;
pub mod section;

use hapax_core::keyword::Tables;

/// The tables of this room.
pub static TABLES: &[Tables] = &[Tables {
    sections: section::KEYWORDS,
    actions: action::ACTIONS,
    ..Tables::NONE
}];

#[cfg(test)]
mod tests;
