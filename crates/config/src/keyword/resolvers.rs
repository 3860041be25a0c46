//! The lines of a `resolvers` section, and `dns-accept-family`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::{self, Address, Families, Nameserver, Resolvers};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::span::Span;

use super::row;
use crate::resolve;
use crate::section;
use crate::value::address::Accept;
use crate::value::{MAX_MILLISECONDS, TimeError, Unit, leading_integer, time};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "accepted_payload_size",
        Sections::RESOLVERS,
        "<bytes>",
        "The size of answers that is announced and taken, 512 unless given.",
        payload,
    ),
    row(
        "dns-accept-family",
        Sections::GLOBAL,
        "<family>[,...]",
        "The families of addresses that name servers are asked for: ipv4, ipv6, auto.",
        families,
    ),
    row(
        "hold",
        Sections::RESOLVERS,
        "<status> <period>",
        "For how long the last good answer counts after bad ones: nx, refused, timeout, other, valid, obsolete.",
        hold,
    ),
    row(
        "nameserver",
        Sections::RESOLVERS,
        "<name> <address>:<port>",
        "A name server, asked over UDP, or over TCP with tcp@.",
        nameserver,
    ),
    row(
        "parse-resolv-conf",
        Sections::RESOLVERS,
        "",
        "Adds the name servers of /etc/resolv.conf.",
        |line| {
            let span = line.span;
            let taken = section(line)?.nameservers.clone();
            let found = system_nameservers(span, &taken);
            section(line)?.nameservers.extend(found);
            Ok(())
        },
    ),
    row(
        "resolve_retries",
        Sections::RESOLVERS,
        "<count>",
        "How often a question is asked before that has failed.",
        |line| {
            let Some(word) = line.args().first() else {
                return Err(line.fault("'resolve_retries' expects <nb> as argument."));
            };
            let count = leading_integer(&word.text);
            section(line)?.retries = u32::try_from(count).unwrap_or(u32::MAX);
            Ok(())
        },
    ),
    row(
        "timeout resolve",
        Sections::RESOLVERS,
        "<time>",
        "The time from one resolution of a name to the next.",
        |line| timeout(line, "resolve", |section| &mut section.interval),
    ),
    row(
        "timeout retry",
        Sections::RESOLVERS,
        "<time>",
        "How long an answer may take before the question is asked again.",
        |line| timeout(line, "retry", |section| &mut section.timeout),
    ),
];

/// The section that the line belongs to: the last one.
fn section<'l>(line: &'l mut Line<'_>) -> Result<&'l mut Resolvers, Fault> {
    let span = line.span;
    let missing = || Diagnostic::alert(span, "no resolvers section is open").into();
    line.config.resolvers.last_mut().ok_or_else(missing)
}

fn payload(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault("'accepted_payload_size' expects <nb> as argument."));
    };
    let size = u16::try_from(leading_integer(&word.text));
    let Some(size) = size.ok().filter(|size| *size >= SMALLEST_PAYLOAD) else {
        let text = format!(
            "'accepted_payload_size' must be between {SMALLEST_PAYLOAD} and 65535 inclusive (was {}).",
            word.lossy()
        );
        return Err(line.fault_at(0, text));
    };
    section(line)?.payload = size;
    Ok(())
}

fn hold(line: &mut Line<'_>) -> Result<(), Fault> {
    let (Some(event), Some(_)) = (line.arg(0), line.args().get(1)) else {
        let first = line.fault("'hold' expects an <event> and a <time> as arguments.");
        line.diagnostics.push(*first.diagnostic);
        let text = "<event> can be either 'valid', 'nx', 'refused', 'timeout', or 'other'";
        let second = Diagnostic::alert(line.span, text);
        return Err(second.with_prefix(Prefix::Config).into());
    };
    let event = event.into_owned();
    let value = period(line, 1, &format!("argument <{event}> to <hold>"), "hold");
    let value = value?;
    let hold = &mut section(line)?.hold;
    let field = match event.as_str() {
        "nx" => &mut hold.nx,
        "refused" => &mut hold.refused,
        "timeout" => &mut hold.timeout,
        "other" => &mut hold.other,
        "valid" => &mut hold.valid,
        "obsolete" => &mut hold.obsolete,
        _ => {
            let text = format!(
                "'hold' unknown <event>: '{event}', expects either 'nx', 'timeout', 'valid', 'obsolete' or 'other'."
            );
            return Err(line.fault_at(0, text));
        }
    };
    *field = value;
    Ok(())
}

fn timeout(
    line: &mut Line<'_>,
    what: &str,
    field: fn(&mut Resolvers) -> &mut ir::Milliseconds,
) -> Result<(), Fault> {
    if line.args().is_empty() {
        let text = format!("'timeout {what}' expects <time> as argument.");
        return Err(line.fault(text));
    }
    let name = format!("timeout {what}");
    let value = period(line, 0, &format!("argument to <{name}>"), &name)?;
    *field(section(line)?) = value;
    Ok(())
}

/// The time that stands at `index`, with upstream's words about a wrong one.
fn period(line: &mut Line<'_>, index: usize, whose: &str, name: &str) -> Result<u32, Fault> {
    let word = &line.args()[index];
    let text = match time(&word.text, Unit::Millisecond) {
        Ok(time) => {
            if let Some(warning) = time.trailing_warning(&word.lossy()) {
                line.warn(warning);
            }
            return Ok(time.value);
        }
        Err(TimeError::Overflow) => format!(
            "timer overflow in {whose}, maximum value is {MAX_MILLISECONDS} ms (~24.8 days)."
        ),
        Err(TimeError::Unexpected(byte)) => format!(
            "unexpected character '{}' in argument to <{name}>.",
            char::from(byte)
        ),
        Err(other) => format!("{other} in {whose}."),
    };
    let fault = line.fault_at(index, text);
    Err(fault.diagnostic.with_prefix(Prefix::Reading).into())
}

fn nameserver(line: &mut Line<'_>) -> Result<(), Fault> {
    let (Some(name), Some(address)) = (line.args().first(), line.args().get(1)) else {
        let text = "'nameserver' expects <name> and <addr>[:<port>] as arguments.";
        return Err(line.fault(text));
    };
    let shown = name.lossy().into_owned();
    if let Some(byte) = section::forbidden(&name.text) {
        let byte = char::from(byte);
        let text = format!("character '{byte}' is not permitted in server name '{shown}'.");
        return Err(line.fault_at(0, text));
    }
    let prefix = format!("'nameserver {shown}' : ");
    let accept = Accept {
        port_required: true,
        descriptor: false,
        ..Accept::LOG
    };
    let environment = &line.config.global.environment;
    let found = resolve::address(environment, &address.text, accept, true)
        .map_err(|error| line.fault_at(1, format!("{prefix}{error}")))?;
    let Some(Address::Inet(target)) = found.addresses.first() else {
        let text = format!("{prefix}name servers on unix sockets are not built yet.");
        return Err(line.fault_at(1, text));
    };
    let (target, span) = (*target, line.span);
    let stream = address.text.starts_with(b"tcp");
    if let Some(option) = line.args().get(2).filter(|_| stream) {
        // One connection is never too many.
        if *option != "maxconn" || line.args().len() != 4 {
            let text = format!("{prefix}'{}' is not built yet.", option.lossy());
            return Err(line.fault_at(2, text));
        }
    }
    let others = section(line)?.nameservers.iter();
    let same = others
        .filter(|other| other.name == shown)
        .map(|other| other.span)
        .next();
    if let Some(other) = same {
        let text = format!(
            "Parsing [{}]: nameserver '{shown}' has same name as another nameserver (declared at {}).",
            line.scope.place(span),
            line.scope.place(other)
        );
        let finding = Diagnostic::alert(span, text);
        return Err(finding.with_prefix(Prefix::Config).into());
    }
    section(line)?.nameservers.push(Nameserver {
        name: shown,
        span,
        address: target,
        stream,
    });
    Ok(())
}

fn families(line: &mut Line<'_>) -> Result<(), Fault> {
    let text = line.arg(0).unwrap_or_default().into_owned();
    let mut families = Families {
        v4: false,
        v6: false,
    };
    let mut words = text.split(',');
    let first = words.clone().next().unwrap_or_default().to_owned();
    let wrong = words.any(|word| {
        match word {
            "ipv4" => families.v4 = true,
            "ipv6" => families.v6 = true,
            "auto" => {
                families.v4 = true;
                families.v6 |= has_ipv6();
            }
            _ => return true,
        }
        false
    });
    if wrong {
        let text = format!(
            "'dns-accept-family' expects a comma-delimited list of 'ipv4' and 'ipv6' but got '{first}'."
        );
        return Err(line.fault(text));
    }
    if let Some(extra) = line.arg(1) {
        let text = format!("'dns-accept-family' cannot handle unexpected argument '{extra}'.");
        return Err(line.fault_at(1, text));
    }
    line.config.global.dns_families = families;
    Ok(())
}

/// Whether the system has a way to IPv6 addresses of others.
fn has_ipv6() -> bool {
    let somewhere = SocketAddr::from((Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 1), 53));
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .is_ok_and(|socket| socket.connect(somewhere).is_ok())
}

/// The name servers of the system, without those whose names are taken.
pub(crate) fn system_nameservers(span: Span, taken: &[Nameserver]) -> Vec<Nameserver> {
    let text = std::fs::read(RESOLV_CONF).unwrap_or_default();
    let mut found: Vec<Nameserver> = Vec::new();
    for line in String::from_utf8_lossy(&text).lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let Some(Ok(ip)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        let ip = match ip {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            ip => ip,
        };
        let name = ip.to_string();
        if taken.iter().chain(&found).any(|other| other.name == name) {
            continue;
        }
        found.push(Nameserver {
            name,
            span,
            address: SocketAddr::new(ip, 53),
            stream: false,
        });
    }
    found
}

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The head of a message.
const SMALLEST_PAYLOAD: u16 = 12;
