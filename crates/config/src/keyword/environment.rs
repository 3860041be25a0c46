//! Variables that the configuration sets: they count for the lines that follow and for the running process.

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::span::Word;

use super::{at_most, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "setenv",
        Sections::GLOBAL,
        "<name> <value>",
        "Sets a variable.",
        |line| set(line, true),
    ),
    row(
        "presetenv",
        Sections::GLOBAL,
        "<name> <value>",
        "Sets a variable that is not set yet.",
        |line| set(line, false),
    ),
    row(
        "unsetenv",
        Sections::GLOBAL,
        "<name>...",
        "Removes variables.",
        |line| {
            if line.args().is_empty() {
                return Err(line.fault("'unsetenv' expects at least one variable name."));
            }
            let names = line
                .args()
                .iter()
                .map(|name| (name.lossy().into_owned(), None));
            line.config.global.environment.extend(names);
            Ok(())
        },
    ),
    row(
        "resetenv",
        Sections::GLOBAL,
        "[<name>...]",
        "Removes all variables but these.",
        |line| {
            let kept = |name: &str| line.args().iter().any(|word| *word == *name);
            let set = line
                .config
                .global
                .environment
                .iter()
                .map(|(name, _)| name.clone());
            let process = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
            let gone: Vec<_> = process
                .chain(set)
                .filter(|name| !kept(name))
                .map(|name| (name, None))
                .collect();
            line.config.global.environment.extend(gone);
            Ok(())
        },
    ),
];

fn set(line: &mut Line<'_>, replace: bool) -> Result<(), Fault> {
    let keyword = line.keyword();
    let name = line.args().first().map(Word::lossy);
    let Some(name) = name.map(|name| name.into_owned()) else {
        return Err(line.fault(format!("'{keyword}' expects environment variable name.")));
    };
    let Some(value) = line.arg(1).map(|value| value.into_owned()) else {
        let text = format!("'{keyword}' expects environment variable value for '{name}'.");
        return Err(line.fault(text));
    };
    at_most(line, 2)?;
    let environment = &mut line.config.global.environment;
    let there = match environment.iter().rev().find(|(other, _)| *other == name) {
        Some((_, value)) => value.is_some(),
        None => std::env::var_os(&name).is_some(),
    };
    if replace || !there {
        environment.push((name, Some(value)));
    }
    Ok(())
}
