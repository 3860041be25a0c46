//! What the checks of one backend say and expect, made once.

use hapax_core::ir::{CheckKind, HttpExpectTest, Proxy, SourceAddress};
use hapax_sample::regex::Regex;
use thiserror::Error;

use super::request::Request;
use super::script::Script;

/// The checks of a backend.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The HTTP check; none only connects.
    pub(super) http: Option<HttpRecipe>,
    /// The steps of a check that has some.
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

/// An HTTP check.
#[derive(Debug)]
pub(super) struct HttpRecipe {
    /// The request.
    pub(super) request: Request,
    /// Whether its method is HEAD.
    pub(super) head: bool,
    /// What the answer must be, in order.
    pub(super) expect: Vec<Expect>,
    /// `http-check disable-on-404`.
    pub(super) disable_on_404: bool,
}

/// One `http-check expect`.
#[derive(Debug)]
pub(super) struct Expect {
    /// `!`.
    pub(super) negated: bool,
    /// What is compared.
    pub(super) test: Test,
    /// Its number, as texts tell it.
    pub(super) step: usize,
}

/// What an expectation compares.
#[derive(Debug)]
pub(super) enum Test {
    /// The status is in one of these ranges.
    Status(Vec<(u16, u16)>),
    /// The status matches.
    StatusPattern(Regex),
    /// The body contains it.
    Text(Vec<u8>),
    /// The body matches.
    TextPattern(Regex),
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
        let http = match &proxy.check {
            CheckKind::Tcp | CheckKind::Rules | CheckKind::Protocol(_) | CheckKind::External => {
                None
            }
            CheckKind::Http(check) => {
                let mut expect = Vec::with_capacity(check.expect.len());
                for (index, line) in check.expect.iter().enumerate() {
                    let test = Test::new(&line.test).map_err(|error| BadPattern {
                        backend: proxy.name.clone(),
                        error,
                    })?;
                    expect.push(Expect {
                        negated: line.negated,
                        test,
                        // The request is step 0.
                        step: index + 1,
                    });
                }
                if expect.is_empty() {
                    // Upstream's own expectation stands behind its own connect and send.
                    expect.push(Expect {
                        negated: false,
                        test: Test::Status(vec![(200, 399)]),
                        step: 2,
                    });
                }
                Some(HttpRecipe {
                    request: Request::new(check),
                    head: check.method == "HEAD",
                    expect,
                    disable_on_404: check.disable_on_404,
                })
            }
        };
        let script = match &proxy.check {
            CheckKind::Rules => Some((proxy.tcp_check.as_slice(), true)),
            CheckKind::Protocol(steps) => Some((steps.as_slice(), false)),
            CheckKind::Tcp | CheckKind::Http(_) | CheckKind::External => None,
        };
        let script = script.map(|(steps, named)| Script::new(steps, named));
        let script = script.transpose().map_err(|error| BadPattern {
            backend: proxy.name.clone(),
            error,
        })?;
        Ok(Recipe {
            http,
            script,
            external: proxy.check == CheckKind::External,
            timeout_check: proxy.timeouts.check,
            timeout_connect: proxy.timeouts.connect,
            source: proxy.source.clone(),
        })
    }
}

impl Test {
    fn new(test: &HttpExpectTest) -> Result<Test, String> {
        Ok(match test {
            HttpExpectTest::Status(ranges, _) => Test::Status(ranges.clone()),
            HttpExpectTest::String(text) => Test::Text(text.clone()),
            HttpExpectTest::Regex { status, pattern } => {
                let pattern = Regex::new(pattern.as_bytes(), false)?;
                if *status {
                    Test::StatusPattern(pattern)
                } else {
                    Test::TextPattern(pattern)
                }
            }
        })
    }
}
