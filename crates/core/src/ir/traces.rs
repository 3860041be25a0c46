//! `traces` sections: all of them together.

use serde::Serialize;

use crate::span::Span;
use crate::trace::Settings;

/// What they come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Traces {
    /// With what the process starts.
    pub settings: Settings,
    /// The sinks that are named, and where: they must be there in the end.
    pub sinks: Vec<(String, Span)>,
}
