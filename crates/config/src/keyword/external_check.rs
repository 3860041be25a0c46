//! `external-check`: checks that run a program, and the leave to start one.

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Negation, SectionKeyword, Sections, Tables};

use super::protocol_check::no_more;
use super::{at_most, negatable, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "external-check",
        Sections::GLOBAL,
        "[preserve-env]",
        "Lets checks run programs, in an environment of their own or in this process' one.",
        |line| {
            let keep = match line.arg(0).as_deref() {
                None => false,
                Some("preserve-env") => true,
                Some(other) => {
                    let text = format!(
                        "'external-check' only supports 'preserve-env' as an argument, found '{other}'."
                    );
                    return Err(line.fault_at(0, text));
                }
            };
            at_most(line, 1)?;
            line.config.global.external_check = Some(ir::ExternalChecks {
                keeps_environment: keep,
            });
            Ok(())
        },
    ),
    negatable(row(
        "insecure-fork-wanted",
        Sections::GLOBAL,
        "",
        "Lets this process start others.",
        |line| {
            at_most(line, 0)?;
            line.config.global.fork_wanted = line.negation == Negation::None;
            Ok(())
        },
    )),
    row(
        "option external-check",
        Sections::BACK,
        "",
        "Checks servers with a program.",
        |line| {
            no_more(line, "external-check", 0)?;
            line.proxy()?.check = ir::CheckKind::External;
            Ok(())
        },
    ),
    row(
        "external-check",
        Sections::BACK,
        "{command <command>|path <path>}",
        "The program that checks servers, and the PATH that it is given.",
        program,
    ),
];

fn program(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(what) = line.arg(0).map(|word| word.into_owned()) else {
        // Upstream's text ends with a line of its own.
        return Err(line.fault("missing argument after 'external-check'.\n"));
    };
    if what != "command" && what != "path" {
        let text =
            format!("'external-check' only supports 'command' and 'path'. but got '{what}'.");
        return Err(line.fault_at(0, text));
    }
    at_most(line, 2)?;
    let Some(value) = line.arg(1).map(|word| word.into_owned()) else {
        return Err(line.fault(format!("missing argument after '{what}'.")));
    };
    let check = line.proxy()?.external_check.get_or_insert_default();
    match what.as_str() {
        "command" => check.command = Some(value),
        _ => check.path = Some(value),
    }
    Ok(())
}
