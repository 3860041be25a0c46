//! Rules: an action under a condition.

use serde::Serialize;

use super::{Condition, LogFormat};
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
