//! `help`, and the answer to unknown commands.

use std::fmt::Write;

use hapax_core::keyword::CliCommand;

use crate::cli::session::State;

use super::{Answer, Call, EXPERIMENTAL, EXPERT, ROWS, UNLISTED};

/// Commands that every list ends with.
const ALWAYS: &[&str] = &["help", "prompt", "quit"];

/// `help`.
pub fn help(call: &mut Call<'_>) -> Answer {
    Answer::Information(list_among(&shown(call.state), call.args))
}

/// An unknown command: those that resemble it.
pub fn unknown(call: &mut Call<'_>) -> Answer {
    Answer::Information(unknown_among(&shown(call.state), call.words))
}

/// The rows that a connection is shown.
fn shown(state: &State) -> Vec<&'static CliCommand> {
    let hidden = |row: &CliCommand| {
        UNLISTED.contains(&row.name)
            || (EXPERIMENTAL.contains(&row.name) && !state.experimental)
            || (EXPERT.contains(&row.name) && !state.expert)
            || row.level > state.access.level
    };
    ROWS.iter().filter(|row| !hidden(row)).collect()
}

/// `help` for some rows.
pub fn list_among(rows: &[&CliCommand], words: &[String]) -> String {
    let title = "The following commands are valid at this level:";
    list(rows, title, words)
}

/// The answer to a command that none of some rows is.
pub fn unknown_among(rows: &[&CliCommand], words: &[String]) -> String {
    let first = words.first().map_or("", String::as_str);
    let title = format!(
        "Unknown command: '{first}', but maybe one of the following ones is a better match:"
    );
    list(rows, &title, words)
}

fn list(rows: &[&CliCommand], title: &str, words: &[String]) -> String {
    let shared = |row: &CliCommand| {
        let parts = row.name.split(' ').zip(words);
        parts.take_while(|(part, word)| part == word).count()
    };
    let most = rows.iter().map(|row| shared(row)).max().unwrap_or(0);
    let akin = rows.iter().filter(|row| shared(row) == most).count();
    // What begins with the same words is meant, unless that is too much.
    let all = most == words.len() || most > 0 && akin <= FEW;
    let meant = |row: &CliCommand| shared(row) == most && (all || resembles(row, words));
    let mut text = format!("{title}\n");
    for row in rows {
        if ALWAYS.contains(&row.name) || meant(row) {
            let usage = row.usage;
            let name = match usage {
                "" => row.name.to_owned(),
                usage => format!("{} {usage}", row.name),
            };
            let _ = writeln!(text, "  {name:<40}: {}", row.doc);
        }
    }
    text
}

/// So many commands are listed that share their first words with what was written.
const FEW: usize = 5;

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
