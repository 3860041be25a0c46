//! Rules in the form of HAProxy 1.5, each kind with its place in the order of that release.

use serde::Serialize;

use super::Rule;

/// The old rules of a proxy.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OldRules {
    /// `block`: before the `http-request` rules.
    pub block: Vec<Rule>,
    /// `reqrep`, `reqdel`, `reqdeny` and their kin: after the `http-request` rules.
    pub request: Vec<Rule>,
    /// `reqadd`: after those.
    pub request_add: Vec<Rule>,
    /// `rsprep`, `rspdel`, `rspdeny` and their kin: after the `http-response` rules.
    pub response: Vec<Rule>,
    /// `rspadd`: after those.
    pub response_add: Vec<Rule>,
}
