//! `help`, and the answer to unknown commands.

use std::fmt::Write;

use hapax_core::ir::CliLevel;
use hapax_core::keyword::CliCommand;

use super::{Answer, Call, ROWS};

/// Commands that every list ends with.
const ALWAYS: &[&str] = &["help", "prompt", "quit"];

/// `help`.
pub fn help(call: &mut Call<'_>) -> Answer {
    Answer::Information(list_among(ROWS, call.args, call.state.access.level))
}

/// `help` for some rows.
pub fn list_among(rows: &[CliCommand], words: &[String], level: CliLevel) -> String {
    list(
        rows,
        "The following commands are valid at this level:",
        words,
        level,
    )
}

/// An unknown command: those that resemble it.
pub fn unknown(call: &mut Call<'_>) -> Answer {
    Answer::Information(unknown_among(ROWS, call.words, call.state.access.level))
}

/// The answer to a command that none of some rows is.
pub fn unknown_among(rows: &[CliCommand], words: &[String], level: CliLevel) -> String {
    let first = words.first().map_or("", String::as_str);
    let title = format!(
        "Unknown command: '{first}', but maybe one of the following ones is a better match:"
    );
    list(rows, &title, words, level)
}

fn list(rows: &[CliCommand], title: &str, words: &[String], level: CliLevel) -> String {
    let mut text = format!("{title}\n");
    for row in rows {
        let documented = !row.doc.is_empty();
        let shown = ALWAYS.contains(&row.name) || (documented && resembles(row, words));
        if shown && row.level <= level {
            let name = format!("{} {}", row.name, row.usage);
            let _ = writeln!(text, "  {:<40}: {}", name.trim_end(), row.doc);
        }
    }
    text
}

/// Whether some words may mean a command: each begins or nearly is the word of the command in its place.
fn resembles(row: &CliCommand, words: &[String]) -> bool {
    let mut parts = row.name.split(' ');
    words.iter().all(|word| match parts.next() {
        Some(part) => part.starts_with(word.as_str()) || near(part, word),
        // What follows the command's own words are arguments.
        None => true,
    })
}

/// Whether two words differ by case or by at most two letters in their place, and not in all of them.
fn near(part: &str, word: &str) -> bool {
    if part.len() != word.len() {
        return false;
    }
    let letters = part.bytes().zip(word.bytes());
    let differ = letters.filter(|(a, b)| !a.eq_ignore_ascii_case(b)).count();
    differ <= 2 && differ < part.len()
}
