//! Actions of rulesets.

use crate::contract::Action;
use crate::span::Word;

use super::{Fault, Line};

/// Rulesets as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rulesets(pub u16);

impl Rulesets {
    /// `http-request`.
    pub const HTTP_REQUEST: Rulesets = Rulesets(1);
    /// `http-response`.
    pub const HTTP_RESPONSE: Rulesets = Rulesets(2);
    /// `http-after-response`.
    pub const HTTP_AFTER_RESPONSE: Rulesets = Rulesets(4);
    /// `tcp-request connection`.
    pub const TCP_CONNECTION: Rulesets = Rulesets(8);
    /// `tcp-request session`.
    pub const TCP_SESSION: Rulesets = Rulesets(16);
    /// `tcp-request content`.
    pub const TCP_CONTENT: Rulesets = Rulesets(32);
    /// `tcp-response content`.
    pub const TCP_RESPONSE: Rulesets = Rulesets(64);
    /// `stats http-request`.
    pub const STATS: Rulesets = Rulesets(128);

    /// Both sets.
    #[must_use]
    pub const fn or(self, other: Rulesets) -> Rulesets {
        Rulesets(self.0 | other.0)
    }

    /// Whether one of `other` is in the set.
    pub const fn has(self, other: Rulesets) -> bool {
        self.0 & other.0 != 0
    }
}

/// An action of rulesets.
pub struct ActionKeyword {
    /// The keyword; one that ends in `(` takes its argument in parentheses and matches as a prefix.
    pub name: &'static str,
    /// Where it may stand.
    pub rulesets: Rulesets,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Reads its arguments, up to `if`/`unless` or the end, from the line.
    pub parse: fn(&mut ActionCursor<'_, '_>) -> Result<std::sync::Arc<dyn Action>, Fault>,
}

/// The words of a rule after the action's name.
pub struct ActionCursor<'l, 'a> {
    /// The line; for the proxy, the registry and findings.
    pub line: &'l mut Line<'a>,
    /// Index in `line.words` of the action's name, then of the next word to take.
    pub at: usize,
    /// The ruleset (exactly one bit).
    pub ruleset: Rulesets,
}

impl<'a> ActionCursor<'_, 'a> {
    /// Takes the next word, whatever it is.
    pub fn take(&mut self) -> Option<&'a Word> {
        let word = self.line.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&'a Word> {
        self.line.words.get(self.at)
    }

    /// Whether the arguments are over: end of line, `if` or `unless`.
    pub fn at_condition(&self) -> bool {
        self.peek()
            .is_none_or(|word| *word == "if" || *word == "unless")
    }
}
