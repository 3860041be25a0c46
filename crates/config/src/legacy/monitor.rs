//! `monitor-net` and `mode health`: connections that are told that we serve, and nothing else.

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::renamed;
use crate::keyword::http_option::network;
use crate::keyword::{at_most, needed, row, until};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[until(
    "2.2",
    row(
        "monitor-net",
        Sections::FRONT,
        "<source>",
        "Connections from there get `HTTP/1.0 200 OK` (mode tcp: nothing) and are closed, without a log.",
        |line| {
            let missing = "'monitor-net' expects address[/mask].";
            let word = needed(line, 0, missing)?;
            let found = network(word).ok_or_else(|| line.fault_at(0, missing))?;
            at_most(line, 1)?;
            line.proxy()?.monitor_net = Some(found);
            let text = "'monitor-net' doesn't exist anymore.";
            let source = word.lossy();
            let modern = match line.proxy()?.mode {
                ir::Mode::Http => format!("http-request return status 200 if {{ src {source} }}"),
                ir::Mode::Tcp | ir::Mode::Log => {
                    format!("tcp-request connection reject if {{ src {source} }}")
                }
            };
            renamed(line, text, modern);
            Ok(())
        },
    ),
)];

/// `mode health`.
pub(crate) fn health(line: &mut Line<'_>) -> Result<(), Fault> {
    let proxy = line.proxy()?;
    proxy.mode = ir::Mode::Tcp;
    proxy.health = true;
    renamed(
        line,
        "'mode health' doesn't exist anymore.",
        "mode http\n          http-request return status 200",
    );
    Ok(())
}
