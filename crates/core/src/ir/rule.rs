//! Rules: an action under a condition.

use serde::Serialize;

use super::{Condition, LogFormat, Milliseconds};
use crate::contract::{Action, Shared};
use crate::span::Span;

/// One line of a ruleset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// What is done.
    pub action: Shared<dyn Action>,
    /// When; none is always.
    pub condition: Option<Condition>,
    /// Where it stands.
    pub span: Span,
}

/// The rulesets below HTTP.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TcpRules {
    /// `tcp-request connection`.
    pub connection: Vec<Rule>,
    /// `tcp-request session`.
    pub session: Vec<Rule>,
    /// `tcp-request content`.
    pub request: Vec<Rule>,
    /// `tcp-response content`.
    pub response: Vec<Rule>,
    /// `tcp-request inspect-delay`; none does not wait.
    pub request_delay: Option<Milliseconds>,
    /// `tcp-response inspect-delay`; none does not wait.
    pub response_delay: Option<Milliseconds>,
}

/// A `use_backend` line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UseBackend {
    /// The backend.
    pub target: BackendTarget,
    /// When; none is always.
    pub condition: Option<Condition>,
    /// Where it stands.
    pub span: Span,
}

/// The name of a backend, fixed or computed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum BackendTarget {
    /// A name.
    Name(String),
    /// A log format that gives the name; an unknown one falls to the default backend.
    Format(LogFormat),
}

/// A `use-server` line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UseServer {
    /// The server.
    pub target: ServerTarget,
    /// When.
    pub condition: Condition,
    /// Where it stands.
    pub span: Span,
}

/// The name of a server of the same backend, fixed or computed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum ServerTarget {
    /// A name.
    Name(String),
    /// A log format that gives the name; an unknown one leaves the choice to persistence and load balancing.
    Format(LogFormat),
}

/// A `force-persist` or `ignore-persist` line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersistRule {
    /// What it does.
    pub effect: PersistEffect,
    /// When.
    pub condition: Condition,
    /// Where it stands.
    pub span: Span,
}

/// What a [`PersistRule`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PersistEffect {
    /// Persistence reaches servers that are down.
    Force,
    /// There is no persistence.
    Ignore,
}
