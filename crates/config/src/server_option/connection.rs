//! Connections to a server: pools, PROXY protocol, socket options.

use hapax_core::ir::{BindProtocol, LogProtocol, Websockets};
use hapax_core::keyword::{Fault, OptionCursor, ServerOption, Tables};

use hapax_core::span::Word;
use hapax_sample::expression;

use super::{count, fault, leading, needed, row, server_name};
use crate::resolve;
use crate::value::address::Accept;
use crate::value::{self, TimeError, Unit};

pub(crate) const TABLE: Tables = Tables {
    server_options: ROWS,
    ..Tables::NONE
};

static ROWS: &[ServerOption] = &[
    row(
        "log-bufsize",
        "<bufsize>",
        "How much of a log backend's lines is kept for this server until it takes them.",
        |cursor, options| {
            if cursor.peek().is_none() {
                return Err(fault(cursor, "'log-bufsize' expects an integer argument."));
            }
            let size = u32::try_from(leading(cursor)).ok().filter(|size| *size > 0);
            let wrong = || fault(cursor, "log-bufsize has to be > 0.");
            options.log_bufsize = Some(size.ok_or_else(wrong)?);
            Ok(())
        },
    ),
    row(
        "log-proto",
        "{legacy|octet-count}",
        "How messages of a ring are framed for this server.",
        |cursor, options| {
            let word = cursor.take().map(Word::lossy).unwrap_or_default();
            options.log_protocol = match word.as_ref() {
                "legacy" => LogProtocol::Legacy,
                "octet-count" => LogProtocol::OctetCount,
                other => {
                    let text = format!(
                        "'log-proto' expects one of 'legacy' or 'octet-count' but got '{other}'"
                    );
                    return Err(fault(cursor, text));
                }
            };
            Ok(())
        },
    ),
    row(
        "max-reuse",
        "<count>",
        "How often a connection is reused; -1 is no limit.",
        |cursor, options| {
            options.max_reuse = signed(cursor)?;
            Ok(())
        },
    ),
    row("no-send-proxy", "", "No PROXY protocol.", |_, options| {
        options.send_proxy = None;
        Ok(())
    }),
    row(
        "no-send-proxy-v2",
        "",
        "No PROXY protocol.",
        |_, options| {
            options.send_proxy = None;
            Ok(())
        },
    ),
    row("no-tfo", "", "No TCP fast open.", |_, options| {
        options.fast_open = false;
        Ok(())
    }),
    row(
        "pool-low-conn",
        "<number>",
        "Idle connections below which those of other workers are not taken.",
        |cursor, options| {
            present(cursor)?;
            options.pool_low_conn = count(cursor);
            Ok(())
        },
    ),
    row(
        "pool-conn-name",
        "<expr>",
        "What requests must have in common to share idle connections.",
        |cursor, options| {
            let text = needed(cursor, "expects <value> as argument")?;
            let expr = expression::of_connections(cursor, text.as_bytes())
                .map_err(|error| fault(cursor, error))?;
            options.pool_name = Some(expr);
            Ok(())
        },
    ),
    row(
        "pool-max-conn",
        "<number>",
        "Idle connections that are kept; -1 is no limit.",
        |cursor, options| {
            let number = signed(cursor)?;
            if number < -1 {
                let text = "'pool-max-conn' must be >= -1";
                return Err(fault(cursor, text));
            }
            options.pool_max_conn = number;
            Ok(())
        },
    ),
    row(
        "pool-purge-delay",
        "<delay>",
        "How often idle connections that nobody needed are closed.",
        |cursor, options| {
            let text = needed(cursor, "expects <value> as argument.")?;
            options.pool_purge_delay = match value::time(text.as_bytes(), Unit::Millisecond) {
                Ok(time) => time.value,
                Err(TimeError::Unexpected(byte)) => {
                    let byte = char::from(byte);
                    let text =
                        format!("unexpected character '{byte}' in argument to <pool-purge-delay>.");
                    return Err(fault(cursor, text));
                }
                Err(TimeError::Overflow | TimeError::Missing) => {
                    return Err(fault(
                        cursor,
                        crate::keyword::overflow(&text, "pool-purge-delay"),
                    ));
                }
            };
            Ok(())
        },
    ),
    row(
        "idle-ping",
        "<delay>",
        "How often an idle server connection of HTTP/2 must show that it is alive.",
        |cursor, options| {
            let text = needed(cursor, "expects an argument.")?;
            let server = server_name(cursor);
            options.idle_ping = match value::time(text.as_bytes(), Unit::Millisecond) {
                Ok(time) => Some(time.value).filter(|delay| *delay > 0),
                Err(TimeError::Unexpected(byte)) => {
                    let byte = char::from(byte);
                    let text = format!(
                        "unexpected character '{byte}' in 'idle-ping' argument of server {server}."
                    );
                    return Err(fault(cursor, text));
                }
                Err(TimeError::Overflow | TimeError::Missing) => {
                    let text = format!(
                        "timer overflow in argument <{text}> to <idle-ping> of server {server}, maximum value is 2147483647 ms (~24.8 days)."
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
        "The version of HTTP that is spoken with the server, whatever else says so.",
        |cursor, options| {
            options.protocol = Some(protocol(cursor)?);
            Ok(())
        },
    ),
    row(
        "send-proxy",
        "",
        "Begins with the PROXY protocol, version 1.",
        |_, options| {
            options.send_proxy = Some(1);
            Ok(())
        },
    ),
    row(
        "send-proxy-v2",
        "",
        "Begins with the PROXY protocol, version 2.",
        |_, options| {
            options.send_proxy = Some(2);
            Ok(())
        },
    ),
    row(
        "socks4",
        "<addr>:<port>",
        "Connects through a SOCKS4 proxy.",
        |cursor, options| {
            let text = needed(cursor, "expects <addr>:<port> as argument.")?;
            let accept = Accept {
                port_required: true,
                port_offset: false,
                datagram: false,
                tail: false,
                ..Accept::SERVER
            };
            let variables = &cursor.config.global.environment;
            let found = resolve::address(variables, text.as_bytes(), accept, true);
            let found =
                found.map_err(|error| fault(cursor, format!("'socks4 {text}' : {error}")))?;
            options.socks4 = found.addresses.into_iter().next();
            Ok(())
        },
    ),
    row(
        "tcp-ut",
        "<time>",
        "How long data may stay unacknowledged before the system gives the connection up.",
        |cursor, options| {
            let text = needed(cursor, ": missing TCP User Timeout value")?;
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
        "ws",
        "{auto|h1|h2}",
        "The version of HTTP that carries websockets.",
        |cursor, options| {
            let word = cursor.take().map(Word::lossy).unwrap_or_default();
            options.websockets = match word.as_ref() {
                "auto" => Websockets::Auto,
                "h1" => Websockets::Http1,
                "h2" => Websockets::Http2,
                _ => return Err(fault(cursor, "'ws' has to be 'auto', 'h1' or 'h2'")),
            };
            Ok(())
        },
    ),
];

/// A protocol by its name.
fn protocol(cursor: &mut OptionCursor<'_>) -> Result<BindProtocol, Fault> {
    let keyword = cursor.keyword().lossy().into_owned();
    let name = needed(cursor, ": missing value")?;
    match name.as_str() {
        "h1" => Ok(BindProtocol::Http1),
        "h2" => Ok(BindProtocol::Http2),
        "none" => Ok(BindProtocol::None),
        "fcgi" | "spop" | "quic" => {
            let text = format!("'{keyword}' : protocol '{name}' is not built here");
            Err(fault(cursor, text))
        }
        _ => {
            let text = format!("'{keyword}' :  unknown MUX protocol '{name}'");
            Err(fault(cursor, text))
        }
    }
}

fn present(cursor: &OptionCursor<'_>) -> Result<(), Fault> {
    match cursor.peek() {
        Some(_) => Ok(()),
        None => {
            let name = cursor.keyword().lossy();
            Err(fault(
                cursor,
                format!("'{name}' expects <value> as argument."),
            ))
        }
    }
}

fn signed(cursor: &mut OptionCursor<'_>) -> Result<i32, Fault> {
    present(cursor)?;
    let number = leading(cursor).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    Ok(number as i32)
}
