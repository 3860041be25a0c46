//! `-dC`: the files as the parser sees them, words without comments.

mod anonymous;

use hapax_core::diagnostic::Diagnostics;
use hapax_core::span::{FileId, Sources};

use crate::lexer::{self, Environment, Place};
use crate::section;

/// The lines of all files; a line that cannot be read is left out. With a key, names and addresses are hashed with it.
/// The findings are those of reading words.
pub fn dump(
    sources: &Sources,
    environment: &dyn Environment,
    key: Option<u32>,
) -> (Vec<u8>, Diagnostics) {
    let mut out = Vec::new();
    let mut findings = Diagnostics::default();
    for (index, source) in sources.iter().enumerate() {
        let text = source.text.strip_suffix(b"\n").unwrap_or(&source.text);
        for (line, number) in text.split(|&byte| byte == b'\n').zip(1..) {
            let place = Place {
                file: FileId(index as u16),
                path: &source.path,
                line: number,
                section: b"",
            };
            let Ok(words) = lexer::words(line, &place, environment) else {
                continue;
            };
            if let Some(warning) = words.empty_warning(line, &place) {
                findings.push(warning);
            }
            let words = &words.words;
            if let Some(key) = key {
                anonymous::line(words, key, &mut out);
                continue;
            }
            if !words.first().is_some_and(section::is_section) {
                out.push(b'\t');
            }
            for word in words {
                out.extend_from_slice(&word.text);
                out.push(b' ');
            }
            out.push(b'\n');
        }
    }
    (out, findings)
}
