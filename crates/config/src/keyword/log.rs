//! `log`, `log-tag`, `log-send-hostname` (configuration manual 4.2, `log`).

use std::borrow::Cow;

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Negation, SectionKeyword, Sections, Tables};

use super::{needed, negatable, one, row};
use crate::resolve;
use crate::value::address::Accept;
use crate::value::leading_integer;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    negatable(row(
        "log",
        Sections::PROXIES
            .or(Sections::GLOBAL)
            .or(Sections::LOG_FORWARD),
        "{global | <target> [len <length>] [format <format>] [sample <ranges>:<size>] <facility> [<level> [<minlevel>]]}",
        "Where log lines go.",
        log,
    )),
    row(
        "log-tag",
        Sections::PROXIES
            .or(Sections::GLOBAL)
            .or(Sections::LOG_PROFILE),
        "<string>",
        "The program's name in log lines.",
        |line| {
            let missing = "'log-tag' expects a tag for use in syslog.";
            let tag = match line.section {
                Sections::GLOBAL => one(line, missing)?,
                // What stands behind it is passed over.
                _ => needed(line, 0, missing)?.lossy().into_owned(),
            };
            if line.section == Sections::LOG_PROFILE {
                if let Some(profile) = line.config.log_profiles.last_mut() {
                    profile.tag = Some(tag);
                }
                return Ok(());
            }
            match line.proxy.as_deref_mut() {
                Some(proxy) => proxy.log_tag = Some(tag),
                None => line.config.global.log_tag = Some(tag),
            }
            Ok(())
        },
    ),
    row(
        "log-send-hostname",
        Sections::GLOBAL,
        "[<string>]",
        "Puts a host name into log lines.",
        |line| {
            let name = line.arg(0).unwrap_or_default().into_owned();
            line.config.global.log_send_hostname = Some(name);
            Ok(())
        },
    ),
];

fn log(line: &mut Line<'_>) -> Result<(), Fault> {
    if line.negation != Negation::None {
        match line.proxy.as_deref_mut() {
            Some(proxy) => {
                proxy.logs.clear();
                proxy.log_global = false;
            }
            None => line.config.global.logs.clear(),
        }
        return Ok(());
    }
    let global = line.section == Sections::GLOBAL;
    if line.arg(0).as_deref() == Some("global") && line.args().len() == 1 {
        if global {
            return Err(line.fault("log : 'global' is not supported for a global syslog server"));
        }
        line.proxy()?.log_global = true;
        return Ok(());
    }
    if line.args().len() < 2 {
        let global = if global { "" } else { "or global" };
        let text = format!("log : expects <address> and <facility> {global} as arguments");
        return Err(line.fault(text));
    }
    let mut at = 1;
    let mut target = ir::LogTarget {
        address: address(line)?,
        max_length: 1024,
        format: ir::LogFraming::Unset,
        facility: 0,
        max_level: 7,
        min_level: 0,
        sample: None,
        profile: None,
        span: line.span,
    };
    if line.arg(at).as_deref() == Some("len") {
        let text = line.arg(at + 1).unwrap_or_default();
        let length = u32::try_from(leading_integer(text.as_bytes())).ok();
        let wrong = || {
            let text = format!("log : invalid log length '{text}', must be between 80 and 65535");
            line.fault_at(at + 1, text)
        };
        let length = length.filter(|length| (80..=65535).contains(length));
        target.max_length = length.ok_or_else(wrong)?;
        at += 2;
    }
    if line.arg(at).as_deref() == Some("format") {
        let text = line.arg(at + 1).unwrap_or_default();
        let unknown = || line.fault_at(at + 1, format!("log : unknown log format '{text}'"));
        target.format = framing(&text).ok_or_else(unknown)?;
        at += 2;
    }
    if line.arg(at).as_deref() == Some("sample") {
        let text = line.arg(at + 1).unwrap_or_default();
        target.sample = Some(sample(&text).map_err(|error| line.fault_at(at + 1, error))?);
        at += 2;
    }
    if line.arg(at).as_deref() == Some("profile") {
        target.profile = line.arg(at + 1).map(Cow::into_owned);
        at += 2;
    }
    let name = line.arg(at).unwrap_or_default();
    let facility = FACILITIES.iter().position(|other| *other == name);
    let unknown = || line.fault_at(at, format!("log : unknown log facility '{name}'"));
    target.facility = facility.ok_or_else(unknown)? as u8;
    if let Some(name) = line.arg(at + 1) {
        let unknown =
            || line.fault_at(at + 1, format!("log : unknown optional log level '{name}'"));
        target.max_level = level(&name).ok_or_else(unknown)?;
    }
    if let Some(name) = line.arg(at + 2) {
        let unknown = || {
            let text = format!("log : unknown optional minimum log level '{name}'");
            line.fault_at(at + 2, text)
        };
        target.min_level = level(&name).ok_or_else(unknown)?;
    }
    if let Some(extra) = line.arg(at + 3) {
        let text = format!("log : cannot handle unexpected argument '{extra}'");
        return Err(line.fault_at(at + 3, text));
    }
    if let ir::LogAddress::Stream(place) = target.address {
        let name = super::ring::implicit(line, place, target.max_length);
        target.address = ir::LogAddress::Ring(name);
    }
    match line.proxy.as_deref_mut() {
        Some(proxy) => proxy.logs.push(target),
        None => line.config.global.logs.push(target),
    }
    Ok(())
}

fn address(line: &Line<'_>) -> Result<ir::LogAddress, Fault> {
    let word = needed(
        line,
        0,
        "log : expects <address> and <facility>  as arguments",
    )?;
    let text = word.lossy();
    match text.as_ref() {
        "stdout" => return Ok(ir::LogAddress::Descriptor(1)),
        "stderr" => return Ok(ir::LogAddress::Descriptor(2)),
        _ => {}
    }
    if let Some(name) = text.strip_prefix("ring@") {
        return Ok(ir::LogAddress::Ring(name.to_owned()));
    }
    if let Some(name) = text.strip_prefix("backend@") {
        return Ok(ir::LogAddress::Backend(name.to_owned()));
    }
    let found = resolve::address(
        &line.config.global.environment,
        &word.text,
        Accept::LOG,
        true,
    )
    .map_err(|error| line.fault_at(0, format!("log : {error}")))?;
    if found.exotic.is_some() {
        return Err(line.fault_at(
            0,
            format!("log : targets such as '{text}' are not built yet."),
        ));
    }
    let place = found.addresses.into_iter().next();
    if text.starts_with("tcp") || text.starts_with("uxst") || text.starts_with("stream+") {
        return match place {
            Some(ir::Address::Inet(mut place)) => {
                if place.port() == 0 {
                    place.set_port(SYSLOG);
                }
                Ok(ir::LogAddress::Stream(ir::Address::Inet(place)))
            }
            Some(place @ (ir::Address::Unix(_) | ir::Address::Abstract { .. })) => {
                Ok(ir::LogAddress::Stream(place))
            }
            _ => Err(line.fault_at(0, format!("log : '{text}' is no log target"))),
        };
    }
    Ok(match place {
        Some(ir::Address::Descriptor(number)) => ir::LogAddress::Descriptor(number),
        Some(ir::Address::Inet(mut place)) => {
            if place.port() == 0 {
                place.set_port(SYSLOG);
            }
            ir::LogAddress::Datagram(ir::Address::Inet(place))
        }
        Some(ir::Address::SocketPair(_)) | None => {
            return Err(line.fault_at(0, "log : a socket pair is no log target"));
        }
        Some(other) => ir::LogAddress::Datagram(other),
    })
}

/// `1,3-4:5`
fn sample(text: &str) -> Result<ir::LogSample, String> {
    let Some((list, size)) = text.split_once(':') else {
        return Err("log : Missing sample size".to_owned());
    };
    if size.is_empty() {
        return Err("log : Missing sample size".to_owned());
    }
    let mut ranges = Vec::new();
    for range in list.split(',') {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let wrong = || format!("log : wrong sample range '{range}'");
        let (low, high): (u32, u32) = (
            low.parse().map_err(|_| wrong())?,
            high.parse().map_err(|_| wrong())?,
        );
        if low == 0 || low > high {
            return Err(wrong());
        }
        ranges.push((low, high));
    }
    ranges.sort_unstable();
    let overlap = ranges.windows(2).any(|pair| match pair {
        [first, second] => second.0 <= first.1,
        _ => false,
    });
    if overlap {
        return Err("log : ranges are overlapping".to_owned());
    }
    let size: u32 = size
        .parse()
        .map_err(|_| format!("log : wrong sample size '{size}' for sample range '{list}'"))?;
    let highest = ranges.iter().map(|range| range.1).max().unwrap_or(0);
    if size < highest {
        return Err(format!(
            "log : sample size {size} should be greater or equal to {highest} the maximum of the high ranges limits"
        ));
    }
    Ok(ir::LogSample { ranges, size })
}

pub(super) fn framing(name: &str) -> Option<ir::LogFraming> {
    Some(match name {
        "local" => ir::LogFraming::Local,
        "rfc3164" => ir::LogFraming::Rfc3164,
        "rfc5424" => ir::LogFraming::Rfc5424,
        "iso" => ir::LogFraming::Iso,
        "priority" => ir::LogFraming::Priority,
        "short" => ir::LogFraming::Short,
        "timed" => ir::LogFraming::Timed,
        "raw" => ir::LogFraming::Raw,
        _ => return None,
    })
}

/// The number of a level's name.
pub(crate) fn level(name: &str) -> Option<u8> {
    let position = LEVELS.iter().position(|level| *level == name)?;
    u8::try_from(position).ok()
}

/// Port of syslog.
const SYSLOG: u16 = 514;

static LEVELS: &[&str] = &[
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

static FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2",
    "ftp", "ntp", "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];
