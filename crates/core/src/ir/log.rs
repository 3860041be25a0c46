//! Where log lines go and how they look.

use serde::Serialize;

use super::{Address, Expr};
use crate::keyword::{LogAlias, RowRef};
use crate::span::Span;

/// One `log` line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogTarget {
    /// Where lines are sent.
    pub address: LogAddress,
    /// Longest line, bytes; upstream's default is 1024.
    pub max_length: u32,
    /// The framing.
    pub format: LogFraming,
    /// Facility number 0-23.
    pub facility: u8,
    /// Lines less severe than this are not sent (0 emerg ... 7 debug).
    pub max_level: u8,
    /// Lines more severe than this are sent as this level.
    pub min_level: u8,
    /// `sample`: ranges of numbers (from 1) out of `size` to send.
    pub sample: Option<LogSample>,
    /// `profile`: the name of the `log-profile` section that says how lines look here.
    pub profile: Option<String>,
    /// The `log` line.
    pub span: Span,
}

/// `sample 1,3-4:5`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogSample {
    /// Ranges of turn numbers, from 1, both ends included.
    pub ranges: Vec<(u32, u32)>,
    /// Number of turns in a round.
    pub size: u32,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum LogAddress {
    /// UDP or a unix datagram socket.
    Datagram(Address),
    /// Standard output, standard error or another descriptor.
    Descriptor(i32),
    /// A TCP or unix stream socket; the configuration makes a ring with a server of it.
    Stream(Address),
    /// A ring by its name.
    Ring(String),
    /// A backend with `mode log` by its name.
    Backend(String),
}

/// How a line is framed (configuration manual, `log`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LogFraming {
    /// None given: `rfc3164` with `log-send-hostname`, else `local`.
    Unset,
    /// `local`: RFC 3164 without the host name.
    Local,
    /// `rfc3164`.
    Rfc3164,
    /// `rfc5424`.
    Rfc5424,
    /// `iso`.
    Iso,
    /// `priority`: only `<pri>`.
    Priority,
    /// `short`: `<level>`.
    Short,
    /// `timed`.
    Timed,
    /// `raw`.
    Raw,
}

/// A compiled `log-format` string.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LogFormat {
    /// Its pieces in order.
    pub parts: Vec<LogPart>,
    /// What is made of its named pieces; the others are left out then.
    pub encoding: LogEncoding,
    /// `%{+bin}o`: bytes of values stay as they are.
    pub binary: bool,
    /// From when on all of its pieces are known.
    pub ready: LogReady,
    /// The text it came from.
    pub text: String,
}

/// From when on a piece of a log line is known; lines are written as soon as all of theirs are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum LogReady {
    /// At any time.
    Always,
    /// With the request's head.
    Request,
    /// With the response's head; in TCP mode when the server is connected.
    Response,
    /// At the end.
    #[default]
    End,
}

/// How a value, or a whole format, is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum LogEncoding {
    /// As text.
    #[default]
    None,
    /// `+json`.
    Json {
        /// `+utf8`: characters beyond ASCII stay as they are.
        utf8: bool,
    },
    /// `+cbor`.
    Cbor,
}

/// What stands between `%` and an item in parentheses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogName {
    /// The name; empty for none.
    pub name: String,
    /// The type that is asked for.
    pub output: Option<LogType>,
}

/// The type of an item in encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LogType {
    /// `str`.
    Str,
    /// `sint`.
    Int,
    /// `bool`.
    Bool,
    /// `raw`: the bytes without quotes.
    Raw,
}

/// A piece of a log format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum LogPart {
    /// Fixed bytes.
    Text(Vec<u8>),
    /// A blank of a log line: left out after another blank, so that an empty piece leaves no gap.
    Separator,
    /// `%alias`.
    Alias {
        /// The alias.
        row: RowRef<LogAlias>,
        /// The text between braces, such as a header name.
        argument: Vec<u8>,
        /// Its name.
        name: LogName,
        /// Flags in force.
        flags: LogFlags,
    },
    /// `%[expression]`.
    Expr {
        /// The expression.
        expr: Expr,
        /// Its name.
        name: LogName,
        /// Flags in force.
        flags: LogFlags,
    },
}

/// Flags of log-format pieces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LogFlags {
    /// `Q`: quoted.
    pub quote: bool,
    /// `X`: hexadecimal.
    pub hex: bool,
    /// `json`.
    pub json: bool,
    /// `utf8`.
    pub utf8: bool,
    /// `cbor`.
    pub cbor: bool,
    /// `bin`; it counts for a whole format only.
    pub bin: bool,
    /// `E`: escaped for RFC 5424 structured data.
    pub escape: bool,
    /// Whether an absent value is written as `-` (mandatory fields of logs).
    pub mandatory: bool,
    /// Whether unprintable bytes are encoded as `%XX` (headers) or not (logs, replies).
    pub encode: bool,
}

impl LogFlags {
    /// The encoding that the flags ask for; JSON goes before CBOR.
    pub fn encoding(self) -> LogEncoding {
        match (self.json, self.cbor) {
            (true, _) => LogEncoding::Json { utf8: self.utf8 },
            (false, true) => LogEncoding::Cbor,
            (false, false) => LogEncoding::None,
        }
    }
}

/// Where in an exchange a line comes from (`%OG`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum LogOrigin {
    /// No line is being written.
    #[default]
    Unspecified,
    /// What came was no request.
    SessionError,
    /// A connection ended before it became a session.
    SessionKilled,
    /// A stream began.
    Accept,
    /// The request's head is there.
    Request,
    /// The server is connected.
    Connect,
    /// The head of the server's response is there.
    Response,
    /// The end.
    Close,
    /// `do-log` in `tcp-request connection`.
    TcpConnection,
    /// `do-log` in `tcp-request session`.
    TcpSession,
    /// `do-log` in `tcp-request content`.
    TcpContent,
    /// `do-log` in `tcp-response content`.
    TcpResponse,
    /// `do-log` in `http-request`.
    HttpRequest,
    /// `do-log` in `http-response`.
    HttpResponse,
    /// `do-log` in `http-after-response`.
    HttpAfterResponse,
    /// `do-log` in `quic-initial`.
    QuicInitial,
}

impl LogOrigin {
    /// The name in lines.
    pub fn name(self) -> &'static str {
        match self {
            LogOrigin::Unspecified => "unspec",
            LogOrigin::SessionError => "sess_error",
            LogOrigin::SessionKilled => "sess_killed",
            LogOrigin::Accept => "txn_accept",
            LogOrigin::Request => "txn_request",
            LogOrigin::Connect => "txn_connect",
            LogOrigin::Response => "txn_response",
            LogOrigin::Close => "txn_close",
            LogOrigin::TcpConnection => "tcp-req-conn",
            LogOrigin::TcpSession => "tcp-req-sess",
            LogOrigin::TcpContent => "tcp-req-cont",
            LogOrigin::TcpResponse => "tcp-res-cont",
            LogOrigin::HttpRequest => "http-req",
            LogOrigin::HttpResponse => "http-res",
            LogOrigin::HttpAfterResponse => "http-after-res",
            LogOrigin::QuicInitial => "quic-init",
        }
    }
}

/// The steps that `log-steps` and `log-profile` sections know by name; those of `do-log` stand behind the others.
pub static LOG_STEPS: &[(&str, LogOrigin)] = &[
    ("accept", LogOrigin::Accept),
    ("request", LogOrigin::Request),
    ("connect", LogOrigin::Connect),
    ("response", LogOrigin::Response),
    ("close", LogOrigin::Close),
    ("quic-init", LogOrigin::QuicInitial),
    ("http-req", LogOrigin::HttpRequest),
    ("http-res", LogOrigin::HttpResponse),
    ("http-after-res", LogOrigin::HttpAfterResponse),
    ("tcp-req-conn", LogOrigin::TcpConnection),
    ("tcp-req-sess", LogOrigin::TcpSession),
    ("tcp-req-cont", LogOrigin::TcpContent),
    ("tcp-res-cont", LogOrigin::TcpResponse),
];

/// `log-steps`: a set of origins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LogSteps(u32);

impl LogSteps {
    /// With one more.
    #[must_use]
    pub fn with(self, origin: LogOrigin) -> LogSteps {
        LogSteps(self.0 | 1 << origin as u8)
    }

    /// Whether lines of an origin are wanted.
    pub fn has(self, origin: LogOrigin) -> bool {
        self.0 & 1 << origin as u8 != 0
    }
}

/// A `log-profile` section: how lines look at the targets that name it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogProfile {
    /// Its name.
    pub name: String,
    /// The section line.
    pub span: Span,
    /// `log-tag`: in place of that of the proxy.
    pub tag: Option<String>,
    /// `on` lines, those of one step merged.
    pub steps: Vec<(ProfileStep, StepLog)>,
}

impl LogProfile {
    /// What is said about lines of an origin: what `on` says about that very step, else what it says about any.
    pub fn step(&self, origin: LogOrigin) -> Option<&StepLog> {
        let own = match origin {
            LogOrigin::SessionError | LogOrigin::SessionKilled => ProfileStep::Error,
            origin => ProfileStep::Origin(origin),
        };
        let find = |wanted| self.steps.iter().find(|(step, _)| *step == wanted);
        find(own)
            .or_else(|| find(ProfileStep::Any))
            .map(|(_, log)| log)
    }
}

/// What an `on` line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ProfileStep {
    /// `any`.
    Any,
    /// `error`.
    Error,
    /// Another one by name.
    Origin(LogOrigin),
}

/// How the lines of a step look.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StepLog {
    /// `drop`: there are none.
    pub drop: bool,
    /// `format`: in place of `log-format` or `error-log-format`.
    pub format: Option<LogFormat>,
    /// `sd`: in place of `log-format-sd`.
    pub structured: Option<LogFormat>,
}
