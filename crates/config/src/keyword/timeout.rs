//! `timeout ...` (configuration manual 4.2).

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::span::Word;

use super::row;
use crate::section::unknown::section_name;
use crate::value::{self, MAX_MILLISECONDS, TimeError, Unit};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

macro_rules! timeout {
    ($name:literal, $sections:ident, $field:ident, $doc:literal) => {
        row(
            concat!("timeout ", $name),
            Sections::$sections,
            "<timeout>",
            $doc,
            |line| {
                set(line, concat!("timeout ", $name), |timeouts| {
                    &mut timeouts.$field
                })
            },
        )
    };
}

static ROWS: &[SectionKeyword] = &[
    timeout!(
        "check",
        BACK,
        check,
        "How long a check may take after it connected."
    ),
    timeout!("client", FRONT, client, "How long a client may be silent."),
    timeout!(
        "client",
        LOG_FORWARD,
        client,
        "How long a stream of messages may be silent."
    ),
    timeout!(
        "client-fin",
        FRONT,
        client_fin,
        "How long a half-closed client may be silent."
    ),
    timeout!(
        "client-hs",
        FRONT,
        client_hs,
        "How long a client's TLS handshake may take."
    ),
    timeout!(
        "connect",
        BACK,
        connect,
        "How long connecting to a server may take."
    ),
    timeout!(
        "http-keep-alive",
        PROXIES,
        http_keep_alive,
        "How long the next request may take to come."
    ),
    timeout!(
        "http-request",
        PROXIES,
        http_request,
        "How long a request's head may take to come."
    ),
    timeout!(
        "queue",
        BACK,
        queue,
        "How long a request waits for a server's slot."
    ),
    timeout!("server", BACK, server, "How long a server may be silent."),
    timeout!(
        "server-fin",
        BACK,
        server_fin,
        "How long a half-closed server may be silent."
    ),
    timeout!(
        "tarpit",
        PROXIES,
        tarpit,
        "How long a tarpitted client waits."
    ),
    timeout!("tunnel", BACK, tunnel, "How long a tunnel may be silent."),
];

type Field = fn(&mut ir::Timeouts) -> &mut Option<ir::Milliseconds>;

/// Reads the time into a field of the proxy's timeouts.
pub(crate) fn set(line: &mut Line<'_>, name: &'static str, field: Field) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        let text = match line.section {
            Sections::LOG_FORWARD => format!("missing {name} value."),
            _ => format!("'{name}' expects an integer value (in milliseconds)"),
        };
        return Err(line.fault(text));
    };
    let text = word.lossy().into_owned();
    let value = match value::time(&word.text, Unit::Millisecond) {
        Ok(time) => {
            if let Some(warning) = time.trailing_warning(&text) {
                line.warn(warning);
            }
            time.value
        }
        Err(TimeError::Overflow) => {
            return Err(line.fault_at(
                0,
                format!(
                    "timer overflow in argument '{text}' to '{name}' (maximum value is {MAX_MILLISECONDS} ms or ~24.8 days)"
                ),
            ));
        }
        Err(TimeError::Unexpected(byte)) => {
            let byte = char::from(byte);
            return Err(line.fault_at(0, format!("unexpected character '{byte}' in '{name}'")));
        }
        Err(TimeError::Missing) => {
            return Err(line.fault_at(
                0,
                format!("'{name}' expects an integer value (in milliseconds)"),
            ));
        }
    };
    if let Some(extra) = line.arg(1) {
        let text = format!("'{name}' : unexpected extra argument '{extra}' after value '{text}'.");
        return Err(line.fault_at(1, text));
    }
    if line.scope.seen.has(name) {
        line.warn(format!("overwriting '{name}' which was already specified"));
    } else {
        small(line, name, value, word);
    }
    *field(&mut line.proxy()?.timeouts) = (value > 0).then_some(value);
    Ok(())
}

/// A small number without unit was probably meant in seconds.
fn small(line: &mut Line<'_>, name: &str, value: u32, word: &Word) {
    if (1..100).contains(&value) && word.text.iter().all(u8::is_ascii_digit) {
        let section = section_name(line.section);
        let proxy = line
            .proxy()
            .map(|proxy| proxy.name.clone())
            .unwrap_or_default();
        line.warn(format!(
            "'{name} {value}' in {section} '{proxy}' is suspiciously small for a value in milliseconds. Please use an explicit \
             unit ('{value}ms') if that was the intent."
        ));
    }
}
