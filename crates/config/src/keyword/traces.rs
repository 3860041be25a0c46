//! `trace` of `traces` sections (configuration manual 12.1): the words of the runtime command, and its texts as findings.

use hapax_core::diagnostic::{Diagnostic, Severity};
use hapax_core::ir;
use hapax_core::keyword::{SectionKeyword, Sections, Tables};
use hapax_core::span::Span;
use hapax_core::trace::command::{Said, Sinks, trace};

use super::row;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[row(
    "trace",
    Sections::TRACES,
    "<source> [<keyword> [<argument>]]...",
    "What a part of the program tells of its work, and where, from the start on.",
    |line| {
        let words: Vec<String> = line.args().iter().map(|word| word.lossy().into()).collect();
        let (config, span) = (&mut *line.config, line.span);
        let own = config.rings.iter().filter(|ring| ring.format.is_some());
        let own = own.map(|ring| (ring.name.as_str(), ring.description.as_str()));
        let rings: Vec<(&str, &str)> = ir::Ring::BUILT_IN.into_iter().chain(own).collect();
        let sinks = Sinks {
            rings: &rings,
            later: true,
        };
        let said = trace(&mut config.traces.settings, &words, &sinks);
        let named = words.windows(2).filter(|pair| pair[0] == "sink");
        let later = named.map(|pair| pair[1].clone());
        let later = later.filter(|name| !STANDARD.contains(&name.as_str()));
        config.traces.sinks.extend(later.map(|name| (name, span)));
        let (severity, text) = match said {
            Said::Nothing => return Ok(()),
            Said::Refused(text) => return Err(line.fault(text)),
            Said::List(text) => (Severity::Warning, text),
            Said::Notice(text) => (Severity::Notice, text),
        };
        let finding = Diagnostic::at(severity, span, format!("'trace': {text}"));
        line.diagnostics.push(finding);
        Ok(())
    },
)];

/// Sinks that are always there.
const STANDARD: [&str; 3] = ["none", "stdout", "stderr"];

/// The sinks that traces of this configuration need and that are not there.
pub(crate) fn missing_sinks(config: &ir::Config) -> impl Iterator<Item = (&str, Span)> {
    let missing = config.traces.sinks.iter().filter(|(name, _)| {
        let mut built_in = ir::Ring::BUILT_IN.iter();
        let own = config.rings.iter().any(|ring| ring.name == *name);
        !own && !built_in.any(|(known, _)| known == name)
    });
    missing.map(|(name, span)| (name.as_str(), *span))
}
