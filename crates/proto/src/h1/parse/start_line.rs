//! The states of a start line: method, target and version, or version, status and reason.

use super::class::{NAME, URI, VERSION, run_of};
use super::{Parser, State};
use crate::h1::fault::{Fault, FaultKind};
use crate::http::Span;

impl Parser<'_> {
    pub(super) fn method(&mut self) -> Result<(), Fault> {
        self.at = run_of(self.bytes, self.at, NAME);
        let Some(&byte) = self.bytes.get(self.at) else {
            return Ok(());
        };
        self.head.method = self.marked();
        match byte {
            b' ' | b'\t' => self.state = State::MethodSpace,
            b'\r' | b'\n' => self.no_version(byte),
            _ => return Err(self.fault(FaultKind::BadMethod, self.at)),
        }
        Ok(())
    }

    pub(super) fn uri(&mut self) -> Result<(), Fault> {
        loop {
            self.at = run_of(self.bytes, self.at, URI);
            let Some(&byte) = self.bytes.get(self.at) else {
                return Ok(());
            };
            match byte {
                b' ' | b'\t' => {
                    self.head.uri = self.marked();
                    self.state = State::UriSpace;
                    return Ok(());
                }
                b'\r' | b'\n' => {
                    self.head.uri = self.marked();
                    self.no_version(byte);
                    return Ok(());
                }
                b'#' | 0x80.. => self.refuse_or_note(FaultKind::BadUri, self.at)?,
                _ => return Err(self.fault(FaultKind::BadUri, self.at)),
            }
            self.at += 1;
        }
    }

    pub(super) fn request_version(&mut self) -> Result<(), Fault> {
        let start = self.scan.mark;
        self.at = run_of(self.bytes, self.at, VERSION);
        let Some(&byte) = self.bytes.get(self.at) else {
            return Ok(());
        };
        match byte {
            b'\r' | b'\n' if self.at == start => self.no_version(byte),
            b'\r' | b'\n' => {
                self.head.version = self.marked();
                self.end_line(byte, State::RequestLineEnd);
            }
            _ => return Err(self.fault(FaultKind::BadVersion, self.at)),
        }
        Ok(())
    }

    /// A request line without version is HTTP/0.9: the head ends with it.
    pub(super) fn no_version(&mut self, byte: u8) {
        self.head.version = Span::new(self.at, self.at);
        if self.head.uri.is_empty() {
            self.head.uri = self.head.version;
        }
        self.end_line(byte, State::LastLf);
    }

    pub(super) fn response_version(&mut self) -> Result<(), Fault> {
        self.at = run_of(self.bytes, self.at, VERSION);
        let Some(&byte) = self.bytes.get(self.at) else {
            return Ok(());
        };
        if !matches!(byte, b' ' | b'\t') {
            return Err(self.fault(FaultKind::BadVersion, self.at));
        }
        self.head.version = self.marked();
        self.state = State::ResponseVersionSpace;
        Ok(())
    }

    pub(super) fn response_version_space(&mut self, byte: u8) -> Result<(), Fault> {
        if matches!(byte, b'\r' | b'\n') {
            return Err(self.fault(FaultKind::BadStatus, self.at));
        }
        self.blanks(State::Code);
        Ok(())
    }

    pub(super) fn code(&mut self, byte: u8) -> Result<(), Fault> {
        match byte {
            b'0'..=b'9' => {
                if self.at - self.scan.mark == 3 {
                    self.refuse_or_note(FaultKind::BadStatus, self.at)?;
                }
                let digit = u16::from(byte - b'0');
                let status = self
                    .head
                    .status
                    .checked_mul(10)
                    .and_then(|status| status.checked_add(digit));
                self.head.status = status.ok_or(self.fault(FaultKind::BadStatus, self.at))?;
                self.at += 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' if self.at > self.scan.mark => {
                // No class of answers: whether a body follows would be anybody's guess.
                if self.head.status < 100 {
                    self.refuse_or_note(FaultKind::BadStatus, self.at)?;
                }
                self.head.code = self.marked();
                self.head.reason = Span::new(self.at, self.at);
                match byte {
                    b' ' | b'\t' => self.state = State::CodeSpace,
                    _ => self.end_line(byte, State::ResponseLineEnd),
                }
            }
            b'\r' | b'\n' => {
                self.state = State::ResponseVersionSpace;
                return Err(self.fault(FaultKind::BadStatus, self.at));
            }
            _ => return Err(self.fault(FaultKind::BadStatus, self.at)),
        }
        Ok(())
    }

    pub(super) fn reason(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(found) = memchr::memchr2(b'\r', b'\n', rest) else {
            self.at = self.bytes.len();
            return;
        };
        self.at += found;
        self.head.reason = self.marked();
        self.end_line(rest[found], State::ResponseLineEnd);
    }
}
