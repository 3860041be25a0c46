//! State files: where they are and who reads them.

use hapax_core::ir;
use hapax_core::keyword::{SectionKeyword, Sections, Tables};

use super::{at_most, needed, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "server-state-base",
        Sections::GLOBAL,
        "<directory>",
        "The folder of state files whose path is relative.",
        |line| {
            let missing = "'server-state-base' expects one argument: a directory path.";
            let folder = needed(line, 0, missing)?.lossy().into_owned();
            if line.config.global.server_state_base.is_some() {
                line.warn("'server-state-base' already specified. Continuing.");
                return Ok(());
            }
            line.config.global.server_state_base = Some(folder);
            Ok(())
        },
    ),
    row(
        "server-state-file",
        Sections::GLOBAL,
        "<file>",
        "The file with the state of the servers of all backends.",
        |line| {
            let missing = "'server-state-file' expect one argument: a file path.";
            let file = needed(line, 0, missing)?.lossy().into_owned();
            if line.config.global.server_state_file.is_some() {
                line.warn("'server-state-file' already specified. Continuing.");
                return Ok(());
            }
            line.config.global.server_state_file = Some(file);
            Ok(())
        },
    ),
    row(
        "load-server-state-from-file",
        Sections::BACK,
        "{global|local|none}",
        "Which state file the servers begin with.",
        |line| {
            let word = line.arg(0).unwrap_or_default();
            let source = match word.as_ref() {
                "global" => ir::ServerStateSource::Global,
                "local" => ir::ServerStateSource::Local,
                "none" => ir::ServerStateSource::None,
                other => {
                    let text = format!(
                        "'load-server-state-from-file' expects 'global', 'local' or 'none'. Got '{other}'"
                    );
                    return Err(line.fault(text));
                }
            };
            line.proxy()?.server_state = source;
            Ok(())
        },
    ),
    row(
        "server-state-file-name",
        Sections::BACK,
        "[use-backend-name|<file>]",
        "The state file of this backend; without it the backend's name.",
        |line| {
            at_most(line, 1)?;
            let name = line.arg(0).unwrap_or_default().into_owned();
            let own = !name.is_empty() && name != "use-backend-name";
            line.proxy()?.server_state_file = own.then_some(name);
            Ok(())
        },
    ),
];
