//! Where a server is, and from where it is reached.

use hapax_core::ir;
use hapax_core::keyword::{ServerOption, Tables};

use super::{fault, needed, row};
use crate::keyword::proxy::source_address;
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
        "<addr>[:<pl>[-<ph>]] [interface <name>]",
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
                    return Err(cursor.fault(word.span, "'usesrc' is not built yet"));
                }
                if *word != "interface" {
                    break;
                }
                cursor.take();
                let missing = || fault(cursor, "'source' : missing interface name");
                let Some(name) = cursor.peek() else {
                    return Err(missing());
                };
                source.interface = Some(name.lossy().into_owned());
                cursor.take();
            }
            options.source = Some(source);
            Ok(())
        },
    ),
];
