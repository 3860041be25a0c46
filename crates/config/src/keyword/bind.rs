//! `bind`: addresses, then options.

use hapax_core::diagnostic::{Diagnostic, Severity};
use hapax_core::ir;
use hapax_core::keyword::{
    BindOption, Fault, Line, OptionCursor, Registry, SectionKeyword, Sections, Support, Tables,
};
use hapax_core::span::{Span, Word};
use hapax_core::suggest::did_you_mean;

use super::row;
use crate::resolve;
use crate::section::unknown::section_name;
use crate::value::address::{Accept, list};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[row(
    "bind",
    Sections::FRONTEND
        .or(Sections::LISTEN)
        .or(Sections::LOG_FORWARD),
    "{<path>|[<address>]:<port>[-<port>]}[,...] [<option>...]",
    "Takes connections on these addresses.",
    |line| {
        let Some(proxy) = line.proxy.take() else {
            return Err(line.fault("not in a proxy section"));
        };
        let outcome = addresses(line, proxy);
        line.proxy = Some(proxy);
        outcome
    },
)];

/// Reads addresses and options from the arguments of `line` into `proxy`.
pub(crate) fn addresses(line: &mut Line<'_>, proxy: &mut ir::Proxy) -> Result<(), Fault> {
    let Some(first) = line.args().first() else {
        return Err(line.fault(
            "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.",
        ));
    };
    let text = first.lossy().into_owned();
    let mut binds = Vec::new();
    for item in list(&first.text) {
        let found = resolve::address(&line.config.global.environment, item, Accept::BIND, true)
            .map_err(|error| {
                let named = match line.section {
                    Sections::LOG_FORWARD => format!("bind {text}"),
                    _ => "bind".to_owned(),
                };
                line.fault_at(0, format!("'{named}' : {error}"))
            })?;
        refuse_transport(line, first, &found)?;
        for place in &found.addresses {
            inherited(line, place, "'bind'")?;
        }
        ignored_text(line, first, item, &found);
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
        prefix: format!(
            "'bind {text}' in section '{}' : ",
            section_name(line.section)
        ),
        registry: line.registry,
        config: line.config,
        diagnostics: line.diagnostics,
    };
    let unknown = format!(
        "'bind {text}' in section '{}': ",
        section_name(line.section)
    );
    read_options(&mut cursor, &mut options, &unknown, "")?;
    if let (Some(id), Some(other)) = (
        options.id,
        proxy
            .binds
            .iter()
            .find(|bind| options.id.is_some() && bind.options.id == options.id),
    ) {
        let place = line.scope.place(other.span);
        return Err(line.fault(format!(
            "{}'id' : custom id {id} already used at {place} ('bind {}')",
            unknown.replace("': ", "' : "),
            other.text
        )));
    }
    for (number, mut bind) in binds.into_iter().enumerate() {
        bind.options = options.clone();
        if number > 0 {
            bind.options.id = None;
        }
        proxy.binds.push(bind);
    }
    Ok(())
}

/// Reads the options of a `bind` or `stats socket` line. `unknown` stands before the text about an unknown one,
/// `end` behind the text of a fault.
pub(crate) fn read_options(
    cursor: &mut OptionCursor<'_>,
    options: &mut ir::BindOptions,
    unknown: &str,
    end: &str,
) -> Result<(), Fault> {
    while let Some(word) = cursor.take() {
        let row = word
            .as_str()
            .and_then(|name| cursor.registry.bind_options.find(name));
        let Some(row) = row else {
            return Err(unknown_option(cursor.registry, word, unknown));
        };
        if let Err(fault) = (row.0.parse)(cursor, options) {
            let mut finding = *fault.diagnostic;
            finding.message += end;
            return Err(finding.into());
        }
        note_no_counterpart(cursor.config, row.0, word.span);
    }
    Ok(())
}

fn note_no_counterpart(config: &mut ir::Config, row: &'static BindOption, span: Span) {
    if let Support::NoCounterpart(reason) = row.support {
        config.global.no_counterpart.push((span, row.name, reason));
    }
}

fn unknown_option(registry: &Registry, word: &Word, before: &str) -> Fault {
    let text = word.lossy();
    if NOT_BUILT.contains(&text.as_ref()) {
        let text = format!("{before}'{text}' is not built yet.");
        return Diagnostic::at(Severity::Alert, word.span, text).into();
    }
    let near = did_you_mean(&text, registry.bind_options.iter().map(|row| row.name));
    let end = if near.is_empty() { "." } else { "" };
    let text = format!("{before}unknown keyword '{text}'{near}{end}");
    Diagnostic::alert(word.span, text).into()
}

/// An inherited descriptor must be there.
pub(crate) fn inherited(line: &Line<'_>, place: &ir::Address, before: &str) -> Result<(), Fault> {
    let (ir::Address::Descriptor(number) | ir::Address::SocketPair(number)) = place else {
        return Ok(());
    };
    match std::fs::symlink_metadata(format!("/proc/self/fd/{number}")) {
        Ok(_) => Ok(()),
        Err(_) => {
            let text =
                format!("{before} : cannot use file descriptor '{number}' : Bad file descriptor.");
            Err(line.fault_at(0, text))
        }
    }
}

/// QUIC and MPTCP are not built.
pub(crate) fn refuse_transport(
    line: &Line<'_>,
    word: &Word,
    found: &resolve::Resolved,
) -> Result<(), Fault> {
    match found.exotic {
        None => Ok(()),
        Some(what) => {
            let text = format!("'{}' : {what} is not built yet.", line.keyword());
            Err(Diagnostic::alert(word.span, text).into())
        }
    }
}

/// Text behind a port, which HAProxy ignored up to 2.6.
pub(crate) fn ignored_text(
    line: &mut Line<'_>,
    word: &Word,
    item: &[u8],
    found: &resolve::Resolved,
) {
    if let Some(ignored) = &found.ignored {
        let item = String::from_utf8_lossy(item);
        let modern = item.strip_suffix(ignored.as_str()).unwrap_or(&item);
        let text = format!("'{ignored}' after the port number in '{item}' is ignored.");
        let words: Vec<String> = line
            .words
            .iter()
            .map(|other| match other.span == word.span {
                true => other.lossy().replace(item.as_ref(), modern),
                false => other.lossy().into_owned(),
            })
            .collect();
        line.diagnostics
            .push(Diagnostic::warning(word.span, text).with_hint(words.join(" ")));
    }
}

/// Options of the manual that wait for their rooms.
static NOT_BUILT: &[&str] = &[
    "allow-0rtt",
    "cc",
    "ech",
    "idle-ping",
    "ktls",
    "nbconn",
    "proto",
    "quic-cc-algo",
    "quic-force-retry",
    "quic-socket",
    "tcp-md5sig",
    "tls-ticket-keys",
];
