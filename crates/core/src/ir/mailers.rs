//! Mails about servers: `mailers` sections and `email-alert`.

use serde::Serialize;

use super::{Address, Milliseconds};
use crate::span::Span;

/// A `mailers` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mailers {
    /// Its name.
    pub name: String,
    /// Its line.
    pub span: Span,
    /// `timeout mail`.
    pub timeout: Milliseconds,
    /// `mailer` lines: name and address.
    pub mailers: Vec<(String, Address)>,
}

/// `email-alert` lines of a proxy.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EmailAlert {
    /// `mailers`
    pub mailers: Option<String>,
    /// `from`
    pub from: Option<String>,
    /// `to`
    pub to: Option<String>,
    /// `myhostname`
    pub host_name: Option<String>,
    /// `level`, as in the system log: what is more important or as important is mailed; none is alert.
    pub level: Option<u8>,
}
