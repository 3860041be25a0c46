//! `tcp-request` and `tcp-response` lines: rules below HTTP, and how long they may wait.

use hapax_core::contract::Shared;
use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::{Condition, Milliseconds, Rule, TcpRules};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Line, RowRef, Rulesets};
use hapax_sample::argument;
use hapax_sample::condition;
use hapax_sample::place::Place;

use super::rule::{self, beginning, is_condition, listed};
use crate::action::reading;

/// Reads a rule of one of the rulesets.
pub(crate) fn parse(line: &mut Line<'_>, ruleset: Rulesets) -> Result<(), Fault> {
    let row = find(line, ruleset)?;
    let name = format!("{} {}", line.keyword(), row.name);
    if ruleset != Rulesets::TCP_RESPONSE {
        rule::warn_order(line)?;
    }
    let mut cursor = ActionCursor {
        at: line.name_words + 1,
        line,
        ruleset,
    };
    let action = (row.0.parse)(&mut cursor)?;
    let at = cursor.at;
    let condition = read_condition(line, at, ruleset, &name)?;
    let rule = Rule {
        action: Shared(action),
        condition,
        span: line.span,
    };
    let rules = &mut line.proxy()?.tcp;
    match ruleset {
        Rulesets::TCP_CONNECTION => rules.connection.push(rule),
        Rulesets::TCP_SESSION => rules.session.push(rule),
        Rulesets::TCP_RESPONSE => rules.response.push(rule),
        _ => rules.request.push(rule),
    }
    Ok(())
}

/// Reads an `inspect-delay`; the first one counts.
pub(crate) fn delay(
    line: &mut Line<'_>,
    of: fn(&mut TcpRules) -> &mut Option<Milliseconds>,
) -> Result<(), Fault> {
    let keyword = line.keyword();
    let section = reading::section(line);
    let refused = |why: String| {
        format!("'{keyword}' expects a positive delay in milliseconds, in {section}{why}")
    };
    let Some(word) = line.args().first() else {
        return Err(line.fault(refused(String::new())));
    };
    let delay = argument::milliseconds(&word.text)
        .map_err(|why| line.fault_at(0, refused(format!(" ({why})"))))?;
    let given = line.scope.seen.keys().any(|name| *name == keyword);
    let slot = of(&mut line.proxy()?.tcp);
    if given {
        line.warn(format!(
            "ignoring {keyword} (was already defined) in {section}"
        ));
        return Ok(());
    }
    *slot = Some(delay).filter(|delay| *delay > 0);
    Ok(())
}

fn read_condition(
    line: &mut Line<'_>,
    at: usize,
    ruleset: Rulesets,
    name: &str,
) -> Result<Option<Condition>, Fault> {
    let words = line.words.get(at..).unwrap_or(&[]);
    let Some(word) = words.first() else {
        return Ok(None);
    };
    let section = reading::section(line);
    if !is_condition(word) {
        let text = format!(
            "'{name}' only accepts 'if' or 'unless', in {section} (got '{}')",
            word.lossy()
        );
        return Err(Diagnostic::alert(word.span, text).into());
    }
    let kind = line.proxy()?.kind;
    let condition = condition::parse(words, Place::of(ruleset, kind), line).map_err(|text| {
        let text = format!(
            "'{name}' : error detected in {section} while parsing '{}' condition : {text}",
            word.lossy()
        );
        Diagnostic::alert(word.span.to(line.span), text)
    })?;
    Ok(Some(condition))
}

fn find(line: &Line<'_>, ruleset: Rulesets) -> Result<RowRef<ActionKeyword>, Fault> {
    let given = line.arg(0).unwrap_or_default();
    let row = line.registry.actions.find(&given);
    if let Some(row) = row.filter(|row| row.rulesets.has(ruleset)) {
        return Ok(row);
    }
    if let Some(row) = beginning(line.registry, ruleset, &given) {
        return Ok(row);
    }
    let keyword = line.keyword();
    let section = reading::section(line);
    if NOT_BUILT.iter().any(|name| given.starts_with(name)) {
        let text = format!("'{keyword} {given}' in {section} is not built yet.");
        return Err(line.fault_at(0, text));
    }
    let misplaced = row.is_some_and(|row| row.rulesets.has(Rulesets::TCP_CONNECTION));
    if misplaced && given.starts_with("expect-") && line.arg(1).as_deref() == Some("layer4") {
        let text = format!("'{given} layer4' is not allowed in '{keyword}' rules in {section}");
        return Err(line.fault_at(0, text));
    }
    let first: &[&str] = match ruleset {
        Rulesets::TCP_RESPONSE => &["accept", "close", "reject"],
        _ => &["accept", "reject"],
    };
    let rows = line.registry.actions.iter();
    let others = rows
        .filter(|row| row.rulesets.has(ruleset) && !first.contains(&row.name))
        .map(|row| row.name);
    let names: Vec<_> = first.iter().copied().chain(others).map(listed).collect();
    let text = format!(
        "'{keyword}' expects {} in {section} (got '{given}').",
        names.join(", ")
    );
    Err(line.fault_at(0, text))
}

/// Actions of the manual that wait for their rooms.
static NOT_BUILT: &[&str] = &[
    "attach-srv",
    "capture",
    "do-log",
    "ot-group",
    "sc-",
    "send-spoe-group",
    "set-bandwidth-limit",
    "track-sc",
    "use-service",
];
