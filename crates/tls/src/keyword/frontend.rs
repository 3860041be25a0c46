//! `ssl-f-use`: certificates of all listeners of a frontend (configuration manual 4.2).

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support, Tables};

use super::list::{Place, Reading};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[SectionKeyword {
    name: "ssl-f-use",
    sections: Sections::FRONTEND.or(Sections::LISTEN),
    negatable: false,
    usage: "crt <file> [<option>...]",
    doc: "A certificate for every TLS listener of the frontend.",
    support: Support::Runs,
    parse,
}];

fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let words: Vec<String> = line
        .args()
        .iter()
        .map(|word| word.lossy().into_owned())
        .collect();
    let mut certificate = None;
    let mut options = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word != "crt" {
            options.push(word);
            continue;
        }
        if certificate.is_some() {
            return Err(line.fault("'crt' already specified, aborting."));
        }
        certificate = words.next();
    }
    let Some(certificate) = certificate else {
        return Err(line.fault("Trying to load a certificate but no 'crt' keyword specified."));
    };
    let name = format!("@{}", line.proxy()?.name);
    let span = line.span;
    let number = line
        .config
        .global
        .tls
        .lists
        .get(&name)
        .map_or(1, |list| list.last_line + 1);
    let place = Place {
        file: &name,
        number,
        span,
    };
    let reading = Reading {
        config: &mut *line.config,
        registry: line.registry,
        diagnostics: &mut *line.diagnostics,
    };
    let read = reading.words(&place, certificate, options);
    let lines = read.map_err(|text| {
        let unknown = text.split_once("unknown ssl keyword ");
        match unknown {
            Some((_, word)) => line.fault(format!("unknown crt keyword '{word}'")),
            None => line.fault(text),
        }
    })?;
    let list = line.config.global.tls.lists.entry(name).or_default();
    list.last_line = number;
    // What is said last stands first.
    list.lines.splice(0..0, lines);
    Ok(())
}
