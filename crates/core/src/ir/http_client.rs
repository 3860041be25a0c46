//! The client for HTTP that the process itself has: `httpclient` of the runtime API, and what asks for responses of OCSP.

use serde::Serialize;

use super::{Family, Milliseconds, TlsVerify};
use crate::span::Span;

/// `httpclient.*` (configuration manual 3.4).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HttpClient {
    /// `httpclient.resolvers.disabled`: no section `default` is made for it, and names are not looked up.
    pub without_resolvers: bool,
    /// `httpclient.resolvers.id`: the section that names are looked up with, and where it was named.
    pub resolvers: Option<(String, Span)>,
    /// `httpclient.resolvers.prefer`.
    pub prefer: Family,
    /// `httpclient.retries`.
    pub retries: Option<u32>,
    /// `httpclient.timeout.connect`.
    pub timeout_connect: Option<Milliseconds>,
    /// `httpclient.ssl.ca-file`: its path, and where it was named.
    pub ca_file: Option<(String, Span)>,
    /// `httpclient.ssl.verify`.
    pub verify: Option<TlsVerify>,
}

impl HttpClient {
    /// The section that names are looked up with; none when they are not.
    pub fn section(&self) -> Option<&str> {
        match (&self.resolvers, self.without_resolvers) {
            (_, true) => None,
            (Some((name, _)), _) => Some(name),
            (None, _) => Some("default"),
        }
    }
}
