//! Checks that are a list of steps: `tcp-check` and `http-check` lines, and the protocol checks made of the same steps.

use serde::Serialize;

use super::{Address, CheckProtocol, Expr, LogFormat, SetVariable};
use crate::live::CheckStatus;
use crate::span::Span;
use crate::variable::Name;

/// One step; texts count them from 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckStep {
    /// `comment`.
    pub comment: Option<String>,
    /// What it does.
    pub action: CheckAction,
    /// Its line.
    pub span: Span,
}

impl CheckAction {
    /// Whether it is no part of the talk with the server.
    pub fn is_aside(&self) -> bool {
        matches!(
            self,
            CheckAction::Note | CheckAction::Set(_) | CheckAction::Unset(_)
        )
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CheckAction {
    /// `tcp-check comment`: names the step behind it.
    Note,
    /// `tcp-check connect`.
    Connect(CheckConnect),
    /// `tcp-check send` and its relatives.
    Send(CheckData),
    /// `http-check send`.
    Request(CheckRequest),
    /// A hello of SSL version 3, which holds the time.
    SendSslHello,
    /// `tcp-check expect` and `http-check expect`.
    Expect(CheckExpect),
    /// `set-var` and `set-var-fmt`.
    Set(SetVariable),
    /// `unset-var`.
    Unset(Name),
}

/// Bytes that a step sends or looks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CheckData {
    /// These.
    Fixed(Vec<u8>),
    /// The text of a log format.
    Format(LogFormat),
    /// What the text of a log format says in hexadecimal.
    Hexadecimal(LogFormat),
}

/// A request of an HTTP check; what is none is as if nothing was said.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckRequest {
    /// `meth`.
    pub method: Option<String>,
    /// `uri` and `uri-lf`.
    pub uri: Option<CheckData>,
    /// `ver`.
    pub version: Option<String>,
    /// `hdr`, in order, names as written.
    pub headers: Vec<(String, CheckData)>,
    /// `body` and `body-lf`.
    pub body: Option<CheckData>,
}

/// `tcp-check connect` and `http-check connect`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckConnect {
    /// `port` with a number.
    pub port: Option<u16>,
    /// `port` with an expression: a value from 1 to 65535 is the port.
    pub port_expr: Option<Expr>,
    /// `addr`.
    pub address: Option<Address>,
    /// `default`: what the server line says counts where this line says nothing.
    pub as_server: bool,
    /// `send-proxy`.
    pub send_proxy: bool,
    /// `linger`: ends with a close rather than a reset.
    pub linger: bool,
    /// `ssl`.
    pub secured: bool,
    /// `sni`.
    pub sni: Option<String>,
    /// `alpn`.
    pub alpn: Option<Vec<String>>,
    /// `proto`.
    pub protocol: Option<CheckProtocol>,
    /// `via-socks4`.
    pub via_socks4: bool,
}

/// `tcp-check expect` and `http-check expect`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckExpect {
    /// What is looked for.
    pub pattern: CheckPattern,
    /// `!`.
    pub negated: bool,
    /// `min-recv`, bytes; none waits for more as long as nothing matches.
    pub min_recv: Option<u32>,
    /// `ok-status`.
    pub ok: CheckStatus,
    /// `error-status`.
    pub error: CheckStatus,
    /// `tout-status`.
    pub timeout: CheckStatus,
    /// `on-success`.
    pub on_success: Option<CheckText>,
    /// `on-error`.
    pub on_error: Option<CheckText>,
    /// Whether the first three bytes are the status code.
    pub has_code: bool,
    /// `status-code`.
    pub code: Option<Expr>,
}

impl CheckExpect {
    /// Expects a pattern; the rest as it is when nothing is said.
    pub fn new(pattern: CheckPattern) -> CheckExpect {
        CheckExpect {
            pattern,
            negated: false,
            min_recv: None,
            ok: CheckStatus::L7Ok,
            error: CheckStatus::L7Response,
            timeout: CheckStatus::L7Timeout,
            on_success: None,
            on_error: None,
            has_code: false,
            code: None,
        }
    }
}

/// What an expectation looks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CheckPattern {
    /// `string`.
    String(Vec<u8>),
    /// `string-lf`.
    StringFormat(LogFormat),
    /// `binary`.
    Binary(Vec<u8>),
    /// `binary-lf`: the format's text is hexadecimal.
    BinaryFormat(LogFormat),
    /// `rstring`.
    Regex(String),
    /// `rbinary`: on the upper-case hexadecimal form.
    BinaryRegex(String),
    /// The first packet of a MySQL server is no error.
    MysqlGreeting,
    /// The second packet of a MySQL server is no error.
    MysqlAnswer,
    /// An LDAP bind response with success.
    LdapBind,
    /// The answer of an SPOP agent to a hello is one of its own.
    SpopHello,
    /// `status`: ranges of the response's status, both ends included.
    Status(Vec<(u16, u16)>),
    /// `rstatus`.
    StatusRegex(String),
    /// `hdr` and `fhdr`.
    Field(CheckField),
}

/// What `http-check expect hdr` looks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckField {
    /// `fhdr`: the value as a whole, not what stands between its commas.
    pub whole: bool,
    /// The name, in which upper and lower case are one.
    pub name: CheckMatch,
    /// The value; none is any.
    pub value: Option<CheckMatch>,
}

/// A pattern and how it is compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckMatch {
    /// `-m`.
    pub method: CheckMethod,
    /// The pattern.
    pub pattern: CheckData,
}

/// How a name or value is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum CheckMethod {
    /// `str`: equal.
    #[default]
    Equal,
    /// `beg`.
    Begins,
    /// `end`.
    Ends,
    /// `sub`.
    Contains,
    /// `reg`.
    Regex,
}

/// What a check says about what it found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CheckText {
    /// This text.
    Fixed(String),
    /// The text of a log format.
    Format(LogFormat),
    /// What was received behind so many bytes, up to a NUL.
    Behind(usize),
    /// The same, up to the end of the line.
    LineBehind(usize),
}

/// The numbers that texts give to the steps of an HTTP check. Where a line asks, the connection is 0, also one that no line
/// asks for, and what stands before it is not counted; else the request that no line asks for is 0.
pub fn http_step_numbers(steps: &[CheckStep]) -> impl Iterator<Item = usize> + '_ {
    let leading = steps.iter().take_while(|step| step.action.is_aside());
    let leading = leading.count();
    let connects = matches!(
        steps.get(leading).map(|step| &step.action),
        Some(CheckAction::Connect(_))
    );
    let asks = steps
        .iter()
        .any(|step| matches!(step.action, CheckAction::Request(_)));
    let (skipped, first) = match (asks, connects) {
        (false, _) => (0, 1),
        (true, true) => (leading, 0),
        (true, false) => (leading, 1),
    };
    (0..steps.len()).map(move |at| at.saturating_sub(skipped) + first)
}
