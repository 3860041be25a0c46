//! Options of `bind` and `server` lines.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ir;
use crate::span::{Span, Word};

use super::{Fault, Registry, Support};

/// An option of a `bind` line.
pub struct BindOption {
    /// The keyword.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// What stands behind it.
    pub support: Support,
    /// Reads the option; takes its arguments from the cursor.
    pub parse: fn(&mut OptionCursor<'_>, &mut ir::BindOptions) -> Result<(), Fault>,
}

/// An option of a `server` or `default-server` line.
pub struct ServerOption {
    /// The keyword.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Whether `default-server` may carry it.
    pub in_default_server: bool,
    /// What stands behind it.
    pub support: Support,
    /// Reads the option; takes its arguments from the cursor.
    pub parse: fn(&mut OptionCursor<'_>, &mut ir::ServerOptions) -> Result<(), Fault>,
}

/// The options after an address: a cursor over words that option rows take their arguments from.
pub struct OptionCursor<'a> {
    /// The whole line.
    pub words: &'a [Word],
    /// Index of the option being read, then of the next word to take.
    pub at: usize,
    /// Prefix that upstream prints before faults of such lines, for example `'server b/s1' : ` (may be empty).
    pub prefix: String,
    /// Every row.
    pub registry: &'a Registry,
    /// The configuration so far, for `references`.
    pub config: &'a mut ir::Config,
    /// Findings that do not refuse the line.
    pub diagnostics: &'a mut Diagnostics,
}

impl<'a> OptionCursor<'a> {
    /// The option's own word.
    pub fn keyword(&self) -> &'a Word {
        &self.words[self.at.saturating_sub(1).min(self.words.len() - 1)]
    }

    /// Takes the next word as an argument.
    pub fn take(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.at)
    }

    /// A fault at `span` behind the line's prefix.
    pub fn fault(&self, span: Span, message: impl Into<String>) -> Fault {
        Diagnostic::alert(span, format!("{}{}", self.prefix, message.into())).into()
    }
}
