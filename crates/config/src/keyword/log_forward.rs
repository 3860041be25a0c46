//! The keywords of `log-forward` sections (configuration manual 12.6) that no proxy has.

use hapax_core::ir::{self, HostStrategy, LogForward};
use hapax_core::keyword::{Fault, Line, Negation, OptionCursor, SectionKeyword, Sections, Tables};

use super::bind::read_options;
use super::{negatable, row};
use crate::resolve;
use crate::value::address::{Accept, list};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "dgram-bind",
        Sections::LOG_FORWARD,
        "<address>[,...] [<option>...]",
        "Takes messages in datagrams on these addresses.",
        datagrams,
    ),
    negatable(row(
        "option assume-rfc6587-ntf",
        Sections::LOG_FORWARD,
        "",
        "Messages of streams are lines, whatever they begin with.",
        |line| switch(line, |section| &mut section.lines),
    )),
    negatable(row(
        "option dont-parse-log",
        Sections::LOG_FORWARD,
        "",
        "Messages are passed as they are.",
        |line| switch(line, |section| &mut section.verbatim),
    )),
    row(
        "option host",
        Sections::LOG_FORWARD,
        "{replace|fill|keep|append}",
        "What becomes of the host that a message names.",
        |line| {
            let strategy = match line.arg(0).as_deref() {
                Some("replace") => HostStrategy::Replace,
                Some("fill") => HostStrategy::Fill,
                Some("keep") => HostStrategy::Keep,
                Some("append") => HostStrategy::Append,
                _ => {
                    let text = "option 'host' expects {replace|fill|keep|append}.";
                    return Err(line.fault(text));
                }
            };
            if let Some(section) = section(line) {
                section.host = strategy;
            }
            Ok(())
        },
    ),
];

fn section<'a>(line: &'a mut Line<'_>) -> Option<&'a mut LogForward> {
    line.config.log_forwards.last_mut()
}

fn switch(line: &mut Line<'_>, field: fn(&mut LogForward) -> &mut bool) -> Result<(), Fault> {
    if let Some(extra) = line.arg(0) {
        let keyword = line.keyword();
        let text = format!("'{keyword}' cannot handle unexpected argument '{extra}'.");
        return Err(line.fault_at(0, text));
    }
    let on = line.negation == Negation::None;
    if let Some(section) = section(line) {
        *field(section) = on;
    }
    Ok(())
}

fn datagrams(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(first) = line.args().first() else {
        return Err(line.fault("'dgram-bind' expects addresses as arguments."));
    };
    let text = first.lossy().into_owned();
    let mut binds = Vec::new();
    for item in list(&first.text) {
        let accept = Accept::DATAGRAM_BIND;
        let found = resolve::address(&line.config.global.environment, item, accept, true)
            .map_err(|error| line.fault_at(0, format!("'dgram-bind {text}' : {error}")))?;
        binds.extend(found.addresses.into_iter().map(|address| ir::Bind {
            address,
            span: line.span,
            text: String::from_utf8_lossy(item).into_owned(),
            options: ir::BindOptions::default(),
        }));
    }
    let mut options = ir::BindOptions::default();
    let mut cursor = OptionCursor {
        words: line.words,
        at: line.name_words + 1,
        prefix: String::new(),
        registry: line.registry,
        config: line.config,
        diagnostics: line.diagnostics,
    };
    read_options(&mut cursor, &mut options, "", "").map_err(|fault| {
        let mut finding = *fault.diagnostic;
        if let Some((word, near)) = finding
            .message
            .strip_prefix("unknown keyword '")
            .and_then(|rest| rest.split_once('\''))
        {
            finding.message = format!("unknown keyword '{word}' in 'log-forward' section{near}");
        }
        finding
    })?;
    for bind in &mut binds {
        bind.options = options.clone();
    }
    if let Some(section) = section(line) {
        section.datagrams.extend(binds);
    }
    Ok(())
}
