//! `ring` sections, and the rings that `log` lines with stream addresses make.

use serde::Serialize;

use super::{LogFraming, Milliseconds, SharedServer};
use crate::backing_file::BackingFile;
use crate::span::Span;

/// A ring.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ring {
    /// Its name.
    pub name: String,
    /// The section line, or the `log` line.
    pub span: Span,
    /// `description`; its name without one.
    pub description: String,
    /// `format`; none leaves it to the `log` line, as rings that such a line made do.
    pub format: Option<LogFraming>,
    /// `maxlen`.
    pub maxlen: Option<usize>,
    /// `size`, bytes.
    pub size: usize,
    /// `backing-file`.
    pub backing: Option<BackingFile>,
    /// `timeout connect`.
    pub timeout_connect: Option<Milliseconds>,
    /// `timeout server`.
    pub timeout_server: Option<Milliseconds>,
    /// Servers that get every message.
    pub servers: Vec<SharedServer>,
}

impl Ring {
    /// One of which only the name is known.
    pub fn named(name: &str) -> Ring {
        Ring {
            name: name.to_owned(),
            span: Span::default(),
            description: name.to_owned(),
            format: Some(LogFraming::Raw),
            maxlen: None,
            size: DEFAULT_SIZE,
            backing: None,
            timeout_connect: None,
            timeout_server: None,
            servers: Vec::new(),
        }
    }

    /// The name of the ring from which a server of a log backend gets its lines.
    pub fn of_server(backend: &str, server: &str) -> String {
        format!("{backend}/{server}")
    }

    /// The longest message that fits: part of the size is upstream's own.
    pub fn most(&self) -> usize {
        self.size.saturating_sub(OVERHEAD)
    }

    /// Longest message, bytes.
    pub fn longest(&self) -> usize {
        self.maxlen.unwrap_or(DEFAULT_SIZE).min(self.most())
    }

    /// The rings that every process has: name and description.
    pub const BUILT_IN: [(&'static str, &'static str); 2] = [
        ("buf0", "in-memory ring buffer"),
        ("dpapi", "DPAPI ring buffer"),
    ];
}

/// How a message is framed on a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum LogProtocol {
    /// A line feed ends it.
    #[default]
    Legacy,
    /// Its length stands in front (RFC 6587 3.4.1).
    OctetCount,
}

const DEFAULT_SIZE: usize = 16384;
const OVERHEAD: usize = 197;
