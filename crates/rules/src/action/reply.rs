//! An answer made by a rule: what `return` and `deny` share.

use std::io::Read;
use std::sync::Arc;

use hapax_core::contract::Tx;
use hapax_core::ir::{ImportedReply, Reference, ReferenceKind};
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_core::span::Word;
use hapax_core::stream::ReplyBody;
use hapax_proto::h1::{Limits, Parse, Scan, parse_response};
use hapax_proto::http::Head;
use hapax_sample::expression::Origin;
use hapax_sample::log_format::Style;

use super::reading::{self, Text};
use super::reason::reason;
use super::room;

/// The arguments of an answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status; that of a file of its own for `errorfile`.
    pub(crate) status: u16,
    content: Content,
    content_type: Vec<u8>,
    fields: Vec<(Vec<u8>, Text)>,
}

#[derive(Debug)]
enum Content {
    /// A head only.
    None,
    /// The error page of the status.
    Page,
    /// The page of the status in an `http-errors` section; a head only where it has none.
    Section(String),
    /// A whole response.
    Whole { head: Box<Head>, body: Arc<[u8]> },
    /// An empty `errorfile`: the connection is closed without an answer.
    Silence,
    /// A body.
    Body { bytes: Arc<[u8]>, length: Vec<u8> },
    /// A body that is computed.
    Format(Text),
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source<'r> {
    /// The page that there is without it.
    Default,
    /// An `http-errors` section.
    Section(&'r str),
    /// There is none.
    Silence,
    /// It is made here.
    Own,
}

/// What an answer turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// `stream.response` and `stream.reply_body` hold it.
    Here,
    /// The error page of the status is to be sent.
    Page,
    /// Nothing is to be sent.
    Silence,
    /// It finds no room.
    TooLarge,
}

impl Reply {
    /// Reads the arguments up to the first word that is none of them. Without any of them a `deny` answers with the error
    /// page of `status`; so it does with `deny_status` alone.
    pub(crate) fn read(
        cursor: &mut ActionCursor<'_, '_>,
        status: u16,
        deny: bool,
    ) -> Result<Reply, Fault> {
        let mut reader = Reader::new(status);
        if deny && cursor.peek().is_some_and(|word| *word == "deny_status") {
            cursor.at += 1;
            reader.status(cursor)?;
        }
        let after_status = cursor.at;
        reader.arguments(cursor)?;
        let page = deny && cursor.at == after_status;
        reader.finish(cursor, page)
    }

    /// Reads the arguments of `http-error`, which are the whole line.
    pub(crate) fn read_error(cursor: &mut ActionCursor<'_, '_>) -> Result<Reply, Fault> {
        let mut reader = Reader::new(0);
        reader.arguments(cursor)?;
        let reply = reader.finish(cursor, false)?;
        let wrong = match (reply.status, cursor.peek()) {
            // Upstream's text ends with a line feed of its own.
            (0, _) => "http-error : expects at least a <status> as arguments.\n".to_owned(),
            (_, Some(word)) => format!("http-error : unknown keyword '{}'.", word.lossy()),
            (status, None) if !PAGES.contains(&status) => {
                format!("http-error: status code '{status}' not handled.")
            }
            (_, None) => return Ok(reply),
        };
        Err(cursor.line.fault(wrong))
    }

    /// Where the answer comes from.
    pub(crate) fn source(&self) -> Source<'_> {
        match &self.content {
            Content::Page => Source::Default,
            Content::Section(name) => Source::Section(name),
            Content::Silence => Source::Silence,
            _ => Source::Own,
        }
    }

    /// Puts the answer into the stream, as far as it is made here.
    pub(crate) fn prepare(&self, tx: &mut Tx<'_>) -> Prepared {
        match &self.content {
            Content::Page => return Prepared::Page,
            Content::Silence => return Prepared::Silence,
            Content::Section(name) => return self.imported(name, tx),
            Content::Whole { head, body } => {
                let response = &mut tx.stream.response;
                response.start_response(head.version(), head.status(), head.reason());
                for (name, value) in head.iter() {
                    response.add(name, value);
                }
                tx.stream.reply_body = ReplyBody::Shared(body.clone());
            }
            Content::None => self.head(tx, b"0", false),
            Content::Body { bytes, length } => {
                self.head(tx, length, true);
                tx.stream.reply_body = ReplyBody::Shared(bytes.clone());
            }
            Content::Format(text) => {
                let mut body = Vec::new();
                text.append(tx, &mut body);
                self.head(tx, body.len().to_string().as_bytes(), !body.is_empty());
                tx.stream.reply_body = ReplyBody::Owned(body);
            }
        }
        match room::holds_answer(tx) {
            true => Prepared::Here,
            false => Prepared::TooLarge,
        }
    }

    /// The page of an `http-errors` section.
    fn imported(&self, name: &str, tx: &mut Tx<'_>) -> Prepared {
        let section = tx
            .program
            .http_errors
            .iter()
            .find(|section| section.name == name);
        let Some(page) = section.and_then(|section| section.page(self.status)) else {
            self.head(tx, b"0", false);
            return Prepared::Here;
        };
        if page.content.is_empty() {
            return Prepared::Silence;
        }
        let Some(end) = head_of(&page.content, &mut tx.stream.response) else {
            return Prepared::Page;
        };
        let body = page.content.get(end..).unwrap_or_default();
        tx.stream.reply_body = ReplyBody::Owned(body.to_vec());
        Prepared::Here
    }

    /// The fields of the rule see the response that they replace, so they are computed before it is cleared.
    fn head(&self, tx: &mut Tx<'_>, length: &[u8], with_type: bool) {
        let fixed = self
            .fields
            .iter()
            .all(|(_, value)| matches!(value, Text::Fixed(_)));
        let phrase = reason(self.status).as_bytes();
        if fixed {
            let response = &mut tx.stream.response;
            response.start_response(b"HTTP/1.1", self.status, phrase);
            for (name, value) in &self.fields {
                if let Text::Fixed(value) = value
                    && !value.is_empty()
                {
                    response.add(name, value);
                }
            }
        } else {
            let mut values = std::mem::take(tx.scratch);
            values.clear();
            let mut ends = bumpalo::collections::Vec::with_capacity_in(self.fields.len(), tx.arena);
            for (_, value) in &self.fields {
                value.append(tx, &mut values);
                ends.push(values.len());
            }
            let response = &mut tx.stream.response;
            response.start_response(b"HTTP/1.1", self.status, phrase);
            let mut start = 0;
            for ((name, _), end) in self.fields.iter().zip(ends) {
                let value = values.get(start..end).unwrap_or_default();
                // A field that has nothing to say is left out.
                if !value.is_empty() {
                    response.add(name, value);
                }
                start = end;
            }
            *tx.scratch = values;
        }
        let response = &mut tx.stream.response;
        response.add(b"content-length", length);
        if with_type {
            response.add(b"content-type", &self.content_type);
        }
        tx.stream.reply_body = ReplyBody::Empty;
    }
}

struct Reader<'a> {
    status: u16,
    content_type: Option<&'a Word>,
    given: Option<(String, Given)>,
    fields: Vec<(Vec<u8>, Text)>,
}

enum Given {
    Page,
    Section(String),
    Whole(Content),
    Bytes(Vec<u8>),
    Format(Text),
}

impl<'a> Reader<'a> {
    fn new(status: u16) -> Reader<'a> {
        Reader {
            status,
            content_type: None,
            given: None,
            fields: Vec::new(),
        }
    }

    /// Reads up to the first word that is no argument.
    fn arguments(&mut self, cursor: &mut ActionCursor<'_, 'a>) -> Result<(), Fault> {
        while let Some(word) = cursor.peek() {
            let name = word.lossy();
            cursor.at += 1;
            match &*name {
                "status" => self.status(cursor)?,
                "content-type" => {
                    let value =
                        reading::expect(cursor, "'content-type' expects <ctype> as argument")?;
                    self.content_type = Some(value);
                }
                "hdr" => self.field(cursor)?,
                "default-errorfiles" | "errorfile" | "file" | "lf-file" | "string"
                | "lf-string" | "errorfiles" => self.content(cursor, word, &name)?,
                _ => {
                    cursor.at -= 1;
                    break;
                }
            }
        }
        Ok(())
    }

    fn status(&mut self, cursor: &mut ActionCursor<'_, 'a>) -> Result<(), Fault> {
        let word = reading::expect(cursor, "'status' expects <status_code> as argument")?;
        let number = leading_integer(&word.text);
        match u16::try_from(number) {
            Ok(status @ 200..=599) => {
                self.status = status;
                Ok(())
            }
            _ => {
                let text = format!("Unexpected status code '{number}'");
                Err(reading::fault_at(cursor, word.span, text))
            }
        }
    }

    fn field(&mut self, cursor: &mut ActionCursor<'_, 'a>) -> Result<(), Fault> {
        const MISSING: &str = "'hdr' expects <name> and <value> as arguments";
        let name = reading::expect(cursor, MISSING)?;
        let value = reading::expect(cursor, MISSING)?;
        let framing = [
            &b"content-length"[..],
            b"transfer-encoding",
            b"content-type",
        ];
        if framing
            .iter()
            .any(|own| name.text.eq_ignore_ascii_case(own))
        {
            cursor.line.warn(format!(
                "header '{}' always ignored by the http reply.",
                name.lossy()
            ));
            return Ok(());
        }
        let value = reading::format(cursor, &value.text, Style::Header, value.span)?;
        self.fields.push((name.text.clone(), value));
        Ok(())
    }

    fn content(
        &mut self,
        cursor: &mut ActionCursor<'_, 'a>,
        word: &Word,
        name: &str,
    ) -> Result<(), Fault> {
        if let Some((earlier, _)) = &self.given {
            let text = format!("unexpected '{name}' argument, '{earlier}' already defined");
            return Err(reading::fault_at(cursor, word.span, text));
        }
        let what = match name {
            "default-errorfiles" => {
                self.given = Some((name.to_owned(), Given::Page));
                return Ok(());
            }
            "errorfiles" => "<name>",
            "string" => "<str>",
            "errorfile" | "lf-string" => "<fmt>",
            _ => "<file>",
        };
        let value = reading::expect(cursor, &format!("'{name}' expects {what} as argument"))?;
        let failed =
            |cursor: &ActionCursor<'_, '_>, text| reading::fault_at(cursor, value.span, text);
        let given = match name {
            "errorfiles" => Given::Section(value.lossy().into_owned()),
            "errorfile" => {
                Given::Whole(whole(&value.lossy()).map_err(|text| failed(cursor, text))?)
            }
            "string" => Given::Bytes(value.text.clone()),
            "lf-string" => Given::Format(reading::format(
                cursor,
                &value.text,
                Style::Plain,
                value.span,
            )?),
            "file" => Given::Bytes(file(&value.lossy()).map_err(|text| failed(cursor, text))?),
            _ => {
                let bytes = file(&value.lossy()).map_err(|text| failed(cursor, text))?;
                Given::Format(reading::format(cursor, &bytes, Style::Plain, value.span)?)
            }
        };
        self.given = Some((name.to_owned(), given));
        Ok(())
    }

    fn finish(self, cursor: &mut ActionCursor<'_, '_>, page: bool) -> Result<Reply, Fault> {
        let kind = self.content_type.map(|word| word.lossy().into_owned());
        let ignored = |cursor: &mut ActionCursor<'_, '_>, why: &str| {
            if let Some(kind) = &kind {
                cursor.line.warn(format!(
                    "content-type '{kind}' ignored by the http reply {why}."
                ));
            }
        };
        let content = match self.given {
            None if page => Content::Page,
            Some((_, Given::Page)) => Content::Page,
            Some((_, Given::Section(name))) => Content::Section(name),
            None => {
                ignored(cursor, "because neither errorfile nor payload defined");
                Content::None
            }
            Some((_, Given::Whole(whole))) => whole,
            Some((_, Given::Bytes(bytes))) if bytes.is_empty() => {
                ignored(cursor, "when used with an empty payload");
                Content::None
            }
            Some((_, Given::Bytes(bytes))) => Content::Body {
                length: bytes.len().to_string().into_bytes(),
                bytes: bytes.into(),
            },
            Some((_, Given::Format(text))) => Content::Format(text),
        };
        let refused = match &content {
            Content::Page if !PAGES.contains(&self.status) => Some(format!(
                "status code '{}' not handled by default with 'default-errorfiles' argument.",
                self.status
            )),
            Content::Section(_) if !PAGES.contains(&self.status) => Some(format!(
                "status code '{}' not handled by default with 'errorfiles' argument.",
                self.status
            )),
            Content::Body { .. } | Content::Format(_) if matches!(self.status, 204 | 304) => {
                Some(format!("No body expected for {} responses", self.status))
            }
            Content::Body { .. } if kind.is_none() => Some(
                "a content type must be defined when non-empty payload is configured".to_owned(),
            ),
            Content::Format(_) if kind.is_none() => {
                Some("a content type must be defined with a log-format payload".to_owned())
            }
            _ => None,
        };
        if let Some(text) = refused {
            return Err(reading::fault(cursor, text));
        }
        if matches!(
            content,
            Content::Page | Content::Section(_) | Content::Whole { .. } | Content::Silence
        ) {
            ignored(cursor, "when used with an erorrfile");
            if !self.fields.is_empty() {
                let text = "hdr parameters ignored by the http reply when used with an erorrfile.";
                cursor.line.warn(text);
            }
        }
        if let Content::Section(name) = &content {
            refer(cursor, name, self.status)?;
        }
        Ok(Reply {
            status: self.status,
            content,
            content_type: self
                .content_type
                .map(|word| word.text.clone())
                .unwrap_or_default(),
            fields: self.fields,
        })
    }
}

/// The content of a file that is not larger than a buffer.
fn file(path: &str) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|_| format!("error opening file '{path}'"))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::new();
    file.take(BUFFER + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| format!("error reading file '{path}'"))?;
    let length = bytes.len() as u64;
    if length > BUFFER {
        let size = size.max(length);
        return Err(format!(
            "file '{path}' exceeds the buffer size ({size} > {BUFFER})"
        ));
    }
    Ok(bytes)
}

/// A file that holds a whole response.
fn whole(path: &str) -> Result<Content, String> {
    // Upstream's texts about such a file bring their own period.
    let bytes = file(path).map_err(|text| format!("{text}."))?;
    if bytes.is_empty() {
        return Ok(Content::Silence);
    }
    let mut head = Head::new();
    match head_of(&bytes, &mut head) {
        Some(end) => Ok(Content::Whole {
            head: Box::new(head),
            body: bytes.get(end..).unwrap_or_default().into(),
        }),
        None => Err(format!(
            "'{path}': unable to parse headers (error offset: 0)"
        )),
    }
}

/// Reads the head of a response that is there as a whole; tells where it ends.
fn head_of(bytes: &[u8], head: &mut Head) -> Option<usize> {
    let limits = Limits {
        max_head: bytes.len(),
        ..Limits::default()
    };
    match parse_response(bytes, head, &mut Scan::default(), &limits) {
        Ok(Parse::Complete { len }) => Some(len),
        _ => None,
    }
}

/// Notes that an `http-errors` section must exist; `http-error` lines are looked at with the other lines of their kind.
fn refer(cursor: &mut ActionCursor<'_, '_>, name: &str, status: u16) -> Result<(), Fault> {
    if reading::is_http_error(cursor) {
        return Ok(());
    }
    let (from, span) = (Origin::of(cursor.line).from, cursor.line.span);
    let proxy = cursor.line.proxy()?.name.clone();
    cursor.line.config.references.push(Reference {
        kind: ReferenceKind::HttpErrors,
        name: name.to_owned(),
        from,
        span,
        missing: format!(
            "Proxy '{proxy}': unknown http-errors section '{name}' referenced by an http reply ."
        ),
    });
    cursor.line.config.imported_replies.push(ImportedReply {
        name: name.to_owned(),
        status,
        proxy,
        span,
    });
    Ok(())
}

/// The number at the beginning, as C's conversion to an int gives it; 0 without one.
pub(crate) fn leading_integer(text: &[u8]) -> i32 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut number = 0i64;
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        number = number
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'));
    }
    if negative {
        number = -number;
    }
    number as i32
}

/// The largest file: a buffer as it is by default.
const BUFFER: u64 = 16384;

/// Statuses that have an error page.
const PAGES: &[u16] = &[
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502,
    503, 504,
];
