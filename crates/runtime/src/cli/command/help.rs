//! `help`, and the answer to unknown commands.

use std::fmt::Write;

use hapax_core::keyword::CliCommand;

use crate::cli::session::State;

use super::{Answer, Call, EXPERIMENTAL, ROWS, UNLISTED};

/// Commands that every list ends with.
const ALWAYS: &[&str] = &["help", "prompt", "quit"];

/// `help`.
pub fn help(call: &mut Call<'_>) -> Answer {
    let title = "The following commands are valid at this level:";
    Answer::Information(list(title, call.args, call.state))
}

/// An unknown command: those that resemble it.
pub fn unknown(call: &mut Call<'_>) -> Answer {
    let first = call.words.first().map_or("", String::as_str);
    let title = format!(
        "Unknown command: '{first}', but maybe one of the following ones is a better match:"
    );
    Answer::Information(list(&title, call.words, call.state))
}

fn list(title: &str, words: &[String], state: &State) -> String {
    let mut text = format!("{title}\n");
    for row in ROWS {
        let shown = ALWAYS.contains(&row.name) || resembles(row, words);
        let hidden = UNLISTED.contains(&row.name)
            || (EXPERIMENTAL.contains(&row.name) && !state.experimental);
        if shown && !hidden && row.level <= state.access.level {
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
