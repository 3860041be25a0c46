//! `option tcp-check` and the `tcp-check` lines: a check as a list of steps.

use hapax_core::ir::{self, CheckAction, CheckConnect, CheckExpect, CheckPattern, CheckText};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::live::CheckStatus;

use super::row;
use crate::resolve;
use crate::value::address::Accept;

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
        |line| {
            let text = line.arg(0).map(|text| text.into_owned());
            let missing = || line.fault("'tcp-check comment' : expects a string as argument.");
            let text = text.ok_or_else(missing)?;
            push(line, Some(text), CheckAction::Note)
        },
    ),
    row(
        "tcp-check connect",
        Sections::BACK,
        "[default] [port <port>] [addr <ip>] [send-proxy] [linger] [comment <msg>]",
        "A step of the check: opens a connection.",
        connect,
    ),
    row(
        "tcp-check expect",
        Sections::BACK,
        "[min-recv <int>] [comment <msg>] [ok-status <st>] [error-status <st>] [tout-status <st>] [on-success <text>] \
         [on-error <text>] [!] {string|rstring|binary|rbinary} <pattern>",
        "A step of the check: waits for an answer.",
        expect,
    ),
    row(
        "tcp-check send",
        Sections::BACK,
        "<data> [comment <msg>]",
        "A step of the check: sends a text.",
        |line| {
            let Some(word) = line.args().first() else {
                return Err(line.fault("'tcp-check send' : 'string' expects a send as argument."));
            };
            let data = word.text.clone();
            let comment = comment_behind(line, "send")?;
            push(line, comment, CheckAction::Send(data))
        },
    ),
    row(
        "tcp-check send-binary",
        Sections::BACK,
        "<hexstring> [comment <msg>]",
        "A step of the check: sends bytes.",
        |line| {
            let Some(word) = line.args().first() else {
                let text =
                    "'tcp-check send-binary' : 'binary string' expects a send-binary as argument.";
                return Err(line.fault(text));
            };
            let data = bytes(&word.text).map_err(|error| {
                let word = word.lossy();
                let text = format!(
                    "'tcp-check send-binary' : '{word}' invalid binary string ({error}).\n."
                );
                line.fault_at(0, text)
            })?;
            let comment = comment_behind(line, "send-binary")?;
            push(line, comment, CheckAction::Send(data))
        },
    ),
];

/// Adds a step; the first of a section replaces what `defaults` says.
fn push(line: &mut Line<'_>, comment: Option<String>, action: CheckAction) -> Result<(), Fault> {
    let span = line.span;
    let first = line.scope.seen.insert(RULES, span).is_none();
    if first {
        line.proxy()?.tcp_check.clear();
    }
    let steps = &line.proxy()?.tcp_check;
    let begins = steps.iter().find(|step| step.action != CheckAction::Note);
    let connects = begins.is_none_or(|step| matches!(step.action, CheckAction::Connect(_)));
    if matches!(action, CheckAction::Connect(_)) && !connects {
        let text = "'tcp-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an \
                    'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset.";
        return Err(line.fault(text));
    }
    let step = ir::CheckStep { comment, action };
    line.proxy()?.tcp_check.push(step);
    Ok(())
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

fn connect(line: &mut Line<'_>) -> Result<(), Fault> {
    let mut made = CheckConnect::default();
    let (mut at, mut comment) = (0, None);
    while let Some(word) = line.arg(at) {
        let fault = |text: &str| line.fault_at(at, format!("'tcp-check connect' : {text}"));
        let value = line.arg(at + 1).map(|value| value.into_owned());
        let needed = |text: &str| value.clone().ok_or_else(|| fault(text));
        at += match word.as_ref() {
            "default" => {
                made.as_server = true;
                1
            }
            "linger" => {
                made.linger = true;
                1
            }
            "send-proxy" => {
                made.send_proxy = true;
                1
            }
            "comment" => {
                comment = Some(needed("'comment' expects a string as argument..")?);
                2
            }
            "port" => {
                let text =
                    needed("'port' expects a port number or a sample expression as argument..")?;
                made.port = Some(port(line, at + 1, &text)?);
                2
            }
            "addr" => {
                let text = needed("'addr' expects <ipv4|ipv6> as argument..")?;
                made.address = address(line, at + 1, &text)?;
                2
            }
            "ssl" | "sni" | "alpn" | "via-socks4" | "proto" => {
                return Err(fault(&format!("'{word}' is not built yet.")));
            }
            other => {
                return Err(fault(&format!(
                    "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', \
                     'default' but got '{other}' as argument.."
                )));
            }
        };
    }
    push(line, comment, CheckAction::Connect(made))
}

fn port(line: &Line<'_>, at: usize, text: &str) -> Result<u16, Fault> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let text = format!("'tcp-check connect' : port expression '{text}' is not built yet.");
        return Err(line.fault_at(at, text));
    }
    let port = text.parse::<u16>().ok().filter(|port| *port > 0);
    port.ok_or_else(|| {
        let text = format!(
            "'tcp-check connect' : expects a valid TCP port (from range 1 to 65535) or a sample expression, got {text}.."
        );
        line.fault_at(at, text)
    })
}

fn address(line: &Line<'_>, at: usize, text: &str) -> Result<Option<ir::Address>, Fault> {
    let variables = &line.config.global.environment;
    let found = resolve::address(variables, text.as_bytes(), Accept::SERVER, true);
    let found = found
        .map_err(|error| line.fault_at(at, format!("'tcp-check connect' : 'addr' : {error}..")))?;
    Ok(found.addresses.into_iter().next())
}

fn expect(line: &mut Line<'_>) -> Result<(), Fault> {
    let fault = |at: usize, text: String| {
        let text = format!("'tcp-check expect' : {text}");
        if line.args().is_empty() {
            line.fault(text)
        } else {
            line.fault_at(at.min(line.args().len() - 1), text)
        }
    };
    if line.args().is_empty() {
        return Err(fault(
            0,
            "expects at least a matching pattern as arguments.".to_owned(),
        ));
    }
    let mut made = CheckExpect::new(CheckPattern::String(Vec::new()));
    let (mut at, mut comment, mut found) = (0, None, false);
    while at < line.args().len() {
        let start = at;
        let mut word = line.arg(at).unwrap_or_default().into_owned();
        let mut negated = false;
        if word == "!" {
            negated = true;
            at += 1;
            word = line.arg(at).unwrap_or_default().into_owned();
        } else if let Some(rest) = word.strip_prefix('!') {
            negated = true;
            word = rest.to_owned();
        }
        let value = line.args().get(at + 1);
        let needed = |what: &str| {
            let text = format!("'{word}' expects {what} as argument.");
            value.ok_or_else(|| fault(at, text))
        };
        let pattern = PATTERNS.contains(&word.as_str());
        if pattern && found {
            return Err(fault(start, "only one pattern expected.".to_owned()));
        }
        if !pattern && negated && OPTIONS.contains(&word.as_str()) {
            return Err(fault(start, format!("[!] not supported with '{word}'.")));
        }
        match word.as_str() {
            name if pattern => {
                made.pattern =
                    read(name, needed("a <pattern>")?).map_err(|error| fault(at + 1, error))?;
                made.negated = negated;
                found = true;
            }
            "comment" => comment = Some(needed("a string")?.lossy().into_owned()),
            "min-recv" => {
                made.min_recv =
                    least(&needed("a integer")?.lossy()).map_err(|error| fault(at + 1, error))?;
            }
            "ok-status" | "error-status" | "tout-status" => {
                let text = needed("a string")?.lossy();
                let status = status(&word, &text).map_err(|error| fault(at + 1, error))?;
                match word.as_str() {
                    "ok-status" => made.ok = status,
                    "error-status" => made.error = status,
                    _ => made.timeout = status,
                }
            }
            "on-success" | "on-error" => {
                let text = needed("a string")?.lossy();
                if text.replace("%%", "").contains('%') {
                    let text = format!("log format '{text}' of '{word}' is not built yet.");
                    return Err(fault(at + 1, text));
                }
                let text = Some(CheckText::Fixed(text.replace("%%", "%")));
                if word == "on-success" {
                    made.on_success = text;
                } else {
                    made.on_error = text;
                }
            }
            "status-code" | "custom" => {
                return Err(fault(at, format!("'{word}' is not built yet.")));
            }
            other => {
                return Err(fault(
                    at,
                    format!(
                        "'only supports min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', \
                         '[!]binary-lf' or comment but got '{other}' as argument.."
                    ),
                ));
            }
        }
        at += 2;
    }
    if !found {
        // Upstream takes a line without a pattern, which expects nothing of the answer.
        return Err(fault(
            0,
            "a line without a pattern is not built yet.".to_owned(),
        ));
    }
    push(line, comment, CheckAction::Expect(made))
}

/// Reads the pattern behind `name`.
fn read(name: &str, word: &hapax_core::span::Word) -> Result<CheckPattern, String> {
    Ok(match name {
        "string" => CheckPattern::String(word.text.clone()),
        "binary" => CheckPattern::Binary(
            bytes(&word.text).map_err(|error| format!("invalid binary string ({error})."))?,
        ),
        "rstring" | "rbinary" => {
            let pattern = word.lossy().into_owned();
            if regex::bytes::Regex::new(&pattern).is_err() {
                return Err(format!("regex '{pattern}' is invalid."));
            }
            match name {
                "rstring" => CheckPattern::Regex(pattern),
                _ => CheckPattern::BinaryRegex(pattern),
            }
        }
        other => return Err(format!("'{other}' is not built yet.")),
    })
}

/// `min-recv`: -1 is none.
fn least(text: &str) -> Result<Option<u32>, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = digits
        .find(|byte: char| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let number = match &digits[..end] {
        "" => 0,
        digits => digits.parse::<i64>().unwrap_or(i64::MAX),
    };
    match number {
        1 if text.starts_with('-') => Ok(None),
        0 => Ok(Some(0)),
        _ if text.starts_with('-') || number > i64::from(i32::MAX) => {
            Err("'min-recv' expects -1 or an integer from 0 to INT_MAX.".to_owned())
        }
        number => Ok(u32::try_from(number).ok()),
    }
}

fn status(option: &str, text: &str) -> Result<CheckStatus, String> {
    let (allowed, names): (&[CheckStatus], _) = match option {
        "ok-status" => (
            &[
                CheckStatus::L4Ok,
                CheckStatus::L6Ok,
                CheckStatus::L7Ok,
                CheckStatus::L7OkConditionally,
            ],
            "'L4OK', 'L6OK', 'L7OK' or 'L7OKC'",
        ),
        "error-status" => (
            &[
                CheckStatus::L4Connection,
                CheckStatus::L6Response,
                CheckStatus::L7Response,
                CheckStatus::L7Status,
                CheckStatus::L7OkConditionally,
            ],
            "'L4CON', 'L6RSP', 'L7RSP' or 'L7STS'",
        ),
        _ => (
            &[
                CheckStatus::L4Timeout,
                CheckStatus::L6Timeout,
                CheckStatus::L7Timeout,
            ],
            "'L4TOUT', 'L6TOUT' or 'L7TOUT'",
        ),
    };
    let found = allowed.iter().find(|status| status.name() == text);
    found
        .copied()
        .ok_or_else(|| format!("'{option}' only supports {names} status (got '{text}').."))
}

/// Bytes from their hexadecimal form.
fn bytes(text: &[u8]) -> Result<Vec<u8>, String> {
    if text.len() % 2 == 1 {
        return Err("an even number of hex digit is expected".to_owned());
    }
    let digit = |byte: u8| {
        let digit = char::from(byte).to_digit(16);
        digit
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or_else(|| format!("an hex digit is expected (found '{}')", char::from(byte)))
    };
    text.chunks_exact(2)
        .map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// Under this name [`Scope::seen`](hapax_core::keyword::Scope::seen) holds the last `tcp-check` line.
pub(crate) const RULES: &str = "tcp-check";

static PATTERNS: &[&str] = &[
    "string",
    "binary",
    "rstring",
    "rbinary",
    "string-lf",
    "binary-lf",
];

static OPTIONS: &[&str] = &[
    "comment",
    "min-recv",
    "ok-status",
    "error-status",
    "tout-status",
    "on-success",
    "on-error",
    "status-code",
];
