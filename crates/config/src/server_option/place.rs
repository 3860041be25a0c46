//! Where a server is, and from where it is reached.

use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::{Fault, OptionCursor, ServerOption, Tables};

use super::{fault, needed, row};
use crate::keyword::proxy::source_address;
use crate::source::presented;
use crate::value::address::Accept;

pub(crate) const TABLE: Tables = Tables {
    server_options: ROWS,
    ..Tables::NONE
};

static ROWS: &[ServerOption] = &[
    row(
        "hash-key",
        "{id|addr|addr-port}",
        "What the server's points on the ring of consistent hashing are made of.",
        |cursor, options| {
            let word = cursor.take().map(|word| word.lossy().into_owned());
            options.hash_key = match word.as_deref() {
                Some("id") => ir::HashKey::Id,
                Some("addr") => ir::HashKey::Address,
                Some("addr-port") => ir::HashKey::AddressAndPort,
                _ => {
                    let text = "'hash-key' has to be 'id', 'addr', or 'addr-port'";
                    return Err(fault(cursor, text));
                }
            };
            Ok(())
        },
    ),
    row(
        "init-addr",
        "{last|libc|none|<ip>},[...]",
        "How the server gets its first address.",
        |cursor, options| {
            let text = cursor.take().map(|word| word.lossy().into_owned());
            let text = text.unwrap_or_default();
            let mut methods = Vec::new();
            for method in text.split(',').filter(|method| !method.is_empty()) {
                methods.push(match (method, method.parse()) {
                    ("last", _) => ir::InitAddr::Last,
                    ("libc", _) => ir::InitAddr::Libc,
                    ("none", _) => ir::InitAddr::None,
                    (_, Ok(ip)) => ir::InitAddr::Address(ip),
                    (other, Err(_)) => {
                        let text = format!(
                            "'init-addr' : unknown init-addr method '{other}', supported methods are 'libc', 'last', 'none'."
                        );
                        return Err(fault(cursor, text));
                    }
                });
            }
            options.init_addr = methods;
            Ok(())
        },
    ),
    row(
        "redir",
        "<prefix>",
        "Answers GET and HEAD with a redirect to this prefix and the path.",
        |cursor, options| {
            options.redirect_prefix = Some(needed(cursor, "expects <prefix> as argument.")?);
            Ok(())
        },
    ),
    row(
        "source",
        "<addr>[:<pl>[-<ph>]] [usesrc {<addr>[:<port>]|client|clientip|hdr_ip(<name>[,<num>])}] [interface <name>]",
        "The address that connections come from.",
        |cursor, options| {
            let text = needed(
                cursor,
                "expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument.",
            )?;
            let accept = Accept {
                port_range: true,
                ..Accept::SOURCE
            };
            let mut source = source_address(&cursor.config.global.environment, &text, accept)
                .map_err(|error| fault(cursor, format!("'source {text}' : {error}")))?;
            while let Some(word) = cursor.peek() {
                if *word == "usesrc" {
                    cursor.take();
                    source.presented = Some(read_presented(cursor)?);
                } else if *word == "interface" {
                    cursor.take();
                    let Some(name) = cursor.take() else {
                        let text = "'server' : missing interface name.";
                        return Err(broken(cursor, "interface", text));
                    };
                    source.interface = Some(name.lossy().into_owned());
                } else {
                    break;
                }
            }
            options.source = Some(source);
            Ok(())
        },
    ),
    row(
        "usesrc",
        "{<addr>[:<port>]|client|clientip|hdr_ip(<name>[,<num>])}",
        "Behind `source`: who requests seem to come from.",
        |cursor, _| {
            Err(fault(
                cursor,
                "'usesrc' only allowed after a 'source' statement.",
            ))
        },
    ),
];

/// The address that the server is shown.
fn read_presented(cursor: &mut OptionCursor<'_>) -> Result<ir::Presented, Fault> {
    let Some(word) = cursor.take() else {
        let text = "'usesrc' expects <addr>[:<port>], 'client', 'clientip', or 'hdr_ip(name,#)' as argument";
        return Err(broken(cursor, "usesrc", &format!("{text}.")));
    };
    let variables = &cursor.config.global.environment;
    presented(variables, &word.lossy()).map_err(|error| broken(cursor, "usesrc", &error))
}

/// What is wrong with a word behind `source`. Upstream says on a line of its own which it was.
fn broken(cursor: &mut OptionCursor<'_>, name: &str, text: &str) -> Fault {
    let span = cursor.keyword().span;
    let text = format!("{}{text}", cursor.prefix);
    let finding = Diagnostic::alert(span, text).with_prefix(Prefix::Place);
    cursor.diagnostics.push(finding);
    let text = format!("error encountered while processing '{name}'");
    Diagnostic::whole(Severity::Alert, None, text).into()
}
