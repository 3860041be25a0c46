//! Commands of the reference that are left out on purpose: each is refused by name, and says why.

use hapax_core::ir::CliLevel;

use super::{Answer, Call};

/// Names and reasons.
const LEFT_OUT: &[(&str, &str)] = &[
    ("debug counters", SOURCE),
    ("debug dev bug", ASSERTIONS),
    ("debug dev check", ASSERTIONS),
    (
        "debug dev close",
        "a descriptor belongs to what opened it; 'shutdown session' and 'shutdown frontend' close sockets",
    ),
    (
        "debug dev deadlock",
        "locks are never held while something else is waited for",
    ),
    ("debug dev fd", "'show fd' lists every open descriptor"),
    ("debug dev hex", MEMORY),
    ("debug dev sched", MEMORY),
    ("debug dev stream", MEMORY),
    (
        "debug dev sym",
        "addresses of the program are not told to anybody",
    ),
    ("debug dev task", MEMORY),
    (
        "debug dev tkill",
        "signals reach the process; 'debug dev loop' and 'debug dev delay' hold up a thread",
    ),
    ("debug dev warn", ASSERTIONS),
];

const SOURCE: &str = "they count places in HAProxy's source";
const ASSERTIONS: &str =
    "it sets off assertions of HAProxy's source; 'debug dev panic' ends the process";
const MEMORY: &str = "memory is not looked at or changed by address";

/// The refusal of a command that is left out; none when it is not one of them.
pub fn refusal(call: &Call<'_>) -> Option<Answer> {
    let (name, reason) = LEFT_OUT.iter().find(|(name, _)| {
        let mut words = call.words.iter();
        name.split(' ')
            .all(|part| words.next().is_some_and(|word| word == part))
    })?;
    let developers = name.starts_with("debug dev ");
    let needed = match developers {
        true => CliLevel::Admin,
        false => CliLevel::Operator,
    };
    Some(Answer::Refused(if developers && !call.state.expert {
        "This command is restricted to expert mode only.\n".to_owned()
    } else if call.state.access.level < needed {
        "Permission denied\n".to_owned()
    } else {
        format!("'{name}' is not built: {reason}.\n")
    }))
}
