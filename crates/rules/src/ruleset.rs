//! Rules at work: a ruleset over one exchange, and the choice of the backend.

use hapax_core::contract::{Cx, Outcome, Tx};
use hapax_core::ir::{BackendTarget, Condition, Rule};
use hapax_core::program::ProxyId;
use hapax_core::stream::{Verdict, Waiting};
use hapax_sample::condition::{self, Verdict as Judged};
use hapax_sample::log_format;

/// Runs the rules in order until one ends the list, and notes the rule that decided the exchange.
///
/// `Stop` is what `allow` gives: the rest of this ruleset is passed over, and so is nothing else.
pub fn evaluate(rules: &[Rule], tx: &mut Tx<'_>) -> Outcome {
    let mut rest = rules.iter();
    while let Some(rule) = next(&mut rest, &tx.cx()) {
        match rule.action.run(tx) {
            Outcome::Continue => {}
            Outcome::Stop => {
                tx.stream.last_rule = Some(rule.span);
                return Outcome::Stop;
            }
            decided => {
                match decided.waits() {
                    true => tx.stream.waiting = Some(Waiting::Rule(rule.span)),
                    false => tx.stream.last_rule = Some(rule.span),
                }
                decide(rule, tx);
                return decided;
            }
        }
    }
    Outcome::Continue
}

/// Notes what decided.
fn decide(rule: &Rule, tx: &mut Tx<'_>) {
    let condition = rule.condition.as_ref();
    tx.stream.decided_by = Some(rule.span);
    tx.stream.verdict = Some(Verdict {
        rule: rule.span,
        terms: condition.and_then(|condition| condition::holding(condition, &tx.cx())),
    });
}

/// The next rule whose condition holds. What is looked at stays the same up to there: it is gathered once.
#[inline]
fn next<'r>(rules: &mut std::slice::Iter<'r, Rule>, cx: &Cx<'_>) -> Option<&'r Rule> {
    rules.find(|rule| applies(rule.condition.as_ref(), cx))
}

/// As [`evaluate`], for rules that may wait: `Wait` when a condition cannot be decided yet. All rules run again when more
/// bytes came, as in upstream.
pub fn inspect(rules: &[Rule], tx: &mut Tx<'_>) -> Outcome {
    if !tx.stream.inspection.open {
        return evaluate(rules, tx);
    }
    for rule in rules {
        let verdict = rule.condition.as_ref().map_or(Judged::Yes, |condition| {
            condition::judge(condition, &tx.cx())
        });
        match verdict {
            Judged::No => continue,
            Judged::Open => return Outcome::Wait,
            Judged::Yes => {}
        }
        match rule.action.run(tx) {
            Outcome::Continue => {}
            Outcome::Stop => {
                tx.stream.last_rule = Some(rule.span);
                return Outcome::Stop;
            }
            decided => {
                match decided.waits() {
                    true => tx.stream.waiting = Some(Waiting::Rule(rule.span)),
                    false => tx.stream.last_rule = Some(rule.span),
                }
                decide(rule, tx);
                return decided;
            }
        }
    }
    Outcome::Continue
}

/// The backend for an exchange of its frontend: that of the first `use_backend` rule that applies, else the default
/// backend; none when there is none. A computed name that no backend has leads to the default backend too.
pub fn use_backend(tx: &mut Tx<'_>) -> Option<ProxyId> {
    let program = tx.program;
    let proxy = program.proxy(tx.session.frontend);
    let rules = proxy.ir.use_backend.iter().zip(&proxy.use_backend);
    for (rule, fixed) in rules {
        if !applies(rule.condition.as_ref(), &tx.cx()) {
            continue;
        }
        let chosen = match &rule.target {
            BackendTarget::Name(_) => *fixed,
            BackendTarget::Format(format) => {
                let mut name = std::mem::take(tx.scratch);
                name.clear();
                log_format::render(format, &tx.cx(), &mut name);
                let text = std::str::from_utf8(&name).ok();
                let found = text.and_then(|name| program.backend(name));
                *tx.scratch = name;
                found
            }
        };
        if chosen.is_some() {
            tx.stream.decided_by = Some(rule.span);
            return chosen;
        }
        break;
    }
    proxy.default_backend
}

fn applies(condition: Option<&Condition>, cx: &Cx<'_>) -> bool {
    condition.is_none_or(|condition| condition::holds(condition, cx))
}
