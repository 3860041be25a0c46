//! When responses of OCSP are asked for (configuration manual 3.1, `ocsp-update`).

use hapax_core::keyword::{Fault, Line, SectionKeyword, Tables};

use super::global::{number, row, switch};
use crate::update::{LONGEST, SHORTEST};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "ocsp-update.mindelay",
        "<seconds>",
        "How soon a response of OCSP is asked for again at the earliest.",
        |line| delay(line, true),
    ),
    row(
        "ocsp-update.maxdelay",
        "<seconds>",
        "How soon a response of OCSP is asked for again at the latest.",
        |line| delay(line, false),
    ),
    row(
        "tune.ssl.ocsp-update.mindelay",
        "<seconds>",
        "An older name of `ocsp-update.mindelay`.",
        |line| delay(line, true),
    ),
    row(
        "tune.ssl.ocsp-update.maxdelay",
        "<seconds>",
        "An older name of `ocsp-update.maxdelay`.",
        |line| delay(line, false),
    ),
    row(
        "ocsp-update.disable",
        "on|off",
        "Whether no response of OCSP is asked for by itself, whatever else is said.",
        |line| {
            line.config.global.tls.ocsp_disabled = switch(line, "ocsp-update.disable")?;
            Ok(())
        },
    ),
    row(
        "ocsp-update.mode",
        "on|off",
        "Whether responses of OCSP are asked for where a certificate says nothing about it.",
        |line| {
            line.config.global.tls.ocsp_update = switch(line, "ocsp-update.mode")?;
            Ok(())
        },
    ),
];

/// `ocsp-update.mindelay` and `ocsp-update.maxdelay`, which have to go together.
fn delay(line: &mut Line<'_>, least: bool) -> Result<(), Fault> {
    let seconds = number(line)?;
    let (min, max) = &mut line.config.global.tls.ocsp_delays;
    match least {
        true => *min = Some(seconds),
        false => *max = Some(seconds),
    }
    if min.unwrap_or(SHORTEST) > max.unwrap_or(LONGEST) {
        let text = match least {
            true => "can not be higher than tune.ssl.ocsp-update.maxdelay.",
            false => "can not be lower than tune.ssl.ocsp-update.mindelay.",
        };
        return Err(line.fault(format!("'{}' {text}", line.keyword())));
    }
    Ok(())
}
