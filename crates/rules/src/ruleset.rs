//! Evaluation of a list of rules over one exchange.

use hapax_core::contract::{Outcome, Tx};
use hapax_core::ir::Rule;
use hapax_sample::condition;

/// Runs the rules in order until one ends the list; notes which rule decided.
pub fn run(rules: &[Rule], tx: &mut Tx<'_>) -> Outcome {
    for rule in rules {
        let applies = rule
            .condition
            .as_ref()
            .is_none_or(|condition| condition::holds(condition, &tx.cx()));
        if !applies {
            continue;
        }
        let outcome = rule.action.run(tx);
        if outcome != Outcome::Continue {
            tx.stream.decided_by = Some(rule.span);
            return outcome;
        }
    }
    Outcome::Continue
}
