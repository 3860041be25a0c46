//! `option tcp-check` and the `tcp-check` lines: a check as a list of steps.

use hapax_core::ir::{self, CheckAction, CheckData};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::span::Word;

use super::check_step::{self, Kind};
use super::{check_expect, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "option tcp-check",
        Sections::BACK,
        "",
        "Checks servers with the steps of the 'tcp-check' lines.",
        |line| {
            super::protocol_check::no_more(line, "tcp-check", 0)?;
            line.proxy()?.check = ir::CheckKind::Rules;
            Ok(())
        },
    ),
    row(
        "tcp-check comment",
        Sections::BACK,
        "<string>",
        "Names the step of the check that follows.",
        |line| check_step::comment(line, Kind::Tcp),
    ),
    row(
        "tcp-check connect",
        Sections::BACK,
        "[default] [port <expr>] [addr <ip>] [send-proxy] [via-socks4] [ssl] [sni <sni>] [alpn <alpn>] [linger] \
         [proto <name>] [comment <msg>]",
        "A step of the check: opens a connection.",
        |line| check_step::connect(line, Kind::Tcp),
    ),
    row(
        "tcp-check expect",
        Sections::BACK,
        "[min-recv <int>] [comment <msg>] [ok-status <st>] [error-status <st>] [tout-status <st>] [on-success <fmt>] \
         [on-error <fmt>] [status-code <expr>] [!] {string|rstring|string-lf|binary|rbinary|binary-lf} <pattern>",
        "A step of the check: waits for an answer.",
        |line| check_expect::expect(line, Kind::Tcp),
    ),
    row(
        "tcp-check send",
        Sections::BACK,
        "<data> [comment <msg>]",
        "A step of the check: sends a text.",
        |line| {
            send(line, "send", "string", |_, word| {
                Ok(CheckData::Fixed(word.text.clone()))
            })
        },
    ),
    row(
        "tcp-check send-binary",
        Sections::BACK,
        "<hexstring> [comment <msg>]",
        "A step of the check: sends bytes.",
        |line| {
            send(line, "send-binary", "binary string", |_, word| {
                let bytes = check_expect::bytes(&word.text).map_err(|error| {
                    let word = word.lossy();
                    format!("'{word}' invalid binary string ({error}).\n.")
                })?;
                Ok(CheckData::Fixed(bytes))
            })
        },
    ),
    row(
        "tcp-check send-binary-lf",
        Sections::BACK,
        "<hexfmt> [comment <msg>]",
        "A step of the check: sends the bytes that a log format says in hexadecimal.",
        |line| {
            send(line, "send-binary-lf", "string", |line, word| {
                check_step::framed_format(line, word).map(CheckData::Hexadecimal)
            })
        },
    ),
    row(
        "tcp-check send-lf",
        Sections::BACK,
        "<fmt> [comment <msg>]",
        "A step of the check: sends the text of a log format.",
        |line| {
            send(line, "send-lf", "string", |line, word| {
                check_step::framed_format(line, word).map(CheckData::Format)
            })
        },
    ),
    row(
        "tcp-check set-var(",
        Sections::BACK,
        "<var-name>[,<cond>...]) <expr>",
        "A step of the check: sets a variable to the value of an expression.",
        |line| check_step::variable(line, Kind::Tcp, "set-var"),
    ),
    row(
        "tcp-check set-var-fmt(",
        Sections::BACK,
        "<var-name>[,<cond>...]) <fmt>",
        "A step of the check: sets a variable to the text of a log format.",
        |line| check_step::variable(line, Kind::Tcp, "set-var-fmt"),
    ),
    row(
        "tcp-check unset-var(",
        Sections::BACK,
        "<var-name>)",
        "A step of the check: takes the value of a variable away.",
        |line| check_step::variable(line, Kind::Tcp, "unset-var"),
    ),
];

type Read = fn(&mut Line<'_>, &Word) -> Result<CheckData, String>;

/// `DATA [comment TEXT]`
fn send(line: &mut Line<'_>, name: &str, what: &str, read: Read) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        let text = format!("'tcp-check {name}' : '{what}' expects a {name} as argument.");
        return Err(line.fault(text));
    };
    let data = read(line, word)
        .map_err(|error| line.fault_at(0, format!("'tcp-check {name}' : {error}")))?;
    let comment = comment_behind(line, name)?;
    check_step::push(line, Kind::Tcp, comment, CheckAction::Send(data))
}

/// What may follow the data of a `send`.
fn comment_behind(line: &Line<'_>, name: &str) -> Result<Option<String>, Fault> {
    let mut at = 1;
    let mut comment = None;
    while let Some(word) = line.arg(at) {
        if word != "comment" {
            let text =
                format!("'tcp-check {name}' : expects 'comment' but got '{word}' as argument..");
            return Err(line.fault_at(at, text));
        }
        let Some(value) = line.arg(at + 1) else {
            let text = format!("'tcp-check {name}' : 'comment' expects a string as argument..");
            return Err(line.fault_at(at, text));
        };
        comment = Some(value.into_owned());
        at += 2;
    }
    Ok(comment)
}

/// Under this name [`Scope::seen`](hapax_core::keyword::Scope::seen) holds the last `tcp-check` line.
pub(crate) const RULES: &str = "tcp-check";
