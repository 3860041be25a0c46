//! `tune.*` settings that act here.

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{at_most, needed, row};
use crate::value::{SizeError, leading_integer, size, whole_integer};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "tune.bufsize",
        Sections::GLOBAL,
        "<size>",
        "Size of buffers.",
        |line| {
            let bytes = bytes(line)?;
            let wrong = match bytes {
                0 => "'tune.bufsize' expects a positive integer argument.".to_owned(),
                1..SMALLEST_BUFFER => {
                    format!("'tune.bufsize' expects at least {SMALLEST_BUFFER} bytes here.")
                }
                SMALLEST_BUFFER..BUFFERS_TOO_LARGE => String::new(),
                BUFFERS_TOO_LARGE..=LARGEST_BUFFER => format!(
                    "global.tune.bufsize must be below 256 MB when HTTP is in use (current value = {bytes})."
                ),
                _ => format!("'tune.bufsize' expects a size in bytes from 0 to {LARGEST_BUFFER}."),
            };
            if !wrong.is_empty() {
                return Err(line.fault_at(0, wrong));
            }
            line.config.global.tune.bufsize = bytes;
            Ok(())
        },
    ),
    row(
        "tune.maxrewrite",
        Sections::GLOBAL,
        "<number>",
        "Room in a buffer for what rules add.",
        |line| {
            let number = count(line)?;
            let word = line.args().first().map(|word| leading_integer(&word.text));
            if word.is_some_and(|number| number < 0 || number > i64::from(i32::MAX)) {
                let text = "'tune.maxrewrite' expects a positive integer argument.";
                return Err(line.fault_at(0, text));
            }
            line.config.global.tune.maxrewrite = number;
            Ok(())
        },
    ),
    row(
        "tune.idle-pool.shared",
        Sections::GLOBAL,
        "on|off",
        "Whether a worker without an idle connection to a server takes one of another worker.",
        |line| {
            at_most(line, 1)?;
            let found = line.arg(0).unwrap_or_default();
            line.config.global.tune.idle_pool_shared = match &*found {
                "on" => true,
                "off" => false,
                _ => {
                    let keyword = line.keyword();
                    let text =
                        format!("'{keyword}' expects either 'on' or 'off' but got '{found}'.");
                    return Err(line.fault(text));
                }
            };
            Ok(())
        },
    ),
    row(
        "tune.vars.global-max-size",
        Sections::GLOBAL,
        "<size>",
        "Memory for all variables.",
        |line| {
            line.config.global.tune.variables.global = variables(line)?;
            Ok(())
        },
    ),
    row(
        "tune.vars.proc-max-size",
        Sections::GLOBAL,
        "<size>",
        "Memory for variables of the process and its sessions.",
        |line| {
            line.config.global.tune.variables.process = variables(line)?;
            Ok(())
        },
    ),
    row(
        "tune.vars.sess-max-size",
        Sections::GLOBAL,
        "<size>",
        "Memory for variables of a session and its exchange.",
        |line| {
            line.config.global.tune.variables.session = variables(line)?;
            Ok(())
        },
    ),
    row(
        "tune.vars.txn-max-size",
        Sections::GLOBAL,
        "<size>",
        "Memory for variables of an exchange.",
        |line| {
            line.config.global.tune.variables.transaction = variables(line)?;
            Ok(())
        },
    ),
    row(
        "tune.vars.reqres-max-size",
        Sections::GLOBAL,
        "<size>",
        "Memory for variables of a request or a response.",
        |line| {
            line.config.global.tune.variables.message = variables(line)?;
            Ok(())
        },
    ),
    row(
        "tune.vars.check-max-size",
        Sections::GLOBAL,
        "<size>",
        "Memory for variables of a health check.",
        |line| {
            line.config.global.tune.variables.check = variables(line)?;
            Ok(())
        },
    ),
    row(
        "tune.http.maxhdr",
        Sections::GLOBAL,
        "<number>",
        "Header fields of a message.",
        |line| {
            at_most(line, 1)?;
            let word = line.arg(0).unwrap_or_default();
            let number =
                whole_integer(word.as_bytes()).and_then(|number| u16::try_from(number).ok());
            let number = number.filter(|number| (1..=32767).contains(number));
            let wrong = || {
                line.fault_at(
                    0,
                    "'tune.http.maxhdr' expects a numeric value between 1 and 32767",
                )
            };
            line.config.global.tune.http_maxhdr = number.ok_or_else(wrong)?;
            Ok(())
        },
    ),
    row(
        "tune.http.logurilen",
        Sections::GLOBAL,
        "<number>",
        "Bytes of a request line in logs.",
        |line| {
            let number = count(line)?;
            line.config.global.tune.http_logurilen = u16::try_from(number).unwrap_or(u16::MAX);
            Ok(())
        },
    ),
    row(
        "tune.http.cookielen",
        Sections::GLOBAL,
        "<number>",
        "Bytes of a captured cookie.",
        |line| {
            let number = count(line)?;
            line.config.global.tune.http_cookielen = u16::try_from(number).unwrap_or(u16::MAX);
            Ok(())
        },
    ),
    row(
        "tune.pipesize",
        Sections::GLOBAL,
        "<size>",
        "Size of the pipes of splice(2).",
        |line| {
            line.config.global.tune.pipesize = bytes(line)?;
            Ok(())
        },
    ),
    row(
        "tune.rcvbuf.client",
        Sections::GLOBAL,
        "<size>",
        "Receive buffer of clients' sockets.",
        |line| once(line, "tune.rcvbuf.client", |tune| &mut tune.rcvbuf_client),
    ),
    row(
        "tune.rcvbuf.server",
        Sections::GLOBAL,
        "<size>",
        "Receive buffer of servers' sockets.",
        |line| once(line, "tune.rcvbuf.server", |tune| &mut tune.rcvbuf_server),
    ),
    row(
        "tune.sndbuf.client",
        Sections::GLOBAL,
        "<size>",
        "Send buffer of clients' sockets.",
        |line| once(line, "tune.sndbuf.client", |tune| &mut tune.sndbuf_client),
    ),
    row(
        "tune.sndbuf.server",
        Sections::GLOBAL,
        "<size>",
        "Send buffer of servers' sockets.",
        |line| once(line, "tune.sndbuf.server", |tune| &mut tune.sndbuf_server),
    ),
    row(
        "tune.notsent-lowat.client",
        Sections::GLOBAL,
        "<size>",
        "Unsent bytes at which clients' sockets take more.",
        |line| {
            line.config.global.tune.notsent_lowat_client = unsent(line)?;
            Ok(())
        },
    ),
    row(
        "tune.notsent-lowat.server",
        Sections::GLOBAL,
        "<size>",
        "Unsent bytes at which servers' sockets take more.",
        |line| {
            line.config.global.tune.notsent_lowat_server = unsent(line)?;
            Ok(())
        },
    ),
    row(
        "tune.rcvbuf.frontend",
        Sections::GLOBAL,
        "<size>",
        "Receive buffer of sockets that take datagrams.",
        |line| {
            once(line, "tune.rcvbuf.frontend", |tune| {
                &mut tune.rcvbuf_frontend
            })
        },
    ),
    row(
        "tune.sndbuf.backend",
        Sections::GLOBAL,
        "<size>",
        "Send buffer of sockets that send datagrams.",
        |line| once(line, "tune.sndbuf.backend", |tune| &mut tune.sndbuf_backend),
    ),
    row(
        "tune.maxaccept",
        Sections::GLOBAL,
        "<number>",
        "Connections that are accepted in a row.",
        |line| {
            let word = needed(line, 0, "'tune.maxaccept' expects an integer argument.")?;
            at_most(line, 1)?;
            let number = leading_integer(&word.text);
            if number > i64::from(i32::MAX) {
                let text = "'tune.maxaccept' expects -1 or an integer from 0 to INT_MAX.";
                return Err(line.fault_at(0, text));
            }
            line.config.global.tune.maxaccept =
                u32::try_from(number).ok().filter(|number| *number > 0);
            Ok(())
        },
    ),
];

fn bytes(line: &Line<'_>) -> Result<u32, Fault> {
    let keyword = line.keyword();
    let word = needed(line, 0, &format!("'{keyword}' expects an integer argument"))?;
    at_most(line, 1)?;
    size(&word.text).map_err(|error| {
        let text = match error {
            SizeError::Unexpected(_) => {
                // Digits are read as far as they make a number of 32 bits.
                let mut number = 0_u32;
                let read = word.text.iter().take_while(|byte| {
                    let digit = byte.is_ascii_digit().then(|| u32::from(**byte - b'0'));
                    let next = digit.and_then(|digit| number.checked_mul(10)?.checked_add(digit));
                    number = next.unwrap_or(number);
                    next.is_some()
                });
                let unread = word.text.get(read.count()..).unwrap_or_default();
                let unread = match unread {
                    [b'k' | b'K' | b'm' | b'M' | b'g' | b'G', rest @ ..]
                        if !rest.is_empty() && unread.len() < word.text.len() =>
                    {
                        rest
                    }
                    all => all,
                };
                let unread = String::from_utf8_lossy(unread);
                format!("unexpected '{unread}' after size passed to '{keyword}'")
            }
            SizeError::Missing => format!("'{keyword}' expects an integer argument"),
        };
        line.fault_at(0, text)
    })
}

/// Bytes of `tune.notsent-lowat.*`.
fn unsent(line: &Line<'_>) -> Result<u32, Fault> {
    let keyword = line.keyword();
    let text = format!("'{keyword}' expects an integer argument.");
    let word = needed(line, 0, &text)?;
    at_most(line, 1)?;
    size(&word.text).map_err(|error| match error {
        SizeError::Unexpected(byte) => {
            let at = word.text.iter().position(|of| *of == byte).unwrap_or(0);
            let rest = String::from_utf8_lossy(word.text.get(at..).unwrap_or_default());
            let text = format!("unexpected '{rest}' after size passed to '{keyword}'");
            line.fault_at(0, text)
        }
        SizeError::Missing => line.fault_at(0, text),
    })
}

fn once(
    line: &mut Line<'_>,
    name: &'static str,
    field: fn(&mut ir::Tune) -> &mut u32,
) -> Result<(), Fault> {
    if line.scope.seen.has(name) || *field(&mut line.config.global.tune) != 0 {
        line.warn(format!("'{name}' already specified. Continuing."));
        return Ok(());
    }
    let bytes = bytes(line)?;
    *field(&mut line.config.global.tune) = bytes;
    Ok(())
}

fn count(line: &Line<'_>) -> Result<u32, Fault> {
    let keyword = line.keyword();
    let word = needed(
        line,
        0,
        &format!("'{keyword}' expects an integer argument."),
    )?;
    at_most(line, 1)?;
    let number = leading_integer(&word.text).max(0);
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Upstream's largest buffer.
const LARGEST_BUFFER: u32 = 2_147_483_631;
/// Buffers as large as this hold no HTTP.
const BUFFERS_TOO_LARGE: u32 = 256 << 20;
/// The smallest buffer that holds a response of our own.
const SMALLEST_BUFFER: u32 = 1024;

/// Bytes of variables: digits only; nothing is no limit.
fn variables(line: &Line<'_>) -> Result<u64, Fault> {
    let word = line.arg(0).unwrap_or_default();
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word.strip_prefix('+').unwrap_or(&word)),
    };
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (!digits.is_empty() || word.is_empty());
    if !plain {
        let text = format!("{}: '{word}' is an invalid size", line.keyword());
        return Err(line.fault_at(0, text));
    }
    // Anything that does not fit is more than there is.
    let number = digits
        .parse()
        .unwrap_or(if digits.is_empty() { 0 } else { u64::MAX });
    Ok(if negative && number > 0 {
        u64::MAX
    } else {
        number
    })
}
