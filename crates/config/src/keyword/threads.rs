//! Workers: how many, and on which processors.

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{at_most, row};
use crate::legacy;
use crate::value::whole_integer;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "nbthread",
        Sections::GLOBAL,
        "<number>",
        "Number of workers.",
        |line| {
            let text = line.arg(0).unwrap_or_default();
            let unparsable = || {
                line.fault_at(
                    0,
                    format!("'nbthread' passed a missing or unparsable integer value in '{text}'"),
                )
            };
            let number = whole_integer(text.as_bytes()).ok_or_else(unparsable)?;
            at_most(line, 1)?;
            let count = u16::try_from(number)
                .ok()
                .filter(|count| (1..=1024).contains(count));
            let range = || {
                let text = format!("'nbthread' value must be between 1 and 1024 (was {number})");
                line.fault_at(0, text)
            };
            line.config.global.nbthread = Some(count.ok_or_else(range)?);
            Ok(())
        },
    ),
    row(
        "cpu-map",
        Sections::GLOBAL,
        "[auto:]<thread-set> <cpu-set>...",
        "Pins workers to processors.",
        cpu_map,
    ),
];

/// `[auto:]<threads> <cpus>...`: threads are numbers from 1 behind an optional `1/`.
fn cpu_map(line: &mut Line<'_>) -> Result<(), Fault> {
    let (Some(threads_text), true) = (line.arg(0), line.args().len() > 1) else {
        let text = "cpu-map expects a thread group number  ('all', 'odd', 'even', a number from 1 to 64 or a range),  followed \
                    by a list of CPU ranges with numbers from 0 to 63.";
        return Err(line.fault(text));
    };
    let (auto, set) = match threads_text.strip_prefix("auto:") {
        Some(set) => (true, set),
        None => (false, threads_text.as_ref()),
    };
    let wrong = |at: usize, text: &str| {
        line.fault_at(
            at,
            format!("cpu-map : '{text}' is not a valid number/range."),
        )
    };
    let of_processes = line.scope.seen.has("nbproc");
    let (group, set) = match set.split_once('/') {
        None if of_processes => ("1", set),
        None => (set, "all"),
        Some((group, set)) => (group, set),
    };
    let groups = numbers(group, 64).ok_or_else(|| wrong(0, group))?;
    let threads = numbers(set, 64).ok_or_else(|| wrong(0, set))?;
    let mut cpus = Vec::new();
    for at in 1..line.args().len() {
        let word = line.arg(at).unwrap_or_default();
        for range in word.split(',') {
            cpus.extend(cpu_range(range).ok_or_else(|| wrong(at, range))?);
        }
    }
    if of_processes && !threads_text.contains('/') {
        legacy::process::map_of_processes(line, &threads_text);
    }
    if !groups.contains(&1) {
        return Ok(());
    }
    for (index, thread) in threads.into_iter().enumerate() {
        let chosen = match auto {
            true => cpus.get(index).map(|cpu| vec![*cpu]),
            false => Some(cpus.clone()),
        };
        if let Some(chosen) = chosen {
            line.config.global.cpu_map.push((thread - 1, chosen));
        }
    }
    Ok(())
}

/// `all`, `odd`, `even`, `3` or `1-4`.
pub(crate) fn numbers(text: &str, max: u16) -> Option<Vec<u16>> {
    match text {
        "all" => return Some((1..=max).collect()),
        "odd" => return Some((1..=max).step_by(2).collect()),
        "even" => return Some((2..=max).step_by(2).collect()),
        _ => {}
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first: u16 = first.parse().ok()?;
    let last: u16 = if last.is_empty() {
        max
    } else {
        last.parse().ok()?
    };
    let (first, last) = (first.min(last), first.max(last));
    (first >= 1 && last <= max).then(|| (first..=last).collect())
}

fn cpu_range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < 4096).then_some(first..=last)
}
