//! `force-cfg-parser-pause`: a start that takes longer, to try what waits for it.

use std::time::Duration;

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::row;
use crate::value::{self, TimeError, Unit};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[row(
    "force-cfg-parser-pause",
    Sections::GLOBAL,
    "<time>",
    "Pauses while the configuration is read.",
    pause,
)];

fn pause(line: &mut Line<'_>) -> Result<(), Fault> {
    if !line.config.global.expose_experimental {
        let text = "'force-cfg-parser-pause' directive is experimental, must be allowed via a global 'expose-experimental-directives'";
        return Err(line.fault(text));
    }
    let range = "'force-cfg-parser-pause' expects a timer value between 0 and 65535 ms.";
    let Some(word) = line.args().first() else {
        return Err(line.fault(range));
    };
    super::at_most(line, 1)?;
    match value::time(&word.text, Unit::Millisecond) {
        Ok(time) if time.value <= 65_535 => {
            // Nothing else runs in this process yet.
            let (_open, never) = std::sync::mpsc::channel::<()>();
            let _ = never.recv_timeout(Duration::from_millis(time.value.into()));
            Ok(())
        }
        Err(TimeError::Unexpected(byte)) => {
            let byte = char::from(byte);
            let text =
                format!("unexpected character '{byte}' in argument to <force-cfg-parser-pause>.");
            Err(line.fault_at(0, text))
        }
        _ => Err(line.fault_at(0, range)),
    }
}
