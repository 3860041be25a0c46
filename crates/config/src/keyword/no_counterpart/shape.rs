//! What HAProxy wants behind keywords that have no counterpart: a file that it refuses is refused.

use hapax_core::keyword::{Fault, Line};

use crate::keyword::arguments::{at_most, leading_number, milliseconds, needed};
use crate::value::{self, SizeError, leading_integer};

pub(super) fn on_or_off(line: &mut Line<'_>) -> Result<(), Fault> {
    one_of(line, &["on", "off"], |keyword, _| {
        format!("'{keyword}' expects 'on' or 'off'.")
    })
}

pub(super) fn on_or_off_found(line: &mut Line<'_>) -> Result<(), Fault> {
    one_of(line, &["on", "off"], |keyword, found| {
        format!("'{keyword}' expects either 'on' or 'off' but got '{found}'.")
    })
}

pub(super) fn edge(line: &mut Line<'_>) -> Result<(), Fault> {
    allowed(line)?;
    on_or_off_found(line)
}

pub(super) fn experimental(line: &mut Line<'_>) -> Result<(), Fault> {
    allowed(line)?;
    at_most(line, 0)
}

pub(super) fn queueing(line: &mut Line<'_>) -> Result<(), Fault> {
    one_of(line, &["on", "fair", "off"], |keyword, found| {
        format!("'{keyword}' expects either 'on', 'fair', or 'off' but got '{found}'.")
    })
}

pub(super) fn shards(line: &mut Line<'_>) -> Result<(), Fault> {
    let known = ["by-process", "by-group", "by-thread"];
    one_of(line, &known, |keyword, found| {
        format!(
            "'{keyword}' expects either 'by-process', 'by-group', or 'by-thread' but got '{found}'."
        )
    })
}

pub(super) fn takeover(line: &mut Line<'_>) -> Result<(), Fault> {
    one_of(line, &["none", "restricted", "full"], |keyword, found| {
        format!("'{keyword}' expects 'none', 'restricted', or 'full', got '{found}'")
    })
}

pub(super) fn policy(line: &mut Line<'_>) -> Result<(), Fault> {
    one_of(line, POLICIES, |keyword, found| {
        let mut known = POLICIES.join("', '");
        known.insert_str(known.rfind('\'').unwrap_or_default(), "'and ");
        format!("'{keyword}' passed an unknown CPU policy '{found}' (known: '{known}').")
    })
}

const POLICIES: &[&str] = &[
    "none",
    "first-usable-node",
    "group-by-ccx",
    "group-by-2-ccx",
    "group-by-3-ccx",
    "group-by-4-ccx",
    "group-by-cluster",
    "group-by-2-clusters",
    "group-by-3-clusters",
    "group-by-4-clusters",
    "performance",
    "efficiency",
    "resource",
];

pub(super) fn cpu_set(line: &mut Line<'_>) -> Result<(), Fault> {
    let what = line.arg(0).unwrap_or_default().into_owned();
    if what == "reset" {
        return at_most(line, 1);
    }
    let (verb, unit) = what.split_once('-').unwrap_or_default();
    if !matches!(verb, "only" | "drop")
        || !matches!(unit, "cpu" | "node" | "cluster" | "core" | "thread")
    {
        return Err(line.fault_at(
            0,
            format!(
                "'cpu-set' passed an unknown directive '{what}' (only 'reset', 'only-cpu', 'drop-cpu', 'only-node', \
                 'drop-node', 'only-cluster', 'drop-cluster', 'only-core', 'drop-core', 'only-thread', 'drop-thread' supported)."
            ),
        ));
    }
    let Some(range) = line.arg(1) else {
        return Err(line.fault(format!("'cpu-set {what}': missing CPU set")));
    };
    let fits = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse::<u16>().is_ok() && last.parse::<u16>().is_ok()
    };
    if !range.split(',').all(fits) {
        let text = format!("'cpu-set {what}': '{range}' is not a CPU range.");
        return Err(line.fault_at(1, text));
    }
    Ok(())
}

pub(super) fn group(line: &mut Line<'_>) -> Result<(), Fault> {
    let number = whole(line)?;
    if !(1..=32).contains(&number) {
        let text =
            format!("'thread-group' thread-group number must be between 1 and 32 (was {number})");
        return Err(line.fault_at(0, text));
    }
    for index in 1..line.args().len() {
        let range = line.arg(index).unwrap_or_default();
        let (first, last) = range.split_once('-').unwrap_or((&range, &range));
        let fits = |text: &str| matches!(text.parse::<u16>(), Ok(1..=1024));
        if !fits(first) || !fits(last) {
            let text = format!(
                "'thread-group {number}' passed an unparsable or invalid thread number '{range}' (valid range is 1 to 1024)"
            );
            return Err(line.fault_at(index, text));
        }
    }
    Ok(())
}

pub(super) fn groups(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let number = whole(line)?;
    if (1..=32).contains(&number) {
        return Ok(());
    }
    let text = format!("'thread-groups' value must be between 1 and 32 (was {number})");
    Err(line.fault_at(0, text))
}

pub(super) fn hard_limit(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let number = whole(line)?;
    if number >= 1 {
        return Ok(());
    }
    let text = format!("'thread-hard-limit' value must be at least 1 (was {number})");
    Err(line.fault_at(0, text))
}

pub(super) fn anything(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)
}

pub(super) fn number(line: &mut Line<'_>) -> Result<(), Fault> {
    leading_number(line).map(|_| ())
}

pub(super) fn poll_events(line: &mut Line<'_>) -> Result<(), Fault> {
    within(line, i64::MIN..=1_000_000, |_| {
        "'tune.maxpollevents' expects an integer value lower than or equal to 1000000.".into()
    })
}

pub(super) fn rules(line: &mut Line<'_>) -> Result<(), Fault> {
    let text = format!("'{}' expects a positive numeric value", line.keyword());
    needed(line, 0, &text)?;
    within(line, 0..=i64::from(i32::MAX), |_| text.clone())
}

pub(super) fn reserve(line: &mut Line<'_>) -> Result<(), Fault> {
    let keyword = line.keyword();
    optional(line, 0..=i64::from(i32::MAX), |found| {
        format!("'{keyword}' expects a non-negative number but got '{found}'.")
    })
}

pub(super) fn share_of_allocations(line: &mut Line<'_>) -> Result<(), Fault> {
    optional(line, 0..=100, |_| {
        "'tune.fail-alloc' expects a numeric value between 0 and 100.".into()
    })
}

pub(super) fn share(line: &mut Line<'_>) -> Result<(), Fault> {
    let text = format!(
        "'{}' expects an integer argument between 0 and 100.",
        line.keyword()
    );
    needed(line, 0, &text)?;
    within(line, 0..=100, |_| text.clone())
}

pub(super) fn events(line: &mut Line<'_>) -> Result<(), Fault> {
    optional(line, 1..=10_000, |_| {
        "'tune.events.max-events-at-once' expects an integer argument between 1 and 10000.".into()
    })
}

pub(super) fn hot_size(line: &mut Line<'_>) -> Result<(), Fault> {
    optional(line, 1..=i64::from(i32::MAX), |_| {
        "'tune.memory.hot-size' expects a strictly positive value.".into()
    })
}

pub(super) fn size(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let missing = format!("'{}' expects an integer argument.", line.keyword());
    needed(line, 0, &missing)?;
    bytes(line).map(|_| ())
}

pub(super) fn buffer(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    match bytes(line)? {
        0 => Err(line.fault(format!(
            "'{}' expects a strictly positive integer argument.",
            line.keyword()
        ))),
        _ => Ok(()),
    }
}

/// The first argument as a size.
fn bytes(line: &Line<'_>) -> Result<u32, Fault> {
    let text = line.arg(0).unwrap_or_default();
    value::size(text.as_bytes()).map_err(|error| {
        let from = match error {
            SizeError::Unexpected(byte) => {
                memchr::memchr(byte, text.as_bytes()).unwrap_or_default()
            }
            SizeError::Missing => 0,
        };
        let rest = String::from_utf8_lossy(text.as_bytes().get(from..).unwrap_or_default());
        line.fault(format!(
            "unexpected '{rest}' after size passed to '{}'",
            line.keyword()
        ))
    })
}

pub(super) fn stress(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let word = needed(line, 0, "'stress-level' expects a level as an argument.")?;
    match word.text.as_slice() {
        [b'0'..=b'9'] => Ok(()),
        _ => Err(line.fault("'stress-level' level must be between 0 and 9 inclusive.")),
    }
}

pub(super) fn warn_after(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let missing = "'warn-blocked-traffic-after' expects <time> as argument between 1 and 1000 ms.";
    needed(line, 0, missing)?;
    match milliseconds(line, 0, "warn-blocked-traffic-after")? {
        1..=1000 => Ok(()),
        _ => {
            let text = format!(
                "timer out of range in argument '{}' to 'warn-blocked-traffic-after' (value must be between 1 and 1000 ms)",
                line.arg(0).unwrap_or_default()
            );
            Err(line.fault(text))
        }
    }
}

pub(super) fn idle_timer(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let text = "'tune.idletimer' expects a timer value between 0 and 65535 ms.";
    needed(line, 0, text)?;
    match milliseconds(line, 0, "tune.idletimer")? {
        0..=65_535 => Ok(()),
        _ => Err(line.fault_at(0, text)),
    }
}

/// Experimental directives have to be asked for.
fn allowed(line: &Line<'_>) -> Result<(), Fault> {
    if line.config.global.expose_experimental {
        return Ok(());
    }
    Err(line.fault(format!(
        "'{}' directive is experimental, must be allowed via a global 'expose-experimental-directives'",
        line.keyword()
    )))
}

/// The number that the first argument is.
fn whole(line: &Line<'_>) -> Result<i64, Fault> {
    let text = line.arg(0).unwrap_or_default();
    text.parse().map_err(|_| {
        line.fault(format!(
            "'{}' passed a missing or unparsable integer value in '{text}'",
            line.keyword()
        ))
    })
}

/// The only argument, which has to be one of `known`.
fn one_of(
    line: &Line<'_>,
    known: &[&str],
    text: impl Fn(&str, &str) -> String,
) -> Result<(), Fault> {
    at_most(line, 1)?;
    let found = line.arg(0).unwrap_or_default();
    if known.contains(&&*found) {
        return Ok(());
    }
    Err(line.fault(text(&line.keyword(), &found)))
}

/// The only argument, whose leading number has to lie in `range`.
fn within(
    line: &Line<'_>,
    range: std::ops::RangeInclusive<i64>,
    text: impl Fn(&str) -> String,
) -> Result<(), Fault> {
    leading_number(line)?;
    optional(line, range, text)
}

/// The same, where a missing argument is 0.
fn optional(
    line: &Line<'_>,
    range: std::ops::RangeInclusive<i64>,
    text: impl Fn(&str) -> String,
) -> Result<(), Fault> {
    at_most(line, 1)?;
    let found = line.arg(0).unwrap_or_default();
    if range.contains(&leading_integer(found.as_bytes())) {
        return Ok(());
    }
    Err(line.fault(text(&found)))
}

pub(super) fn queues(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let text = line.arg(0).unwrap_or_default();
    match leading_integer(text.as_bytes()) {
        0..=16 => Ok(()),
        _ => Err(line.fault_at(
            0,
            format!("'tune.ring.queues' expects a number between 0 and 16 but got '{text}'."),
        )),
    }
}

/// `[+-]LOW[-HIGH][,...]`, several of them.
pub(super) fn status_codes(line: &mut Line<'_>) -> Result<(), Fault> {
    let keyword = line.keyword().to_owned();
    if line.args().is_empty() {
        return Err(line.fault(format!("Missing status codes range for '{keyword}'.")));
    }
    for (index, word) in line.args().iter().enumerate() {
        let text = word.lossy();
        match ranges(&word.text) {
            Ok(()) => {}
            Err(None) => {
                let text = format!(
                    "Invalid status codes range '{text}' in '{keyword}'.\n  Codes must be between 100 and 599 and ranges in ascending order."
                );
                return Err(line.fault_at(index, text));
            }
            Err(Some(position)) => {
                let text = format!(
                    "Invalid status codes range '{text}' in '{keyword}' at position {position}. Ranges must be in the form [+-]{{low[-{{high}}]}}[,...]."
                );
                return Err(line.fault_at(index, text));
            }
        }
    }
    Ok(())
}

/// Where a list of ranges is no such list, or none when a range is wrong.
fn ranges(text: &[u8]) -> Result<(), Option<usize>> {
    let mut at = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let number = |at: &mut usize| {
        let digits = text.get(*at..).unwrap_or_default();
        let length = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if length == 0 {
            return Err(Some(*at));
        }
        *at += length;
        Ok(leading_integer(&digits[..length]))
    };
    loop {
        let low = number(&mut at)?;
        let high = match text.get(at) {
            Some(b'-') => {
                at += 1;
                number(&mut at)?
            }
            _ => low,
        };
        if low < 100 || high > 599 || high < low {
            return Err(None);
        }
        match text.get(at) {
            None => return Ok(()),
            Some(b',') => at += 1,
            Some(_) => return Err(Some(at)),
        }
    }
}
