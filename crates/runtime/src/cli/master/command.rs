//! The master's own commands.

use hapax_core::ir::CliLevel;
use hapax_core::keyword::CliCommand;

use super::super::command::help;
use super::super::command::{level_name, write_environment};
use super::Supervisor;
use super::session::State;

/// What follows a command.
pub(super) enum Answer {
    /// A message.
    Text(String),
    /// How the command is used.
    Usage(&'static str),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// The connection closes.
    Close,
    /// The configuration is read again.
    Reload {
        /// Old workers end at once.
        hard: bool,
    },
}

/// A command with what it may look at and change.
pub(super) struct Call<'a> {
    master: &'a dyn Supervisor,
    state: &'a mut State,
    words: &'a [String],
    args: &'a [String],
}

type Run = fn(&mut Call<'_>) -> Answer;

macro_rules! commands {
    ($($name:literal, $usage:literal, $level:ident, $doc:literal, $run:path;)*) => {
        /// The rows, in the order in which `help` lists them.
        pub const ROWS: &[CliCommand] = &[$(
            CliCommand { name: $name, usage: $usage, doc: $doc, level: CliLevel::$level },
        )*];

        /// Their functions, in the same order.
        const RUN: &[Run] = &[$($run),*];
    };
}

commands! {
    "@!<pid>", "", User, "send a command to the <pid> process", prefix;
    "@<relative pid>", "", User, "send a command to the <relative pid> process", prefix;
    "@master", "", User, "send a command to the master process", prefix;
    "echo", "<text>", User, "print text to the output", echo;
    "expert-mode", "[on|off]", User, "", expert_mode;
    "experimental-mode", "[on|off]", User, "", experimental_mode;
    "hard-reload", "", Operator, "achieve a hard-reload (-st) of haproxy", hard_reload;
    "mcli-debug-mode", "[on|off]", User, "", debug_mode;
    "operator", "", Operator, "lower the level of the current CLI session to operator", operator;
    "reload", "", Operator, "achieve a soft-reload (-sf) of haproxy", reload;
    "show cli level", "", User, "display the level of the current CLI session", show_level;
    "show cli sockets", "", User, "dump list of cli sockets", show_sockets;
    "show env", "[var]", Operator, "dump environment variables known to the process", show_env;
    "show proc", "", Operator, "show processes status", show_proc;
    "show startup-logs", "", Operator, "report logs emitted during HAProxy startup", show_startup_logs;
    "show version", "", User, "show version of the current process", show_version;
    "user", "", User, "lower the level of the current CLI session to user", user;
    "help", "[<command>]", User, "list matching or all commands", list;
    "prompt", "[help | n | i | p | timed ]*", User, "toggle interactive mode with prompt", prompt;
    "quit", "", User, "disconnect", quit;
}

/// The rows that a connection is shown: modes are not listed.
fn shown(level: CliLevel) -> Vec<&'static CliCommand> {
    let rows = ROWS.iter();
    rows.filter(|row| !row.doc.is_empty() && row.level <= level)
        .collect()
}

/// Finds and runs the command of some words.
pub(super) fn run(master: &dyn Supervisor, state: &mut State, words: &[String]) -> Answer {
    let found = ROWS.iter().zip(RUN).find(|(row, _)| {
        let mut words = words.iter();
        let mut parts = row.name.split(' ');
        parts.all(|part| words.next().is_some_and(|word| word == part))
    });
    let Some((row, run)) = found else {
        let text = help::unknown_among(&shown(state.level), words);
        return Answer::Text(text);
    };
    if state.level < row.level {
        return Answer::Text("Permission denied\n".into());
    }
    let args = words.get(row.name.split(' ').count()..).unwrap_or_default();
    run(&mut Call {
        master,
        state,
        words,
        args,
    })
}

/// Prefixes are taken off before commands are looked up; alone they are none.
fn prefix(call: &mut Call<'_>) -> Answer {
    Answer::Text(help::unknown_among(&shown(call.state.level), call.words))
}

fn echo(call: &mut Call<'_>) -> Answer {
    Answer::Text(format!("{}\n", call.args.join(" ")))
}

fn quit(_: &mut Call<'_>) -> Answer {
    Answer::Close
}

fn reload(_: &mut Call<'_>) -> Answer {
    Answer::Reload { hard: false }
}

fn hard_reload(_: &mut Call<'_>) -> Answer {
    Answer::Reload { hard: true }
}

fn expert_mode(call: &mut Call<'_>) -> Answer {
    switch(call.args, &mut call.state.expert)
}

fn experimental_mode(call: &mut Call<'_>) -> Answer {
    switch(call.args, &mut call.state.experimental)
}

fn debug_mode(call: &mut Call<'_>) -> Answer {
    switch(call.args, &mut call.state.debug)
}

fn switch(args: &[String], mode: &mut bool) -> Answer {
    match args.first().map(String::as_str) {
        Some("on") => *mode = true,
        Some("off") => *mode = false,
        _ => {}
    }
    Answer::Bytes(Vec::new())
}

fn operator(call: &mut Call<'_>) -> Answer {
    call.state.level = CliLevel::Operator;
    Answer::Bytes(Vec::new())
}

fn user(call: &mut Call<'_>) -> Answer {
    call.state.level = CliLevel::User;
    Answer::Bytes(Vec::new())
}

fn show_level(call: &mut Call<'_>) -> Answer {
    Answer::Text(format!("{}\n", level_name(call.state.level)))
}

/// The sockets of the master's command line are on the command line of the program, and are not listed.
fn show_sockets(_: &mut Call<'_>) -> Answer {
    Answer::Text(String::new())
}

fn show_env(call: &mut Call<'_>) -> Answer {
    let mut out = Vec::new();
    if write_environment(call.args.first().map(String::as_str), &mut out) {
        out.push(b'\n');
        Answer::Bytes(out)
    } else {
        Answer::Text("Variable not found\n".into())
    }
}

fn show_proc(call: &mut Call<'_>) -> Answer {
    let debug = call.args.first().is_some_and(|word| word == "debug");
    Answer::Text(call.master.processes(debug))
}

fn show_startup_logs(call: &mut Call<'_>) -> Answer {
    let mut logs = call.master.startup_logs();
    logs.push(b'\n');
    Answer::Bytes(logs)
}

fn show_version(call: &mut Call<'_>) -> Answer {
    Answer::Text(format!("{}\n", call.master.version()))
}

fn list(call: &mut Call<'_>) -> Answer {
    Answer::Text(help::list_among(&shown(call.state.level), call.args))
}

fn prompt(call: &mut Call<'_>) -> Answer {
    let state = &mut call.state;
    if call.args.is_empty() {
        state.prompt = !state.prompt;
    }
    for arg in call.args {
        match arg.as_str() {
            "i" => state.prompt = false,
            "p" => state.prompt = true,
            "timed" => {
                state.prompt = true;
                state.timed = !state.timed;
            }
            _ => return Answer::Usage(PROMPT_USAGE),
        }
    }
    Answer::Bytes(Vec::new())
}

const PROMPT_USAGE: &str = "Usage: prompt [help | i | p | timed]*
Changes the default prompt and interactive mode. Available options:
  help    display this help
  i       set to interactive mode only (no prompt, multi-command)
  p       set to prompt+interactive mode (prompt + multi-command)
  timed   toggle displaying the current date in the prompt
Without any argument, toggles between i<->p.
";
