//! What the checks of one backend say and expect, made once.

use hapax_core::ir::{CheckKind, Proxy, SourceAddress};
use thiserror::Error;

use super::script::Script;

/// The checks of a backend.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The steps of a check that has some; none only connects.
    pub(super) script: Option<Script>,
    /// `option external-check`.
    pub(super) external: bool,
    /// `timeout check`.
    pub(super) timeout_check: Option<u32>,
    /// `timeout connect`.
    pub(super) timeout_connect: Option<u32>,
    /// `source` of the backend.
    pub(super) source: Option<SourceAddress>,
}

/// A pattern of `http-check expect` or `tcp-check expect` that does not compile.
#[derive(Debug, Error)]
#[error("backend '{backend}': pattern of a check: {error}")]
pub struct BadPattern {
    backend: String,
    error: String,
}

impl Recipe {
    /// The checks of `proxy`.
    pub(super) fn new(proxy: &Proxy) -> Result<Recipe, BadPattern> {
        let script = match &proxy.check {
            CheckKind::Rules => Some(Script::new(&proxy.tcp_check, true)),
            CheckKind::Protocol(steps) => Some(Script::new(steps, false)),
            CheckKind::Http => Some(Script::http(&proxy.http_check)),
            CheckKind::Tcp | CheckKind::External => None,
        };
        let script = script.transpose().map_err(|error| BadPattern {
            backend: proxy.name.clone(),
            error,
        })?;
        Ok(Recipe {
            script,
            external: proxy.check == CheckKind::External,
            timeout_check: proxy.timeouts.check,
            timeout_connect: proxy.timeouts.connect,
            source: proxy.source.clone(),
        })
    }
}
