//! What a server is to its backend: weight, role, limits, tracking.

use hapax_core::keyword::{ServerOption, Tables};

use super::{count, fault, leading, needed, own, row, server_name};
use crate::value;

pub(crate) const TABLE: Tables = Tables {
    server_options: ROWS,
    ..Tables::NONE
};

static ROWS: &[ServerOption] = &[
    row(
        "backup",
        "",
        "Used when all other servers are down.",
        |_, options| {
            options.backup = true;
            Ok(())
        },
    ),
    row(
        "cookie",
        "<value>",
        "Value of the persistence cookie.",
        |cursor, options| {
            options.cookie = Some(needed(cursor, "expects <value> as argument.")?);
            Ok(())
        },
    ),
    row("disabled", "", "Starts in maintenance.", |_, options| {
        options.disabled = true;
        Ok(())
    }),
    row("enabled", "", "Takes `disabled` back.", |_, options| {
        options.disabled = false;
        Ok(())
    }),
    own(
        "id",
        "<number>",
        "Number of the server in the statistics.",
        |cursor, options| {
            let text = needed(cursor, ": expects an integer argument")?;
            let id = u32::try_from(value::leading_integer(text.as_bytes())).ok();
            let low = || fault(cursor, "'id' : custom id has to be > 0");
            options.id = Some(id.filter(|id| *id > 0).ok_or_else(low)?);
            Ok(())
        },
    ),
    row(
        "maxconn",
        "<number>",
        "Connections the server takes at a time; 0 is no limit.",
        |cursor, options| {
            options.maxconn = count(cursor);
            Ok(())
        },
    ),
    row(
        "strict-maxconn",
        "",
        "Limits connections by `maxconn`, idle ones too, not requests alone.",
        |_, options| {
            options.strict_maxconn = true;
            Ok(())
        },
    ),
    row(
        "maxqueue",
        "<number>",
        "Requests that wait for the server; 0 is no limit.",
        |cursor, options| {
            options.maxqueue = count(cursor);
            Ok(())
        },
    ),
    row(
        "minconn",
        "<number>",
        "The limit of connections at low load.",
        |cursor, options| {
            options.minconn = count(cursor);
            Ok(())
        },
    ),
    row("no-backup", "", "Takes `backup` back.", |_, options| {
        options.backup = false;
        Ok(())
    }),
    row(
        "on-marked-down",
        "shutdown-sessions",
        "Ends the server's connections when it goes down.",
        |cursor, options| match word(cursor).as_str() {
            "shutdown-sessions" => {
                options.shutdown_on_down = true;
                Ok(())
            }
            other => Err(fault(
                cursor,
                format!("'on-marked-down' expects 'shutdown-sessions' but got '{other}'"),
            )),
        },
    ),
    row(
        "on-marked-up",
        "shutdown-backup-sessions",
        "Ends connections to backup servers when the server comes up.",
        |cursor, options| match word(cursor).as_str() {
            "shutdown-backup-sessions" => {
                options.shutdown_backup_on_up = true;
                Ok(())
            }
            other => Err(fault(
                cursor,
                format!("'on-marked-up' expects 'shutdown-backup-sessions' but got '{other}'"),
            )),
        },
    ),
    row(
        "slowstart",
        "<delay>",
        "How long a server that came up takes to get its whole share and all of its connections.",
        |cursor, options| {
            let text = cursor.take().map(|word| word.lossy().into_owned());
            let text = text.unwrap_or_default();
            options.slowstart = match value::time(text.as_bytes(), value::Unit::Millisecond) {
                Ok(time) => time.value,
                Err(value::TimeError::Overflow) => {
                    let server = server_name(cursor);
                    let text = format!(
                        "overflow in argument <{text}> to <slowstart> of server {server}, maximum value is 2147483647 ms \
                         (~24.8 days)."
                    );
                    return Err(fault(cursor, text));
                }
                Err(value::TimeError::Unexpected(byte)) => {
                    let (server, byte) = (server_name(cursor), char::from(byte));
                    let text = format!(
                        "unexpected character '{byte}' in 'slowstart' argument of server {server}."
                    );
                    return Err(fault(cursor, text));
                }
                Err(value::TimeError::Missing) => {
                    return Err(fault(cursor, "unexpected character '"));
                }
            };
            Ok(())
        },
    ),
    row(
        "track",
        "[<backend>/]<server>",
        "Takes its health from another server.",
        |cursor, options| {
            let text = needed(cursor, "expects [<proxy>/]<server> as argument.")?;
            options.track = Some(match text.split_once('/') {
                Some((proxy, server)) => (proxy.to_owned(), server.to_owned()),
                None => (String::new(), text),
            });
            Ok(())
        },
    ),
    row(
        "weight",
        "<0-256>",
        "Its share of the load.",
        |cursor, options| {
            let number = leading(cursor);
            let weight = u32::try_from(number).ok().filter(|weight| *weight <= 256);
            let wrong = || {
                let server = server_name(cursor);
                let text = format!("weight of server {server} is not within 0 and 256 ({number}).");
                fault(cursor, text)
            };
            options.weight = weight.ok_or_else(wrong)?;
            Ok(())
        },
    ),
];

fn word(cursor: &mut hapax_core::keyword::OptionCursor<'_>) -> String {
    let word = cursor.take().map(|word| word.lossy().into_owned());
    word.unwrap_or_default()
}
