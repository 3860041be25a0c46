//! Options of `server` and `default-server` lines (configuration manual 5.2).

pub(crate) mod agent;
pub(crate) mod check;
pub(crate) mod connection;
pub(crate) mod place;
pub(crate) mod proxy_header;
pub(crate) mod resolution;
pub(crate) mod state;

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir;
use hapax_core::keyword::{Fault, OptionCursor, ServerOption, Support};
use hapax_core::span::Span;

use crate::value::{self, MAX_MILLISECONDS, TimeError, Unit};

type Parse = fn(&mut OptionCursor<'_>, &mut ir::ServerOptions) -> Result<(), Fault>;

/// A row that `default-server` may carry too.
const fn row(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: Parse,
) -> ServerOption {
    ServerOption {
        name,
        usage,
        doc,
        in_default_server: true,
        support: Support::Runs,
        parse,
    }
}

/// A row for `server` lines only.
const fn own(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: Parse,
) -> ServerOption {
    ServerOption {
        in_default_server: false,
        ..row(name, usage, doc, parse)
    }
}

/// The next word; `missing` when there is none.
fn needed(cursor: &mut OptionCursor<'_>, missing: &str) -> Result<String, Fault> {
    let name = cursor.keyword().lossy().into_owned();
    match cursor.take() {
        Some(word) => Ok(word.lossy().into_owned()),
        None => Err(fault(cursor, format!("'{name}' {missing}"))),
    }
}

/// The next word as the number it starts with; 0 when there is none.
fn leading(cursor: &mut OptionCursor<'_>) -> i64 {
    cursor
        .take()
        .map_or(0, |word| value::leading_integer(&word.text))
}

/// The same, not below 0.
fn count(cursor: &mut OptionCursor<'_>) -> u32 {
    u32::try_from(leading(cursor).max(0)).unwrap_or(u32::MAX)
}

/// The next word as a time; `option` is the name that upstream's texts give it.
fn time(cursor: &mut OptionCursor<'_>, option: &str, named: &str) -> Result<u32, Fault> {
    let text = needed(cursor, "expects a delay as argument.")?;
    let server = server_name(cursor);
    match value::time(text.as_bytes(), Unit::Millisecond) {
        Ok(time) => Ok(time.value),
        Err(TimeError::Overflow) => Err(fault(
            cursor,
            format!(
                "timer overflow in argument <{text}> to <{option}> of server {server}, maximum value is {MAX_MILLISECONDS} ms \
                 (~24.8 days)."
            ),
        )),
        Err(TimeError::Unexpected(byte)) => Err(fault(
            cursor,
            format!(
                "unexpected character '{}' in '{named}' argument of server {server}.",
                char::from(byte)
            ),
        )),
        Err(TimeError::Missing) => Err(fault(
            cursor,
            format!("unexpected character '' in '{named}' argument of server {server}."),
        )),
    }
}

/// The server of the line, as texts name it; nothing for `default-server`.
fn server_name(cursor: &OptionCursor<'_>) -> String {
    let inner = cursor.prefix.strip_suffix("' : ").unwrap_or_default();
    let name = inner.split_once('/').map_or("", |(_, name)| name);
    name.to_owned()
}

/// A fault at the word taken last.
fn fault(cursor: &OptionCursor<'_>, text: impl Into<String>) -> Fault {
    cursor.fault(cursor.keyword().span, text)
}

/// A warning behind the line's prefix.
fn warn(cursor: &mut OptionCursor<'_>, span: Span, text: String) {
    let text = format!("{}{text}", cursor.prefix);
    let warning = Diagnostic::warning(span, text).with_prefix(Prefix::Place);
    cursor.diagnostics.push(warning);
}
