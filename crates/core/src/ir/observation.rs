//! What the program prints about its traffic while it runs (`-d`).

use serde::Serialize;

/// See the module text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// `-d`: sessions and message heads, on standard output.
    pub events: bool,
}
