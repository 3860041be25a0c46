//! The process: folder, master, end.

use std::borrow::Cow;

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Negation, SectionKeyword, Sections, Tables};

use super::identity::{group_id, user_id};
use super::{at_most, joined, milliseconds, needed, negatable, one, reading, row};
use crate::value::{self, MAX_MILLISECONDS, TimeError, Unit, leading_integer};

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
