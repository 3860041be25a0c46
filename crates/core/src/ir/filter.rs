//! Filters: what acts on the bytes of an exchange while they pass.

use serde::Serialize;

use super::Milliseconds;

/// `filter bwlim-in` or `filter bwlim-out`: a limit that rules switch on for an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BandwidthLimit {
    /// What rules call it.
    pub name: String,
    /// Whether it slows what goes to the client, rather than what comes from there.
    pub outgoing: bool,
    /// Payload bytes in a period.
    pub size: u32,
    /// The period.
    pub period: Milliseconds,
    /// Bytes that pass together at least, 0 for any.
    pub least: u32,
}
