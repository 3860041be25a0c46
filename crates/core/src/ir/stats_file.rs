//! What a stats-file says about objects of the configuration.

use serde::Serialize;

/// The counters that an object had in a process before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedBefore {
    /// Whose.
    pub of: Counted,
    /// Columns of the statistics with their values, as the file names them.
    pub values: Vec<(&'static str, u64)>,
}

/// What has counters: by position in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Counted {
    /// The frontend side of a proxy.
    Frontend(usize),
    /// A listener of a proxy.
    Listener(usize, usize),
    /// The backend side of a proxy.
    Backend(usize),
    /// A server of a proxy.
    Server(usize, usize),
}
