//! What is sent for errors in place of the built-in pages.

use std::sync::Arc;

use serde::Serialize;

use crate::contract::{Action, Shared};
use crate::span::Span;

/// What to send for a status instead of the built-in page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorPage {
    /// 200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504.
    pub status: u16,
    /// The whole response: head and body.
    pub content: Arc<[u8]>,
    /// What makes the response of an exchange in place of `content` (`http-error`).
    pub reply: Option<Shared<dyn Action>>,
    /// `errorloc302`/`errorloc303` and files say where they came from, for the log and dumps.
    pub origin: String,
}

/// An `http-errors` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpErrors {
    /// Its name.
    pub name: String,
    /// The section line.
    pub span: Span,
    /// Its pages, one of a status.
    pub pages: Vec<ErrorPage>,
}

impl HttpErrors {
    /// The page for a status.
    pub fn page(&self, status: u16) -> Option<&ErrorPage> {
        self.pages.iter().find(|page| page.status == status)
    }
}

/// A line of a proxy that says what is sent for errors; the last one about a status counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum ErrorLine {
    /// A page.
    Page(ErrorPage),
    /// Pages of an `http-errors` section.
    Import {
        /// The section.
        name: String,
        /// Of these statuses; of all when there is none.
        statuses: Vec<u16>,
        /// Where it stands.
        span: Span,
    },
    /// Nothing of its own for this status.
    Reset(u16),
}

/// An answer of a rule that is taken from an `http-errors` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedReply {
    /// The section.
    pub name: String,
    /// The status.
    pub status: u16,
    /// The proxy of the rule.
    pub proxy: String,
    /// Where it stands.
    pub span: Span,
}
