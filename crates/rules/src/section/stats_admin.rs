//! `stats admin`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Sections};
use hapax_sample::condition;
use hapax_sample::place::Place;

use super::rule::is_condition;

pub(crate) fn admin(line: &mut Line<'_>) -> Result<(), Fault> {
    if line.section == Sections::DEFAULTS {
        let text = "'stats admin' not allowed in 'defaults' section.";
        return Err(Diagnostic::alert(line.span, text)
            .with_prefix(Prefix::Reading)
            .into());
    }
    let words = line.args();
    if !words.first().is_some_and(is_condition) {
        let text = "'stats admin' requires either 'if' or 'unless' followed by a condition.";
        return Err(line.fault(text));
    }
    let condition = condition::parse(words, Place::FRONTEND_REQUEST, line).map_err(|text| {
        line.fault(format!(
            "error detected while parsing a 'stats admin' rule : {text}."
        ))
    })?;
    let proxy = line.proxy()?;
    let stats = proxy.stats.get_or_insert_with(ir::Stats::default);
    stats.admin.push(condition);
    Ok(())
}
