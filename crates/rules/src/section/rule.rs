//! A rule of a ruleset: the action by its name, its arguments, and the condition.

use hapax_core::contract::Shared;
use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::{Condition, Rule, Stats};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Line, Registry, RowRef, Rulesets};
use hapax_core::span::Word;
use hapax_core::suggest::nearest;
use hapax_sample::condition;
use hapax_sample::place::Place;

use crate::action::redirect;

pub(crate) fn parse(line: &mut Line<'_>, ruleset: Rulesets) -> Result<(), Fault> {
    let row = find(line, ruleset)?;
    warn_unreachable(line, ruleset)?;
    let given = line.arg(0).unwrap_or_default();
    let name = format!("{} {given}", keyword(line, ruleset));
    let mut cursor = ActionCursor {
        at: line.name_words + 1,
        line,
        ruleset,
    };
    let action = (row.0.parse)(&mut cursor)?;
    let condition = if row.name == redirect::ROW.name {
        redirect::condition(&mut cursor)?
    } else {
        let at = cursor.at;
        read_condition(line, at, ruleset, &name)?
    };
    let rule = Rule {
        action: Shared(action),
        condition,
        span: line.span,
    };
    let proxy = line.proxy()?;
    match ruleset {
        Rulesets::HTTP_RESPONSE => proxy.http_response.push(rule),
        Rulesets::HTTP_AFTER_RESPONSE => proxy.http_after_response.push(rule),
        Rulesets::STATS => {
            let stats = proxy.stats.get_or_insert_with(Stats::default);
            stats.rules.push(rule);
        }
        _ => {
            proxy.http_request.push(rule);
            warn_order(line)?;
        }
    }
    Ok(())
}

/// Says that a rule before this one lets nothing through to it.
fn warn_unreachable(line: &mut Line<'_>, ruleset: Rulesets) -> Result<(), Fault> {
    let (keyword, span) = (line.keyword(), line.span);
    let proxy = line.proxy()?;
    let rules = match ruleset {
        Rulesets::HTTP_RESPONSE => &proxy.http_response,
        Rulesets::HTTP_AFTER_RESPONSE => &proxy.http_after_response,
        Rulesets::STATS => return warn_unreachable_stats(line),
        _ => &proxy.http_request,
    };
    let ends = |rule: &Rule| rule.condition.is_none() && rule.action.is_final();
    if rules.last().is_some_and(ends) {
        let text = format!(
            "previous '{keyword}' action is final and has no condition attached, further entries are NOOP."
        );
        let warning = Diagnostic::warning(span, text).with_prefix(Prefix::Reading);
        line.diagnostics.push(warning);
    }
    Ok(())
}

/// The same of `stats http-request`, where every action is final.
fn warn_unreachable_stats(line: &mut Line<'_>) -> Result<(), Fault> {
    let stats = line.proxy()?.stats.as_ref();
    let last = stats.and_then(|stats| stats.rules.last());
    if last.is_some_and(|rule| rule.condition.is_none()) {
        let text = "previous 'stats' action has no condition attached, further entries are NOOP.";
        let warning = Diagnostic::warning(line.span, text).with_prefix(Prefix::Reading);
        line.diagnostics.push(warning);
    }
    Ok(())
}

/// How messages call the ruleset: that of the statistics page is named as the one of requests.
fn keyword(line: &Line<'_>, ruleset: Rulesets) -> String {
    match ruleset {
        Rulesets::STATS => "http-request".into(),
        _ => line.keyword(),
    }
}

/// Says that kinds of rules run in another order than they are written in.
pub(crate) fn warn_order(line: &mut Line<'_>) -> Result<(), Fault> {
    let keyword = line.keyword();
    let proxy = line.proxy()?;
    let of_responses = [
        ("tcp-response content", proxy.tcp.response.is_empty()),
        ("http-response", proxy.http_response.is_empty()),
    ];
    let of_requests = [
        ("tcp-request connection", proxy.tcp.connection.is_empty()),
        ("tcp-request session", proxy.tcp.session.is_empty()),
        ("tcp-request content", proxy.tcp.request.is_empty()),
        ("http-request", proxy.http_request.is_empty()),
        ("redirect", proxy.redirect.is_empty()),
        ("use_backend", proxy.use_backend.is_empty()),
        ("use-server", proxy.use_server.is_empty()),
    ];
    let kinds = match keyword.starts_with("tcp-response") {
        true => of_responses.as_slice(),
        false => of_requests.as_slice(),
    };
    let later = kinds
        .iter()
        .skip_while(|(name, _)| *name != keyword)
        .skip(1);
    let Some((before, _)) = later.into_iter().find(|(_, empty)| !empty) else {
        return Ok(());
    };
    let article = if before.starts_with("http-") {
        "an"
    } else {
        "a"
    };
    line.warn(format!(
        "a '{keyword}' rule placed after {article} '{before}' rule will still be processed before."
    ));
    Ok(())
}

pub(crate) fn read_condition(
    line: &mut Line<'_>,
    at: usize,
    ruleset: Rulesets,
    name: &str,
) -> Result<Option<Condition>, Fault> {
    let words = line.words.get(at..).unwrap_or(&[]);
    let Some(word) = words.first() else {
        return Ok(None);
    };
    if !is_condition(word) {
        let text = format!(
            "'{name}' expects either 'if' or 'unless' followed by a condition but found '{}'.",
            word.lossy()
        );
        return Err(reading(word, text));
    }
    let kind = line.proxy()?.kind;
    let condition = condition::parse(words, Place::of(ruleset, kind), line).map_err(|text| {
        Diagnostic::alert(
            word.span.to(line.span),
            format!("error detected while parsing an '{name}' condition : {text}."),
        )
    })?;
    Ok(Some(condition))
}

/// Whether a condition begins with this word.
pub(crate) fn is_condition(word: &Word) -> bool {
    *word == "if" || *word == "unless"
}

fn find(line: &Line<'_>, ruleset: Rulesets) -> Result<RowRef<ActionKeyword>, Fault> {
    let names = || {
        let rows = line.registry.actions.iter();
        rows.filter(|row| row.rulesets.has(ruleset))
            .map(|row| row.name)
    };
    // Only for those who got it wrong: building it for every rule would cost more than reading the rule.
    let expected = || {
        let list: Vec<_> = names().map(listed).collect();
        let list = list.join(", ");
        format!("'{}' expects {list}, but got", keyword(line, ruleset))
    };
    let Some(word) = line.args().first() else {
        let text = format!("{} '' (missing argument).", expected());
        let found = Diagnostic::alert(line.span, text);
        return Err(found.with_prefix(Prefix::Reading).into());
    };
    let given = word.lossy();
    let row = line.registry.actions.find(&given);
    if let Some(row) = row.filter(|row| row.rulesets.has(ruleset)) {
        return Ok(row);
    }
    if let Some(row) = beginning(line.registry, ruleset, &given) {
        return Ok(row);
    }
    let stem = given.split('(').next().unwrap_or_default();
    let stems = names().map(|name| name.trim_end_matches('('));
    let near = nearest(stem, stems)
        .map(|near| format!(" Did you mean '{near}' maybe ?"))
        .unwrap_or_default();
    Err(reading(word, format!("{} '{given}'.{near}", expected())))
}

/// The action whose name ends in `(`: it stands for all words that begin so, with or without what follows.
pub(super) fn beginning(
    registry: &Registry,
    ruleset: Rulesets,
    given: &str,
) -> Option<RowRef<ActionKeyword>> {
    let begins = |row: &&ActionKeyword| {
        let stem = row.name.strip_suffix('(');
        row.rulesets.has(ruleset) && stem.is_some_and(|stem| given.starts_with(stem))
    };
    let rows = registry.actions.iter().filter(begins);
    rows.max_by_key(|row| row.name.len()).map(RowRef)
}

/// The name of an action as upstream lists it.
pub(super) fn listed(name: &str) -> String {
    match name.strip_suffix('(') {
        Some(name) => format!("'{name}(*)'"),
        None => format!("'{name}'"),
    }
}

fn reading(word: &Word, text: String) -> Fault {
    Diagnostic::alert(word.span, text)
        .with_prefix(Prefix::Reading)
        .into()
}
