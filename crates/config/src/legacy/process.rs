//! Old directives of `global`.

use hapax_core::keyword::{Line, SectionKeyword, Sections, Support, Tables};

use super::{renamed, without_effect};
use crate::keyword::{at_most, joined, needed, row, until};
use crate::value::leading_integer;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

/// Warns of a `cpu-map` line that names processes: workers stand for them.
pub(crate) fn map_of_processes(line: &mut Line<'_>, processes: &str) {
    let (auto, set) = match processes.strip_prefix("auto:") {
        Some(set) => ("auto:", set),
        None => ("", processes),
    };
    let cpus = joined(line, 1);
    let text = "processes are not supported any more since HAProxy 2.5, 'cpu-map' names workers.";
    renamed(line, text, format!("cpu-map {auto}1/{set} {cpus}"));
}

static ROWS: &[SectionKeyword] = &[
    until(
        "2.4",
        row(
            "nbproc",
            Sections::GLOBAL,
            "<number>",
            "Number of processes; workers here.",
            |line| {
                let word = needed(line, 0, "'nbproc' expects an integer argument.")?;
                at_most(line, 1)?;
                let count = u16::try_from(leading_integer(&word.text)).ok();
                let range = || line.fault_at(0, "'nbproc' must be between 1 and 1024.");
                let count = count
                    .filter(|count| (1..=1024).contains(count))
                    .ok_or_else(range)?;
                if count > 1 && line.config.global.nbthread.is_none() {
                    line.config.global.nbthread = Some(count);
                }
                let text = "nbproc is not supported any more since HAProxy 2.5. Threads will automatically be used on \
                        multi-processor machines if available.";
                renamed(line, text, format!("nbthread {count}"));
                if line.scope.seen.has("cpu-map") {
                    line.warn("'cpu-map' lines above 'nbproc' are taken to name thread groups, those below it processes.");
                }
                Ok(())
            },
        ),
    ),
    until(
        "2.1",
        row(
            "debug",
            Sections::GLOBAL,
            "",
            "Keeps the program in the foreground and prints what happens to traffic.",
            |line| {
                at_most(line, 0)?;
                line.config.global.daemon = false;
                line.config.global.observation.events = true;
                let text = "'debug' is not supported any more in the configuration; use the command line instead.";
                renamed(line, text, "-d on the command line");
                Ok(())
            },
        ),
    ),
    SectionKeyword {
        support: Support::NoCounterpart(
            "readiness comes from tokio, which has one poller for each system",
        ),
        ..row(
            "nosepoll",
            Sections::GLOBAL,
            "",
            "Disabled an event system of HAProxy 1.4.",
            |line| {
                without_effect(line, "'nosepoll' does nothing any more since HAProxy 1.5.");
                Ok(())
            },
        )
    },
    SectionKeyword {
        support: Support::NoCounterpart("checks share the workers' buffers"),
        ..row(
            "tune.chksize",
            Sections::GLOBAL,
            "<number>",
            "Size of buffers of checks.",
            |line| {
                let text = "option 'tune.chksize' is not supported any more (tune.bufsize is used instead).";
                without_effect(line, text);
                Ok(())
            },
        )
    },
    SectionKeyword {
        support: Support::NoCounterpart("one process serves the runtime API"),
        ..row(
            "stats bind-process",
            Sections::GLOBAL,
            "<range>",
            "Bound the runtime API to processes.",
            |line| {
                without_effect(line, "'stats bind-process' is not supported anymore.");
                Ok(())
            },
        )
    },
];
