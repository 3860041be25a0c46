//! Reads the answer to an HTTP check as far as the expectations need it.

use hapax_core::ir::CheckPattern;
use hapax_core::live::CheckStatus;
use hapax_proto::h1::body::{Asked, Framing, response_framing};
use hapax_proto::h1::chunk::Decoder;
use hapax_proto::h1::{Limits, Parse, Scan, parse_response};

use super::scene::Scene;
use super::script::Step;
use super::verdict::{Expectation, Verdict};
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

/// An answer on its way. Its head is the response of the scene.
#[derive(Default)]
pub(super) struct Answer {
    limits: Limits,
    scan: Scan,
    /// Whether the request was HEAD.
    to_head: bool,
    /// Whether the server itself gave a reason; the head has one in any case.
    has_reason: bool,
    body: Option<Body>,
}

struct Body {
    framing: Framing,
    decoder: Decoder,
    bytes: Vec<u8>,
    complete: bool,
}

impl Answer {
    /// Nothing read yet.
    pub(super) fn new(to_head: bool) -> Answer {
        Answer {
            to_head,
            ..Answer::default()
        }
    }

    /// What has come of the body.
    pub(super) fn body(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], |body| &body.bytes)
    }

    /// Whether the head is there.
    pub(super) fn has_head(&self) -> bool {
        self.body.is_some()
    }

    /// Goes on behind a head that did not come as text: what follows is the body as it is.
    pub(super) fn behind_head(&mut self) {
        self.body = Some(Body::new(Framing::UntilClose));
    }

    /// Takes the head; none wants more bytes in `buffer`. `ended` says that nothing more will come.
    pub(super) fn head(
        &mut self,
        buffer: &mut Buf,
        ended: bool,
        scene: &mut Scene<'_>,
    ) -> Option<Result<(), Finding>> {
        if self.has_head() {
            return Some(Ok(()));
        }
        let head = &mut scene.stream.response;
        match parse_response(buffer.data(), head, &mut self.scan, &self.limits) {
            Ok(Parse::Complete { len }) => {
                self.has_reason = has_reason(buffer.data());
                buffer.consume(len);
            }
            Ok(Parse::Partial) if !ended && buffer.tail() > 0 => return None,
            Ok(Parse::Partial) | Err(_) => {
                head.clear();
                return Some(Err(Finding::new(CheckStatus::SocketError, "")));
            }
        }
        let asked = Asked {
            head: self.to_head,
            ..Asked::default()
        };
        let framing = response_framing(head, &asked, true).unwrap_or(Framing::None);
        self.body = Some(Body::new(framing));
        Some(Ok(()))
    }

    /// Whether an expectation is met. `spared` says that nothing about the head is wrong (`disable-on-404`).
    pub(super) fn judge(
        &mut self,
        expectation: &Expectation,
        buffer: &mut Buf,
        (ended, spared): (bool, bool),
        (step, scene): (&Step, &Scene<'_>),
    ) -> Verdict {
        let expect = expectation.expect();
        let head = &scene.stream.response;
        let (met, name) = match &expect.pattern {
            CheckPattern::Status(ranges) => {
                let status = head.status();
                let met = ranges
                    .iter()
                    .any(|&(first, last)| (first..=last).contains(&status));
                (met, "(status codes)")
            }
            CheckPattern::StatusRegex(_) => (expectation.matches(head.status_text()), " (regex)"),
            CheckPattern::Field(field) => {
                (expectation.has_field(field, scene), " (header pattern)")
            }
            _ => return self.body_judged(expectation, buffer, ended, (step, scene)),
        };
        if met != expect.negated || spared {
            return Verdict::Pass;
        }
        let info = if self.has_reason {
            String::from_utf8_lossy(head.reason()).into_owned()
        } else {
            format!("TCPCHK did not match content{name} at step {}", step.number)
        };
        expectation.fail(info, self.body(), (step, scene))
    }

    fn body_judged(
        &mut self,
        expectation: &Expectation,
        buffer: &mut Buf,
        ended: bool,
        (step, scene): (&Step, &Scene<'_>),
    ) -> Verdict {
        let expect = expectation.expect();
        let Some(body) = self.body.as_mut() else {
            return Verdict::Wait;
        };
        body.take(buffer, ended, &self.limits);
        let data = body.bytes.as_slice();
        let fault = |text: &str| expectation.fail(text.to_owned(), data, (step, scene));
        let least = expect.min_recv.map_or(0, |least| least as usize);
        if data.len() < least && !body.complete {
            return Verdict::Wait;
        }
        let found = match &expect.pattern {
            CheckPattern::String(text) => memchr::memmem::find(data, text).is_some(),
            CheckPattern::StringFormat(format) => {
                let text = scene.text(format, data);
                if text.is_empty() {
                    return fault("log-format string evaluated to an empty string");
                }
                memchr::memmem::find(data, &text).is_some()
            }
            _ => expectation.matches(data),
        };
        if found {
            return match expect.negated {
                true => fault("HTTP check matched unwanted content"),
                false => Verdict::Pass,
            };
        }
        if !body.complete && expect.min_recv.is_none_or(|_| data.is_empty()) {
            return Verdict::Wait;
        }
        match (data.is_empty(), expect.negated) {
            (true, _) => fault("HTTP content check could not find a response body"),
            (false, true) => Verdict::Pass,
            (false, false) => fault("HTTP content check did not match"),
        }
    }
}

impl Body {
    fn new(framing: Framing) -> Body {
        Body {
            framing,
            decoder: Decoder::new(),
            bytes: Vec::new(),
            complete: false,
        }
    }

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
