//! The lines of a `mailers` section, and `email-alert`.

use hapax_core::diagnostic::Prefix;
use hapax_core::ir::{Address, EmailAlert, Mailers};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{log, row};
use crate::resolve;
use crate::value::address::Accept;
use crate::value::{TimeError, Unit, time};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "email-alert from",
        Sections::PROXIES,
        "<emailaddr>",
        "The sender of mails about servers.",
        |line| set(line, "from", |alert| &mut alert.from),
    ),
    row(
        "email-alert level",
        Sections::PROXIES,
        "<level>",
        "The least important level of what is mailed; alert unless given.",
        |line| {
            let word = line.arg(0).unwrap_or_default();
            let Some(level) = log::level(&word) else {
                let text = format!("unknown log level '{word}' after 'level'");
                return Err(line.fault(text));
            };
            alert(line)?.level = Some(level);
            Ok(())
        },
    ),
    row(
        "email-alert mailers",
        Sections::PROXIES,
        "<mailersect>",
        "Who takes mails about servers.",
        |line| set(line, "mailers", |alert| &mut alert.mailers),
    ),
    row(
        "email-alert myhostname",
        Sections::PROXIES,
        "<hostname>",
        "The name that mailers are greeted with.",
        |line| set(line, "myhostname", |alert| &mut alert.host_name),
    ),
    row(
        "email-alert to",
        Sections::PROXIES,
        "<emailaddr>",
        "The recipient of mails about servers.",
        |line| set(line, "to", |alert| &mut alert.to),
    ),
    row(
        "mailer",
        Sections::MAILERS,
        "<mailername> <ip>:<port>",
        "A mail server of the section.",
        mailer,
    ),
    row(
        "timeout mail",
        Sections::MAILERS,
        "<time>",
        "How long the delivery of a mail may take.",
        timeout,
    ),
];

fn alert<'l>(line: &'l mut Line<'_>) -> Result<&'l mut EmailAlert, Fault> {
    Ok(line.proxy()?.email_alert.get_or_insert_default())
}

fn set(
    line: &mut Line<'_>,
    name: &str,
    field: fn(&mut EmailAlert) -> &mut Option<String>,
) -> Result<(), Fault> {
    let Some(value) = line.arg(0).map(|value| value.into_owned()) else {
        return Err(line.fault(format!("missing argument after '{name}'.")));
    };
    *field(alert(line)?) = Some(value);
    Ok(())
}

fn section<'l>(line: &'l mut Line<'_>) -> Result<&'l mut Mailers, Fault> {
    let outside = line.fault("not in a mailers section");
    line.config.mailers.last_mut().ok_or(outside)
}

fn mailer(line: &mut Line<'_>) -> Result<(), Fault> {
    let (Some(name), Some(address)) = (line.args().first(), line.args().get(1)) else {
        let text = "'mailer' expects <name> and <addr>[:<port>] as arguments.";
        return Err(line.fault(text));
    };
    let name = name.lossy().into_owned();
    let prefix = format!("'mailer {name}' : ");
    let accept = Accept {
        port_required: true,
        datagram: false,
        descriptor: false,
        ..Accept::LOG
    };
    let environment = &line.config.global.environment;
    let found = resolve::address(environment, &address.text, accept, true)
        .map_err(|error| line.fault_at(1, format!("{prefix}{error}")))?;
    let Some(&Address::Inet(target)) = found.addresses.first() else {
        let text = format!("{prefix}TCP not supported for this address family.");
        return Err(line.fault_at(1, text));
    };
    section(line)?.mailers.push((name, Address::Inet(target)));
    Ok(())
}

fn timeout(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault("'timeout mail' expects <time> as argument."));
    };
    let text = match time(&word.text, Unit::Millisecond) {
        Ok(time) => {
            if time.value > 0 {
                section(line)?.timeout = time.value;
            }
            return Ok(());
        }
        Err(TimeError::Overflow) => {
            "timer overflow in argument to <timeout mail>, maximum value is 2147483647 ms (~24.8 days).".to_owned()
        }
        Err(TimeError::Unexpected(byte)) => format!(
            "unexpected character '{}' in argument to <timeout mail>.",
            char::from(byte)
        ),
        Err(other) => format!("{other} in argument to <timeout mail>."),
    };
    let fault = line.fault_at(0, text);
    Err(fault.diagnostic.with_prefix(Prefix::Reading).into())
}
