//! `log-forward` sections: syslog servers whose messages go on to other targets.

use serde::Serialize;

use super::{Bind, LogTarget, Milliseconds};
use crate::span::Span;

/// A section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogForward {
    /// Its name.
    pub name: String,
    /// The section line.
    pub span: Span,
    /// `bind`: where streams of messages come in.
    pub streams: Vec<Bind>,
    /// `dgram-bind`: where datagrams come in.
    pub datagrams: Vec<Bind>,
    /// `log` lines, those of `log global` first.
    pub logs: Vec<LogTarget>,
    /// `log global` was given.
    pub log_global: bool,
    /// `maxconn`: streams at a time.
    pub maxconn: u32,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `timeout client`: how long a stream may be silent.
    pub timeout_client: Option<Milliseconds>,
    /// `option assume-rfc6587-ntf`: streams are lines.
    pub lines: bool,
    /// `option dont-parse-log`: messages are passed as they are.
    pub verbatim: bool,
    /// `option host`.
    pub host: HostStrategy,
}

impl LogForward {
    /// Connections where `maxconn` says nothing (configuration manual 12.6).
    pub const MAXCONN: u32 = 10;

    /// An empty section.
    pub fn named(name: &str, span: Span) -> LogForward {
        LogForward {
            name: name.to_owned(),
            span,
            streams: Vec::new(),
            datagrams: Vec::new(),
            logs: Vec::new(),
            log_global: false,
            maxconn: LogForward::MAXCONN,
            backlog: None,
            timeout_client: None,
            lines: false,
            verbatim: false,
            host: HostStrategy::Fill,
        }
    }
}

/// What becomes of the host that a message names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum HostStrategy {
    /// The sender's address takes its place.
    Replace,
    /// The sender's address where there is none.
    #[default]
    Fill,
    /// It stays; without one there is none.
    Keep,
    /// The sender's address comes behind it.
    Append,
}
