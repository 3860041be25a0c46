//! Limits of the process and of proxies.

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{at_most, leading_count, leading_number, needed, row};
use crate::value::{leading_integer, whole_integer};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "maxconn",
        Sections::GLOBAL,
        "<number>",
        "Client connections of the process.",
        |line| {
            let number = strict(line)?;
            line.config.global.maxconn = (number > 0).then_some(number);
            Ok(())
        },
    ),
    row(
        "maxconn",
        Sections::FRONT.or(Sections::LOG_FORWARD),
        "<number>",
        "Client connections of the frontend.",
        |line| {
            let number = leading_count(line)?;
            line.proxy()?.maxconn = (number > 0).then_some(number);
            Ok(())
        },
    ),
    row(
        "maxconnrate",
        Sections::GLOBAL,
        "<number>",
        "New client connections of the process in a second.",
        |line| {
            line.config.global.maxconnrate = leading_count(line)?;
            Ok(())
        },
    ),
    row(
        "maxsessrate",
        Sections::GLOBAL,
        "<number>",
        "New sessions of the process in a second.",
        |line| {
            line.config.global.maxsessrate = leading_count(line)?;
            Ok(())
        },
    ),
    row(
        "ulimit-n",
        Sections::GLOBAL,
        "<number>",
        "Descriptors of the process.",
        |line| {
            let number = leading_count(line)?;
            if line.config.global.ulimit_n.is_some() {
                line.warn("'ulimit-n' already specified. Continuing.");
                return Ok(());
            }
            line.config.global.ulimit_n = (number > 0).then_some(number);
            Ok(())
        },
    ),
    row(
        "fd-hard-limit",
        Sections::GLOBAL,
        "<number>",
        "Most descriptors that the process asks for.",
        |line| {
            let number = leading_count(line)?;
            line.config.global.fd_hard_limit = (number > 0).then_some(number);
            Ok(())
        },
    ),
    row(
        "backlog",
        Sections::FRONT.or(Sections::LOG_FORWARD),
        "<number>",
        "Connections that the system queues.",
        |line| {
            let number = leading_count(line)?;
            line.proxy()?.backlog = (number > 0).then_some(number);
            Ok(())
        },
    ),
    row(
        "retries",
        Sections::BACK,
        "<number>",
        "How often a request is tried again.",
        |line| {
            let missing = "'retries' expects an integer argument (dispatch counts for one).";
            needed(line, 0, missing)?;
            let number = leading_number(line)?.max(0);
            line.proxy()?.retries = u32::try_from(number).unwrap_or(u32::MAX);
            Ok(())
        },
    ),
    row(
        "max-keep-alive-queue",
        Sections::PROXIES,
        "<value>",
        "Requests in the queue of a server from which on clients do not stay with it; -1 for any number.",
        |line| {
            if line.section == Sections::FRONTEND {
                let name = line.proxy()?.name.clone();
                line.warn(format!(
                    "max-keep-alive-queue will be ignored because frontend '{name}' has no backend capability"
                ));
            }
            let missing =
                "'max-keep-alive-queue' expects expects an integer value (or -1 to disable)";
            let word = needed(line, 0, missing)?;
            let digits = word.text.strip_prefix(b"-").unwrap_or(&word.text);
            if let Some(byte) = digits.iter().find(|byte| !byte.is_ascii_digit()) {
                let (byte, text) = (char::from(*byte), word.lossy());
                let text = format!(
                    "'max-keep-alive-queue' : unexpected character '{byte}' in integer value '{text}'"
                );
                return Err(line.fault_at(0, text));
            }
            let number = leading_integer(&word.text);
            line.proxy()?.max_keep_alive_queue = u32::try_from(number).ok();
            Ok(())
        },
    ),
    row(
        "rate-limit sessions",
        Sections::FRONT,
        "<number>",
        "New sessions of the frontend in a second.",
        |line| {
            let missing =
                "'rate-limit sessions' expects expects an integer value (in sessions/second)";
            let word = needed(line, 0, missing)?;
            let wrong = word.text.iter().find(|byte| !byte.is_ascii_digit());
            if let Some(byte) = wrong {
                let (byte, text) = (char::from(*byte), word.lossy());
                let text = format!(
                    "'rate-limit sessions' : unexpected character '{byte}' in integer value '{text}'"
                );
                return Err(line.fault_at(0, text));
            }
            let number = leading_integer(&word.text);
            line.proxy()?.rate_limit_sessions = u32::try_from(number).unwrap_or(u32::MAX);
            Ok(())
        },
    ),
];

/// A number with nothing behind it.
fn strict(line: &Line<'_>) -> Result<u32, Fault> {
    let keyword = line.keyword();
    let word = needed(
        line,
        0,
        &format!("'{keyword}' expects an integer argument."),
    )?;
    at_most(line, 1)?;
    let number = whole_integer(&word.text).ok_or_else(|| {
        let text = word.lossy();
        line.fault_at(
            0,
            format!("cannot parse '{keyword}' value '{text}', an integer is expected."),
        )
    })?;
    Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
}
