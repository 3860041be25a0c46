//! `capture`: the value of an expression goes into a slot, for logs and later rules.

use std::sync::Arc;

use hapax_core::capture::Side;
use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::{Capture, Expr, Reference, ReferenceKind};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets, Sections};
use hapax_core::sample::Type;
use hapax_core::span::Word;
use hapax_sample::cast;
use hapax_sample::expression;
use hapax_sample::expression::Origin;

use super::{HEADS, reading};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "capture",
    rulesets: HEADS.or(Rulesets::TCP_CONTENT),
    usage: "<expression> [ len <length> | id <idx> ]",
    doc: "Keeps the value of an expression for logs and later rules.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let content = cursor.ruleset == Rulesets::TCP_CONTENT;
    read(cursor).map_err(|mut fault| {
        if content {
            let message = &mut fault.diagnostic.message;
            *message = format!("'tcp-request content capture' : {message}");
        }
        fault
    })
}

fn read(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let content = cursor.ruleset == Rulesets::TCP_CONTENT;
    let side = match cursor.ruleset {
        Rulesets::HTTP_RESPONSE | Rulesets::HTTP_AFTER_RESPONSE => Side::Response,
        _ => Side::Request,
    };
    let usage = match side {
        _ if content => "missing fetch method",
        Side::Request => "expects <expression> [ 'len' <length> | id <idx> ]",
        Side::Response => "expects <expression> id <idx>",
    };
    let (defaults, kind) = (
        cursor.line.section == Sections::DEFAULTS,
        cursor.line.proxy()?.kind,
    );
    if content && !defaults && !kind.has_frontend() {
        return Err(no_frontend(cursor)?);
    }
    let words = cursor.line.words.get(cursor.at..).unwrap_or_default();
    let taken = expression::joined_words(words);
    if words.is_empty() || (!content && words.len() < taken + 2) {
        return Err(reading::fault(cursor, usage));
    }
    let expr = reading::expression(cursor, None)?;
    let how = cursor.take();
    let number = |cursor: &mut ActionCursor<'_, '_>| {
        let word = cursor.take();
        let text = word.map(Word::lossy).unwrap_or_default().into_owned();
        let number: Option<u32> = text.parse().ok();
        (number, text)
    };
    let index = match how {
        Some(word) if *word == "len" && side == Side::Request => {
            let (length, _) = number(cursor);
            if !kind.has_frontend() {
                return Err(no_frontend(cursor)?);
            }
            let Some(length) = length.filter(|length| *length > 0) else {
                return Err(reading::fault(cursor, "length must be > 0"));
            };
            let proxy = cursor.line.proxy()?;
            proxy.request_captures.push(Capture {
                header: None,
                length,
            });
            proxy.request_captures.len() - 1
        }
        Some(word) if *word == "id" && !content => {
            let (index, text) = number(cursor);
            let Some(index) = index else {
                let text = format!("cannot parse id '{text}'");
                return Err(reading::fault(cursor, text));
            };
            refer(cursor, side, index)?;
            index as usize
        }
        _ if content => {
            let text = "a positive 'len' argument is mandatory";
            return Err(reading::fault(cursor, text));
        }
        word => {
            let expected = match side {
                Side::Request => "'len' or 'id'",
                Side::Response => "'id'",
            };
            let word = word.map(Word::lossy).unwrap_or_default();
            let text = format!("expects {expected}, found '{word}'");
            return Err(reading::fault(cursor, text));
        }
    };
    Ok(Arc::new(CaptureValue {
        side,
        index,
        expr,
        text: reading::text(cursor),
    }))
}

/// Notes that the frontend must have the slot in the end.
fn refer(cursor: &mut ActionCursor<'_, '_>, side: Side, index: u32) -> Result<(), Fault> {
    // As upstream, which calls both kinds of rules on responses by one name.
    let keyword = match side {
        Side::Request => cursor.line.keyword(),
        Side::Response => "http-response".into(),
    };
    let from = Origin::of(cursor.line).from;
    let missing = format!(
        "Proxy '{}': unable to find capture id '{index}' referenced by {keyword} capture rule.",
        cursor.line.proxy()?.name
    );
    cursor.line.config.references.push(Reference {
        kind: match side {
            Side::Request => ReferenceKind::RequestCapture,
            Side::Response => ReferenceKind::ResponseCapture,
        },
        name: index.to_string(),
        from,
        span: cursor.line.span,
        missing,
    });
    Ok(())
}

fn no_frontend(cursor: &mut ActionCursor<'_, '_>) -> Result<Fault, Fault> {
    let text = format!(
        "proxy '{}' has no frontend capability",
        cursor.line.proxy()?.name
    );
    Ok(reading::fault(cursor, text))
}

#[derive(Debug)]
struct CaptureValue {
    side: Side,
    index: usize,
    expr: Expr,
    text: String,
}

impl Action for CaptureValue {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let cx = tx.cx();
        let frontend = &cx.program.proxy(cx.session.frontend).ir;
        let slots = match self.side {
            Side::Request => &frontend.request_captures,
            Side::Response => &frontend.response_captures,
        };
        // A rule of a backend may name a slot that this frontend does not have.
        let Some(slot) = slots.get(self.index) else {
            return Outcome::Continue;
        };
        if let Some(sample) = expression::eval(&self.expr, &cx)
            && let Some(sample) = cast::cast(sample, Type::Str, cx.arena)
            && let Some(bytes) = sample.value.bytes()
        {
            let most = usize::try_from(slot.length).unwrap_or(usize::MAX);
            cx.stream.captures.write(self.side, self.index, bytes, most);
        }
        Outcome::Continue
    }
}
