//! `filter`: what acts on the bytes of an exchange while they pass (configuration manual 9).

use hapax_core::ir::BandwidthLimit;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::row;
use crate::value::{SizeError, TimeError, Unit, size, time};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[row(
    "filter",
    Sections::PROXIES,
    "{bwlim-in|bwlim-out} <name> default-limit <size> default-period <time> [min-size <size>]",
    "Declares a filter; those that limit the bandwidth are switched on by rules.",
    filter,
)];

fn filter(line: &mut Line<'_>) -> Result<(), Fault> {
    let own = |line: &Line<'_>, text: String| {
        line.fault(format!(
            "parsing [{}] : {text}",
            line.scope.place(line.span)
        ))
    };
    if line.section == Sections::DEFAULTS {
        let text = "filter is not allowed in a 'default' section.".to_owned();
        return Err(own(line, text));
    }
    let Some(kind) = line.arg(0).map(|kind| kind.into_owned()) else {
        let proxy = line.proxy()?;
        let text = format!(
            "missing argument for 'filter' in {} '{}'.",
            proxy.kind.name(),
            proxy.name
        );
        return Err(own(line, text));
    };
    match kind.as_str() {
        "bwlim-in" | "bwlim-out" => {
            let limit = bandwidth_limit(line, &kind)?;
            let proxy = line.proxy()?;
            if proxy
                .bandwidth_limits
                .iter()
                .any(|other| other.name == limit.name)
            {
                let text = format!(
                    "'filter' : bwlim filter '{}' already declared for proxy '{}'",
                    limit.name, proxy.name
                );
                return Err(line.fault_at(1, text));
            }
            proxy.bandwidth_limits.push(limit);
            Ok(())
        }
        "cache" | "compression" | "fcgi-app" | "opentracing" | "spoe" | "trace" => {
            Err(line.fault_at(0, format!("'filter {kind}' is not built yet.")))
        }
        _ => {
            let text =
                format!("'filter' : unknown keyword '{kind}'. Registered keywords :{REGISTERED}");
            Err(line.fault_at(0, text))
        }
    }
}

/// The filters as upstream lists them.
const REGISTERED: &str = "\n    [BWLIM] bwlim-in\n    [BWLIM] bwlim-out\n    [CACHE] cache\n    [COMP] compression\n    \
                          [FCGI] fcgi-app\n    [  OT] opentracing\n    [SPOE] spoe\n    [TRACE] trace";

fn bandwidth_limit(line: &Line<'_>, kind: &str) -> Result<BandwidthLimit, Fault> {
    let fault = |index: usize, text: String| {
        Err(line.fault_at(index, format!("'filter' : '{kind}' : {text}")))
    };
    let Some(name) = line.arg(1) else {
        return fault(0, "a name is expected as first argument ".to_owned());
    };
    let mut limit = BandwidthLimit {
        name: name.into_owned(),
        outgoing: kind == "bwlim-out",
        size: 0,
        period: 0,
        least: 0,
    };
    let (mut of_stream, mut shared) = (false, None);
    let mut at = 2;
    while let Some(option) = line.arg(at) {
        let value = line.args().get(at + 1).map(|word| word.text.as_slice());
        let option = option.as_ref();
        if ![
            "default-limit",
            "default-period",
            "min-size",
            "limit",
            "key",
            "table",
        ]
        .contains(&option)
        {
            return Err(line.fault_at(at, format!("'filter {kind}' : unknown keyword '{option}'.")));
        }
        let Some(value) = value else {
            let text = match option {
                "key" => "the sample expression is missing for 'key' option".to_owned(),
                "table" => "the table name is missing for 'table' option".to_owned(),
                _ => format!("the value is missing for '{option}' option"),
            };
            return fault(at, text);
        };
        let invalid = |byte: u8| {
            let byte = char::from(byte);
            fault(
                at + 1,
                format!("invalid value for option '{option}' (unexpected character '{byte}')"),
            )
        };
        match option {
            "default-period" => match time(value, Unit::Millisecond) {
                Ok(time) if time.trailing.is_none() => limit.period = time.value,
                Ok(time) => return invalid(time.trailing.unwrap_or_default()),
                Err(TimeError::Unexpected(byte)) => return invalid(byte),
                Err(_) => return invalid(0),
            },
            "key" | "table" => shared = Some(at),
            _ => {
                let number = match size(value) {
                    Ok(number) => number,
                    Err(SizeError::Unexpected(byte)) => return invalid(byte),
                    Err(_) => return invalid(0),
                };
                match option {
                    "default-limit" => limit.size = number,
                    "min-size" => limit.least = number,
                    _ => shared = Some(at),
                }
            }
        }
        of_stream |= option.starts_with("default-");
        at += 2;
    }
    match shared {
        Some(at) if of_stream => fault(at, "cannot mix per-stream and shared parameter".to_owned()),
        Some(_) if !line.args().iter().any(|word| *word == "key") => {
            fault(1, "<key> option is missing".to_owned())
        }
        Some(at) => fault(at, "limits that streams share are not built yet".to_owned()),
        None if limit.period == 0 => fault(1, "<default-period> option is missing".to_owned()),
        None if limit.size == 0 => fault(1, "<default-limit> option is missing".to_owned()),
        None => Ok(limit),
    }
}
