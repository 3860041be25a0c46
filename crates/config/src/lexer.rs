//! One line of configuration becomes words (configuration manual 2.2 and 2.3).

use std::borrow::Cow;

use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::span::{FileId, Span, Word};
use thiserror::Error;

use crate::excerpt::{excerpt, is_space};

/// Where environment variables come from.
pub trait Environment {
    /// The value of a variable; none when it is not set.
    fn lookup(&self, name: &[u8]) -> Option<Vec<u8>>;
}

impl<F: Fn(&[u8]) -> Option<Vec<u8>>> Environment for F {
    fn lookup(&self, name: &[u8]) -> Option<Vec<u8>> {
        self(name)
    }
}

/// Where a line stands; what the pseudo variables `.FILE`, `.LINE` and `.SECTION` resolve to.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The file.
    pub file: FileId,
    /// Its path as the user gave it.
    pub path: &'a str,
    /// Line number, from 1.
    pub line: u32,
    /// Name of the section, or its type when it has no name, or nothing before the first section.
    pub section: &'a [u8],
}

impl Place<'_> {
    /// The span of bytes `start..end` of this line.
    pub fn span(&self, start: usize, end: usize) -> Span {
        Span {
            file: self.file,
            line: self.line,
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
        }
    }
}

/// The words of one line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// All words, also those after an empty one.
    pub words: Vec<Word>,
    /// The first empty word, if there is one: it ends the list of arguments.
    pub empty: Option<EmptyWord>,
}

/// An empty word: index and the byte that upstream names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptyWord {
    /// Index in [`Line::words`].
    pub index: usize,
    /// Byte in the line, from 0.
    pub at: usize,
}

impl Line {
    /// The words up to the first empty one: what keyword parsers see as a list.
    pub fn arguments(&self) -> &[Word] {
        let end = self.empty.map_or(self.words.len(), |empty| empty.index);
        self.words.get(..end).unwrap_or(&[])
    }

    /// Upstream's warning about an empty word.
    pub fn empty_warning(&self, text: &[u8], place: &Place<'_>) -> Option<Diagnostic> {
        let empty = self.empty?;
        let message = format!(
            "argument number {} at position {} is empty and marks the end of the argument list; all subsequent arguments \
             will be ignored:\n{}",
            empty.index,
            empty.at + 1,
            excerpt(text, empty.at)
        );
        Some(
            Diagnostic::at(Severity::Warning, place.span(empty.at, empty.at), message)
                .with_prefix(Prefix::Reading),
        )
    }
}

/// Why a line cannot be cut into words; `at` is a byte of the line, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LexError {
    /// A quote is not closed.
    #[error("unmatched quote at position {}", .at + 1)]
    UnmatchedQuote {
        /// The opening quote.
        at: usize,
    },
    /// `${NAME` is not closed or holds a character that no name has.
    #[error("unmatched brace in environment variable name at position {}", .at + 1)]
    UnmatchedBrace {
        /// The brace.
        at: usize,
    },
    /// `\x` without two hexadecimal digits.
    #[error("truncated or invalid hexadecimal sequence at position {}", .at + 1)]
    Hexadecimal {
        /// The backslash.
        at: usize,
    },
    /// A variable name starts with another character than a letter or an underscore, or is an unknown pseudo variable.
    #[error("forbidden first char in environment variable name at position {}", .at + 1)]
    VariableName {
        /// The character.
        at: usize,
    },
    /// Something else than `[*]` behind a variable name.
    #[error("truncated or invalid word expansion sequence at position {}", .at + 1)]
    WordExpansion {
        /// The bracket.
        at: usize,
    },
    /// More than 64 words.
    #[error("too many words, truncating after word {MAX_WORDS}, position {}: <{}>.", .at + 1, String::from_utf8_lossy(.word))]
    TooManyWords {
        /// Where the last word that fits stands in the output.
        at: usize,
        /// That word.
        word: Vec<u8>,
    },
}

impl LexError {
    /// The message as `-cc` prints it.
    pub fn condition_message(&self) -> &'static str {
        match self {
            LexError::UnmatchedQuote { .. } => "Syntax Error in condition: Unmatched quote.",
            LexError::Hexadecimal { .. } => {
                "Syntax Error in condition: Truncated or invalid hexadecimal sequence."
            }
            LexError::TooManyWords { .. } => "Error in condition: Too many words.",
            LexError::UnmatchedBrace { .. }
            | LexError::VariableName { .. }
            | LexError::WordExpansion { .. } => {
                "Unhandled error in condition, please report this to the developers."
            }
        }
    }

    /// Upstream's error about the line.
    pub fn diagnostic(&self, text: &[u8], place: &Place<'_>) -> Diagnostic {
        let (at, message) = match self {
            LexError::TooManyWords { .. } => (0, self.to_string()),
            LexError::UnmatchedQuote { at }
            | LexError::UnmatchedBrace { at }
            | LexError::Hexadecimal { at }
            | LexError::VariableName { at }
            | LexError::WordExpansion { at } => (*at, format!("{self}:\n{}", excerpt(text, *at))),
        };
        Diagnostic::alert(place.span(at, at), message).with_prefix(Prefix::Reading)
    }
}

/// How many words a line may have, keyword included.
pub const MAX_WORDS: usize = 64;

/// Cuts a line, without its line feed, into words.
///
/// A carriage return ends the line. NUL bytes are the caller's to refuse ([`crate::files::faults`]); a NUL that an escape
/// makes ends its word, as it does upstream.
pub fn words(
    text: &[u8],
    place: &Place<'_>,
    environment: &dyn Environment,
) -> Result<Line, LexError> {
    Cutter::new(text, place, environment, true).line()
}

/// The same with quotes and dollars as ordinary characters, as before HAProxy 1.6.
pub fn words_without_quotes(text: &[u8], place: &Place<'_>) -> Result<Line, LexError> {
    Cutter::new(text, place, &|_: &[u8]| None, false).line()
}

struct Cutter<'a> {
    text: &'a [u8],
    place: &'a Place<'a>,
    environment: &'a dyn Environment,
    quotes: bool,
    at: usize,
    line: Line,
    word: Vec<u8>,
    /// Start of the word being read.
    start: usize,
    /// The last thing that was read is a variable without a value: blanks behind it end no word.
    swallows: bool,
    /// Start of the first word that held a variable; upstream reports every later empty word there.
    expanded: Option<usize>,
    /// Length of the words so far with a separator each.
    written: usize,
    /// Offset of the last word in the output.
    last: usize,
}

impl<'a> Cutter<'a> {
    fn new(
        text: &'a [u8],
        place: &'a Place<'a>,
        environment: &'a dyn Environment,
        quotes: bool,
    ) -> Cutter<'a> {
        let end = text
            .iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'))
            .unwrap_or(text.len());
        Cutter {
            text: text.get(..end).unwrap_or(&[]),
            place,
            environment,
            quotes,
            at: 0,
            line: Line::default(),
            word: Vec::new(),
            start: 0,
            swallows: false,
            expanded: None,
            written: 0,
            last: 0,
        }
    }

    fn line(mut self) -> Result<Line, LexError> {
        loop {
            while self.peek().is_some_and(is_space) {
                self.at += 1;
            }
            if matches!(self.peek(), None | Some(b'#')) {
                return Ok(self.line);
            }
            self.start = self.at;
            self.swallows = false;
            self.word()?;
            self.finish_word()?;
        }
    }

    /// Reads up to the next separator.
    fn word(&mut self) -> Result<(), LexError> {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => return Ok(()),
                _ if is_space(byte) && self.swallows => {
                    self.at += 1;
                    continue;
                }
                _ if is_space(byte) => return Ok(()),
                b'\\' => self.escape(false)?,
                b'"' if self.quotes => self.weak()?,
                b'\'' if self.quotes => self.strong()?,
                _ => self.plain(),
            }
        }
        Ok(())
    }

    /// Reads bytes that stand for themselves: up to one that may not, in one go.
    fn plain(&mut self) {
        self.swallows = false;
        let rest = self.text.get(self.at..).unwrap_or(&[]);
        let special = |byte: &u8| is_space(*byte) || matches!(byte, b'#' | b'\\' | b'"' | b'\'');
        let length = rest.iter().skip(1).position(special);
        let run = length
            .and_then(|length| rest.get(..=length))
            .unwrap_or(rest);
        self.word.extend_from_slice(run);
        self.at += run.len();
    }

    fn weak(&mut self) -> Result<(), LexError> {
        let opening = self.at;
        self.at += 1;
        self.swallows = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape(true)?,
                b'$' => self.variable()?,
                _ => {
                    self.swallows = false;
                    self.word.push(byte);
                    self.at += 1;
                }
            }
        }
        Err(LexError::UnmatchedQuote { at: opening })
    }

    fn strong(&mut self) -> Result<(), LexError> {
        self.swallows = false;
        let opening = self.at;
        let rest = self.text.get(opening + 1..).unwrap_or(&[]);
        let length = memchr::memchr(b'\'', rest).ok_or(LexError::UnmatchedQuote { at: opening })?;
        self.word
            .extend_from_slice(rest.get(..length).unwrap_or(&[]));
        self.at = opening + length + 2;
        Ok(())
    }

    /// A backslash and what follows; a backslash before another character stands for itself.
    fn escape(&mut self, quoted: bool) -> Result<(), LexError> {
        self.swallows = false;
        let backslash = self.at;
        self.at += 1;
        let Some(byte) = self.peek() else {
            self.word.push(b'\\');
            return Ok(());
        };
        let meaning = match byte {
            b' ' | b'\\' | b'#' => byte,
            b'"' | b'\'' if self.quotes => byte,
            b'$' if quoted => byte,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digit = |offset: usize| {
                    let byte = *self.text.get(self.at + offset)?;
                    char::from(byte).to_digit(16)
                };
                let (Some(high), Some(low)) = (digit(1), digit(2)) else {
                    return Err(LexError::Hexadecimal { at: backslash });
                };
                self.at += 2;
                (high * 16 + low) as u8
            }
            _ => {
                self.word.push(b'\\');
                return Ok(());
            }
        };
        self.word.push(meaning);
        self.at += 1;
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}` or `${NAME[*]-default}`.
    fn variable(&mut self) -> Result<(), LexError> {
        self.expanded.get_or_insert(self.start);
        self.at += 1;
        let brace = (self.peek() == Some(b'{')).then_some(self.at);
        self.at += usize::from(brace.is_some());
        let name_at = self.at;
        if !self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'))
        {
            return Err(LexError::VariableName { at: name_at });
        }
        self.at += 1;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            self.at += 1;
        }
        let name = self.text.get(name_at..self.at).unwrap_or(&[]);
        let value = self.value_of(name, name_at)?;
        self.swallows = value.is_none();
        let Some(brace) = brace else {
            self.word.extend_from_slice(value.as_deref().unwrap_or(&[]));
            return Ok(());
        };
        let list = self.peek() == Some(b'[');
        if list {
            if !self
                .text
                .get(self.at..)
                .is_some_and(|rest| rest.starts_with(b"[*]"))
            {
                return Err(LexError::WordExpansion { at: self.at });
            }
            self.at += 3;
        }
        let unmatched = LexError::UnmatchedBrace { at: brace };
        let mut default: &[u8] = &[];
        if self.peek() == Some(b'-') {
            let rest = self.text.get(self.at + 1..).unwrap_or(&[]);
            let length = memchr::memchr(b'}', rest).ok_or(unmatched.clone())?;
            default = rest.get(..length).unwrap_or(&[]);
            self.swallows = false;
            self.at += 1 + length;
        }
        if self.peek() != Some(b'}') {
            return Err(unmatched);
        }
        self.at += 1;
        if self.swallows {
            return Ok(());
        }
        let value = value.unwrap_or(Cow::Borrowed(default));
        if list {
            self.expand_list(&value)
        } else {
            self.word.extend_from_slice(&value);
            Ok(())
        }
    }

    fn value_of(&self, name: &[u8], at: usize) -> Result<Option<Cow<'a, [u8]>>, LexError> {
        let pseudo = match name {
            b".FILE" => Cow::Borrowed(self.place.path.as_bytes()),
            b".LINE" => Cow::Owned(self.place.line.to_string().into_bytes()),
            b".SECTION" => Cow::Borrowed(self.place.section),
            [b'.', ..] => return Err(LexError::VariableName { at }),
            _ => return Ok(self.environment.lookup(name).map(Cow::Owned)),
        };
        Ok(Some(pseudo))
    }

    /// Adds a value cut at white space; each run of it ends a word.
    fn expand_list(&mut self, value: &[u8]) -> Result<(), LexError> {
        let mut rest = value;
        while let Some(length) = rest.iter().position(|byte| is_space(*byte)) {
            let (piece, tail) = rest.split_at(length);
            self.word.extend_from_slice(piece);
            self.finish_word()?;
            let gap = tail.iter().take_while(|byte| is_space(**byte)).count();
            rest = tail.get(gap..).unwrap_or(&[]);
        }
        self.word.extend_from_slice(rest);
        Ok(())
    }

    fn finish_word(&mut self) -> Result<(), LexError> {
        let mut text = std::mem::take(&mut self.word);
        let length = text.len();
        if let Some(nul) = memchr::memchr(0, &text) {
            text.truncate(nul);
        }
        let index = self.line.words.len();
        if index == MAX_WORDS {
            let word = self
                .line
                .words
                .pop()
                .map(|word| word.text)
                .unwrap_or_default();
            return Err(LexError::TooManyWords {
                at: self.last,
                word,
            });
        }
        if text.is_empty() && self.line.empty.is_none() {
            let at = self.expanded.unwrap_or(self.start);
            self.line.empty = Some(EmptyWord { index, at });
        }
        self.last = self.written;
        self.written += length + 1;
        self.line.words.push(Word {
            text,
            span: self.place.span(self.start, self.at),
        });
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests;
