//! The text of a log format into its pieces.

use hapax_core::ir::{
    LogEncoding, LogFlags, LogFormat, LogName, LogPart, LogReady, LogType, Reference,
};
use hapax_core::keyword::Needs;

use super::Style;
use crate::expression::{self, Ending, Origin};
use crate::place::Place;

/// A log format, and what it refers to.
#[derive(Debug)]
pub struct ParsedFormat {
    /// The pieces.
    pub format: LogFormat,
    /// Names that must exist in the end.
    pub references: Vec<Reference>,
}

impl ParsedFormat {
    /// The bytes of a format that holds nothing but text.
    pub fn fixed(&self) -> Option<&[u8]> {
        match self.format.parts.as_slice() {
            [] => Some(&[]),
            [LogPart::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Reads a log format.
///
/// # Errors
/// Upstream's text without prefix and final period.
pub fn parse(
    text: &[u8],
    style: Style,
    place: Place,
    origin: &Origin<'_>,
) -> Result<ParsedFormat, String> {
    let mut reader = Reader {
        text,
        at: 0,
        style,
        place,
        origin,
        flags: LogFlags {
            mandatory: style == Style::Log,
            encode: style == Style::Header,
            ..LogFlags::default()
        },
        parts: Vec::new(),
        references: Vec::new(),
    };
    reader.read()?;
    // Header fields are encoded in their own way.
    let encoding = match style {
        Style::Header => LogEncoding::None,
        _ => reader.flags.encoding(),
    };
    Ok(ParsedFormat {
        format: LogFormat {
            ready: reader
                .parts
                .iter()
                .map(ready)
                .max()
                .unwrap_or(LogReady::Always),
            parts: reader.parts,
            encoding,
            binary: reader.flags.bin,
            text: String::from_utf8_lossy(text).into_owned(),
        },
        references: reader.references,
    })
}

/// From when on a piece is known.
fn ready(part: &LogPart) -> LogReady {
    match part {
        LogPart::Text(_) | LogPart::Separator => LogReady::Always,
        LogPart::Alias { row, .. } => row.ready,
        LogPart::Expr { expr, .. } => {
            let counts = expr.fetch.needs.0 & Needs::RESPONSE_COUNT.0 != 0;
            match counts || KNOWN_AT_END.contains(&expr.fetch.name) {
                true => LogReady::End,
                false => LogReady::Response,
            }
        }
    }
}

/// Fetches that are allowed earlier, but wait for the end in a log line.
const KNOWN_AT_END: &[&str] = &[
    "bytes_in",
    "fc.timer.total",
    "txn.timer.total",
    "txn.timer.user",
];

struct Reader<'t, 'o> {
    text: &'t [u8],
    at: usize,
    style: Style,
    place: Place,
    origin: &'o Origin<'o>,
    /// What `%{...}o` set for all that follows.
    flags: LogFlags,
    parts: Vec<LogPart>,
    references: Vec<Reference>,
}

impl Reader<'_, '_> {
    fn read(&mut self) -> Result<(), String> {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'%' => self.item()?,
                b' ' if matches!(self.style, Style::Log | Style::Merged) => {
                    if self.parts.last() != Some(&LogPart::Separator) {
                        self.parts.push(LogPart::Separator);
                    }
                    self.at += 1;
                }
                byte => {
                    self.push(byte);
                    self.at += 1;
                }
            }
        }
        Ok(())
    }

    /// What follows a `%`.
    fn item(&mut self) -> Result<(), String> {
        let start = self.at;
        self.at += 1;
        if self.next() == Some(b'%') {
            self.push(b'%');
            self.at += 1;
            return Ok(());
        }
        let mut name = LogName::default();
        if self.next() == Some(b'(') {
            name = self.name()?;
        }
        let mut flags = self.flags;
        let mut argument = Vec::new();
        if self.next() == Some(b'{') {
            self.at += 1;
            let rest = &self.text[self.at..];
            let Some(length) = rest.iter().position(|byte| *byte == b'}') else {
                return Err(format!("truncated line after '{}'", lossy(rest)));
            };
            argument = rest[..length].to_vec();
            self.at += length + 1;
            apply(&argument, &mut flags);
            if self.next().is_none() {
                return Err(format!(
                    "parse argument modifier without alias name near '%{{{}}}'",
                    lossy(&argument)
                ));
            }
        }
        match self.next() {
            Some(b'[') => self.expression(flags, name),
            Some(byte) if byte.is_ascii_alphabetic() => self.alias(flags, argument, name),
            None => Err(format!(
                "truncated line after '{}'",
                lossy(&self.text[start..])
            )),
            Some(byte) if byte.is_ascii_digit() => Err(format!(
                "unexpected alias name near '{}' at position {} line : '{}'. Maybe you want to write a single '%', use the syntax '%%'",
                char::from(byte),
                self.at,
                lossy(self.text)
            )),
            Some(byte) => {
                self.push(b'%');
                self.push(byte);
                self.at += 1;
                Ok(())
            }
        }
    }

    /// `(name:type)`
    fn name(&mut self) -> Result<LogName, String> {
        let rest = &self.text[self.at + 1..];
        let end = rest.iter().position(|byte| *byte == b')');
        let Some(whole) = end.map(|end| &rest[..end]) else {
            return Err("invalid character in custom name near '".to_owned());
        };
        let (plain, kind) = match whole.iter().position(|byte| *byte == b':') {
            Some(colon) => (&whole[..colon], Some(&whole[colon + 1..])),
            None => (whole, None),
        };
        let named = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        if let Some(odd) = plain.iter().position(|byte| !named(byte)) {
            return Err(format!(
                "invalid character in custom name near '{}' at position {} line : '{}'",
                lossy(&plain[odd..=odd]),
                self.at + 1 + odd,
                lossy(self.text)
            ));
        }
        let output = match kind {
            None => None,
            Some(b"str") => Some(LogType::Str),
            Some(b"sint") => Some(LogType::Int),
            Some(b"bool") => Some(LogType::Bool),
            Some(b"raw") => Some(LogType::Raw),
            Some(kind) => {
                return Err(format!(
                    "unexpected output type '{}' at position {} line : '{}'. Supported types are: str, sint, bool, raw",
                    lossy(kind),
                    self.at + 1 + plain.len() + 1,
                    lossy(self.text)
                ));
            }
        };
        self.at += whole.len() + 2;
        Ok(LogName {
            name: lossy(plain),
            output,
        })
    }

    fn alias(&mut self, flags: LogFlags, argument: Vec<u8>, item: LogName) -> Result<(), String> {
        let rest = &self.text[self.at..];
        let length = rest
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let name = lossy(&rest[..length]);
        self.at += length;
        if name == "o" {
            self.flags = flags;
            return Ok(());
        }
        let Some(row) = self.origin.registry.log_aliases.find(&name) else {
            return Err(format!(
                "no such format alias '{name}'. If you wanted to emit the '%' character verbatim, you need to use '%%'"
            ));
        };
        self.parts.push(LogPart::Alias {
            row,
            argument,
            name: item,
            flags,
        });
        Ok(())
    }

    fn expression(&mut self, flags: LogFlags, name: LogName) -> Result<(), String> {
        self.at += 1;
        let rest = &self.text[self.at..];
        let parsed = expression::parse(rest, Ending::Open, self.origin).map_err(|error| {
            format!(
                "failed to parse sample expression <{}> : {error}",
                lossy(rest)
            )
        })?;
        let taken = lossy(&rest[..parsed.length.min(rest.len())]);
        match rest.get(parsed.length) {
            Some(b']') => {}
            None => return Err(format!("missing ']' after '{taken}'")),
            Some(byte) => {
                let found = char::from(*byte);
                return Err(format!("expected ']' after '{taken}', but found '{found}'"));
            }
        }
        if let Some(what) = self.place.lacks(&parsed.expr) {
            return Err(format!(
                "sample fetch <{}> may not be reliably used here because it needs '{what}' which is not available here",
                parsed.expr.fetch.name
            ));
        }
        self.at += parsed.length + 1;
        self.references.extend(parsed.references);
        self.parts.push(LogPart::Expr {
            expr: parsed.expr,
            name,
            flags,
        });
        Ok(())
    }

    fn next(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn push(&mut self, byte: u8) {
        match self.parts.last_mut() {
            Some(LogPart::Text(text)) => text.push(byte),
            _ => self.parts.push(LogPart::Text(vec![byte])),
        }
    }
}

/// `+Q,-X`: flags to add and remove; no sign adds. Unknown ones are ignored, as upstream does.
fn apply(argument: &[u8], flags: &mut LogFlags) {
    for word in argument.split(|byte| *byte == b',') {
        let (on, name) = match word {
            [b'-', name @ ..] => (false, name),
            [b'+', name @ ..] => (true, name),
            name => (true, name),
        };
        match name {
            b"Q" => flags.quote = on,
            b"X" => flags.hex = on,
            b"E" => flags.escape = on,
            b"M" => flags.mandatory = on,
            b"json" => flags.json = on,
            b"cbor" => flags.cbor = on,
            b"utf8" => flags.utf8 = on,
            b"bin" => flags.bin = on,
            _ => {}
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
