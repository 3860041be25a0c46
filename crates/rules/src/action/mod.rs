//! Actions, one file each; what they share stands here.

mod del_header;
mod deny;
mod ending;
pub mod redirect;
mod replace;
mod reply;
mod set_header;
mod set_method;
mod set_status;
mod set_target;
mod status;

use hapax_core::contract::Tx;
use hapax_core::ir::{LogFormat, ProxyKind};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};
use hapax_core::span::Word;
use hapax_proto::http::Head;
use hapax_sample::expression::Origin;
use hapax_sample::log_format::{self, ParsedFormat, Style};
use hapax_sample::place::Place;

use crate::section::action_fault;

/// `http-request` and `http-response`.
const HTTP: Rulesets = Rulesets::HTTP_REQUEST.or(Rulesets::HTTP_RESPONSE);

macro_rules! actions {
    ($($name:literal, $rulesets:expr, $usage:literal, $doc:literal => $parse:expr;)+) => {
        /// The actions.
        pub static ACTIONS: &[ActionKeyword] = &[
            $(ActionKeyword { name: $name, rulesets: $rulesets, usage: $usage, doc: $doc, parse: $parse },)+
        ];
    };
}

actions! {
    "add-header", HTTP, "<name> <fmt>", "Adds a header field." => |cursor| set_header::parse(cursor, "add-header", true);
    "allow", HTTP, "", "Ends the evaluation of the rules." => ending::allow;
    "del-header", HTTP, "<name> [ -m { str | beg | end | sub | reg } ]", "Removes header fields." => del_header::parse;
    "deny", HTTP, "[ status <code> ] [ content-type <type> ] [ <payload> ] [ hdr <name> <fmt> ]*", "Refuses the exchange." => deny::deny;
    "redirect", HTTP, "<rule>", "Answers with a redirection." => redirect::parse;
    "reject", Rulesets::HTTP_REQUEST, "", "Closes the connection without an answer." => ending::reject;
    "replace-header", HTTP, "<name> <match-regex> <replace-fmt>", "Replaces in whole header lines what a regular expression matches." => |cursor| replace::header(cursor, "replace-header", true);
    "replace-path", Rulesets::HTTP_REQUEST, "<match-regex> <replace-fmt>", "Replaces the path when a regular expression matches it." => |cursor| replace::target(cursor, "replace-path", set_target::Part::Path);
    "replace-pathq", Rulesets::HTTP_REQUEST, "<match-regex> <replace-fmt>", "Replaces path and query when a regular expression matches them." => |cursor| replace::target(cursor, "replace-pathq", set_target::Part::PathAndQuery);
    "replace-uri", Rulesets::HTTP_REQUEST, "<match-regex> <replace-fmt>", "Replaces the request target when a regular expression matches it." => |cursor| replace::target(cursor, "replace-uri", set_target::Part::Uri);
    "replace-value", HTTP, "<name> <match-regex> <replace-fmt>", "Replaces in each value of a header what a regular expression matches." => |cursor| replace::header(cursor, "replace-value", false);
    "return", HTTP, "[ status <code> ] [ content-type <type> ] [ <payload> ] [ hdr <name> <fmt> ]*", "Answers from here." => deny::reply;
    "set-header", HTTP, "<name> <fmt>", "Sets a header field." => |cursor| set_header::parse(cursor, "set-header", false);
    "set-method", Rulesets::HTTP_REQUEST, "<fmt>", "Sets the method." => set_method::parse;
    "set-path", Rulesets::HTTP_REQUEST, "<fmt>", "Sets the path." => |cursor| set_target::parse(cursor, "set-path", set_target::Part::Path);
    "set-pathq", Rulesets::HTTP_REQUEST, "<fmt>", "Sets path and query." => |cursor| set_target::parse(cursor, "set-pathq", set_target::Part::PathAndQuery);
    "set-query", Rulesets::HTTP_REQUEST, "<fmt>", "Sets the query." => |cursor| set_target::parse(cursor, "set-query", set_target::Part::Query);
    "set-status", Rulesets::HTTP_RESPONSE, "<status> [reason <str>]", "Sets the status of the response." => set_status::parse;
    "set-uri", Rulesets::HTTP_REQUEST, "<fmt>", "Sets the request target." => |cursor| set_target::parse(cursor, "set-uri", set_target::Part::Uri);
}

/// Reads a word as a log format.
pub(crate) fn read_format(
    cursor: &mut ActionCursor<'_, '_>,
    word: &Word,
    style: Style,
) -> Result<LogFormat, String> {
    read_bytes(cursor, &word.text, style)
}

/// Reads bytes as a log format.
pub(crate) fn read_bytes(
    cursor: &mut ActionCursor<'_, '_>,
    text: &[u8],
    style: Style,
) -> Result<LogFormat, String> {
    let kind = cursor
        .line
        .proxy
        .as_deref()
        .map_or(ProxyKind::Listen, |proxy| proxy.kind);
    let place = Place::of(cursor.ruleset, kind);
    let origin = Origin::of(cursor.line);
    let ParsedFormat { format, references } = log_format::parse(text, style, place, &origin)?;
    cursor.line.config.references.extend(references);
    Ok(format)
}

/// Takes the next word unless the arguments are over.
pub(crate) fn argument<'a>(cursor: &mut ActionCursor<'_, 'a>) -> Option<&'a Word> {
    if cursor.at_condition() {
        return None;
    }
    cursor.take()
}

/// A fault with upstream's prefix for actions.
pub(crate) fn fault(cursor: &mut ActionCursor<'_, '_>, name: &str, text: &str) -> Fault {
    action_fault(cursor, name, text)
}

/// The message that the rule changes.
pub(crate) fn head<'t>(tx: &'t mut Tx<'_>) -> &'t mut Head {
    if tx.on_response {
        &mut tx.stream.response
    } else {
        &mut tx.stream.request
    }
}

/// Gives `use_text` what a format gives, in the worker's scratch buffer.
pub(crate) fn with_text<R>(
    format: &LogFormat,
    tx: &mut Tx<'_>,
    use_text: impl FnOnce(&mut Tx<'_>, &[u8]) -> R,
) -> R {
    let mut text = std::mem::take(tx.scratch);
    text.clear();
    log_format::render(format, &tx.cx(), &mut text);
    let result = use_text(tx, &text);
    *tx.scratch = text;
    result
}
