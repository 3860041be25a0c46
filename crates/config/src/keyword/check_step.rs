//! What the steps of `tcp-check` and `http-check` share: their order, connections, variables and log formats.

use hapax_core::ir::{
    self, CheckAction, CheckConnect, CheckData, CheckProtocol, CheckStep, Expr, LogFormat,
    SetVariable, VariableValue,
};
use hapax_core::keyword::{Fault, Line};
use hapax_core::span::Word;
use hapax_core::variable::{Conditions, Name};
use hapax_sample::expression::{self, Ending, Origin};
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

use crate::resolve;
use crate::value::address::Accept;

/// Which lines a step is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `tcp-check`
    Tcp,
    /// `http-check`
    Http,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Tcp => "tcp-check",
            Kind::Http => "http-check",
        }
    }

    /// Under this name [`Scope::seen`](hapax_core::keyword::Scope::seen) holds the last line of the kind.
    pub(crate) fn rules(self) -> &'static str {
        match self {
            Kind::Tcp => super::tcp_check::RULES,
            Kind::Http => super::http_check::STEPS,
        }
    }

    /// The steps so far.
    pub(crate) fn steps(self, proxy: &mut ir::Proxy) -> &mut Vec<CheckStep> {
        match self {
            Kind::Tcp => &mut proxy.tcp_check,
            Kind::Http => &mut proxy.http_check.steps,
        }
    }
}

/// Makes room for the first step of a section, which replaces what `defaults` says.
pub(crate) fn begin(line: &mut Line<'_>, kind: Kind) -> Result<(), Fault> {
    let span = line.span;
    let first = line.scope.seen.insert(kind.rules(), span).is_none();
    let proxy = line.proxy()?;
    if first {
        kind.steps(proxy).clear();
        if kind == Kind::Http {
            proxy.http_check.request = None;
        }
    }
    Ok(())
}

/// Adds a step.
pub(crate) fn push(
    line: &mut Line<'_>,
    kind: Kind,
    comment: Option<String>,
    action: CheckAction,
) -> Result<(), Fault> {
    begin(line, kind)?;
    let span = line.span;
    let steps = kind.steps(line.proxy()?);
    let begins = steps.iter().find(|step| !step.action.is_aside());
    let connects = begins.is_none_or(|step| matches!(step.action, CheckAction::Connect(_)));
    if matches!(action, CheckAction::Connect(_)) && !connects {
        let text = format!(
            "'{} connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a \
             'comment', when there is a 'connect' step in the tcp-check ruleset.",
            kind.name()
        );
        return Err(line.fault(text));
    }
    steps.push(CheckStep {
        comment,
        action,
        span,
    });
    Ok(())
}

/// `comment`: names the step behind it.
pub(crate) fn comment(line: &mut Line<'_>, kind: Kind) -> Result<(), Fault> {
    let text = line.arg(0).map(|text| text.into_owned());
    let missing = || {
        line.fault(format!(
            "'{} comment' : expects a string as argument.",
            kind.name()
        ))
    };
    let text = text.ok_or_else(missing)?;
    push(line, kind, Some(text), CheckAction::Note)
}

/// `connect`
pub(crate) fn connect(line: &mut Line<'_>, kind: Kind) -> Result<(), Fault> {
    let name = format!("'{} connect'", kind.name());
    let mut made = CheckConnect::default();
    let (mut at, mut comment) = (0, None);
    while let Some(word) = line.arg(at).map(|word| word.into_owned()) {
        let fault = |line: &Line<'_>, text: &str| line.fault_at(at, format!("{name} : {text}"));
        let value = line.arg(at + 1).map(|value| value.into_owned());
        let needed = |line: &Line<'_>, text: &str| value.clone().ok_or_else(|| fault(line, text));
        at += match word.as_str() {
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
            "via-socks4" => {
                made.via_socks4 = true;
                1
            }
            "ssl" => {
                made.secured = true;
                1
            }
            "comment" => {
                comment = Some(needed(line, "'comment' expects a string as argument..")?);
                2
            }
            "sni" => {
                made.sni = Some(needed(line, "'sni' expects a string as argument..")?);
                2
            }
            "alpn" => {
                let missing = "'alpn' : missing the comma-delimited ALPN protocol suite.";
                let list = needed(line, missing)?;
                made.alpn = Some(list.split(',').map(str::to_owned).collect());
                2
            }
            "proto" => {
                let text = needed(line, "'proto' expects a MUX protocol as argument..")?;
                let spoken = protocol(kind, &text).map_err(|text| fault(line, &text))?;
                made.protocol = Some(spoken);
                2
            }
            "port" => {
                let missing = "'port' expects a port number or a sample expression as argument..";
                let text = needed(line, missing)?;
                port(line, at + 1, &text, &name, &mut made)?;
                2
            }
            "addr" => {
                let text = needed(line, "'addr' expects <ipv4|ipv6> as argument..")?;
                let variables = &line.config.global.environment;
                let found = resolve::address(variables, text.as_bytes(), Accept::SERVER, true);
                let found = found.map_err(|error| fault(line, &format!("'addr' : {error}..")))?;
                made.address = found.addresses.into_iter().next();
                2
            }
            other => {
                let text = format!(
                    "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', \
                     'default' but got '{other}' as argument.."
                );
                return Err(fault(line, &text));
            }
        };
    }
    push(line, kind, comment, CheckAction::Connect(made))
}

/// `proto`: what is spoken over the connection.
fn protocol(kind: Kind, text: &str) -> Result<CheckProtocol, String> {
    match (kind, text) {
        (Kind::Http, "h1") => Ok(CheckProtocol::Http1),
        (Kind::Http, "h2") => Ok(CheckProtocol::Http2),
        (Kind::Tcp, "none") => Ok(CheckProtocol::Plain),
        (Kind::Http, "fcgi" | "quic") => Err(format!("'proto' : '{text}' is not built yet.")),
        (_, "h1" | "h2" | "fcgi" | "spop" | "none" | "quic") => Err(format!(
            "'proto' : invalid MUX protocol '{text}' for {}.",
            kind.name()
        )),
        _ => Err(format!("'proto' : unknown MUX protocol '{text}'..")),
    }
}

fn port(
    line: &mut Line<'_>,
    at: usize,
    text: &str,
    name: &str,
    made: &mut CheckConnect,
) -> Result<(), Fault> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = text.parse::<u16>().ok().filter(|port| *port > 0);
        let wrong = || {
            let text = format!(
                "{name} : expects a valid TCP port (from range 1 to 65535) or a sample expression, got {text}.."
            );
            line.fault_at(at, text)
        };
        made.port = Some(port.ok_or_else(wrong)?);
        return Ok(());
    }
    let found = expr(line, text.as_bytes()).map_err(|error| {
        let text = format!("{name} : error detected while parsing port expression : {error}.");
        line.fault_at(at, text)
    })?;
    made.port_expr = Some(found);
    Ok(())
}

/// Reads an expression of a check.
pub(crate) fn expr(line: &mut Line<'_>, text: &[u8]) -> Result<Expr, String> {
    let parsed = expression::parse(text, Ending::Whole, &Origin::of(line));
    let parsed = parsed.map_err(|error| error.to_string())?;
    if let Some(lacks) = Place::CHECK.lacks(&parsed.expr) {
        let shown = String::from_utf8_lossy(text);
        return Err(format!(
            " fetch method '{shown}' extracts information from '{lacks}', none of which is available here.\n"
        ));
    }
    line.config.references.extend(parsed.references);
    Ok(parsed.expr)
}

/// Reads a log format of a check.
pub(crate) fn format(line: &mut Line<'_>, text: &[u8]) -> Result<LogFormat, String> {
    let parsed = log_format::parse(text, Style::Plain, Place::CHECK, &Origin::of(line))?;
    line.config.references.extend(parsed.references);
    Ok(parsed.format)
}

/// The same in the frame of the words that are wrong.
pub(crate) fn framed_format(line: &mut Line<'_>, word: &Word) -> Result<LogFormat, String> {
    format(line, &word.text).map_err(|error| {
        let shown = word.lossy();
        format!("'{shown}' invalid log-format string ({error}).\n.")
    })
}

/// A log format, or its text where it says nothing else.
pub(crate) fn format_or_text(format: LogFormat) -> CheckData {
    match format.parts.as_slice() {
        [] => CheckData::Fixed(Vec::new()),
        [ir::LogPart::Text(text)] => CheckData::Fixed(text.clone()),
        _ => CheckData::Format(format),
    }
}

/// `set-var(NAME[,COND...])`, `set-var-fmt(...)` and `unset-var(NAME)`.
pub(crate) fn variable(line: &mut Line<'_>, kind: Kind, action: &str) -> Result<(), Fault> {
    let made = read_variable(line, action).map_err(|error| {
        let word = own_word(line).map(|word| word.lossy().into_owned());
        let word = word.unwrap_or_default();
        line.fault(format!("'{} {word}' : '{action}' : {error}.", kind.name()))
    })?;
    push(line, kind, None, made)
}

fn own_word<'l>(line: &'l Line<'_>) -> Option<&'l Word> {
    line.words.get(line.name_words.checked_sub(1)?)
}

fn read_variable(line: &mut Line<'_>, action: &str) -> Result<CheckAction, String> {
    let word = own_word(line).map(|word| word.text.clone());
    let word = word.unwrap_or_default();
    let shown = String::from_utf8_lossy(&word).into_owned();
    let rest = word.strip_prefix(action.as_bytes()).unwrap_or_default();
    let Some(rest) = rest.strip_prefix(b"(") else {
        return Err(format!(
            "invalid or incomplete action '{shown}'. {EXPECTED}"
        ));
    };
    let Some(inside) = rest.strip_suffix(b")") else {
        let text = format!("incomplete argument after action '{shown}'. {EXPECTED}");
        return Err(text);
    };
    let mut parts = inside.split(|byte| *byte == b',');
    let name = parts.next().unwrap_or_default();
    if action == "unset-var" {
        if inside.len() > name.len() {
            return Err("unset-var does not expect parameters after the variable name. Only \"set-var\" and \"set-var-fmt\" \
                        manage conditions"
                .to_owned());
        }
        let name = Name::parse(name).map_err(|error| error.to_string())?;
        return Ok(CheckAction::Unset(name));
    }
    let mut conditions = Conditions::default();
    for part in parts.filter(|part| !part.is_empty()) {
        conditions.add(part)?;
    }
    let name = Name::parse(name).map_err(|error| error.to_string())?;
    let value = if action == "set-var-fmt" {
        let text = line.args().first().map(|word| word.text.clone());
        VariableValue::Format(format(line, &text.unwrap_or_default())?)
    } else {
        if line.args().is_empty() {
            return Err("missing fetch method".to_owned());
        }
        let text = expression::joined(line.args());
        let parsed = expression::parse(&text, Ending::Whole, &Origin::of(line))
            .map_err(|error| error.to_string())?;
        if let Some(lacks) = Place::CHECK.lacks(&parsed.expr) {
            return Err(format!(
                "fetch method '{shown}' extracts information from '{lacks}', none of which is available here"
            ));
        }
        line.config.references.extend(parsed.references);
        VariableValue::Expr(parsed.expr)
    };
    Ok(CheckAction::Set(SetVariable {
        name,
        conditions,
        value,
    }))
}

/// What words of this family are told to look like.
const EXPECTED: &str =
    "Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'";
