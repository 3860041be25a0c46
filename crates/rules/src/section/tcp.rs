//! `tcp-request` and `tcp-response` lines: rules below HTTP, and how long they may wait.

use hapax_core::contract::Shared;
use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::{Condition, Milliseconds, Rule, TcpRules};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Line, RowRef, Rulesets};
use hapax_sample::argument;
use hapax_sample::condition;
use hapax_sample::expression;
use hapax_sample::place::Place;

use super::rule::{self, beginning, is_condition, listed};
use crate::action::reading;

/// Reads a rule of one of the rulesets.
pub(crate) fn parse(line: &mut Line<'_>, ruleset: Rulesets) -> Result<(), Fault> {
    let row = find(line, ruleset)?;
    let name = format!("{} {}", line.keyword(), line.arg(0).unwrap_or_default());
    rule::warn_order(line)?;
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
    let given = line.scope.seen.has(&keyword);
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
    if let Some(text) = misplaced(line, ruleset, &given, row.is_some()) {
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

/// What upstream says of some actions where they are not allowed; of others it lists those that are.
fn misplaced(line: &Line<'_>, ruleset: Rulesets, given: &str, is_known: bool) -> Option<String> {
    let (keyword, section) = (line.keyword(), reading::section(line));
    let argument = line.arg(1).unwrap_or_default();
    let request = ruleset != Rulesets::TCP_RESPONSE;
    match given {
        "expect-proxy" | "expect-netscaler-cip" if request && is_known => Some(match &*argument {
            "layer4" => {
                format!("'{given} layer4' is not allowed in '{keyword}' rules in {section}")
            }
            _ => format!(
                "'{keyword} {given}' only supports 'layer4' in {section} (got '{argument}')"
            ),
        }),
        "capture" if request => {
            let words = line.args().get(1..).unwrap_or_default();
            let length = expression::joined_words(words);
            let words: Vec<_> = words.iter().take(length).map(|word| word.lossy()).collect();
            let shown = words.join(" ");
            Some(format!(
                "'capture {shown}' is not allowed in '{keyword}' rules in {section}"
            ))
        }
        "use-service" if ruleset == Rulesets::TCP_CONTENT => Some(match &*argument {
            "" => "'tcp-request' expects a service name.".to_owned(),
            "prometheus-exporter" => {
                "Prometheus exporter service only available on 'http-request' rulesets".to_owned()
            }
            _ => "'content' unknown service name.".to_owned(),
        }),
        _ => None,
    }
}

/// Actions of the manual that wait for their rooms.
static NOT_BUILT: &[&str] = &[
    "attach-srv",
    "ot-group",
    "sc-",
    "send-spoe-group",
    "track-sc",
];
