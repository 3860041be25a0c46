//! Reads the answer to an HTTP check as far as the expectations need it, and says what it is worth.

use hapax_core::live::{CheckStatus, Operation};
use hapax_proto::h1::body::{Asked, Framing, response_framing};
use hapax_proto::h1::chunk::Decoder;
use hapax_proto::h1::{Limits, Parse, Scan, parse_response};
use hapax_proto::http::Head;

use super::recipe::{Expect, HttpRecipe, Test};
use crate::buffer::Buf;

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The status.
    pub(super) status: CheckStatus,
    /// The HTTP status, 0 when it says nothing.
    pub(super) code: i32,
    /// Upstream's additional text.
    pub(super) info: String,
}

impl Finding {
    /// A finding without an HTTP status.
    pub(super) fn new(status: CheckStatus, info: &str) -> Finding {
        Finding {
            status,
            code: 0,
            info: info.to_owned(),
        }
    }
}

/// An answer on its way.
pub(super) struct Answer<'a> {
    recipe: &'a HttpRecipe,
    /// Where the server stands: 404 only disables one that is up.
    operation: Operation,
    limits: Limits,
    scan: Scan,
    head: Head,
    /// Whether the server itself gave a reason; the head has one in any case.
    has_reason: bool,
    /// The first expectation that is not met yet.
    at: usize,
    body: Option<Body>,
}

struct Body {
    framing: Framing,
    decoder: Decoder,
    bytes: Vec<u8>,
    complete: bool,
}

impl<'a> Answer<'a> {
    /// Nothing read yet.
    pub(super) fn new(recipe: &'a HttpRecipe, operation: Operation) -> Answer<'a> {
        Answer {
            recipe,
            operation,
            limits: Limits::default(),
            scan: Scan::default(),
            head: Head::default(),
            has_reason: false,
            at: 0,
            body: None,
        }
    }

    /// Looks at what has come; `ended` says that nothing more will. None wants more bytes in `buffer`.
    pub(super) fn advance(&mut self, buffer: &mut Buf, ended: bool) -> Option<Finding> {
        if self.body.is_none() {
            match parse_response(buffer.data(), &mut self.head, &mut self.scan, &self.limits) {
                Ok(Parse::Complete { len }) => {
                    self.has_reason = has_reason(buffer.data());
                    buffer.consume(len);
                }
                Ok(Parse::Partial) if !ended && buffer.tail() > 0 => return None,
                Ok(Parse::Partial) | Err(_) => {
                    return Some(Finding::new(CheckStatus::SocketError, ""));
                }
            }
            let asked = Asked {
                head: self.recipe.head,
                ..Asked::default()
            };
            self.body = Some(Body {
                framing: response_framing(&self.head, &asked, true).unwrap_or(Framing::None),
                decoder: Decoder::new(),
                bytes: Vec::new(),
                complete: false,
            });
        }
        while let Some(expect) = self.recipe.expect.get(self.at) {
            match self.meets(expect, buffer, ended)? {
                Ok(()) => self.at += 1,
                Err(finding) => return Some(finding),
            }
        }
        let conditionally = self.is_disabling();
        Some(Finding {
            status: if conditionally {
                CheckStatus::L7OkConditionally
            } else {
                CheckStatus::L7Ok
            },
            code: self.head.status().into(),
            info: String::new(),
        })
    }

    fn is_disabling(&self) -> bool {
        self.recipe.disable_on_404
            && self.head.status() == 404
            && self.operation != Operation::Stopped
    }

    /// Whether an expectation is met; none when that is not known yet.
    fn meets(
        &mut self,
        expect: &Expect,
        buffer: &mut Buf,
        ended: bool,
    ) -> Option<Result<(), Finding>> {
        let (met, name) = match &expect.test {
            Test::Status(ranges) => {
                let status = self.head.status();
                let met = ranges
                    .iter()
                    .any(|&(first, last)| (first..=last).contains(&status));
                (met, "(status codes)")
            }
            Test::StatusPattern(pattern) => (pattern.is_match(self.head.status_text()), " (regex)"),
            Test::Text(text) => {
                return self.body_meets(expect.negated, buffer, ended, |body| {
                    memchr::memmem::find(body, text).is_some()
                });
            }
            Test::TextPattern(pattern) => {
                return self
                    .body_meets(expect.negated, buffer, ended, |body| pattern.is_match(body));
            }
        };
        if met != expect.negated || self.is_disabling() {
            return Some(Ok(()));
        }
        let mut info = if self.has_reason {
            String::from_utf8_lossy(self.head.reason()).into_owned()
        } else {
            format!("TCPCHK did not match content{name} at step {}", expect.step)
        };
        cut(&mut info);
        Some(Err(Finding {
            status: CheckStatus::L7Status,
            code: self.head.status().into(),
            info,
        }))
    }

    fn body_meets(
        &mut self,
        negated: bool,
        buffer: &mut Buf,
        ended: bool,
        found: impl Fn(&[u8]) -> bool,
    ) -> Option<Result<(), Finding>> {
        let body = self.body.as_mut()?;
        body.take(buffer, ended, &self.limits);
        let fault = |text| Some(Err(Finding::new(CheckStatus::L7Response, text)));
        if found(&body.bytes) {
            return if negated {
                fault("HTTP check matched unwanted content")
            } else {
                Some(Ok(()))
            };
        }
        if !body.complete {
            return None;
        }
        match (body.bytes.is_empty(), negated) {
            (true, _) => fault("HTTP content check could not find a response body"),
            (false, true) => Some(Ok(())),
            (false, false) => fault("HTTP content check did not match"),
        }
    }
}

impl Body {
    /// Takes what has come of the body, up to the size of a buffer.
    fn take(&mut self, buffer: &mut Buf, ended: bool, limits: &Limits) {
        let room = buffer.capacity().saturating_sub(self.bytes.len());
        match self.framing {
            Framing::None | Framing::Tunnel => self.complete = true,
            Framing::Length(length) => {
                let missing = usize::try_from(length).unwrap_or(usize::MAX) - self.bytes.len();
                let count = buffer.len().min(missing).min(room);
                self.bytes.extend_from_slice(&buffer.data()[..count]);
                buffer.consume(count);
                self.complete |= count == missing;
            }
            Framing::UntilClose => {
                let count = buffer.len().min(room);
                self.bytes.extend_from_slice(&buffer.data()[..count]);
                buffer.consume(count);
            }
            Framing::Chunked => {
                while !buffer.is_empty() && !self.complete {
                    let Ok(progress) = self.decoder.advance(buffer.data(), limits) else {
                        self.complete = true;
                        return;
                    };
                    for range in progress.data {
                        self.bytes
                            .extend_from_slice(buffer.data().get(range).unwrap_or_default());
                    }
                    self.complete = progress.done;
                    if progress.consumed == 0 {
                        break;
                    }
                    buffer.consume(progress.consumed);
                }
            }
        }
        self.complete |= ended || self.bytes.len() >= buffer.capacity();
        buffer.compact();
        self.complete |= buffer.tail() == 0;
    }
}

/// Whether the status line has something behind the status.
fn has_reason(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let mut words = line
        .split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty());
    words.nth(2).is_some()
}

/// Cuts a text to what upstream keeps of it.
pub(super) fn cut(text: &mut String) {
    while text.len() > MOST_INFO {
        text.pop();
    }
}

const MOST_INFO: usize = 127;

#[cfg(test)]
mod tests;
