//! The process: user, folder, threads, end.

use std::borrow::Cow;

use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Negation, SectionKeyword, Sections, Tables};

use super::{at_most, joined, milliseconds, needed, negatable, one, reading, row};
use crate::legacy;
use crate::value::{self, MAX_MILLISECONDS, TimeError, Unit, leading_integer, whole_integer};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "profiling.tasks",
        Sections::GLOBAL,
        "{ auto | on | off }",
        "Whether the time that turns of the workers take is measured, for `show profiling`.",
        |line| {
            at_most(line, 1)?;
            let found = line.arg(0).unwrap_or_default();
            let wrong = || {
                let text = format!(
                    "'profiling.tasks' expects either 'on', 'auto', or 'off' but got '{found}'."
                );
                line.fault(text)
            };
            let mode = ir::Profiling::named(&found).ok_or_else(wrong)?;
            line.config.global.profiling = mode;
            Ok(())
        },
    ),
    row(
        "default-path",
        Sections::GLOBAL,
        "{ current | config | parent | origin <path> }",
        "From where relative paths of files lead while configuration files are read.",
        |line| {
            const MODES: &str =
                "supported modes include 'current', 'config', 'parent', and 'origin'.";
            let mode = line.arg(0).map(Cow::into_owned);
            line.config.global.default_path = match mode.as_deref() {
                None => {
                    let text = format!("missing default-path mode '' for 'default-path', {MODES}");
                    return Err(line.fault(text));
                }
                Some("current") => ir::DefaultPath::Current,
                Some("config") => ir::DefaultPath::Config,
                Some("parent") => ir::DefaultPath::Parent,
                Some("origin") => {
                    let missing = "'default-path origin' expects a directory as an argument.";
                    ir::DefaultPath::Origin(needed(line, 1, missing)?.lossy().into_owned())
                }
                Some(other) => {
                    let text = format!(
                        "unsupported default-path mode '{other}' for 'default-path', {MODES}"
                    );
                    return Err(line.fault_at(0, text));
                }
            };
            Ok(())
        },
    ),
    row(
        "daemon",
        Sections::GLOBAL,
        "",
        "Goes to the background.",
        |line| {
            at_most(line, 0)?;
            line.config.global.daemon = true;
            Ok(())
        },
    ),
    row(
        "master-worker",
        Sections::GLOBAL,
        "[no-exit-on-failure]",
        "A master process looks after the one that serves.",
        |line| {
            at_most(line, 1)?;
            match line.arg(0).as_deref() {
                None => {}
                Some("no-exit-on-failure") => line.config.global.no_exit_on_failure = true,
                Some(_) => {
                    let text = "'master-worker' only supports 'no-exit-on-failure' option";
                    return Err(line.fault(text));
                }
            }
            line.config.global.master_worker = true;
            Ok(())
        },
    ),
    row(
        "reload-in-place",
        Sections::GLOBAL,
        "",
        "An own addition: a reload of the master applies the files inside the worker, where that is possible.",
        |line| {
            at_most(line, 0)?;
            line.config.global.reload_in_place = true;
            Ok(())
        },
    ),
    row(
        "restart-worker",
        Sections::GLOBAL,
        "",
        "An own addition: the master starts another worker when one died.",
        |line| {
            at_most(line, 0)?;
            line.config.global.restart_worker = true;
            Ok(())
        },
    ),
    row(
        "mworker-max-reloads",
        Sections::GLOBAL,
        "<number>",
        "How many reloads an old process may survive under a master.",
        |line| {
            at_most(line, 1)?;
            let Some(word) = line.args().first() else {
                let text = "'mworker-max-reloads' expects an integer argument.";
                return Err(line.fault(text));
            };
            let Ok(most) = u32::try_from(leading_integer(&word.text)) else {
                let text = "'mworker-max-reloads' expects a positive value or zero.";
                return Err(line.fault(text));
            };
            line.config.global.mworker_max_reloads = Some(most);
            Ok(())
        },
    ),
    row(
        "localpeer",
        Sections::GLOBAL,
        "<name>",
        "The name of this process among its peers.",
        |line| {
            needed(line, 0, "'localpeer' expects a name as an argument.")?;
            at_most(line, 1)?;
            let name = line.arg(0).unwrap_or_default().into_owned();
            line.config.global.local_peer = Some(name);
            Ok(())
        },
    ),
    row(
        "quiet",
        Sections::GLOBAL,
        "",
        "No messages at start.",
        |line| {
            at_most(line, 0)?;
            line.config.global.quiet = true;
            Ok(())
        },
    ),
    row(
        "zero-warning",
        Sections::GLOBAL,
        "",
        "Warnings are errors.",
        |line| {
            at_most(line, 0)?;
            line.config.global.zero_warning = true;
            Ok(())
        },
    ),
    row(
        "expose-experimental-directives",
        Sections::GLOBAL,
        "",
        "Allows what may still change.",
        |line| {
            at_most(line, 0)?;
            line.config.global.expose_experimental = true;
            Ok(())
        },
    ),
    row("nosplice", Sections::GLOBAL, "", "No splice(2).", |line| {
        at_most(line, 0)?;
        line.config.global.no_splice = true;
        Ok(())
    }),
    row(
        "noreuseport",
        Sections::GLOBAL,
        "",
        "No SO_REUSEPORT.",
        |line| {
            at_most(line, 0)?;
            line.config.global.no_reuseport = true;
            Ok(())
        },
    ),
    row(
        "chroot",
        Sections::GLOBAL,
        "<jail dir>",
        "Folder that becomes the root.",
        |line| {
            let folder = one(line, "'chroot' expects a directory as an argument.")?;
            if line.config.global.chroot.is_some() {
                line.warn("'chroot' is already specified. Continuing.");
                return Ok(());
            }
            line.config.global.chroot = Some(folder);
            Ok(())
        },
    ),
    row(
        "pidfile",
        Sections::GLOBAL,
        "<file>",
        "File for the process id.",
        |line| {
            let file = one(line, "'pidfile' expects a file name as an argument.")?;
            if line.config.global.pidfile.is_some() {
                line.warn("'pidfile' already specified. Continuing.");
                return Ok(());
            }
            line.config.global.pidfile = Some(file);
            Ok(())
        },
    ),
    row(
        "user",
        Sections::GLOBAL,
        "<name>",
        "User to become.",
        |line| {
            at_most(line, 1)?;
            let name = line.arg(0).unwrap_or_default();
            let text = format!("cannot find user id for '{name}' (0:Success)");
            let uid = user_id(&name).ok_or_else(|| line.fault_at(0, text))?;
            set_uid(line, uid)
        },
    ),
    row(
        "uid",
        Sections::GLOBAL,
        "<number>",
        "User to become, as a number.",
        |line| {
            let uid = number(line, "uid", "user")?;
            set_uid(line, uid)
        },
    ),
    row(
        "group",
        Sections::GLOBAL,
        "<name>",
        "Group to become.",
        |line| {
            at_most(line, 1)?;
            let name = line.arg(0).unwrap_or_default();
            let text = format!("cannot find group id for '{name}' (0:Success)");
            let gid = group_id(&name).ok_or_else(|| line.fault_at(0, text))?;
            set_gid(line, gid)
        },
    ),
    row(
        "gid",
        Sections::GLOBAL,
        "<number>",
        "Group to become, as a number.",
        |line| {
            let gid = number(line, "gid", "group")?;
            set_gid(line, gid)
        },
    ),
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
        "node",
        Sections::GLOBAL,
        "<name>",
        "Name of this process in the statistics.",
        |line| {
            let name = line.arg(0).unwrap_or_default();
            let allowed =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            if name.is_empty() || !name.bytes().all(allowed) {
                let text = "'node' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), dot(.), \
                        hyphen(-) or underscode(_).";
                return Err(reading(line, text));
            }
            at_most(line, 1)?;
            line.config.global.node = Some(name.into_owned());
            Ok(())
        },
    ),
    row(
        "description",
        Sections::GLOBAL,
        "<text>",
        "A text for the statistics page.",
        |line| {
            if line.args().is_empty() {
                return Err(reading(line, "'description' expects a string argument."));
            }
            line.config.global.description = Some(joined(line, 0));
            Ok(())
        },
    ),
    row(
        "hard-stop-after",
        Sections::GLOBAL,
        "<time>",
        "How long a soft stop may take.",
        |line| {
            needed(line, 0, "'hard-stop-after' expects <time> as argument.")?;
            let time = stop_time(line, "hard-stop-after")?;
            line.config.global.hard_stop_after = Some(time);
            Ok(())
        },
    ),
    row(
        "grace",
        Sections::GLOBAL,
        "<time>",
        "How long listening goes on after the soft stop.",
        |line| {
            needed(line, 0, "'grace' expects <time> as argument.")?;
            let time = stop_time(line, "grace")?;
            line.config.global.grace = Some(time);
            Ok(())
        },
    ),
    row(
        "spread-checks",
        Sections::GLOBAL,
        "<0..50, percent>",
        "Varies the interval of checks.",
        |line| {
            let Some(word) = line.args().first() else {
                return Err(reading(
                    line,
                    "'spread-checks' expects an integer argument (0..50).",
                ));
            };
            at_most(line, 1)?;
            let percent = u32::try_from(leading_integer(&word.text)).ok();
            let Some(percent) = percent.filter(|percent| *percent <= 50) else {
                return Err(reading(
                    line,
                    "'spread-checks' needs a positive value in range 0..50.",
                ));
            };
            line.config.global.spread_checks = percent;
            Ok(())
        },
    ),
    row(
        "max-spread-checks",
        Sections::GLOBAL,
        "<time>",
        "Limits what `spread-checks` adds.",
        |line| {
            let Some(word) = line.args().first() else {
                return Err(reading(
                    line,
                    "'max-spread-checks' expects an integer argument (0..50).",
                ));
            };
            let time = crate::value::time(&word.text, crate::value::Unit::Millisecond).map_err(|_| {
            let wrong = word.text.iter().find(|byte| !byte.is_ascii_digit()).copied();
            let wrong = char::from(wrong.unwrap_or(b'?'));
            let text = format!("unsupported character '{wrong}' in 'max-spread-checks' (wants an integer delay).");
            reading(line, text)
        })?;
            line.config.global.max_spread_checks = Some(time.value);
            Ok(())
        },
    ),
    row(
        "unix-bind",
        Sections::GLOBAL,
        "[prefix <prefix>] [mode <mode>] [user <user>] [uid <uid>] [group <group>] [gid <gid>]",
        "Folder, permissions and owner of unix sockets that name none.",
        unix_bind,
    ),
    negatable(row(
        "set-dumpable",
        Sections::GLOBAL,
        "[on|off]",
        "Allows core dumps.",
        |line| {
            let on = match line.arg(0).as_deref() {
                None | Some("on") => true,
                Some("off") => false,
                Some(other) => {
                    let text = format!(
                        "'set-dumpable' only supports 'on' and 'off' as an argument, found '{other}'."
                    );
                    return Err(line.fault_at(0, text));
                }
            };
            line.config.global.set_dumpable = on && line.negation == Negation::None;
            Ok(())
        },
    )),
    negatable(row(
        "strict-limits",
        Sections::GLOBAL,
        "",
        "Does not start when a limit cannot be set.",
        |line| {
            at_most(line, 0)?;
            line.config.global.no_strict_limits = line.negation == Negation::No;
            Ok(())
        },
    )),
    row(
        "cpu-map",
        Sections::GLOBAL,
        "[auto:]<thread-set> <cpu-set>...",
        "Pins workers to processors.",
        cpu_map,
    ),
    row(
        "h1-case-adjust",
        Sections::GLOBAL,
        "<from> <to>",
        "How a header's name is written in HTTP/1.",
        |line| {
            let (Some(from), Some(to)) = (line.arg(0), line.arg(1)) else {
                return Err(line.fault("'h1-case-adjust' expects <from> and <to> as argument."));
            };
            at_most(line, 2)?;
            adjust(line, &from, &to)
        },
    ),
    row(
        "h1-case-adjust-file",
        Sections::GLOBAL,
        "<file>",
        "Reads `h1-case-adjust` pairs from a file.",
        |line| {
            let file = one(line, "'h1-case-adjust-file' expects <file> as argument.")?;
            let text = std::fs::read(&file).map_err(|_| {
                let text = format!("h1-headers-case-adjust-file '{file}': failed to open file.");
                Fault::from(Diagnostic::alert(line.span, text))
            })?;
            for entry in String::from_utf8_lossy(&text).lines() {
                let entry = entry.split('#').next().unwrap_or_default();
                let mut words = entry.split_whitespace();
                match (words.next(), words.next()) {
                    (Some(from), Some(to)) => adjust(line, from, to)?,
                    (Some(from), None) => {
                        let text = format!(
                            "h1-headers-case-adjust-file '{file}': nothing after '{from}'."
                        );
                        return Err(line.fault(text));
                    }
                    (None, _) => {}
                }
            }
            Ok(())
        },
    ),
];

/// A time of the stop; its overflow is told in words of its own.
pub(super) fn stop_time(line: &mut Line<'_>, what: &str) -> Result<u32, Fault> {
    let text = line.arg(0).unwrap_or_default().to_string();
    if value::time(text.as_bytes(), Unit::Millisecond) == Err(TimeError::Overflow) {
        let text = format!(
            "timer overflow in argument '{text}' to '{what}' (maximum value is {MAX_MILLISECONDS} ms or ~24.8 days)"
        );
        return Err(line.fault_at(0, text));
    }
    milliseconds(line, 0, what)
}

/// The number of a user of this machine.
pub(crate) fn user_id(name: &str) -> Option<u32> {
    let user = nix::unistd::User::from_name(name).ok()??;
    Some(user.uid.as_raw())
}

/// The number of a group of this machine.
pub(crate) fn group_id(name: &str) -> Option<u32> {
    let group = nix::unistd::Group::from_name(name).ok()??;
    Some(group.gid.as_raw())
}

fn number(line: &mut Line<'_>, keyword: &str, other: &str) -> Result<u32, Fault> {
    let word = needed(
        line,
        0,
        &format!("'{keyword}' expects an integer argument."),
    )?;
    at_most(line, 1)?;
    let number = whole_integer(&word.text);
    if number.is_none() {
        let text = word.lossy();
        line.warn(format!(
            " {keyword}: string '{text}' is not a number.\n   | You might want to use the '{other}' parameter to use a system \
             {other} name."
        ));
    }
    let number = leading_integer(&word.text);
    u32::try_from(number).map_err(|_| line.fault_at(0, format!("'{keyword}' is out of range.")))
}

fn set_uid(line: &mut Line<'_>, uid: u32) -> Result<(), Fault> {
    if line.config.global.uid.is_some_and(|other| other != uid) {
        line.warn("user/uid already specified. Continuing.");
        return Ok(());
    }
    line.config.global.uid = Some(uid);
    Ok(())
}

fn set_gid(line: &mut Line<'_>, gid: u32) -> Result<(), Fault> {
    if line.config.global.gid.is_some_and(|other| other != gid) {
        line.warn("group/gid already specified. Continuing.");
        return Ok(());
    }
    line.config.global.gid = Some(gid);
    Ok(())
}

fn unix_bind(line: &mut Line<'_>) -> Result<(), Fault> {
    let mut at = 0;
    while let Some(option) = line.arg(at) {
        let value = line.arg(at + 1).unwrap_or_default().into_owned();
        let unknown =
            |what: &str| line.fault_at(at + 1, format!("'unix-bind' : '{value}' unknown {what}."));
        let integer = u32::try_from(leading_integer(value.as_bytes()).max(0)).unwrap_or(u32::MAX);
        match option.as_ref() {
            "prefix" if value.is_empty() => {
                return Err(line.fault("unix_bind 'prefix' expects a path as an argument."));
            }
            "prefix" => line.config.global.unix_bind_prefix = Some(value),
            "mode" => {
                let mode = u32::from_str_radix(&value, 8).unwrap_or(0) & 0o7777;
                line.config.global.unix_bind_mode = Some(mode);
            }
            "uid" => line.config.global.unix_bind_uid = Some(integer),
            "gid" => line.config.global.unix_bind_gid = Some(integer),
            "user" => {
                let uid = user_id(&value).ok_or_else(|| unknown("user"))?;
                line.config.global.unix_bind_uid = Some(uid);
            }
            "group" => {
                let gid = group_id(&value).ok_or_else(|| unknown("group"))?;
                line.config.global.unix_bind_gid = Some(gid);
            }
            _ => {
                let text = "'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options.";
                return Err(line.fault_at(at, text));
            }
        }
        at += 2;
    }
    Ok(())
}

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

fn adjust(line: &mut Line<'_>, from: &str, to: &str) -> Result<(), Fault> {
    if !from.eq_ignore_ascii_case(to) {
        return Err(line.fault("<from> and <to> must not differ except the case"));
    }
    let name = from.to_ascii_lowercase();
    let pairs = &mut line.config.global.h1_case_adjust;
    if pairs.iter().any(|(other, _)| *other == name) {
        return Err(line.fault(format!("duplicate entry '{from}'")));
    }
    pairs.push((name, to.to_owned()));
    Ok(())
}
