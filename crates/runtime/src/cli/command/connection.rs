//! Commands about the connection itself.

use hapax_core::ir::{CliLevel, SeverityOutput};

use super::{Answer, Call};

/// `echo`.
pub fn echo(call: &mut Call<'_>) -> Answer {
    Answer::Information(format!("{}\n", call.args.join(" ")))
}

/// `quit`.
pub fn quit(_: &mut Call<'_>) -> Answer {
    Answer::Close
}

/// `_getsocks`: what a new process says to have the listening sockets; others get an empty answer.
pub fn hand_over(call: &mut Call<'_>) -> Answer {
    if call.state.access.expose_listeners {
        Answer::HandOver
    } else {
        Answer::Written
    }
}

/// `operator`.
pub fn operator(call: &mut Call<'_>) -> Answer {
    call.state.access.level = CliLevel::Operator;
    Answer::Written
}

/// `user`.
pub fn user(call: &mut Call<'_>) -> Answer {
    call.state.access.level = CliLevel::User;
    Answer::Written
}

/// `show cli level`.
pub fn show_level(call: &mut Call<'_>) -> Answer {
    Answer::Information(format!("{}\n", level_name(call.state.access.level)))
}

/// The name of a level.
pub fn level_name(level: CliLevel) -> &'static str {
    match level {
        CliLevel::User => "user",
        CliLevel::Operator => "operator",
        CliLevel::Admin => "admin",
    }
}

/// `experimental-mode`: without argument it tells.
pub fn experimental(call: &mut Call<'_>) -> Answer {
    match call.arg(0) {
        "" => {
            let state = if call.state.experimental { "ON" } else { "OFF" };
            Answer::Information(format!("experimental-mode is {state}\n"))
        }
        word => {
            call.state.experimental = word == "on";
            Answer::Written
        }
    }
}

/// `expert-mode`: the same for commands that may do harm.
pub fn expert(call: &mut Call<'_>) -> Answer {
    match call.arg(0) {
        "" => {
            let state = if call.state.expert { "ON" } else { "OFF" };
            Answer::Information(format!("expert-mode is {state}\n"))
        }
        word => {
            call.state.expert = word == "on";
            Answer::Written
        }
    }
}

/// `prompt`: without argument it toggles between prompt and single command.
pub fn prompt(call: &mut Call<'_>) -> Answer {
    let mut mode = call.state.mode;
    if call.args.is_empty() {
        mode.prompt = !mode.prompt;
        mode.interactive = mode.prompt;
    }
    for arg in call.args {
        match arg.as_str() {
            "n" => (mode.interactive, mode.prompt) = (false, false),
            "i" => (mode.interactive, mode.prompt) = (true, false),
            "p" => (mode.interactive, mode.prompt) = (true, true),
            "timed" => {
                (mode.interactive, mode.prompt) = (true, true);
                mode.timed = !mode.timed;
            }
            _ => return Answer::Refused(PROMPT_USAGE.into()),
        }
    }
    call.state.mode = mode;
    Answer::Written
}

const PROMPT_USAGE: &str = "Usage: prompt [help | n | i | p | timed]*
Changes the default prompt and interactive mode. Available options:
  help    display this help
  n       set to single-command mode (no prompt, single command)
  i       set to interactive mode only (no prompt, multi-command)
  p       set to prompt+interactive mode (prompt + multi-command)
  timed   toggle displaying the current date in the prompt
Without any argument, toggles between n/i->p, p->n.
";

/// `set severity-output`.
pub fn set_severity(call: &mut Call<'_>) -> Answer {
    call.state.access.severity = match call.arg(0) {
        "none" => SeverityOutput::None,
        "number" => SeverityOutput::Number,
        "string" => SeverityOutput::String,
        _ => {
            return Answer::Refused(
                "one of 'none', 'number', 'string' is a required argument\n".into(),
            );
        }
    };
    Answer::Written
}

/// `set timeout cli`: seconds unless a unit says otherwise.
pub fn set_timeout(call: &mut Call<'_>) -> Answer {
    if call.arg(0) != "cli" {
        return Answer::Refused("'set timeout' only supports 'cli'.\n".into());
    }
    if call.arg(1).is_empty() {
        return Answer::Refused("Expects an integer value.\n".into());
    }
    match milliseconds(call.arg(1)) {
        Some(delay) => {
            call.state.access.timeout_ms = delay;
            Answer::Written
        }
        None => Answer::Refused("Invalid timeout value.\n".into()),
    }
}

/// Reads a time whose unit is seconds when none is given; nothing for 0 and what no timer holds.
fn milliseconds(text: &str) -> Option<u64> {
    age(text).filter(|delay| *delay > 0)
}

/// The same, of which 0 is one too.
pub(super) fn age(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let delay = match unit {
        "us" => number.div_ceil(1000),
        "ms" => number,
        "" | "s" => number.checked_mul(1000)?,
        "m" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        "d" => number.checked_mul(86_400_000)?,
        _ => return None,
    };
    (delay <= i32::MAX as u64).then_some(delay)
}
