//! The states of field lines: name, value, folding.

use super::class::{NAME, run_of};
use super::{Parser, State};
use crate::h1::fault::{Fault, FaultKind};
use crate::http::{Field, Name, Span};

impl Parser<'_> {
    /// At the start of a line: the end of the head or a field.
    pub(super) fn field_first(&mut self, byte: u8) {
        match byte {
            b'\r' => {
                self.at += 1;
                self.state = State::LastLf;
            }
            b'\n' => self.state = State::LastLf,
            _ => {
                self.scan.mark = self.at;
                self.scan.bad_name = false;
                self.state = State::FieldName;
            }
        }
    }

    /// Reads one whole ordinary line: `name: value`, CRLF, and the first byte of another line behind it. Anything else
    /// is left to the states, which read it from its start.
    #[inline]
    pub(super) fn plain_line(&mut self) -> Result<bool, Fault> {
        let start = self.at;
        let colon = run_of(self.bytes, start, NAME);
        if colon == start || self.bytes.get(colon) != Some(&b':') {
            return Ok(false);
        }
        let value = colon + 1 + usize::from(self.bytes.get(colon + 1) == Some(&b' '));
        let rest = self.bytes.get(value..).unwrap_or_default();
        let Some(found) = memchr::memchr3(b'\r', b'\n', 0, rest) else {
            return Ok(false);
        };
        let ordinary = match rest.get(found..) {
            Some([b'\r', b'\n', next, ..]) => {
                found > 0 && !matches!(next, b' ' | b'\t') && !matches!(rest[0], b' ' | b'\t')
            }
            _ => false,
        };
        if !ordinary {
            return Ok(false);
        }
        self.scan.name = Span::new(start, colon);
        self.scan.value = Span::new(value, value + found);
        self.scan.bad_name = false;
        self.at = value + found + 2;
        self.field_done()?;
        self.state = State::FieldFirst;
        Ok(true)
    }

    pub(super) fn field_name(&mut self) -> Result<(), Fault> {
        loop {
            self.at = run_of(self.bytes, self.at, NAME);
            let Some(&byte) = self.bytes.get(self.at) else {
                return Ok(());
            };
            match byte {
                b':' if self.at > self.scan.mark => {
                    self.scan.name = self.marked();
                    self.at += 1;
                    self.state = State::ValueBlank;
                    return Ok(());
                }
                b':' | b'\n' => return Err(self.fault(FaultKind::BadName, self.at)),
                _ => {
                    self.refuse_or_note(FaultKind::BadName, self.at)?;
                    self.scan.bad_name = true;
                    self.at += 1;
                }
            }
        }
    }

    pub(super) fn value_blank(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' => self.at += 1,
            b'\r' | b'\n' => {
                self.scan.value = Span::new(self.at, self.at);
                self.state = State::ValueBlankLf;
                self.at += usize::from(byte == b'\r');
            }
            _ => {
                self.scan.value = Span::new(self.at, self.at);
                self.state = State::Value;
            }
        }
    }

    pub(super) fn value(&mut self) -> Result<(), Fault> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(found) = memchr::memchr3(b'\r', b'\n', 0, rest) else {
                self.at = self.bytes.len();
                return Ok(());
            };
            self.at += found;
            match rest[found] {
                0 => {
                    self.refuse_or_note(FaultKind::BadValue, self.at)?;
                    self.at += 1;
                }
                byte => {
                    self.scan.value.end = Span::new(0, self.at).end;
                    self.state = State::ValueLf;
                    if byte == b'\r' {
                        self.at += 1;
                    }
                    return Ok(());
                }
            }
        }
    }

    /// After the line feed of a field: a blank continues the value, anything else ends it.
    pub(super) fn value_fold(&mut self, byte: u8, then: State) -> Result<(), Fault> {
        if matches!(byte, b' ' | b'\t') {
            self.scan.folded = true;
            self.state = then;
            return Ok(());
        }
        self.field_done()?;
        self.state = State::FieldFirst;
        Ok(())
    }

    pub(super) fn field_done(&mut self) -> Result<(), Fault> {
        self.state = State::ValueFold;
        self.scan.lines += 1;
        if self.scan.lines > self.limits.max_fields {
            return Err(self.fault(FaultKind::TooManyFields, self.at));
        }
        if self.scan.bad_name {
            return Ok(());
        }
        let value = self.trimmed(self.scan.value);
        let id = Name::of(self.scan.name.of(self.bytes));
        let field = Field {
            name: self.scan.name,
            value,
            id,
        };
        if id == Name::Other || self.checked(&field)? {
            self.head.fields.push(field);
        }
        Ok(())
    }

    /// Without the blanks at the end; in a folded value the line ends there count as blanks.
    pub(super) fn trimmed(&self, mut value: Span) -> Span {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = value.of(self.bytes).last() {
            value.end -= 1;
        }
        value
    }
}
