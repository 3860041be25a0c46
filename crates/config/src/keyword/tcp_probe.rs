//! `clitcpka-...` and `srvtcpka-...`: how TCP keep-alive probes are sent.

use hapax_core::ir::{self, TcpProbes};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::row;
use crate::value::{self, MAX_MILLISECONDS, TimeError, Unit};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row("clitcpka-cnt", Sections::FRONT, "<count>", COUNT, |line| {
        count(line, |proxy| &mut proxy.client_probes)
    }),
    row(
        "clitcpka-idle",
        Sections::FRONT,
        "<timeout>",
        IDLE,
        |line| {
            let seconds = seconds(line)?;
            line.proxy()?.client_probes.idle = seconds;
            Ok(())
        },
    ),
    row(
        "clitcpka-intvl",
        Sections::FRONT,
        "<timeout>",
        INTERVAL,
        |line| {
            let seconds = seconds(line)?;
            line.proxy()?.client_probes.interval = seconds;
            Ok(())
        },
    ),
    row("srvtcpka-cnt", Sections::BACK, "<count>", COUNT, |line| {
        count(line, |proxy| &mut proxy.server_probes)
    }),
    row("srvtcpka-idle", Sections::BACK, "<timeout>", IDLE, |line| {
        let seconds = seconds(line)?;
        line.proxy()?.server_probes.idle = seconds;
        Ok(())
    }),
    row(
        "srvtcpka-intvl",
        Sections::BACK,
        "<timeout>",
        INTERVAL,
        |line| {
            let seconds = seconds(line)?;
            line.proxy()?.server_probes.interval = seconds;
            Ok(())
        },
    ),
];

fn count(line: &mut Line<'_>, of: fn(&mut ir::Proxy) -> &mut TcpProbes) -> Result<(), Fault> {
    let keyword = line.keyword();
    let Some(word) = line.args().first() else {
        return Err(line.fault(format!("'{keyword}' expects an integer value")));
    };
    let (number, rest) = value::split_integer(&word.text);
    if let Some(byte) = rest.first() {
        let (byte, text) = (char::from(*byte), word.lossy());
        let text = format!("'{keyword}' : unexpected character '{byte}' in integer value '{text}'");
        return Err(line.fault_at(0, text));
    }
    let number = u32::try_from(number).ok().filter(|number| *number > 0);
    of(line.proxy()?).count = number;
    Ok(())
}

/// The time in whole seconds; none for 0.
fn seconds(line: &Line<'_>) -> Result<Option<u32>, Fault> {
    let keyword = line.keyword();
    let Some(word) = line.args().first() else {
        return Err(line.fault(format!("'{keyword}' expects an integer value")));
    };
    let text = word.lossy();
    match value::time(&word.text, Unit::Second) {
        Ok(time) => Ok(Some(time.value).filter(|seconds| *seconds > 0)),
        Err(TimeError::Overflow) => Err(line.fault_at(
            0,
            format!(
                "timer overflow in argument '{text}' to '{keyword}' (maximum value is {MAX_MILLISECONDS} ms or ~24.8 days)"
            ),
        )),
        Err(TimeError::Unexpected(byte)) => {
            let byte = char::from(byte);
            let text = format!("unexpected character '{byte}' in argument to <{keyword}>.\n");
            Err(line.fault_at(0, text))
        }
        Err(TimeError::Missing) => {
            Err(line.fault_at(0, format!("'{keyword}' expects an integer value")))
        }
    }
}

const COUNT: &str = "Unanswered probes after which a connection is dead.";
const IDLE: &str = "Silence before the first probe.";
const INTERVAL: &str = "Time between two probes.";
