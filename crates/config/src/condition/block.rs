//! The lines that start with a dot: blocks that choose lines, and messages from the administrator.

use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::span::{Span, Word};

use super::{Capabilities, evaluate};
use crate::excerpt::excerpt;
use crate::lexer::{Environment, Line, Place};

/// Which blocks are open at a place of a file.
#[derive(Debug, Default)]
pub struct Blocks {
    open: Vec<Block>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The line is for the section parser.
    Configuration,
    /// A directive that was obeyed, or a line in a branch that is not taken.
    Done,
    /// The administrator's own message.
    Message(Diagnostic),
    /// A directive that is none, or whose argument is wrong.
    Wrong(Diagnostic),
    /// A block that cannot be followed. Upstream stops reading the file here; going on is safe, the structure of the
    /// blocks is kept.
    Refused(Diagnostic),
}

/// How deep blocks nest: the hundredth `.if` is refused.
pub const MAX_NESTED: usize = 100;

#[derive(Debug)]
struct Block {
    /// This branch is read.
    taken: bool,
    /// No later branch may be taken: one was, or the block stands in a branch that is not read.
    decided: bool,
    /// `.else` was seen.
    last: bool,
}

impl Blocks {
    /// Whether lines are read.
    pub fn reading(&self) -> bool {
        self.open.last().is_none_or(|block| block.taken)
    }

    /// Obeys a line that starts with a directive; says whether other lines are read.
    pub fn line(
        &mut self,
        line: &Line,
        place: &Place<'_>,
        capabilities: &Capabilities,
        environment: &dyn Environment,
    ) -> Outcome {
        let Some((keyword, arguments)) = line.words.split_first() else {
            return Outcome::Done;
        };
        let condition = || {
            let text = arguments
                .iter()
                .map(|word| word.text.as_slice())
                .collect::<Vec<_>>()
                .join(&b' ');
            evaluate(&text, capabilities, environment).map_err(|error| {
                let name = keyword.lossy();
                let whole = [&keyword.text, b" ".as_slice(), &text].concat();
                let message = format!(
                    "{} in '{name}' at position {}:\n{}",
                    error.message,
                    error.at + 1,
                    excerpt(&whole, keyword.text.len() + 1 + error.at)
                );
                refusal(arguments.first().unwrap_or(keyword).span, message)
            })
        };
        match keyword.text.as_slice() {
            b".if" => self.open_block(keyword, condition),
            b".elif" => self.next_branch(keyword, condition),
            b".else" => self.last_branch(keyword, arguments),
            b".endif" => self.close_block(keyword, arguments),
            _ if !self.reading() => Outcome::Done,
            [b'.', ..] => message(keyword, arguments, place),
            _ => Outcome::Configuration,
        }
    }

    /// What upstream says at the end of a file about a block that is still open; `at` is the last line.
    pub fn finish(&mut self, at: Span) -> Option<Diagnostic> {
        let open = !self.open.is_empty();
        self.open.clear();
        let text = "non-terminated '.if' block.";
        open.then(|| Diagnostic::alert(at, text).with_prefix(Prefix::Reading))
    }

    fn open_block(
        &mut self,
        keyword: &Word,
        condition: impl Fn() -> Result<bool, Outcome>,
    ) -> Outcome {
        let reading = self.reading();
        if self.open.len() + 1 >= MAX_NESTED {
            let text = format!("too many nested '.if', max is {MAX_NESTED}.");
            return refusal(keyword.span, text);
        }
        let (taken, outcome) = match reading.then(condition) {
            Some(Ok(taken)) => (taken, Outcome::Done),
            Some(Err(refused)) => (false, refused),
            None => (false, Outcome::Done),
        };
        let decided = taken || !reading || outcome != Outcome::Done;
        self.open.push(Block {
            taken,
            decided,
            last: false,
        });
        outcome
    }

    fn next_branch(
        &mut self,
        keyword: &Word,
        condition: impl Fn() -> Result<bool, Outcome>,
    ) -> Outcome {
        let Some(block) = self.open.last_mut() else {
            return lone(keyword);
        };
        if block.last {
            return after_else(keyword);
        }
        block.taken = false;
        if !block.decided {
            match condition() {
                Ok(taken) => {
                    block.taken = taken;
                    block.decided = taken;
                }
                Err(refused) => {
                    block.decided = true;
                    return refused;
                }
            }
        }
        Outcome::Done
    }

    fn last_branch(&mut self, keyword: &Word, arguments: &[Word]) -> Outcome {
        if let Some(refused) = unexpected(keyword, arguments) {
            return refused;
        }
        let Some(block) = self.open.last_mut() else {
            return lone(keyword);
        };
        if block.last {
            return after_else(keyword);
        }
        block.last = true;
        block.taken = !block.decided;
        block.decided = true;
        Outcome::Done
    }

    fn close_block(&mut self, keyword: &Word, arguments: &[Word]) -> Outcome {
        if self.open.pop().is_none() {
            return lone(keyword);
        }
        unexpected(keyword, arguments).unwrap_or(Outcome::Done)
    }
}

/// `.notice`, `.warning`, `.alert` and `.diag`, and what is none of them.
fn message(keyword: &Word, arguments: &[Word], place: &Place<'_>) -> Outcome {
    let severity = match keyword.text.as_slice() {
        b".notice" => Severity::Notice,
        b".warning" => Severity::Warning,
        b".alert" => Severity::Alert,
        b".diag" => Severity::Diag,
        _ => {
            let text = format!("unknown directive '{}'.", keyword.lossy());
            return Outcome::Wrong(alert(keyword.span, text));
        }
    };
    if let Some(extra) = arguments.get(1).filter(|word| !word.text.is_empty()) {
        let text = format!(
            "Unexpected argument '{}' for '{}'. Use quotes if the message should contain spaces.",
            extra.lossy(),
            keyword.lossy()
        );
        return Outcome::Wrong(alert(extra.span, text));
    }
    let text = arguments.first().map(Word::lossy).unwrap_or_default();
    let whole_line = place.span(0, 0);
    Outcome::Message(
        Diagnostic::at(severity, whole_line, format!("'{text}'.")).with_prefix(Prefix::Reading),
    )
}

fn unexpected(keyword: &Word, arguments: &[Word]) -> Option<Outcome> {
    let extra = arguments.first().filter(|word| !word.text.is_empty())?;
    let (extra_text, name) = (extra.lossy(), keyword.lossy());
    let text = format!("Unexpected argument '{extra_text}' for '{name}'.");
    Some(refusal(extra.span, text))
}

fn lone(keyword: &Word) -> Outcome {
    let text = format!("lone '{}' with no matching '.if'.", keyword.lossy());
    refusal(keyword.span, text)
}

fn after_else(keyword: &Word) -> Outcome {
    let text = format!("'{}' after '.else' is not permitted.", keyword.lossy());
    refusal(keyword.span, text)
}

fn refusal(span: Span, message: String) -> Outcome {
    Outcome::Refused(alert(span, message))
}

fn alert(span: Span, message: String) -> Diagnostic {
    Diagnostic::alert(span, message).with_prefix(Prefix::Reading)
}
