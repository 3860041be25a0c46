//! Where a piece of configuration stands: file, line and columns.

use std::sync::Arc;

use serde::Serialize;

/// Index of a file in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, Serialize)]
pub struct FileId(pub u16);

/// A range of bytes in one line of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Line number, from 1.
    pub line: u32,
    /// First byte of the range in the line, from 0.
    pub start: u32,
    /// One past the last byte of the range.
    pub end: u32,
}

impl Span {
    /// The smallest span that covers both; `other` is ignored when it is on another line.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        if (self.file, self.line) != (other.file, other.line) {
            return self;
        }
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
            ..self
        }
    }
}

/// One file as it was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the user gave it; printed in messages.
    pub path: String,
    /// The content; not necessarily UTF-8.
    pub text: Arc<[u8]>,
    /// Byte offset of the start of each line.
    line_starts: Vec<u32>,
}

impl Source {
    /// Indexes the lines of `text`.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<[u8]>>) -> Source {
        let text = text.into();
        let mut line_starts = vec![0];
        line_starts.extend(
            text.iter()
                .enumerate()
                .filter(|&(_, &byte)| byte == b'\n')
                .map(|(at, _)| at as u32 + 1),
        );
        Source {
            path: path.into(),
            text,
            line_starts,
        }
    }

    /// Line `line` (from 1) without its line feed; empty when there is none.
    pub fn line(&self, line: u32) -> &[u8] {
        let at = |index: usize| self.line_starts.get(index).map(|&start| start as usize);
        let Some(start) = (line as usize).checked_sub(1).and_then(at) else {
            return &[];
        };
        let end = at(line as usize).map_or(self.text.len(), |next| next - 1);
        self.text.get(start..end).unwrap_or(&[])
    }
}

/// All files of one configuration, in the order they were read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a file and returns its id.
    pub fn add(&mut self, source: Source) -> FileId {
        self.files.push(source);
        FileId((self.files.len() - 1) as u16)
    }

    /// The file behind an id.
    pub fn file(&self, id: FileId) -> Option<&Source> {
        self.files.get(usize::from(id.0))
    }

    /// `path` of the file, or `?` for an id of another set.
    pub fn path(&self, id: FileId) -> &str {
        self.file(id).map_or("?", |file| file.path.as_str())
    }

    /// The files in reading order.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }
}

/// One word of a configuration line: its value after quotes, escapes and variables, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Word {
    /// The value; any bytes except NUL.
    pub text: Vec<u8>,
    /// Where it stood.
    pub span: Span,
}

impl Word {
    /// The value as text when it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.text).ok()
    }

    /// The value for messages; other bytes become the replacement character.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.text == other.as_bytes()
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.text == other.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_with_and_without_a_final_line_feed() {
        let source = Source::new("a", b"one\ntwo\n\nlast".as_slice());
        assert_eq!(source.line(1), b"one");
        assert_eq!(source.line(3), b"");
        assert_eq!(source.line(4), b"last");
        assert_eq!(source.line(5), b"");
        assert_eq!(source.line(0), b"");
    }
}
