//! Options of `bind` and `stats socket` lines (configuration manual 5.1).

use hapax_core::contract::ProxyHeader;
use hapax_core::ir;
use hapax_core::keyword::{BindOption, Fault, OptionCursor, Support, Tables};

use crate::value::{self, TimeError, Unit, leading_integer};

pub(crate) const TABLE: Tables = Tables {
    bind_options: ROWS,
    ..Tables::NONE
};

type Parse = fn(&mut OptionCursor<'_>, &mut ir::BindOptions) -> Result<(), Fault>;

const fn row(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: Parse,
) -> BindOption {
    BindOption {
        name,
        usage,
        doc,
        support: Support::Runs,
        parse,
    }
}

static ROWS: &[BindOption] = &[
    row(
        "accept-netscaler-cip",
        "<magic number>",
        "Expects a NetScaler client IP insertion header before each connection's first byte.",
        |cursor, options| {
            let text = needed(cursor, "missing value")?;
            let number = u32::try_from(leading_integer(text.as_bytes())).unwrap_or(0);
            if number == 0 {
                let text = format!("'accept-netscaler-cip' : invalid value {number}, must be >= 0");
                return Err(fault(cursor, text));
            }
            options.proxy_header = Some(ProxyHeader::Netscaler(number));
            Ok(())
        },
    ),
    row(
        "accept-proxy",
        "",
        "Expects a PROXY protocol header before each connection's first byte.",
        |_, options| {
            options.proxy_header = Some(ProxyHeader::Proxy);
            Ok(())
        },
    ),
    row(
        "backlog",
        "<number>",
        "Connections the system queues for this socket.",
        |cursor, options| {
            options.backlog = Some(count(cursor, "missing value")?);
            Ok(())
        },
    ),
    row(
        "defer-accept",
        "",
        "Lets the system report connections that sent something only.",
        |_, options| {
            options.defer_accept = true;
            Ok(())
        },
    ),
    row(
        "expose-fd",
        "listeners",
        "Gives listening sockets to a process that asks on this runtime socket.",
        |cursor, options| match take(cursor).as_str() {
            "listeners" => {
                options.expose_fd_listeners = true;
                Ok(())
            }
            "" => Err(fault(cursor, "'expose-fd' : missing fd type")),
            other => Err(fault(
                cursor,
                format!("'expose-fd' only supports 'listeners' (got '{other}')"),
            )),
        },
    ),
    row(
        "gid",
        "<number>",
        "Group of the unix socket.",
        |cursor, options| {
            options.unix_gid = Some(count(cursor, "missing value")?);
            Ok(())
        },
    ),
    row(
        "group",
        "<name>",
        "Group of the unix socket by name.",
        |cursor, options| {
            let name = needed(cursor, "missing group name")?;
            let gid = crate::keyword::identity::group_id(&name);
            let unknown = || fault(cursor, format!("'group' : unknown group name '{name}'"));
            options.unix_gid = Some(gid.ok_or_else(unknown)?);
            Ok(())
        },
    ),
    row(
        "id",
        "<number>",
        "Number of the socket in the statistics.",
        |cursor, options| {
            let text = needed(cursor, "expects an integer argument")?;
            let number = value::whole_integer(text.as_bytes()).ok_or_else(|| {
                let text = format!("'id' : expects an integer argument, found '{text}'");
                fault(cursor, text)
            })?;
            let id = u32::try_from(number).ok().filter(|id| *id > 0);
            let low = || fault(cursor, "'id' : custom id has to be > 0");
            options.id = Some(id.ok_or_else(low)?);
            Ok(())
        },
    ),
    row(
        "interface",
        "<name>",
        "Accepts connections that come in through this interface only.",
        |cursor, options| {
            options.interface = Some(needed(cursor, "missing interface name")?);
            Ok(())
        },
    ),
    row(
        "level",
        "user|operator|admin",
        "What the runtime socket may do.",
        |cursor, options| {
            options.level = Some(match take(cursor).as_str() {
                "user" => ir::CliLevel::User,
                "operator" => ir::CliLevel::Operator,
                "admin" => ir::CliLevel::Admin,
                "" => return Err(fault(cursor, "'level' : missing level")),
                other => {
                    return Err(fault(
                        cursor,
                        format!(
                            "'level' only supports 'user', 'operator', and 'admin' (got '{other}')"
                        ),
                    ));
                }
            });
            Ok(())
        },
    ),
    row(
        "maxconn",
        "<number>",
        "Connections this socket takes at a time.",
        |cursor, options| {
            options.maxconn = count(cursor, "missing value")?;
            Ok(())
        },
    ),
    row(
        "mode",
        "<octal>",
        "Permissions of the unix socket.",
        |cursor, options| {
            let text = take(cursor);
            let mode = u32::from_str_radix(&text, 8)
                .ok()
                .filter(|_| !text.starts_with('+'));
            options.unix_mode = Some(mode.filter(|mode| *mode <= 0o7777).ok_or_else(|| {
                let text =
                    format!("'mode' : missing or invalid mode '{text}' (octal integer expected)");
                fault(cursor, text)
            })?);
            Ok(())
        },
    ),
    row(
        "mss",
        "<number>",
        "Largest TCP segment.",
        |cursor, options| {
            let text = needed(cursor, "missing MSS value")?;
            let mss = leading_integer(text.as_bytes());
            if mss == 0 || mss.unsigned_abs() > 65535 {
                let text = "'mss' : expects an MSS with and absolute value between 1 and 65535";
                return Err(fault(cursor, text));
            }
            options.mss = i32::try_from(mss).ok();
            Ok(())
        },
    ),
    row(
        "name",
        "<name>",
        "Name of the socket in the statistics.",
        |cursor, options| {
            options.name = Some(needed(cursor, "missing name")?);
            Ok(())
        },
    ),
    BindOption {
        support: Support::NoCounterpart(
            "a connection's task has no priority over others of its worker",
        ),
        ..row(
            "nice",
            "<number>",
            "Priority of the connections of this socket.",
            |cursor, options| {
                let text = needed(cursor, "missing value")?;
                let number = leading_integer(text.as_bytes()).clamp(-1024, 1024);
                options.nice = i32::try_from(number).ok();
                Ok(())
            },
        )
    },
    BindOption {
        support: Support::NoCounterpart(
            "there is one process, and all of its workers take connections",
        ),
        ..row(
            "process",
            "<range>",
            "Restricted the socket to some processes.",
            |cursor, _| {
                let range = take(cursor);
                let span = cursor.keyword().span;
                // Upstream puts quotes around the faults of 'stats socket'; this warning is hapax's own.
                let before = cursor.prefix.trim_end_matches('\'');
                let text = format!(
                    "{before}'process {range}' on 'bind' lines is not supported anymore, all workers take connections."
                );
                let warning = hapax_core::diagnostic::Diagnostic::warning(span, text)
                    .with_hint("please remove it, or use 'thread' instead");
                cursor.diagnostics.push(warning);
                Ok(())
            },
        )
    },
    row(
        "severity-output",
        "none|number|string",
        "How the runtime socket marks severities.",
        |cursor, options| {
            options.severity_output = match take(cursor).as_str() {
                "none" => ir::SeverityOutput::None,
                "number" => ir::SeverityOutput::Number,
                "string" => ir::SeverityOutput::String,
                other => {
                    let text = format!(
                        "'severity-output' only supports 'none', 'number', and 'string' (got '{other}')"
                    );
                    return Err(fault(cursor, text));
                }
            };
            Ok(())
        },
    ),
    row(
        "idle-ping",
        "<delay>",
        "How often an idle client of HTTP/2 must show that it is alive.",
        |cursor, options| {
            let Some(text) = cursor.take().map(|word| word.lossy().into_owned()) else {
                return Err(fault(cursor, "'idle-ping' expects an argument."));
            };
            options.idle_ping = match value::time(text.as_bytes(), Unit::Millisecond) {
                Ok(time) => Some(time.value).filter(|delay| *delay > 0),
                Err(TimeError::Unexpected(byte)) => {
                    let byte = char::from(byte);
                    let text = format!(
                        "unexpected character '{byte}' in 'idle-ping' argument on bind line."
                    );
                    return Err(fault(cursor, text));
                }
                Err(TimeError::Overflow | TimeError::Missing) => {
                    let text = format!(
                        "timer overflow in argument <{text}> to <idle-ping> on bind line, maximum value is 2147483647 ms (~24.8 days)."
                    );
                    return Err(fault(cursor, text));
                }
            };
            Ok(())
        },
    ),
    row(
        "proto",
        "<name>",
        "The version of HTTP that connections speak, whatever else says so.",
        |cursor, options| {
            let name = needed(cursor, "missing value")?;
            options.protocol = Some(match name.as_str() {
                "h1" => ir::BindProtocol::Http1,
                "h2" => ir::BindProtocol::Http2,
                "none" => ir::BindProtocol::None,
                "fcgi" | "spop" | "quic" => {
                    let text = format!("'proto' : protocol '{name}' is not built here");
                    return Err(fault(cursor, text));
                }
                _ => {
                    let text = format!("'proto' :  unknown MUX protocol '{name}'");
                    return Err(fault(cursor, text));
                }
            });
            Ok(())
        },
    ),
    row(
        "shards",
        "<number>|by-thread|by-group",
        "Number of sockets that share the address.",
        |cursor, options| {
            let text = needed(cursor, "missing value")?;
            options.shards = match text.as_str() {
                "by-thread" => None,
                "by-group" => Some(1),
                other => {
                    let number = leading_integer(other.as_bytes());
                    let shards = u16::try_from(number).ok();
                    let wrong = || {
                        let text = format!(
                            "'shards' : invalid value {number}, allowed range is 1..1024 or 'by-thread'"
                        );
                        fault(cursor, text)
                    };
                    let shards = shards.filter(|shards| (1..=1024).contains(shards));
                    Some(shards.ok_or_else(wrong)?)
                }
            };
            Ok(())
        },
    ),
    row(
        "tcp-ut",
        "<time>",
        "How long data may stay unacknowledged before the system gives the connection up.",
        |cursor, options| {
            let text = needed(cursor, "missing TCP User Timeout value")?;
            let wrong = || {
                fault(
                    cursor,
                    "'tcp-ut' : expects a positive delay in milliseconds",
                )
            };
            let time = value::time(text.as_bytes(), Unit::Millisecond).map_err(|_| wrong())?;
            options.tcp_user_timeout = Some(time.value);
            Ok(())
        },
    ),
    row("tfo", "", "TCP fast open.", |_, options| {
        options.fast_open = true;
        Ok(())
    }),
    row(
        "thread",
        "[<group>/]<set>[,...]",
        "The workers that take connections of this socket.",
        |cursor, options| {
            let text = needed(cursor, "missing thread set")?;
            for set in text.split(',') {
                let set = set.split_once('/').map_or(set, |(_, set)| set);
                let Some(threads) = crate::keyword::threads::numbers(set, 1024) else {
                    let first = set.split('-').next().unwrap_or_default();
                    let text = format!(
                        "invalid first thread number '{first}', permitted range is 1..1024, or 'all', 'odd', 'even'."
                    );
                    return Err(fault(cursor, text));
                };
                match set {
                    "all" => options.threads.clear(),
                    _ => options
                        .threads
                        .extend(threads.iter().map(|thread| thread - 1)),
                }
            }
            Ok(())
        },
    ),
    row(
        "transparent",
        "",
        "Takes connections to addresses that are not the machine's.",
        |_, options| {
            options.transparent = true;
            Ok(())
        },
    ),
    row(
        "uid",
        "<number>",
        "User of the unix socket.",
        |cursor, options| {
            options.unix_uid = Some(count(cursor, "missing value")?);
            Ok(())
        },
    ),
    row(
        "user",
        "<name>",
        "User of the unix socket by name.",
        |cursor, options| {
            let name = needed(cursor, "missing user name")?;
            let uid = crate::keyword::identity::user_id(&name);
            let unknown = || fault(cursor, format!("'user' : unknown user name '{name}'"));
            options.unix_uid = Some(uid.ok_or_else(unknown)?);
            Ok(())
        },
    ),
    row(
        "v4v6",
        "",
        "An IPv6 socket that takes IPv4 connections too.",
        |_, options| {
            options.v4v6 = true;
            Ok(())
        },
    ),
    row(
        "v6only",
        "",
        "An IPv6 socket that takes no IPv4 connections.",
        |_, options| {
            options.v6only = true;
            Ok(())
        },
    ),
];

/// The next word, or nothing.
fn take(cursor: &mut OptionCursor<'_>) -> String {
    let word = cursor.take().map(|word| word.lossy().into_owned());
    word.unwrap_or_default()
}

/// The next word; `missing` behind the option's name when there is none.
fn needed(cursor: &mut OptionCursor<'_>, missing: &str) -> Result<String, Fault> {
    let name = cursor.keyword().lossy().into_owned();
    match cursor.take() {
        Some(word) => Ok(word.lossy().into_owned()),
        None => Err(fault(cursor, format!("'{name}' : {missing}"))),
    }
}

/// The next word as the number it starts with.
fn count(cursor: &mut OptionCursor<'_>, missing: &str) -> Result<u32, Fault> {
    let text = needed(cursor, missing)?;
    let number = leading_integer(text.as_bytes()).max(0);
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A fault at the word taken last.
fn fault(cursor: &OptionCursor<'_>, text: impl Into<String>) -> Fault {
    cursor.fault(cursor.keyword().span, text)
}
