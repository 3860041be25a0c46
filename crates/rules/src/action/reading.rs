//! What the actions' readers share: faults in upstream's frame, texts that may be formats, and their values.

use hapax_core::contract::Tx;
use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::{Expr, LogFormat, LogPart, ProxyKind};
use hapax_core::keyword::{ActionCursor, Fault, Line, Needs, Rulesets, Sections};
use hapax_core::span::{Span, Word};
use hapax_proto::http::Head;
use hapax_sample::expression::{self, Ending, Origin};
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

/// `error detected in frontend 'f' while parsing 'http-request deny' rule : TEXT.`
pub(crate) fn fault(cursor: &ActionCursor<'_, '_>, text: impl std::fmt::Display) -> Fault {
    fault_at(cursor, cursor.line.span, text)
}

/// The same with the caret at a word.
pub(crate) fn fault_at(
    cursor: &ActionCursor<'_, '_>,
    span: Span,
    text: impl std::fmt::Display,
) -> Fault {
    if is_http_error(cursor) {
        return Diagnostic::alert(span, format!("http-error : {text}")).into();
    }
    if cursor.ruleset.0 & TCP != 0 {
        return Diagnostic::alert(span, text.to_string()).into();
    }
    let section = section(cursor.line);
    let rule = match own_line(cursor) {
        true => "redirect".to_owned(),
        false if cursor.ruleset == Rulesets::STATS => format!("'http-request {}'", name(cursor)),
        false => format!("'{} {}'", cursor.line.keyword(), name(cursor)),
    };
    Diagnostic::alert(
        span,
        format!("error detected in {section} while parsing {rule} rule : {text}."),
    )
    .into()
}

const TCP: u16 = Rulesets::TCP_CONNECTION.0
    | Rulesets::TCP_SESSION.0
    | Rulesets::TCP_CONTENT.0
    | Rulesets::TCP_RESPONSE.0;

/// The section of a line, as upstream names it.
pub(crate) fn section(line: &Line<'_>) -> String {
    match line.proxy.as_deref() {
        Some(proxy) if line.section == Sections::DEFAULTS => {
            format!("defaults '{}'", proxy.name)
        }
        Some(proxy) if proxy.kind == ProxyKind::Listen => format!("proxy '{}'", proxy.name),
        Some(proxy) => format!("{} '{}'", proxy.kind.name(), proxy.name),
        None => "global".to_owned(),
    }
}

/// Takes an expression, which may go on in the next word after a comma; what it refers to is noted in the configuration.
/// `named` says what upstream calls it when its place knows nothing that it needs.
pub(crate) fn expression(
    cursor: &mut ActionCursor<'_, '_>,
    named: Option<&str>,
) -> Result<Expr, Fault> {
    let word = cursor.peek().filter(|_| !cursor.at_condition());
    let Some(word) = word else {
        return Err(fault(cursor, "missing fetch method"));
    };
    let words = cursor.line.words.get(cursor.at..).unwrap_or_default();
    let text = expression::joined(words);
    cursor.at += expression::joined_words(words);
    let parsed = expression::parse(&text, Ending::Whole, &Origin::of(cursor.line))
        .map_err(|error| fault_at(cursor, word.span, error))?;
    let kind = cursor.line.proxy()?.kind;
    if let Some(lacks) = Place::of(cursor.ruleset, kind).lacks(&parsed.expr) {
        let text = format!(
            "fetch method '{}' extracts information from '{lacks}', none of which is available here",
            named.map_or(word.lossy(), Into::into)
        );
        return Err(fault_at(cursor, word.span, text));
    }
    cursor.line.config.references.extend(parsed.references);
    Ok(parsed.expr)
}

/// Takes the next word; the text of the fault when there is none.
pub(crate) fn expect<'a>(
    cursor: &mut ActionCursor<'_, 'a>,
    missing: &str,
) -> Result<&'a Word, Fault> {
    match cursor.take() {
        Some(word) => Ok(word),
        None => Err(fault(cursor, missing)),
    }
}

/// The action as written, for dumps and explanations.
pub(crate) fn text(cursor: &ActionCursor<'_, '_>) -> String {
    let start = cursor.line.name_words - usize::from(own_line(cursor));
    let words = cursor.line.words.get(start..cursor.at).unwrap_or(&[]);
    let words: Vec<_> = words.iter().map(Word::lossy).collect();
    words.join(" ")
}

/// A log format; what it refers to is noted in the configuration.
pub(crate) fn format(
    cursor: &mut ActionCursor<'_, '_>,
    bytes: &[u8],
    style: Style,
    span: Span,
) -> Result<Text, Fault> {
    let kind = cursor.line.proxy()?.kind;
    let place = match is_http_error(cursor) {
        true => Place::ERROR_PAGE,
        false => Place::of(cursor.ruleset, kind),
    };
    let parsed = log_format::parse(bytes, style, place, &Origin::of(cursor.line))
        .map_err(|text| fault_at(cursor, span, text))?;
    if style == Style::Header && !own_line(cursor) {
        for part in &parsed.format.parts {
            if let LogPart::Expr { expr, .. } = part
                && expr.fetch.needs.0 & (Needs::REQUEST_BYTES.0 | Needs::RESPONSE_BYTES.0) != 0
            {
                let name = expr.fetch.name;
                let text = format!("L6 sample fetch <{name}> ignored in HTTP log-format string.");
                cursor.line.warn(text);
            }
        }
    }
    let fixed = parsed.fixed().map(<[u8]>::to_vec);
    cursor.line.config.references.extend(parsed.references);
    Ok(match fixed {
        Some(fixed) => Text::Fixed(fixed),
        None => Text::Format(parsed.format),
    })
}

/// Whether the line is an `http-error` line rather than a rule.
pub(crate) fn is_http_error(cursor: &ActionCursor<'_, '_>) -> bool {
    let first = cursor.line.words.first();
    first.is_some_and(|word| *word == "http-error")
}

/// Whether the line is a `redirect` line rather than a rule of a ruleset.
pub(crate) fn own_line(cursor: &ActionCursor<'_, '_>) -> bool {
    cursor
        .line
        .words
        .first()
        .is_some_and(|word| *word == "redirect")
}

/// The action's own word as written.
pub(crate) fn name(cursor: &ActionCursor<'_, '_>) -> String {
    let word = cursor.line.words.get(cursor.line.name_words);
    word.map(|word| word.lossy().into_owned())
        .unwrap_or_default()
}

/// A text that may have to be computed.
#[derive(Debug)]
pub(crate) enum Text {
    /// It is always the same.
    Fixed(Vec<u8>),
    /// It depends on the exchange.
    Format(LogFormat),
}

impl Text {
    /// Appends the value.
    pub(crate) fn append(&self, tx: &Tx<'_>, out: &mut Vec<u8>) {
        match self {
            Text::Fixed(bytes) => out.extend_from_slice(bytes),
            Text::Format(format) => log_format::render(format, &tx.cx(), out),
        }
    }

    /// Computes the value in the worker's scratch buffer, then hands it over together with the exchange.
    pub(crate) fn with<T>(&self, tx: &mut Tx<'_>, then: impl FnOnce(&mut Tx<'_>, &[u8]) -> T) -> T {
        match self {
            Text::Fixed(bytes) => then(tx, bytes),
            Text::Format(format) => {
                let mut value = std::mem::take(tx.scratch);
                value.clear();
                log_format::render(format, &tx.cx(), &mut value);
                let result = then(tx, &value);
                *tx.scratch = value;
                result
            }
        }
    }
}

/// The message that a ruleset edits.
pub(crate) fn head<'t>(tx: &'t mut Tx<'_>) -> &'t mut Head {
    if tx.on_response {
        &mut tx.stream.response
    } else {
        &mut tx.stream.request
    }
}
