//! `program` sections: what a master starts beside the process that serves.

use serde::Serialize;

use crate::span::Span;

/// A section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExternalProgram {
    /// Its name.
    pub name: String,
    /// The section line.
    pub span: Span,
    /// `command`: the program and its arguments.
    pub command: Vec<String>,
    /// `user`, resolved.
    pub uid: Option<u32>,
    /// `group`, resolved.
    pub gid: Option<u32>,
    /// `no option start-on-reload`: a reload starts no new one.
    pub stays_on_reload: bool,
}
