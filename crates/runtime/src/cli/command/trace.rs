//! `trace` and `show trace`: what parts of the program tell of their work.

use hapax_core::ir::CliLevel;
use hapax_core::trace::command::{self, Said, Sinks};

use super::{Answer, Call};

/// `trace [<source>|0] [<keyword> [<argument>]]...`
pub fn set(call: &mut Call<'_>) -> Answer {
    let live = &call.program.live;
    let rings = live.rings.iter();
    let rings: Vec<(&str, &str)> = rings
        .map(|ring| (ring.name.as_str(), ring.description.as_str()))
        .collect();
    let sinks = Sinks {
        rings: &rings,
        later: false,
    };
    let words = call.args;
    match live
        .process
        .traces
        .change(|settings| command::trace(settings, words, &sinks))
    {
        Said::Nothing => Answer::Written,
        Said::Notice(text) => Answer::Notice(text + "\n"),
        Said::List(text) => Answer::Warning(text),
        Said::Refused(text) => Answer::Refused(text),
    }
}

/// `show trace [<source>]`
pub fn show(call: &mut Call<'_>) -> Answer {
    let source = call.arg(0);
    if !source.is_empty() && call.state.access.level < CliLevel::Operator {
        return Answer::Refused("Permission denied\n".into());
    }
    let live = &call.program.live;
    let dropped = |ring: &str| live.ring(ring).map_or(0, |ring| ring.dropped());
    let traces = &live.process.traces;
    match traces.change(|settings| command::show(settings, source, dropped)) {
        Said::Nothing => Answer::Written,
        Said::Notice(text) => Answer::Information(text),
        Said::List(text) => Answer::Warning(text),
        Said::Refused(text) => Answer::Refused(text),
    }
}
