//! `stats-file`: where the counters begin.

use hapax_core::keyword::{SectionKeyword, Sections, Tables};

use super::{needed, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[row(
    "stats-file",
    Sections::GLOBAL,
    "<path>",
    "Counters begin with what `dump stats-file` of a process before wrote there.",
    |line| {
        let missing = "'stats-file' expect one argument: a file path.";
        let file = needed(line, 0, missing)?.lossy().into_owned();
        if line.config.global.stats_file.is_some() {
            line.warn("'stats-file' already specified. Continuing.");
            return Ok(());
        }
        line.config.global.stats_file = Some(file);
        Ok(())
    },
)];
