//! What the program prints about its traffic while it runs (`-d`, `-dt`).

use serde::Serialize;

/// See the module text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// `-d`: sessions and message heads, on standard output.
    pub events: bool,
    /// `-dt h1`: what HTTP/1 does, on standard error.
    pub h1: Option<Trace>,
}

impl Observation {
    /// Whether anything is printed.
    pub fn is_on(self) -> bool {
        self.events || self.h1.is_some()
    }
}

/// How much a trace source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Which events.
    pub level: TraceLevel,
    /// What happened only, without where and to what (verbosities `quiet` and `clean`).
    pub terse: bool,
}

/// Which events a trace source tells; each level tells those before it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum TraceLevel {
    /// Faults.
    Error,
    /// Messages.
    User,
    /// Fields of messages.
    Proto,
    /// As [`TraceLevel::Proto`].
    State,
    /// As [`TraceLevel::Proto`].
    Data,
    /// As [`TraceLevel::Proto`].
    Developer,
}
