//! `retry-on`: after which failures a request is sent again.

use serde::Serialize;

/// The failures that a request outlives, as long as `retries` lasts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetryOn {
    /// No connection could be made.
    pub connection: bool,
    /// The server closed without a byte of an answer.
    pub empty_response: bool,
    /// What the server sent is no response.
    pub junk_response: bool,
    /// `timeout server` came before an answer.
    pub response_timeout: bool,
    /// Statuses that are no answer.
    pub statuses: Vec<u16>,
}

impl RetryOn {
    /// `retry-on none`.
    pub const NONE: RetryOn = RetryOn {
        connection: false,
        empty_response: false,
        junk_response: false,
        response_timeout: false,
        statuses: Vec::new(),
    };

    /// Whether requests that were sent may have to be sent again.
    pub fn keeps_requests(&self) -> bool {
        self.empty_response
            || self.junk_response
            || self.response_timeout
            || !self.statuses.is_empty()
    }
}

impl Default for RetryOn {
    fn default() -> RetryOn {
        RetryOn {
            connection: true,
            ..RetryOn::NONE
        }
    }
}
