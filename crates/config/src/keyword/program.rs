//! The lines of a `program` section (configuration manual 12.9).

use hapax_core::ir::ExternalProgram;
use hapax_core::keyword::{Fault, Line, Negation, SectionKeyword, Sections, Tables};
use hapax_core::span::Word;

use super::identity::{group_id, user_id};
use super::{at_most, negatable, reading, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "command",
        Sections::PROGRAM,
        "<command> [<argument>...]",
        "The program that the master starts.",
        |line| {
            if line.args().is_empty() {
                let text =
                    "'command' expects a command with optional arguments separated in words.";
                return Err(reading(line, text));
            }
            let words = line.args().iter();
            let words = words.map(|word: &Word| word.lossy().into_owned()).collect();
            change(line, |program| program.command = words);
            Ok(())
        },
    ),
    row(
        "user",
        Sections::PROGRAM,
        "<name>",
        "The user that the program runs as.",
        |line| {
            let name = named(line, "'user' expects a user name.")?;
            let text = format!("cannot find user id for '{name}' (0:Success)");
            let uid = user_id(&name).ok_or_else(|| line.fault_at(0, text))?;
            change(line, |program| program.uid = Some(uid));
            Ok(())
        },
    ),
    row(
        "group",
        Sections::PROGRAM,
        "<name>",
        "The group that the program runs as.",
        |line| {
            let name = named(line, "'group' expects a group name.")?;
            let text = format!("cannot find group id for '{name}' (0:Success)");
            let gid = group_id(&name).ok_or_else(|| line.fault_at(0, text))?;
            change(line, |program| program.gid = Some(gid));
            Ok(())
        },
    ),
    negatable(row(
        "option start-on-reload",
        Sections::PROGRAM,
        "",
        "A reload starts a new one.",
        |line| {
            at_most(line, 0)?;
            let stays = line.negation == Negation::No;
            change(line, |program| program.stays_on_reload = stays);
            Ok(())
        },
    )),
];

fn named(line: &Line<'_>, missing: &str) -> Result<String, Fault> {
    let name = line.arg(0).ok_or_else(|| reading(line, missing))?;
    at_most(line, 1)?;
    Ok(name.into_owned())
}

fn change(line: &mut Line<'_>, with: impl FnOnce(&mut ExternalProgram)) {
    if let Some(program) = line.config.programs.last_mut() {
        with(program);
    }
}
