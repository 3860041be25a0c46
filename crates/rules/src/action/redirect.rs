//! `redirect`: sends the client elsewhere; as an action, and for the `redirect` line of a section.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::Condition;
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};
use hapax_core::span::Word;
use hapax_core::stream::ReplyBody;
use hapax_proto::http::Name;
use hapax_sample::condition;
use hapax_sample::log_format::Style;
use hapax_sample::place::Place;

use super::BOTH;
use super::reading::{self, Text};
use super::reason::reason;
use super::reply::leading_integer;
use super::room;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "redirect",
    rulesets: BOTH,
    usage: "{ location | prefix | scheme } <fmt> [code <code>] [drop-query] [keep-query] [append-slash] [ignore-empty] [set-cookie <name>[=<value>]] [set-cookie-fmt <fmt>] [clear-cookie <name>[=]]",
    doc: "Redirects the client to another location.",
    parse: read,
};

/// Reads the arguments; of a `redirect` line too, where texts are no formats.
pub(crate) fn read(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let mut given = Given {
        target: None,
        code: 302,
        cookie: None,
        redirect: Flags::default(),
    };
    while !cursor.at_condition() {
        let Some(word) = cursor.take() else { break };
        given.option(cursor, word)?;
    }
    let Some((kind, word)) = given.target else {
        let text = "redirection type expected ('prefix', 'location', or 'scheme')";
        return Err(reading::fault(cursor, text));
    };
    if cursor.ruleset == Rulesets::HTTP_RESPONSE && kind != Kind::Location {
        let text = "response only supports redirect type 'location'";
        return Err(reading::fault(cursor, text));
    }
    // `prefix /` asks for the address of the request itself.
    let target = match (kind, word.text.as_slice()) {
        (Kind::Prefix, b"/") => Text::Fixed(Vec::new()),
        _ if reading::own_line(cursor) => Text::Fixed(word.text.clone()),
        _ => reading::format(cursor, &word.text, Style::Header, word.span)?,
    };
    let cookie = match given.cookie {
        None => None,
        Some(Cookie::Set(word)) => Some(Text::Fixed([&word.text, &b"; path=/;"[..]].concat())),
        Some(Cookie::Clear(word)) => Some(Text::Fixed(
            [&word.text, &b"; path=/; Max-Age=0;"[..]].concat(),
        )),
        Some(Cookie::Format(word)) => {
            let format = [&word.text, &b"; path=/;"[..]].concat();
            Some(reading::format(cursor, &format, Style::Header, word.span)?)
        }
    };
    Ok(Arc::new(Redirect {
        kind,
        target,
        code: given.code,
        flags: given.redirect,
        cookie,
        text: reading::text(cursor),
    }))
}

/// Reads what follows the arguments, the condition; its faults are those of the redirection.
pub(crate) fn condition(cursor: &mut ActionCursor<'_, '_>) -> Result<Option<Condition>, Fault> {
    let words = cursor.line.words.get(cursor.at..).unwrap_or(&[]);
    let Some(word) = words.first() else {
        return Ok(None);
    };
    let place = Place::of(cursor.ruleset, cursor.line.proxy()?.kind);
    condition::parse(words, place, cursor.line)
        .map(Some)
        .map_err(|text| reading::fault_at(cursor, word.span, format!("error in condition: {text}")))
}

struct Given<'a> {
    target: Option<(Kind, &'a Word)>,
    code: u16,
    cookie: Option<Cookie<'a>>,
    redirect: Flags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Location,
    Prefix,
    Scheme,
}

enum Cookie<'a> {
    Set(&'a Word),
    Clear(&'a Word),
    Format(&'a Word),
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    drop_query: bool,
    keep_query: bool,
    append_slash: bool,
    ignore_empty: bool,
}

impl<'a> Given<'a> {
    fn option(&mut self, cursor: &mut ActionCursor<'_, 'a>, word: &Word) -> Result<(), Fault> {
        let name = word.lossy();
        let argument = |cursor: &mut ActionCursor<'_, 'a>| {
            reading::expect(cursor, &format!("missing argument for '{name}'"))
        };
        match &*name {
            "location" => self.target = Some((Kind::Location, argument(cursor)?)),
            "prefix" => self.target = Some((Kind::Prefix, argument(cursor)?)),
            "scheme" => self.target = Some((Kind::Scheme, argument(cursor)?)),
            "set-cookie" => self.cookie = Some(Cookie::Set(argument(cursor)?)),
            "set-cookie-fmt" => self.cookie = Some(Cookie::Format(argument(cursor)?)),
            "clear-cookie" => self.cookie = Some(Cookie::Clear(argument(cursor)?)),
            "code" => {
                let code = argument(cursor)?;
                self.code = match leading_integer(&code.text) {
                    301 => 301,
                    302 => 302,
                    303 => 303,
                    307 => 307,
                    308 => 308,
                    _ => {
                        let text = format!(
                            "'code': unsupported HTTP code '{}' (must be one of 301, 302, 303, 307 or 308)",
                            code.lossy()
                        );
                        return Err(reading::fault_at(cursor, code.span, text));
                    }
                };
            }
            "drop-query" => self.redirect.drop_query = true,
            "keep-query" => self.redirect.keep_query = true,
            "append-slash" => self.redirect.append_slash = true,
            "ignore-empty" => self.redirect.ignore_empty = true,
            other => {
                let text = format!(
                    "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'set-cookie-fmt', 'clear-cookie', 'drop-query', 'keep-query', 'ignore-empty' or 'append-slash' (was '{other}')"
                );
                return Err(reading::fault_at(cursor, word.span, text));
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Redirect {
    kind: Kind,
    target: Text,
    code: u16,
    flags: Flags,
    cookie: Option<Text>,
    text: String,
}

impl Action for Redirect {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let mut out = std::mem::take(tx.scratch);
        out.clear();
        let answered = self.answer(tx, &mut out);
        *tx.scratch = out;
        if answered && !room::holds_answer(tx) {
            Outcome::AnswerFailed { local: false }
        } else if answered {
            Outcome::Reply
        } else {
            Outcome::Continue
        }
    }

    fn is_final(&self) -> bool {
        !self.flags.ignore_empty
    }
}

impl Redirect {
    /// Makes the response with `out` as scratch memory; false when the rule is passed over.
    fn answer(&self, tx: &mut Tx<'_>, out: &mut Vec<u8>) -> bool {
        self.target.append(tx, out);
        if out.is_empty() && self.flags.ignore_empty && self.kind == Kind::Location {
            return false;
        }
        match self.kind {
            Kind::Location => {
                if self.flags.keep_query {
                    keep_query(tx, out);
                }
            }
            Kind::Prefix => self.request_target(tx, out),
            Kind::Scheme => {
                out.extend_from_slice(b"://");
                out.extend_from_slice(tx.stream.request.get(Name::Host).unwrap_or_default());
                self.request_target(tx, out);
            }
        }
        let location = out.len();
        if let Some(cookie) = &self.cookie {
            cookie.append(tx, out);
        }
        let response = &mut tx.stream.response;
        response.start_response(b"HTTP/1.1", self.code, reason(self.code).as_bytes());
        response.add(b"content-length", b"0");
        response.add(b"location", &out[..location]);
        if matches!(self.code, 302 | 303 | 307) {
            response.add(b"cache-control", b"no-cache");
        }
        if self.cookie.is_some() {
            response.add(b"set-cookie", &out[location..]);
        }
        tx.stream.reply_body = ReplyBody::Empty;
        true
    }

    /// Appends path and query of the request; a target without a path (`*`) counts as `/`.
    fn request_target(&self, tx: &Tx<'_>, out: &mut Vec<u8>) {
        let target = tx.stream.request.target();
        let path = if target.path.is_empty() {
            b"/"
        } else {
            target.path
        };
        out.extend_from_slice(path);
        if let Some(query) = target.query
            && !self.flags.drop_query
        {
            out.push(b'?');
            out.extend_from_slice(query);
        }
        if self.flags.append_slash && out.last() != Some(&b'/') {
            out.push(b'/');
        }
    }
}

/// Appends the query of the request to a location that may have one of its own.
fn keep_query(tx: &Tx<'_>, out: &mut Vec<u8>) {
    let query = tx.stream.request.query().unwrap_or_default();
    if query.is_empty() {
        return;
    }
    out.push(if out.contains(&b'?') { b'&' } else { b'?' });
    out.extend_from_slice(query);
}
