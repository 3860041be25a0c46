//! `close-spread-time`: how a soft stop closes connections.

use hapax_core::ir::CloseSpread;
use hapax_core::keyword::{SectionKeyword, Sections, Tables};

use super::process::stop_time;
use super::row;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[row(
    "close-spread-time",
    Sections::GLOBAL,
    "<time>|infinite",
    "Over how long a soft stop closes connections.",
    |line| {
        line.config.global.close_spread = Some(match line.arg(0).as_deref() {
            None => {
                let text = "'close-spread-time' expects <time> as argument.\n";
                return Err(line.fault(text));
            }
            Some("infinite") => CloseSpread::Infinite,
            Some(_) => CloseSpread::Within(stop_time(line, "close-spread-time")?),
        });
        Ok(())
    },
)];
