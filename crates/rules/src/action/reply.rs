//! The reply that `deny` and `return` give: its arguments, and the response made from them.

use std::sync::Arc;

use hapax_core::contract::Tx;
use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::LogFormat;
use hapax_core::keyword::ActionCursor;
use hapax_core::stream::{ReplyBody, ResponseSource};
use hapax_proto::http::Head;
use hapax_sample::log_format::{self, Style};

use super::{read_bytes, read_format, status};

/// What is answered.
#[derive(Debug)]
pub struct Reply {
    /// The status given, or the action's own.
    pub status: u16,
    /// The answer.
    pub content: Content,
    /// The arguments as written.
    pub text: String,
}

/// The answer of a [`Reply`].
#[derive(Debug)]
pub enum Content {
    /// The error page of the status.
    ErrorPage,
    /// A head with header fields and a body.
    Built {
        /// Header fields in order.
        headers: Vec<(Vec<u8>, LogFormat)>,
        /// `content-type`.
        content_type: Option<Vec<u8>>,
        /// The body.
        body: Body,
    },
    /// A whole response from a file.
    Raw(RawReply),
}

/// A body.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// The same for every request.
    Fixed(Arc<[u8]>),
    /// Built for every request.
    Format(LogFormat),
}

/// A response read from a file: what `errorfile` names.
#[derive(Debug)]
pub struct RawReply {
    version: Vec<u8>,
    status: u16,
    reason: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Arc<[u8]>,
}

/// Statuses that have an error page.
const PAGES: &[u16] = &[
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502,
    503, 504,
];

/// Largest file of a body or response, bytes.
const FILE_LIMIT: u64 = 16 << 20;

struct Given {
    status: u16,
    content_type: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, LogFormat)>,
    /// The keyword of the payload.
    payload: Option<String>,
    body: Body,
    raw: Option<RawReply>,
}

/// Reads the arguments of a reply; `default` is the status when none is given.
///
/// # Errors
/// Upstream's text without prefix and final period.
pub fn read(
    cursor: &mut ActionCursor<'_, '_>,
    default: u16,
    denies: bool,
) -> Result<Reply, String> {
    let first = cursor.at;
    let mut given = Given {
        status: default,
        content_type: None,
        headers: Vec::new(),
        payload: None,
        body: Body::Empty,
        raw: None,
    };
    while !cursor.at_condition() {
        let Some(word) = cursor.peek() else { break };
        let keyword = word.lossy().into_owned();
        if !option(cursor, &keyword, &mut given)? {
            break;
        }
    }
    let words = &cursor.line.words[first..cursor.at];
    let text: Vec<_> = words.iter().map(hapax_core::span::Word::lossy).collect();
    let text = text.join(" ");
    let content = finish(cursor, &mut given, denies)?;
    Ok(Reply {
        status: given.status,
        content,
        text,
    })
}

/// Reads one option; false when the word is none.
fn option(
    cursor: &mut ActionCursor<'_, '_>,
    keyword: &str,
    given: &mut Given,
) -> Result<bool, String> {
    match keyword {
        "status" | "deny_status" => {
            cursor.take();
            let word = cursor
                .take()
                .ok_or("'status' expects <status_code> as argument")?;
            let number = word
                .as_str()
                .and_then(|text| text.parse::<i64>().ok())
                .unwrap_or(0);
            given.status = u16::try_from(number)
                .ok()
                .filter(|status| (200..=599).contains(status))
                .ok_or_else(|| format!("Unexpected status code '{number}'"))?;
        }
        "content-type" => {
            cursor.take();
            let word = cursor
                .take()
                .ok_or("'content-type' expects <ctype> as argument")?;
            given.content_type = Some(word.text.clone());
        }
        "hdr" => {
            cursor.take();
            let (Some(name), Some(value)) = (cursor.take(), cursor.take()) else {
                return Err("'hdr' expects <name> and <value> as arguments".to_owned());
            };
            let format = read_format(cursor, value, Style::Header)?;
            if name.text.eq_ignore_ascii_case(b"content-length") {
                cursor.line.warn(format!(
                    "header '{}' always ignored by the http reply.",
                    name.lossy()
                ));
            } else {
                given.headers.push((name.text.clone(), format));
            }
        }
        "default-errorfiles" | "errorfile" | "file" | "lf-file" | "string" | "lf-string" => {
            cursor.take();
            if let Some(earlier) = &given.payload {
                return Err(format!(
                    "unexpected '{keyword}' argument, '{earlier}' already defined"
                ));
            }
            given.payload = Some(keyword.to_owned());
            payload(cursor, keyword, given)?;
        }
        "errorfiles" => {
            return Err("'errorfiles' is not built yet: it needs http-errors sections".to_owned());
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn payload(
    cursor: &mut ActionCursor<'_, '_>,
    keyword: &str,
    given: &mut Given,
) -> Result<(), String> {
    if keyword == "default-errorfiles" {
        return Ok(());
    }
    let what = match keyword {
        "string" => "<str>",
        "lf-string" => "<fmt>",
        _ => "<file>",
    };
    let word = cursor
        .take()
        .ok_or_else(|| format!("'{keyword}' expects {what} as argument"))?;
    given.body = match keyword {
        "string" => Body::Fixed(word.text.as_slice().into()),
        "lf-string" => Body::Format(read_bytes(cursor, &word.text, Style::Plain)?),
        "file" => Body::Fixed(read_file(&word.lossy())?.into()),
        "lf-file" => {
            let text = read_file(&word.lossy())?;
            Body::Format(read_bytes(cursor, &text, Style::Plain)?)
        }
        _ => {
            let path = word.lossy();
            let text = read_file(&path).map_err(|text| format!("{text}."))?;
            let raw = parse_raw(&text)
                .ok_or_else(|| format!("unable to parse file '{path}': invalid response"))?;
            given.raw = Some(raw);
            Body::Empty
        }
    };
    Ok(())
}

fn finish(
    cursor: &mut ActionCursor<'_, '_>,
    given: &mut Given,
    denies: bool,
) -> Result<Content, String> {
    let payload = given.payload.as_deref();
    if let Some(raw) = given.raw.take() {
        warn_unused(cursor, given);
        return Ok(Content::Raw(raw));
    }
    let page = payload == Some("default-errorfiles")
        || (denies && payload.is_none() && given.headers.is_empty());
    if page {
        if !denies {
            return Err("'default-errorfiles' is not built yet in 'return'".to_owned());
        }
        if !PAGES.contains(&given.status) {
            return Err(format!(
                "status code '{}' not handled by default with 'default-errorfiles' argument.",
                given.status
            ));
        }
        warn_unused(cursor, given);
        return Ok(Content::ErrorPage);
    }
    let body = std::mem::replace(&mut given.body, Body::Empty);
    let empty = match &body {
        Body::Empty => true,
        Body::Fixed(bytes) => bytes.is_empty(),
        Body::Format(_) => false,
    };
    if !empty && matches!(given.status, 204 | 304) {
        return Err(format!("No body expected for {} responses", given.status));
    }
    if empty {
        if let Some(content_type) = given.content_type.take() {
            warn_content_type(cursor, &content_type);
        }
    } else if given.content_type.is_none() {
        return Err(
            "a content type must be defined when non-empty payload is configured".to_owned(),
        );
    }
    Ok(Content::Built {
        headers: std::mem::take(&mut given.headers),
        content_type: given.content_type.take(),
        body,
    })
}

fn warn_content_type(cursor: &mut ActionCursor<'_, '_>, content_type: &[u8]) {
    let shown = String::from_utf8_lossy(content_type).into_owned();
    let text = format!(
        "content-type '{shown}' ignored by the http reply because neither errorfile nor payload defined."
    );
    let warning = Diagnostic::warning(cursor.line.span, text);
    cursor.line.diagnostics.push(warning);
}

fn warn_unused(cursor: &mut ActionCursor<'_, '_>, given: &Given) {
    if let (Some(content_type), None) = (&given.content_type, &given.payload) {
        warn_content_type(cursor, content_type);
    }
    if !given.headers.is_empty() {
        // Spelled as upstream spells it.
        let text = "hdr parameters ignored by the http reply when used with an erorrfile.";
        cursor.line.warn(text);
    }
}

fn read_file(path: &str) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let fault = |_| format!("error opening file '{path}'");
    let file = std::fs::File::open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT)
        .read_to_end(&mut bytes)
        .map_err(fault)?;
    Ok(bytes)
}

/// A response in a file: status line, header lines, an empty line, body.
fn parse_raw(text: &[u8]) -> Option<RawReply> {
    let mut rest = text;
    let mut next = || {
        let end = memchr::memchr(b'\n', rest)?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    };
    let first = next()?;
    let mut words = first.splitn(3, |byte| *byte == b' ');
    let version = words.next().filter(|word| word.starts_with(b"HTTP/"))?;
    let status = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let reason = words.next().unwrap_or_default();
    let mut headers = Vec::new();
    loop {
        let line = next()?;
        if line.is_empty() {
            break;
        }
        let colon = memchr::memchr(b':', line)?;
        headers.push((
            line[..colon].to_vec(),
            line[colon + 1..].trim_ascii().to_vec(),
        ));
    }
    (100..=999).contains(&status).then(|| RawReply {
        version: version.to_vec(),
        status,
        reason: reason.to_vec(),
        headers,
        body: rest.into(),
    })
}

/// Makes the response of a built or raw reply; an error page is the engine's to make.
pub fn make(reply: &Reply, tx: &mut Tx<'_>) {
    // The head under construction is taken out so that formats can still look at the one in place.
    let mut head = Head::new();
    let mut body = ReplyBody::Empty;
    match &reply.content {
        Content::ErrorPage => return,
        Content::Raw(raw) => {
            head.start_response(&raw.version, raw.status, &raw.reason);
            for (name, value) in &raw.headers {
                head.add(name, value);
            }
            body = ReplyBody::Shared(raw.body.clone());
        }
        Content::Built {
            headers,
            content_type,
            body: content,
        } => {
            head.start_response(
                b"HTTP/1.1",
                reply.status,
                status::reason(reply.status).as_bytes(),
            );
            let mut text = std::mem::take(tx.scratch);
            for (name, format) in headers {
                text.clear();
                log_format::render(format, &tx.cx(), &mut text);
                head.add(name, &text);
            }
            let length = match content {
                Body::Empty => 0,
                Body::Fixed(bytes) => {
                    body = ReplyBody::Shared(bytes.clone());
                    bytes.len()
                }
                Body::Format(format) => {
                    let mut bytes = Vec::new();
                    log_format::render(format, &tx.cx(), &mut bytes);
                    let length = bytes.len();
                    body = ReplyBody::Owned(bytes);
                    length
                }
            };
            text.clear();
            hapax_sample::write::unsigned(&mut text, length as u64);
            head.add(b"content-length", &text);
            if let Some(content_type) = content_type {
                head.add(b"content-type", content_type);
            }
            *tx.scratch = text;
        }
    }
    tx.stream.response = head;
    tx.stream.reply_body = body;
    tx.stream.response_from = ResponseSource::Proxy;
    tx.stream.status = i16::try_from(reply.status).unwrap_or(-1);
}
