//! `server` and `default-server`: a name, an address, options.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, OptionCursor, SectionKeyword, Sections, Support, Tables};
use hapax_core::span::Word;
use hapax_core::suggest::did_you_mean;

use super::{behind, bind, row};
use crate::added_server;
use crate::resolve;
use crate::section;
use crate::value::address::{Accept, Port};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "server",
        Sections::LISTEN.or(Sections::BACKEND),
        "<name> <address>[:[port]] [<option>...]",
        "A server of the backend.",
        server,
    ),
    row(
        "server-template",
        Sections::LISTEN.or(Sections::BACKEND),
        "<prefix> <count|range> <name>[:[port]] [<option>...]",
        "Servers that differ in their names only: the prefix and a number.",
        server_template,
    ),
    row(
        "default-server",
        Sections::BACK,
        "<option>...",
        "Options for the servers that follow.",
        default_server,
    ),
];

pub(super) fn server(line: &mut Line<'_>) -> Result<(), Fault> {
    let (Some(name), Some(_)) = (line.args().first(), line.args().get(1)) else {
        let text = "'server' expects <name> and <addr>[:<port>] as arguments.";
        return Err(behind(Prefix::Place, line.fault(text)));
    };
    let shown = name.lossy().into_owned();
    if let Some(byte) = section::forbidden(&name.text) {
        let text = format!(
            "character '{}' is not permitted in server name '{shown}'.",
            char::from(byte)
        );
        return Err(behind(Prefix::Place, line.fault_at(0, text)));
    }
    let server = read_server(line, 1, shown)?;
    let servers = &mut line.proxy()?.servers;
    // Most backends have one or two servers: a growth by itself begins with room for four.
    if servers.len() == servers.capacity() {
        servers.reserve_exact(servers.len().max(1));
    }
    servers.push(server.into());
    Ok(())
}

fn server_template(line: &mut Line<'_>) -> Result<(), Fault> {
    let (Some(name), Some(range), Some(_)) =
        (line.args().first(), line.args().get(1), line.args().get(2))
    else {
        let text = "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.";
        return Err(behind(Prefix::Place, line.fault(text)));
    };
    let shown = name.lossy().into_owned();
    if let Some(byte) = section::forbidden(&name.text) {
        let text = format!(
            "character '{}' is not permitted in server-template prefix '{shown}'.",
            char::from(byte)
        );
        return Err(behind(Prefix::Place, line.fault_at(0, text)));
    }
    let Some((first, last)) = numbers(&range.lossy()) else {
        let text = format!(
            "Wrong server-template number or range arg '{}'.",
            range.lossy()
        );
        return Err(behind(Prefix::Place, line.fault_at(1, text)));
    };
    let server = read_server(line, 2, shown)?;
    let id = server.options.id;
    let mut others = server.options.clone();
    if id.is_some() || others.guid.is_some() {
        // A number or a name that is given counts for the first one.
        others.id = None;
        others.guid = None;
    }
    let servers = (first..=last).map(|number| ir::Server {
        name: format!("{}{number}", server.name),
        options: match number == first {
            true => server.options.clone(),
            false => others.clone(),
        },
        ..server.clone()
    });
    line.proxy()?
        .servers
        .extend(servers.map(ir::SharedServer::from));
    Ok(())
}

/// `COUNT` or `FIRST-LAST`; what stands behind the last digit does not count.
fn numbers(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| -> Option<u32> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        text.get(..digits)?.parse().ok()
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (1, number(text)?),
    };
    (first <= last && last - first < MOST_SERVERS).then_some((first, last))
}

/// More than any machine has room for.
const MOST_SERVERS: u32 = 1 << 20;

/// Reads the address, which is the argument at `at`, and the options behind it.
fn read_server(line: &mut Line<'_>, at: usize, shown: String) -> Result<ir::Server, Fault> {
    let Some(address) = line.args().get(at) else {
        return Err(line.fault("no address"));
    };
    let found = resolve::address(
        &line.config.global.environment,
        &address.text,
        Accept::SERVER,
        false,
    )
    .map_err(|error| {
        let text = format!("{}{error}", prefix(line, &shown));
        behind(Prefix::Place, line.fault_at(at, text))
    })?;
    bind::refuse_transport(line, address, &found)?;
    bind::ignored_text(line, address, &address.text, &found);
    let mut options = line.scope.default_server.clone();
    if options.strict_maxconn {
        // As upstream: each server says that itself.
        options.strict_maxconn = false;
    }
    if line.args().len() > at + 1 {
        let prefix = prefix(line, &shown);
        read_options(line, at + 1, prefix, &mut options, Target::Server)?;
    }
    if options.datagrams != found.datagram {
        options.datagrams = found.datagram;
    }
    if options.track.is_some() && options.check.enabled {
        let prefix = prefix(line, &shown);
        let text = format!("{prefix}unable to enable checks and tracking at the same time!");
        return Err(behind(Prefix::Place, line.fault(text)));
    }
    if options
        .agent
        .as_ref()
        .is_some_and(|agent| agent.enabled && agent.port == 0)
    {
        let prefix = prefix(line, &shown);
        let text = format!(
            "{prefix}server {shown} does not have agent port. Agent check has been disabled."
        );
        return Err(behind(Prefix::Place, line.fault(text)));
    }
    let others = line.proxy()?.servers.iter();
    let same = others
        .filter(|other| options.id.is_some() && other.options.id == options.id)
        .map(|other| (other.name.clone(), other.span))
        .next();
    if let (Some((other, span)), Some(id)) = (same, options.id) {
        let (place, prefix) = (line.scope.place(span), prefix(line, &shown));
        let text =
            format!("{prefix}'id' : custom id {id} already used at {place} ('server {other}').");
        return Err(behind(Prefix::Place, line.fault(text)));
    }
    let (text, span) = (address.lossy().into_owned(), line.span);
    let Some(place) = found.addresses.into_iter().next() else {
        return Err(line.fault_at(at, "no address"));
    };
    Ok(ir::Server {
        name: shown,
        span,
        address: place,
        port: match found.port {
            Port::None => ir::ServerPort::SameAsClient,
            Port::Offset(offset) => ir::ServerPort::Offset(offset),
            Port::One(_) | Port::Range(..) => ir::ServerPort::Fixed,
        },
        text,
        host_name: found.name.map(|(name, _)| name),
        options,
    })
}

/// What stands before findings about the line of a server.
fn prefix(line: &Line<'_>, shown: &str) -> String {
    let proxy = line.proxy.as_deref();
    let proxy = proxy.map_or("", |proxy| proxy.name.as_str());
    format!("'{} {proxy}/{shown}' : ", line.keyword())
}

fn default_server(line: &mut Line<'_>) -> Result<(), Fault> {
    let mut options = line.scope.default_server.clone();
    read_options(line, 0, String::new(), &mut options, Target::Default)?;
    line.scope.default_server = options;
    Ok(())
}

/// Whose options are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A `server` line.
    Server,
    /// A `default-server` line.
    Default,
    /// A server that the runtime API adds.
    Added,
}

fn read_options(
    line: &mut Line<'_>,
    skip: usize,
    prefix: String,
    options: &mut ir::CopyOnWrite<ir::ServerOptions>,
    target: Target,
) -> Result<(), Fault> {
    let mut cursor = OptionCursor {
        words: line.words,
        at: line.name_words + skip,
        prefix: prefix.clone(),
        registry: line.registry,
        config: line.config,
        diagnostics: line.diagnostics,
    };
    options_of(&mut cursor, options, target)
}

/// Reads the options that a cursor stands before.
pub(crate) fn options_of(
    cursor: &mut OptionCursor<'_>,
    options: &mut ir::ServerOptions,
    target: Target,
) -> Result<(), Fault> {
    while let Some(word) = cursor.take() {
        let row = word.as_str().and_then(|name| {
            // What stands in parentheses belongs to the option.
            let name = name.split_once('(').map_or(name, |(name, _)| name);
            cursor.registry.server_options.find(name)
        });
        let Some(row) = row.map(|row| row.0) else {
            return Err(unknown(cursor, word, target));
        };
        if target == Target::Added && !added_server::may_have(row.name) {
            let text = format!("'{}' option is not accepted for dynamic server", row.name);
            return Err(cursor.fault(word.span, text));
        }
        if target == Target::Default && !row.in_default_server {
            let text = format!(
                "'{}' option is not accepted in default-server sections",
                row.name
            );
            let warning = Diagnostic::warning(word.span, text).with_prefix(Prefix::Place);
            cursor.diagnostics.push(warning);
            let mut ignored = ir::ServerOptions::default();
            (row.parse)(cursor, &mut ignored)?;
            continue;
        }
        if let Err(fault) = (row.parse)(cursor, options) {
            let mut finding = *fault.diagnostic;
            finding.message.push('.');
            return Err(finding.with_prefix(Prefix::Place).into());
        }
        if let Support::NoCounterpart(reason) = row.support {
            let entry = (word.span, row.name, reason);
            cursor.config.global.no_counterpart.push(entry);
        }
    }
    Ok(())
}

fn unknown(cursor: &OptionCursor<'_>, word: &Word, target: Target) -> Fault {
    let prefix = &cursor.prefix;
    let text = word.lossy();
    let not_built = NOT_BUILT.contains(&text.as_ref())
        || text
            .strip_prefix("no-")
            .is_some_and(|name| NOT_BUILT.contains(&name));
    if not_built {
        let text = format!("{prefix}'{text}' is not built yet.");
        return Diagnostic::alert(word.span, text)
            .with_prefix(Prefix::Place)
            .into();
    }
    let near = did_you_mean(
        &text,
        cursor.registry.server_options.iter().map(|row| row.name),
    );
    let end = if near.is_empty() { "." } else { "" };
    let hint = match target {
        Target::Server | Target::Added => "",
        Target::Default => " Hint: no address was expected for this server.",
    };
    let text = format!("{prefix}unknown keyword '{text}'{near}{end}{hint}");
    Diagnostic::alert(word.span, text)
        .with_prefix(Prefix::Place)
        .into()
}

/// Options of the manual that wait for their rooms.
static NOT_BUILT: &[&str] = &[
    "agent-addr",
    "agent-check",
    "agent-inter",
    "agent-port",
    "agent-send",
    "allow-0rtt",
    "check-pool-conn-name",
    "check-reuse-pool",
    "error-limit",
    "hash-key",
    "idle-ping",
    "non-stick",
    "observe",
    "on-error",
    "renegotiate",
    "shard",
    "sni-auto",
    "stick",
];
