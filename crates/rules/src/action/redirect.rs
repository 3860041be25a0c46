//! `redirect`, as an action and as a section keyword.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::LogFormat;
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_core::stream::{Cause, Phase, ReplyBody, ResponseSource, Termination};
use hapax_proto::http::{Head, Name};
use hapax_sample::log_format::{self, Style};

use super::{fault, read_bytes, status};

/// Reads the action.
pub fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let action = read(cursor).map_err(|text| fault(cursor, "redirect", &text))?;
    Ok(action)
}

/// Reads the arguments up to the condition.
///
/// # Errors
/// Upstream's text without prefix and final period.
pub fn read(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<Redirect>, String> {
    let first = cursor.at;
    let mut kind = None;
    let mut redirect = Redirect {
        kind: Kind::Location,
        target: LogFormat::default(),
        code: 302,
        drop_query: false,
        keep_query: false,
        append_slash: false,
        ignore_empty: false,
        cookie: None,
        text: String::new(),
    };
    while !cursor.at_condition() {
        let Some(word) = cursor.take() else { break };
        let keyword = word.lossy().into_owned();
        match &*keyword {
            "location" | "prefix" | "scheme" => {
                let value = value(cursor, &keyword)?;
                redirect.target = read_bytes(cursor, &value, Style::Header)?;
                kind = Some(match &*keyword {
                    "location" => Kind::Location,
                    "prefix" => Kind::Prefix,
                    _ => Kind::Scheme,
                });
            }
            "code" => {
                let value = value(cursor, "code")?;
                let shown = String::from_utf8_lossy(&value);
                redirect.code = match &*shown {
                    "301" => 301,
                    "302" => 302,
                    "303" => 303,
                    "307" => 307,
                    "308" => 308,
                    _ => {
                        return Err(format!(
                            "'code': unsupported HTTP code '{shown}' (must be one of 301, 302, 303, 307 or 308)"
                        ));
                    }
                };
            }
            "set-cookie" => {
                let mut text = value(cursor, "set-cookie")?;
                text.extend_from_slice(b"; path=/;");
                redirect.cookie = Some(Cookie::Fixed(text));
            }
            "set-cookie-fmt" => {
                let text = value(cursor, "set-cookie-fmt")?;
                redirect.cookie = Some(Cookie::Format(read_bytes(cursor, &text, Style::Header)?));
            }
            "clear-cookie" => {
                let mut text = value(cursor, "clear-cookie")?;
                text.extend_from_slice(b"; path=/; Max-Age=0;");
                redirect.cookie = Some(Cookie::Fixed(text));
            }
            "drop-query" => redirect.drop_query = true,
            "keep-query" => redirect.keep_query = true,
            "append-slash" => redirect.append_slash = true,
            "ignore-empty" => redirect.ignore_empty = true,
            _ => {
                return Err(format!(
                    "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'set-cookie-fmt', 'clear-cookie', \
                     'drop-query', 'keep-query', 'ignore-empty' or 'append-slash' (was '{keyword}')"
                ));
            }
        }
    }
    let Some(kind) = kind else {
        return Err("redirection type expected ('prefix', 'location', or 'scheme')".to_owned());
    };
    redirect.kind = kind;
    let words = &cursor.line.words[first..cursor.at];
    let words: Vec<_> = words.iter().map(hapax_core::span::Word::lossy).collect();
    redirect.text = words.join(" ");
    Ok(Arc::new(redirect))
}

fn value(cursor: &mut ActionCursor<'_, '_>, keyword: &str) -> Result<Vec<u8>, String> {
    cursor
        .take()
        .map(|word| word.text.clone())
        .ok_or_else(|| format!("missing argument for '{keyword}'"))
}

/// A redirection.
#[derive(Debug)]
pub struct Redirect {
    kind: Kind,
    target: LogFormat,
    code: u16,
    drop_query: bool,
    keep_query: bool,
    append_slash: bool,
    ignore_empty: bool,
    cookie: Option<Cookie>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Location,
    Prefix,
    Scheme,
}

#[derive(Debug)]
enum Cookie {
    Fixed(Vec<u8>),
    Format(LogFormat),
}

impl Redirect {
    /// Appends where the client is sent.
    fn location(&self, tx: &Tx<'_>, out: &mut Vec<u8>) {
        let request = &tx.stream.request;
        log_format::render(&self.target, &tx.cx(), out);
        match self.kind {
            Kind::Location => {
                if self.keep_query
                    && let Some(query) = request.query()
                {
                    out.push(if out.contains(&b'?') { b'&' } else { b'?' });
                    out.extend_from_slice(query);
                }
                return;
            }
            Kind::Prefix => {
                // The prefix `/` is the empty one: the path brings its own slash.
                if out == b"/" {
                    out.clear();
                }
            }
            Kind::Scheme => {
                out.extend_from_slice(b"://");
                out.extend_from_slice(request.get(Name::Host).unwrap_or_default());
            }
        }
        out.extend_from_slice(request.path());
        if !self.drop_query
            && let Some(query) = request.query()
        {
            out.push(b'?');
            out.extend_from_slice(query);
        }
        if self.append_slash && out.last() != Some(&b'/') {
            out.push(b'/');
        }
    }
}

impl Action for Redirect {
    fn text(&self) -> String {
        format!("redirect {}", self.text)
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let mut text = std::mem::take(tx.scratch);
        text.clear();
        self.location(tx, &mut text);
        if self.ignore_empty && text.is_empty() {
            *tx.scratch = text;
            return Outcome::Continue;
        }
        let mut head = Head::new();
        head.start_response(b"HTTP/1.1", self.code, status::reason(self.code).as_bytes());
        head.add(b"content-length", b"0");
        head.add(b"location", &text);
        // Permanent answers may be kept by caches.
        if matches!(self.code, 302 | 303 | 307) {
            head.add(b"cache-control", b"no-cache");
        }
        match &self.cookie {
            None => {}
            Some(Cookie::Fixed(value)) => head.add(b"set-cookie", value),
            Some(Cookie::Format(format)) => {
                text.clear();
                log_format::render(format, &tx.cx(), &mut text);
                head.add(b"set-cookie", &text);
            }
        }
        *tx.scratch = text;
        let stream = &mut *tx.stream;
        stream.response = head;
        stream.reply_body = ReplyBody::Empty;
        stream.response_from = ResponseSource::Proxy;
        stream.status = i16::try_from(self.code).unwrap_or(-1);
        stream.termination = Termination {
            cause: Cause::Local,
            phase: if tx.on_response {
                Phase::Headers
            } else {
                Phase::Request
            },
        };
        Outcome::Reply
    }
}
