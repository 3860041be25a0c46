//! How names of header fields are written in HTTP/1.

use hapax_core::diagnostic::Diagnostic;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{at_most, one, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "h1-case-adjust",
        Sections::GLOBAL,
        "<from> <to>",
        "How a header's name is written in HTTP/1.",
        |line| {
            let (Some(from), Some(to)) = (line.arg(0), line.arg(1)) else {
                return Err(line.fault("'h1-case-adjust' expects <from> and <to> as argument."));
            };
            at_most(line, 2)?;
            adjust(line, &from, &to)
        },
    ),
    row(
        "h1-case-adjust-file",
        Sections::GLOBAL,
        "<file>",
        "Reads `h1-case-adjust` pairs from a file.",
        |line| {
            let file = one(line, "'h1-case-adjust-file' expects <file> as argument.")?;
            let text = std::fs::read(&file).map_err(|_| {
                let text = format!("h1-headers-case-adjust-file '{file}': failed to open file.");
                Fault::from(Diagnostic::alert(line.span, text))
            })?;
            for entry in String::from_utf8_lossy(&text).lines() {
                let entry = entry.split('#').next().unwrap_or_default();
                let mut words = entry.split_whitespace();
                match (words.next(), words.next()) {
                    (Some(from), Some(to)) => adjust(line, from, to)?,
                    (Some(from), None) => {
                        let text = format!(
                            "h1-headers-case-adjust-file '{file}': nothing after '{from}'."
                        );
                        return Err(line.fault(text));
                    }
                    (None, _) => {}
                }
            }
            Ok(())
        },
    ),
];

fn adjust(line: &mut Line<'_>, from: &str, to: &str) -> Result<(), Fault> {
    if !from.eq_ignore_ascii_case(to) {
        return Err(line.fault("<from> and <to> must not differ except the case"));
    }
    let name = from.to_ascii_lowercase();
    let pairs = &mut line.config.global.h1_case_adjust;
    if pairs.iter().any(|(other, _)| *other == name) {
        return Err(line.fault(format!("duplicate entry '{from}'")));
    }
    pairs.push((name, to.to_owned()));
    Ok(())
}
