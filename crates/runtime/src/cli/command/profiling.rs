//! `set profiling` and `show profiling`.

use hapax_core::ir::Profiling;

use super::{Answer, Call};
use crate::profile;

/// `set profiling {tasks|memory} {auto|on|off}`
pub fn set(call: &mut Call<'_>) -> Answer {
    match call.arg(0) {
        "tasks" => {}
        "memory" => return Answer::Refused("Memory profiling not compiled in.\n".into()),
        _ => return Answer::Refused("Expects either 'tasks' or 'memory'.\n".into()),
    }
    let Some(mode) = Profiling::named(call.arg(1)) else {
        return Answer::Refused("Expects 'on', 'auto', or 'off'.\n".into());
    };
    profile::set(mode);
    Answer::Written
}

/// `show profiling [all|status|tasks|memory|byaddr|bytime|aggr|<lines>]...`
pub fn show(call: &mut Call<'_>) -> Answer {
    let (mut status, mut tasks) = (true, true);
    let mut lines = usize::MAX;
    for word in call.args {
        match word.as_str() {
            "all" => (status, tasks) = (true, true),
            "status" => (status, tasks) = (true, false),
            "tasks" => (status, tasks) = (false, true),
            "memory" => (status, tasks) = (false, false),
            "byaddr" | "bytime" | "aggr" => {}
            number if number.starts_with(|first: char| first.is_ascii_digit()) => {
                lines = number.parse().unwrap_or(usize::MAX);
            }
            _ => {
                let text = "Expects either 'all', 'status', 'tasks', 'memory', 'byaddr', 'bytime', 'aggr' or a max number of \
                            output lines.\n";
                return Answer::Refused(text.into());
            }
        }
    }
    let mut text = String::new();
    if status {
        text = format!(
            "Per-task CPU profiling              : {:<14}# set profiling tasks {{on|auto|off}}\n\
             Memory usage profiling              : {:<14}# set profiling memory {{on|off}}\n",
            profile::state(),
            "off"
        );
    }
    if tasks {
        let mut table = String::new();
        profile::table(&mut table);
        let shown = table.lines().take(lines.saturating_add(2));
        shown.for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
    }
    call.out.extend_from_slice(text.as_bytes());
    Answer::Written
}
