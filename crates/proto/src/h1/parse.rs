//! Reads a message head, one state per thing that can stand next, so that it resumes at any byte.
//!
//! What is accepted is what the reference accepts, tried on sockets: a line ends with CRLF or LF alone; empty lines
//! before the start line are skipped; start-line parts are separated by one or more blanks; a folded line continues
//! the value and each byte of its line end becomes a space; control bytes other than NUL pass in values. A byte that
//! cannot stand where it is faults at once, checks that need a whole field fault at its end, and those that need the
//! whole head fault after its last line feed.

use crate::h1::fault::{Fault, FaultKind, State};
use crate::h1::reason::reason;
use crate::http::{Head, Kind, Name, Span};

pub(crate) mod check;
mod class;
mod connection;
mod field;
mod start_line;

/// What a head may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `tune.http.maxhdr`: fields and the end of the head count, so one less than this are accepted.
    pub max_fields: usize,
    /// Bytes that a head may have before its end is seen: the buffer's size.
    pub max_head: usize,
    /// Bytes a parsed head may take in upstream's representation: `tune.bufsize` less `tune.maxrewrite`. A head whose
    /// lines fit the buffer is still refused with 431 when it leaves no room for rewriting; the sum that decides is
    /// its length, 4 bytes for each field, and 79.
    pub max_kept: usize,
    /// `option accept-unsafe-violations-in-http-request` or `-response`.
    pub relaxed: bool,
    /// The message is only looked at, for rules in TCP mode: whatever looks like a version is one, and a request may do without.
    pub looks_on: bool,
    /// `h1-accept-payload-with-any-method`: 1.0 requests of GET, HEAD and DELETE may have a body.
    pub any_payload: bool,
    /// `h1-do-not-close-on-insecure-transfer-encoding`: the connection goes on after both lengths.
    pub trusts_both_lengths: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_fields: 101,
            max_head: 16320,
            max_kept: 15360,
            relaxed: false,
            looks_on: false,
            any_payload: false,
            trusts_both_lengths: false,
        }
    }
}

/// How far a head came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parse {
    /// The head ends after `len` bytes of input; the body or the next message follows.
    Complete {
        /// Bytes of the input that the head took, leading empty lines included.
        len: usize,
    },
    /// More bytes are needed.
    Partial,
}

/// Where to go on when more bytes have come. Start a message with `Scan::default()`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    state: Option<State>,
    at: usize,
    mark: usize,
    name: Span,
    value: Span,
    bad_name: bool,
    folded: bool,
    lines: usize,
    pub(super) coding: Coding,
    pub(super) host: Option<(Span, usize)>,
    /// With relaxed limits: the first violation that was let through. Upstream captures such a message for
    /// `show errors` and serves it.
    pub tolerated: Option<Fault>,
}

/// What the transfer-encoding lines said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Coding {
    pub(super) chunked: bool,
    pub(super) other: bool,
}

impl Scan {
    /// Whether no byte of the message itself has come yet (empty lines do not count): a client that closes here has
    /// sent no request.
    pub fn is_before(&self) -> bool {
        self.state.is_none_or(|state| {
            use State::*;
            matches!(
                state,
                RequestBefore | RequestBeforeCr | ResponseBefore | ResponseBeforeCr
            )
        })
    }

    /// What the parser reads next.
    pub fn state(&self, kind: Kind) -> State {
        self.state.unwrap_or(match kind {
            Kind::Request => State::RequestBefore,
            Kind::Response => State::ResponseBefore,
        })
    }

    /// Bytes examined.
    pub fn position(&self) -> usize {
        self.at
    }
}

/// Reads a request head from the start of `bytes`.
///
/// After `Partial`, call again with the same bytes and more behind them, the same `head` and the same `scan`; the
/// bytes seen before are not read again. `head` may only be used after `Complete`.
pub fn parse_request(
    bytes: &[u8],
    head: &mut Head,
    scan: &mut Scan,
    limits: &Limits,
) -> Result<Parse, Fault> {
    Parser::new(bytes, head, scan, limits, Kind::Request).run()
}

/// Reads a response head from the start of `bytes`; see `parse_request`. 1xx heads count as responses of their own.
pub fn parse_response(
    bytes: &[u8],
    head: &mut Head,
    scan: &mut Scan,
    limits: &Limits,
) -> Result<Parse, Fault> {
    Parser::new(bytes, head, scan, limits, Kind::Response).run()
}

/// Reads the trailer section that follows the last chunk, empty line included, into the fields of `trailers`. Line
/// ends, folding, limits and the checks of hosts are those of a head; framing fields are not interpreted.
pub(super) fn parse_trailers(
    bytes: &[u8],
    trailers: &mut Head,
    scan: &mut Scan,
    limits: &Limits,
) -> Result<Parse, Fault> {
    if scan.state.is_none() {
        trailers.clear();
        trailers.kind = Kind::Response;
        scan.state = Some(State::FieldFirst);
    }
    let mut parser = Parser::new(bytes, trailers, scan, limits, Kind::Response);
    parser.trailing = true;
    let parsed = parser.run_trailers();
    parsed.map_err(|fault| Fault {
        at: 0,
        state: State::Trailers,
        ..fault
    })
}

struct Parser<'a> {
    bytes: &'a [u8],
    head: &'a mut Head,
    scan: &'a mut Scan,
    limits: &'a Limits,
    state: State,
    at: usize,
    /// What is read are trailers.
    trailing: bool,
}

impl<'a> Parser<'a> {
    fn new(
        bytes: &'a [u8],
        head: &'a mut Head,
        scan: &'a mut Scan,
        limits: &'a Limits,
        kind: Kind,
    ) -> Parser<'a> {
        if scan.state.is_none() {
            head.clear();
            head.kind = kind;
        }
        let (state, at) = (scan.state(kind), scan.at);
        Parser {
            bytes,
            head,
            scan,
            limits,
            state,
            at,
            trailing: false,
        }
    }

    fn run(&mut self) -> Result<Parse, Fault> {
        let done = self.steps();
        self.scan.state = Some(self.state);
        self.scan.at = self.at;
        if !done? {
            if self.bytes.len() >= self.limits.max_head {
                let start_line = self.state.number() < State::FieldFirst.number();
                let kind = if start_line {
                    FaultKind::UriTooLong
                } else {
                    FaultKind::HeadTooLong
                };
                return Err(Fault {
                    kind,
                    at: self.bytes.len(),
                    state: self.state,
                });
            }
            return Ok(Parse::Partial);
        }
        self.take_text();
        let ended = self.finish();
        self.scan.state = Some(self.state);
        ended?;
        Ok(Parse::Complete { len: self.at })
    }

    fn run_trailers(&mut self) -> Result<Parse, Fault> {
        let done = self.steps();
        self.scan.state = Some(self.state);
        self.scan.at = self.at;
        if !done? {
            if self.bytes.len() >= self.limits.max_head {
                return Err(self.fault(FaultKind::HeadTooLong, self.bytes.len()));
            }
            return Ok(Parse::Partial);
        }
        if self.scan.lines >= self.limits.max_fields {
            return Err(self.fault(FaultKind::TooManyFields, self.at));
        }
        if self.scan.coding.other {
            return Err(self.fault(FaultKind::BadCoding, self.at));
        }
        self.take_text();
        self.finish_trailers();
        Ok(Parse::Complete { len: self.at })
    }

    /// Reads until the head ends (true) or the bytes do (false).
    fn steps(&mut self) -> Result<bool, Fault> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match self.state {
                State::RequestBefore => self.before(byte, State::RequestBeforeCr, State::Method)?,
                State::ResponseBefore => {
                    self.before(byte, State::ResponseBeforeCr, State::ResponseVersion)?
                }
                State::RequestBeforeCr => self.line_feed(byte, State::RequestBefore)?,
                State::ResponseBeforeCr => self.line_feed(byte, State::ResponseBefore)?,
                State::Method => self.method()?,
                State::MethodSpace => self.blanks(State::Uri),
                State::Uri => self.uri()?,
                State::UriSpace => self.blanks(State::RequestVersion),
                State::RequestVersion => self.request_version()?,
                State::RequestLineEnd => self.line_feed(byte, State::FieldFirst)?,
                State::ResponseVersion => self.response_version()?,
                State::ResponseVersionSpace => self.response_version_space(byte)?,
                State::Code => self.code(byte)?,
                State::CodeSpace => self.blanks(State::Reason),
                State::Reason => self.reason(),
                State::ResponseLineEnd => self.line_feed(byte, State::FieldFirst)?,
                State::FieldFirst => {
                    while self.plain_line()? {}
                    if let Some(&byte) = self.bytes.get(self.at) {
                        self.field_first(byte);
                    }
                }
                State::FieldName => self.field_name()?,
                State::ValueBlank => self.value_blank(byte),
                State::ValueBlankLf => self.line_feed(byte, State::ValueBlankFold)?,
                State::ValueBlankFold => self.value_fold(byte, State::ValueBlank)?,
                State::Value => self.value()?,
                State::ValueLf => self.line_feed(byte, State::ValueFold)?,
                State::ValueFold => self.value_fold(byte, State::Value)?,
                State::LastLf => {
                    self.line_feed(byte, State::Data)?;
                    return Ok(true);
                }
                _ => return Ok(true),
            }
        }
        Ok(false)
    }

    fn fault(&self, kind: FaultKind, at: usize) -> Fault {
        Fault {
            kind,
            at,
            state: self.state,
        }
    }

    /// Refuses, or notes the violation and goes on when limits are relaxed.
    fn refuse_or_note(&mut self, kind: FaultKind, at: usize) -> Result<(), Fault> {
        let fault = self.fault(kind, at);
        if !self.limits.relaxed {
            return Err(fault);
        }
        self.scan.tolerated.get_or_insert(fault);
        Ok(())
    }

    fn before(&mut self, byte: u8, after_cr: State, then: State) -> Result<(), Fault> {
        match byte {
            b'\r' => self.state = after_cr,
            b'\n' => {}
            _ if class::is(byte, class::NAME) => {
                self.scan.mark = self.at;
                self.state = then;
                return Ok(());
            }
            _ => return Err(self.fault(FaultKind::BadStart, self.at)),
        }
        self.at += 1;
        Ok(())
    }

    fn line_feed(&mut self, byte: u8, then: State) -> Result<(), Fault> {
        if byte != b'\n' {
            return Err(self.fault(FaultKind::BareCr, self.at));
        }
        self.at += 1;
        self.state = then;
        Ok(())
    }

    /// Skips blanks; `then` begins at the first other byte.
    fn blanks(&mut self, then: State) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        if self.at < self.bytes.len() {
            self.scan.mark = self.at;
            self.state = then;
        }
    }

    /// A CR or LF of a start line: goes where the line's LF is expected.
    fn end_line(&mut self, byte: u8, line_end: State) {
        self.state = line_end;
        if byte == b'\r' {
            self.at += 1;
        }
    }

    fn marked(&self) -> Span {
        Span::new(self.scan.mark, self.at)
    }

    /// Copies the head's bytes, lower-cases names and turns line ends of folded values into spaces.
    fn take_text(&mut self) {
        self.head.text.extend_from_slice(&self.bytes[..self.at]);
        for index in 0..self.head.fields.len() {
            let field = self.head.fields[index];
            self.head.text[field.name.start as usize..field.name.end as usize]
                .make_ascii_lowercase();
        }
        if self.scan.folded {
            for index in 0..self.head.fields.len() {
                let value = self.head.fields[index].value;
                for byte in &mut self.head.text[value.start as usize..value.end as usize] {
                    if matches!(byte, b'\r' | b'\n') {
                        *byte = b' ';
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
