//! `monitor fail`.

use hapax_core::keyword::{Fault, Line};
use hapax_sample::condition;
use hapax_sample::place::Place;

use super::rule::is_condition;

pub(crate) fn fail(line: &mut Line<'_>) -> Result<(), Fault> {
    let words = line.args();
    if !words.first().is_some_and(is_condition) {
        let text = "'monitor fail' requires either 'if' or 'unless' followed by a condition.";
        return Err(line.fault(text));
    }
    let condition = condition::parse(words, Place::FRONTEND_REQUEST, line).map_err(|text| {
        line.fault(format!(
            "error detected while parsing a 'monitor fail' condition : {text}."
        ))
    })?;
    line.proxy()?.monitor_fail.push(condition);
    Ok(())
}
