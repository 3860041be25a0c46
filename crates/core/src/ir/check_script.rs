//! Checks that are a list of steps: `tcp-check` lines and the protocol checks made of the same steps.

use serde::Serialize;

use super::Address;
use crate::live::CheckStatus;

/// One step; texts count them from 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckStep {
    /// `comment`.
    pub comment: Option<String>,
    /// What it does.
    pub action: CheckAction,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CheckAction {
    /// `tcp-check comment`: names the step behind it.
    Note,
    /// `tcp-check connect`.
    Connect(CheckConnect),
    /// `tcp-check send` and `send-binary`.
    Send(Vec<u8>),
    /// A hello of SSL version 3, which holds the time.
    SendSslHello,
    /// `tcp-check expect`.
    Expect(CheckExpect),
}

/// `tcp-check connect`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckConnect {
    /// `port`.
    pub port: Option<u16>,
    /// `addr`.
    pub address: Option<Address>,
    /// `default`: what the server line says counts where this line says nothing.
    pub as_server: bool,
    /// `send-proxy`.
    pub send_proxy: bool,
    /// `linger`: ends with a close rather than a reset.
    pub linger: bool,
}

/// `tcp-check expect`.
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
        }
    }
}

/// What an expectation looks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CheckPattern {
    /// `string`.
    String(Vec<u8>),
    /// `binary`.
    Binary(Vec<u8>),
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
}

/// What a check says about what it found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CheckText {
    /// This text.
    Fixed(String),
    /// What was received behind so many bytes, up to a NUL.
    Behind(usize),
    /// The same, up to the end of the line.
    LineBehind(usize),
}
