//! The client for HTTP of the process (configuration manual 3.4): how it finds and reaches servers. What it asks of their
//! certificates is read by the room of TLS.

use hapax_core::diagnostic::{Diagnostic, Severity};
use hapax_core::ir::{Address, Family, HttpClient};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{at_most, row};
use crate::resolve;
use crate::value::address::Accept;
use crate::value::{self, MAX_MILLISECONDS, TimeError, Unit, leading_integer};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "httpclient.resolvers.disabled",
        Sections::GLOBAL,
        "on|off",
        "Whether the client looks no names up, and no section `default` is made for it.",
        |line| {
            at_most(line, 1)?;
            let word = line.arg(0).unwrap_or_default().into_owned();
            client(line).without_resolvers = match word.as_str() {
                "on" => true,
                "off" => false,
                _ => {
                    let text = format!(
                        "'httpclient.resolvers.disabled' expects either 'on' or 'off' but got '{word}'."
                    );
                    return Err(line.fault(text));
                }
            };
            Ok(())
        },
    ),
    row(
        "httpclient.resolvers.id",
        Sections::GLOBAL,
        "<section>",
        "The section that the client looks names up with.",
        |line| {
            at_most(line, 1)?;
            let name = line.arg(0).unwrap_or_default().into_owned();
            client(line).resolvers = Some((name, line.span));
            Ok(())
        },
    ),
    row(
        "httpclient.resolvers.prefer",
        Sections::GLOBAL,
        "ipv4|ipv6",
        "The family of addresses that the client prefers.",
        |line| {
            at_most(line, 1)?;
            client(line).prefer = match line.arg(0).as_deref() {
                Some("ipv4") => Family::V4,
                Some("ipv6") => Family::V6,
                _ => return Err(twice(line, "expects 'ipv4' or 'ipv6' as argument.")),
            };
            Ok(())
        },
    ),
    row(
        "httpclient.retries",
        Sections::GLOBAL,
        "<number>",
        "How often the client tries again to reach a server.",
        |line| {
            at_most(line, 1)?;
            let Some(word) = line.args().first() else {
                return Err(twice(line, "expects an integer argument."));
            };
            let number = leading_integer(&word.text).max(0);
            client(line).retries = Some(u32::try_from(number).unwrap_or(u32::MAX));
            Ok(())
        },
    ),
    row(
        "httpclient.timeout.connect",
        Sections::GLOBAL,
        "<time>",
        "How long the client waits for a connection.",
        timeout_connect,
    ),
    row(
        "ocsp-update.httpproxy",
        Sections::GLOBAL,
        "<address>[:<port>]",
        "The proxy through which responses of OCSP are asked for.",
        proxy,
    ),
];

fn client<'a>(line: &'a mut Line<'_>) -> &'a mut HttpClient {
    &mut line.config.global.http_client
}

/// A fault that upstream tells, with nothing behind it.
fn twice(line: &mut Line<'_>, text: &str) -> Fault {
    let text = format!("'{}' {text}", line.keyword());
    line.diagnostics.push(Diagnostic::alert(line.span, text));
    line.fault("(null)")
}

fn timeout_connect(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let Some(word) = line.args().first() else {
        return Err(twice(line, "expects an integer argument."));
    };
    let name = line.keyword();
    let text = match value::time(&word.text, Unit::Millisecond) {
        Ok(time) => {
            client(line).timeout_connect = Some(time.value);
            return Ok(());
        }
        Err(TimeError::Unexpected(byte)) => {
            format!("unexpected character '{}' in '{name}'", char::from(byte))
        }
        Err(TimeError::Overflow) => format!(
            "timer overflow in argument '{}' to '{name}' (maximum value is {MAX_MILLISECONDS} ms or ~24.8 days)",
            word.lossy()
        ),
        Err(TimeError::Missing) => format!("'{name}' expects an integer argument."),
    };
    Err(line.fault(text))
}

fn proxy(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let word = line.args().first();
    let text = word.map(|word| word.text.clone()).unwrap_or_default();
    let accept = Accept {
        datagram: false,
        descriptor: false,
        ..Accept::LOG
    };
    let environment = &line.config.global.environment;
    let why = match resolve::address(environment, &text, accept, true) {
        Ok(found) => match found.addresses.first() {
            Some(&Address::Inet(mut target)) => {
                if target.port() == 0 {
                    target.set_port(HTTP);
                }
                line.config.global.tls.ocsp_proxy = Some(target);
                return Ok(());
            }
            _ => format!(
                "'{}' is not of the internet",
                String::from_utf8_lossy(&text)
            ),
        },
        Err(error) => error.to_string(),
    };
    let text = format!("ocsp-update: Failed to parse destination address in {why}");
    let first = Diagnostic::whole(Severity::Alert, Some(line.span), text);
    line.diagnostics.push(first);
    Err(line.fault("(null)"))
}

/// The port of a proxy that names none.
const HTTP: u16 = 80;
