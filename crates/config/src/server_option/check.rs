//! Health checks of a server.

use hapax_core::diagnostic::{Diagnostic, Severity};
use hapax_core::ir::{CheckProtocol, InitialState};
use hapax_core::keyword::{Fault, OptionCursor, ServerOption, Tables};

use super::{count, fault, leading, needed, row, server_name, time, warn};
use crate::resolve;
use crate::value::address::Accept;

pub(crate) const TABLE: Tables = Tables {
    server_options: ROWS,
    ..Tables::NONE
};

static ROWS: &[ServerOption] = &[
    row(
        "addr",
        "<address>",
        "Where checks connect to.",
        |cursor, options| {
            let text = needed(cursor, "expects <ipv4|ipv6> as argument.")?;
            let found = resolve::address(
                &cursor.config.global.environment,
                text.as_bytes(),
                Accept::SERVER,
                true,
            )
            .map_err(|error| fault(cursor, format!("'addr' : {error}")))?;
            options.check.address = found.addresses.into_iter().next();
            Ok(())
        },
    ),
    row("check", "", "Checks the server's health.", |_, options| {
        options.check.enabled = true;
        Ok(())
    }),
    row(
        "check-proto",
        "{h1|h2|none}",
        "What checks speak: HTTP/1 or HTTP/2 in HTTP checks, nothing in others.",
        |cursor, options| {
            let Some(word) = cursor.take() else {
                return Err(fault(cursor, "'check-proto' : missing value"));
            };
            let name = word.lossy();
            options.check.protocol = Some(match name.as_ref() {
                "h1" => CheckProtocol::Http1,
                "h2" => CheckProtocol::Http2,
                "none" => CheckProtocol::Plain,
                "fcgi" | "spop" => {
                    let text = format!("'check-proto' : '{name}' is not built yet");
                    return Err(fault(cursor, text));
                }
                _ => {
                    let text = format!("'check-proto' :  unknown MUX protocol '{name}'");
                    return Err(fault(cursor, text));
                }
            });
            Ok(())
        },
    ),
    row(
        "check-send-proxy",
        "",
        "Sends a PROXY protocol header in checks, too.",
        |_, options| {
            options.check.send_proxy = true;
            Ok(())
        },
    ),
    row(
        "check-via-socks4",
        "",
        "Makes checks through the proxy of `socks4`, too.",
        |_, options| {
            options.check.via_socks4 = true;
            Ok(())
        },
    ),
    row(
        "downinter",
        "<delay>",
        "Interval of checks while the server is down.",
        |cursor, options| {
            options.check.downinter = interval(cursor, "downinter")?;
            Ok(())
        },
    ),
    row(
        "fall",
        "<count>",
        "Failed checks after which the server is down.",
        |cursor, options| {
            options.check.fall = positive(cursor, "fall")?;
            Ok(())
        },
    ),
    row(
        "fastinter",
        "<delay>",
        "Interval of checks while the state changes.",
        |cursor, options| {
            options.check.fastinter = interval(cursor, "fastinter")?;
            Ok(())
        },
    ),
    row(
        "init-state",
        "{fully-up|up|down|fully-down|none}",
        "State that the server begins with.",
        |cursor, options| {
            let word = cursor.peek().map(|word| word.lossy().into_owned());
            let text = word.as_deref().unwrap_or_default();
            options.check.initial = match text {
                "none" => InitialState::None,
                "fully-up" => InitialState::FullyUp,
                "up" => InitialState::Up,
                "down" => InitialState::Down,
                "fully-down" => InitialState::FullyDown,
                _ => {
                    let text = format!(
                        "'init-state' expects one of 'none', 'fully-up', 'up', 'down', or 'fully-down' but got '{text}'"
                    );
                    return Err(fault(cursor, text));
                }
            };
            let _ = cursor.take();
            Ok(())
        },
    ),
    row(
        "inter",
        "<delay>",
        "Interval of checks.",
        |cursor, options| {
            options.check.inter = interval(cursor, "inter")?;
            Ok(())
        },
    ),
    row("no-check", "", "No checks.", |_, options| {
        options.check.enabled = false;
        Ok(())
    }),
    row(
        "port",
        "<port>",
        "Port that checks connect to.",
        |cursor, options| {
            let _: String = match cursor.peek() {
                Some(_) => String::new(),
                None => needed(cursor, "expects a port number as argument.")?,
            };
            let port = u16::try_from(count(cursor))
                .map_err(|_| fault(cursor, "'port' : invalid port number"))?;
            options.check.port = (port > 0).then_some(port);
            Ok(())
        },
    ),
    row(
        "rise",
        "<count>",
        "Successful checks after which the server is up.",
        |cursor, options| {
            options.check.rise = positive(cursor, "rise")?;
            Ok(())
        },
    ),
];

fn positive(cursor: &mut OptionCursor<'_>, option: &str) -> Result<u32, Fault> {
    if cursor.peek().is_none() {
        return Err(fault(
            cursor,
            format!("'{option}' expects an integer argument."),
        ));
    }
    let number = u32::try_from(leading(cursor)).ok();
    let low = || fault(cursor, format!("'{option}' has to be > 0."));
    number.filter(|number| *number > 0).ok_or_else(low)
}

pub(super) fn interval(cursor: &mut OptionCursor<'_>, option: &str) -> Result<u32, Fault> {
    let value = time(cursor, option, "agent-inter")?;
    let server = server_name(cursor);
    if value == 0 {
        let text = format!("invalid value 0 for argument '{option}' of server {server}.");
        return Err(fault(cursor, text));
    }
    let word = cursor.keyword();
    if value < SMALL && word.text.iter().all(u8::is_ascii_digit) {
        let text = format!(
            "'{option} {value}' in server '{server}' is suspiciously small for a value in milliseconds. Please use an explicit \
             unit ('{value}ms') if that was the intent."
        );
        if option == "inter" || option == "agent-inter" {
            warn(cursor, word.span, text);
        } else {
            let warning = Diagnostic::whole(Severity::Warning, Some(word.span), text);
            cursor.diagnostics.push(warning);
        }
    }
    Ok(value)
}

/// Below this a number without unit looks like seconds.
const SMALL: u32 = 100;
