//! `guid` of proxies and servers and `guid-prefix` of listeners: names that no two objects share, under which a stats-file keeps
//! counters.

use std::collections::BTreeMap;

use hapax_core::ir;
use hapax_core::keyword::{BindOption, SectionKeyword, Sections, ServerOption, Support, Tables};
use hapax_core::program::Program;

use crate::check::{Check, kind};
use crate::keyword::row;

pub(crate) const TABLE: Tables = Tables {
    sections: SECTIONS,
    server_options: SERVER,
    bind_options: BIND,
    ..Tables::NONE
};

/// Every proxy section except `defaults`.
const NAMED: Sections = Sections(4 | 8 | 16);

static SECTIONS: &[SectionKeyword] = &[row(
    "guid",
    NAMED,
    "<string>",
    "Names the proxy's counters in a stats-file; no two objects share a name.",
    |line| {
        let Some(word) = line.args().first() else {
            return Err(line.fault("'guid' : expects an argument"));
        };
        let guid = word.lossy().into_owned();
        let proxy = line.proxy()?;
        let (before, owner) = (proxy.guid.take(), format!("{} {}", kind(proxy), proxy.name));
        let names = &mut line.config.guids;
        check_text(&word.text)
            .and_then(|()| claim(names, before.as_deref(), (&guid, owner)))
            .map_err(|wrong| line.fault_at(0, format!("'guid': {wrong}")))?;
        line.proxy()?.guid = Some(guid.into());
        Ok(())
    },
)];

static SERVER: &[ServerOption] = &[ServerOption {
    name: "guid",
    usage: "<string>",
    doc: "Names the server's counters in a stats-file; no two objects share a name.",
    in_default_server: false,
    support: Support::Runs,
    parse: |cursor, options| {
        let Some(word) = cursor.take() else {
            let at = cursor.keyword().span;
            return Err(cursor.fault(at, "'guid' : expects an argument"));
        };
        let guid = word.lossy();
        let owner = server_of(&cursor.prefix);
        let before = options.guid.take();
        let names = &mut cursor.config.guids;
        check_text(&word.text)
            .and_then(|()| claim(names, before.as_deref(), (&guid, owner)))
            .map_err(|wrong| cursor.fault(word.span, format!("'guid': {wrong}")))?;
        options.guid = Some(guid.into());
        Ok(())
    },
}];

static BIND: &[BindOption] = &[
    BindOption {
        name: "guid-prefix",
        usage: "<string>",
        doc: "Names the counters of each listener of the line in a stats-file: this, '-' and its position.",
        support: Support::Runs,
        parse: |cursor, options| {
            let Some(word) = cursor.take() else {
                let at = cursor.keyword().span;
                return Err(cursor.fault(at, "'guid-prefix' : expects an argument"));
            };
            options.guid_prefix = Some(word.lossy().into_owned());
            Ok(())
        },
    },
    BindOption {
        name: "label",
        usage: "<label>",
        doc: "A label for the sockets of the line.",
        support: Support::NoCounterpart(
            "nothing tells sockets apart by label yet, upstream neither",
        ),
        parse: |cursor, _| match cursor.take() {
            Some(_) => Ok(()),
            None => {
                let at = cursor.keyword().span;
                Err(cursor.fault(at, "'label' : missing label"))
            }
        },
    },
];

/// `server BACKEND/NAME`, out of what stands before faults of its line.
fn server_of(prefix: &str) -> String {
    let inner = prefix.split('\'').nth(1).unwrap_or_default();
    let name = inner.split_once(' ').map_or(inner, |(_, name)| name);
    format!("server {name}")
}

/// What is wrong with a name.
pub(crate) fn check_text(guid: &[u8]) -> Result<(), String> {
    let odd = |byte: &u8| !byte.is_ascii_alphanumeric() && !b".:-_".contains(byte);
    if guid.is_empty() || guid.len() > LONGEST {
        return Err("invalid length".into());
    }
    match guid.iter().find(|byte| odd(byte)) {
        Some(byte) if byte.is_ascii() => Err(format!("invalid character '{}'", char::from(*byte))),
        Some(_) => Err("invalid character '\u{fffd}'".into()),
        None => Ok(()),
    }
}

/// The length of the longest name.
const LONGEST: usize = 127;

/// Notes whose name that is; tells whose it is already. An object has one name: the last one that it is given.
fn claim(
    names: &mut BTreeMap<Box<str>, String>,
    before: Option<&str>,
    (guid, owner): (&str, String),
) -> Result<(), String> {
    if let Some(before) = before {
        names.remove(before);
    }
    match names.get(guid) {
        Some(other) if *other != owner => Err(format!("duplicate entry with {other}")),
        _ => {
            names.insert(guid.into(), owner);
            Ok(())
        }
    }
}

/// Names listeners by the prefixes of their lines.
pub(crate) fn complete(config: &mut ir::Config, check: &mut Check<'_>) {
    let names = &mut config.guids;
    let sockets = config.global.stats_sockets.as_mut_slice();
    let all = std::iter::once(("GLOBAL", sockets)).chain(
        config
            .proxies
            .iter_mut()
            .map(|proxy| (proxy.name.as_str(), proxy.binds.as_mut_slice())),
    );
    for (proxy, binds) in all {
        let (mut line, mut position) = (None, 0);
        for bind in binds {
            position = if line == Some(bind.span) {
                position + 1
            } else {
                0
            };
            line = Some(bind.span);
            let Some(prefix) = &bind.options.guid_prefix else {
                continue;
            };
            let guid = format!("{prefix}-{position}");
            let owner = format!("listener {proxy} ({})", check.place(bind.span));
            // Where one stands on a line is not told.
            let claimed = check_text(guid.as_bytes()).and_then(|()| {
                let taken = names.get(guid.as_str());
                match taken {
                    Some(other) => Err(format!("duplicate entry with {other}")),
                    None => claim(names, None, (&guid, owner)),
                }
            });
            if let Err(wrong) = claimed {
                let place = check.place(bind.span);
                let text = format!(
                    "[{place}] : error on GUID generation : {wrong}. You may fix it by adjusting guid-prefix."
                );
                check.alert(bind.span, text);
                // Upstream stops here.
                return;
            }
            bind.options.guid = Some(guid);
        }
    }
}

/// Whose name that is in a running program, as upstream's texts tell it.
pub(crate) fn owner(program: &Program, guid: &str) -> Option<String> {
    program.proxies.iter().find_map(|proxy| {
        let name = &proxy.ir.name;
        if proxy.ir.guid.as_deref() == Some(guid) {
            return Some(format!("{} {name}", kind(&proxy.ir)));
        }
        let mut binds = proxy.ir.binds.iter();
        if let Some(bind) = binds.find(|bind| bind.options.guid.as_deref() == Some(guid)) {
            let file = program.file(bind.span).unwrap_or_default();
            return Some(format!("listener {name} ({file}:{})", bind.span.line));
        }
        let mut servers = proxy.live.servers.iter();
        let server = servers.find(|server| server.ir.options.guid.as_deref() == Some(guid))?;
        Some(format!("server {name}/{}", server.name))
    })
}
