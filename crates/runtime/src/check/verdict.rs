//! What an expectation of a check's step makes of what has come so far.

use hapax_core::ir::{CheckExpect, CheckPattern, CheckText};
use hapax_core::live::CheckStatus;
use hapax_sample::regex::Regex;
use memchr::memmem;

use super::answer::{Finding, cut};
use super::script::Step;

/// An expectation, made once.
#[derive(Debug)]
pub(super) struct Expectation {
    expect: CheckExpect,
    regex: Option<Regex>,
    /// Whether it comes from a `tcp-check` line.
    named: bool,
}

/// What an expectation says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// More is needed.
    Wait,
    Fail(Finding),
}

impl Expectation {
    /// Compiles the pattern.
    pub(super) fn new(expect: &CheckExpect, named: bool) -> Result<Expectation, String> {
        let regex = match &expect.pattern {
            // What servers send is bytes, not characters.
            CheckPattern::Regex(pattern) | CheckPattern::BinaryRegex(pattern) => {
                Some(Regex::new(pattern.as_bytes(), false)?)
            }
            _ => None,
        };
        Ok(Expectation {
            expect: expect.clone(),
            regex,
            named,
        })
    }

    /// `ok-status`.
    pub(super) fn ok(&self) -> CheckStatus {
        self.expect.ok
    }

    /// `tout-status`.
    pub(super) fn timeout(&self) -> CheckStatus {
        self.expect.timeout
    }

    /// The pattern as texts show it.
    pub(super) fn shown(&self) -> String {
        match &self.expect.pattern {
            CheckPattern::String(text) => format!("string '{}'", String::from_utf8_lossy(text)),
            CheckPattern::Binary(bytes) => format!("binary '{}'", hexadecimal(bytes)),
            CheckPattern::Regex(_) => "regex".to_owned(),
            CheckPattern::BinaryRegex(_) => "binary regex".to_owned(),
            _ => "custom function".to_owned(),
        }
    }

    /// Looks at all that has come since the last send. `ended` says that the server sends no more, `full` that no more fits.
    pub(super) fn judge(&self, data: &[u8], ended: bool, full: bool, step: &Step) -> Verdict {
        let expect = &self.expect;
        if data.is_empty() {
            if !ended {
                return Verdict::Wait;
            }
            if !expect.negated {
                let number = step.number;
                let text = format!("TCPCHK got an empty response at step {number}");
                return self.fail(text, data, step);
            }
        }
        let least = expect.min_recv.map_or(0, |least| least as usize);
        let least = match &expect.pattern {
            CheckPattern::String(bytes) | CheckPattern::Binary(bytes) => least.max(bytes.len()),
            _ => least,
        };
        let last = ended || full;
        if data.len() < least && !last {
            return Verdict::Wait;
        }
        let found = match &expect.pattern {
            CheckPattern::String(bytes) | CheckPattern::Binary(bytes) => {
                memmem::find(data, bytes).is_some()
            }
            CheckPattern::Regex(_) => self.matches(data),
            CheckPattern::BinaryRegex(_) => self.matches(hexadecimal(data).as_bytes()),
            CheckPattern::MysqlGreeting => return mysql(data, 0, last),
            CheckPattern::MysqlAnswer => {
                return match mysql_packet(data, 0) {
                    Some(greeting) => mysql(data, greeting.len() + 4, last),
                    None => mysql(data, 0, last),
                };
            }
            CheckPattern::LdapBind => return ldap(data, last),
        };
        if !found && expect.min_recv.is_none() && !last {
            return Verdict::Wait;
        }
        if found != expect.negated {
            return Verdict::Pass;
        }
        if !self.named {
            return self.fail(String::new(), data, step);
        }
        let what = match &expect.pattern {
            CheckPattern::String(text) => format!("'{}'", String::from_utf8_lossy(text)),
            CheckPattern::Binary(_) => "(binary)".to_owned(),
            CheckPattern::BinaryRegex(_) => "(binary regex)".to_owned(),
            _ => "(regex)".to_owned(),
        };
        let how = if expect.negated {
            "matched unwanted content"
        } else {
            "did not match content"
        };
        let text = format!("TCPCHK {how} {what} at step {}", step.number);
        self.fail(text, data, step)
    }

    fn matches(&self, text: &[u8]) -> bool {
        self.regex
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    }

    fn fail(&self, text: String, data: &[u8], step: &Step) -> Verdict {
        let mut info = match &self.expect.on_error {
            Some(own) => made(own, data),
            None => text,
        };
        if let Some(comment) = &step.comment {
            info.push_str(" comment: ");
            info.push_str(comment);
        }
        cut(&mut info);
        let status = self.expect.error;
        Verdict::Fail(Finding {
            status,
            code: if status.has_code() {
                self.code(data)
            } else {
                0
            },
            info,
        })
    }

    /// What `on-success` says.
    pub(super) fn success_text(&self, data: &[u8]) -> Option<String> {
        let text = self.expect.on_success.as_ref()?;
        Some(made(text, data))
    }

    /// The status code, 0 when there is none.
    pub(super) fn code(&self, data: &[u8]) -> i32 {
        if !self.expect.has_code {
            return 0;
        }
        let digits = data.iter().take(3).take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |code, digit| code * 10 + i32::from(digit - b'0'))
    }
}

fn made(text: &CheckText, data: &[u8]) -> String {
    let behind = |from: &usize, ends: &[u8]| {
        let rest = data.get(*from..).unwrap_or_default();
        let end = rest.iter().position(|byte| ends.contains(byte));
        let rest = &rest[..end.unwrap_or(rest.len())];
        let mut text = String::from_utf8_lossy(&rest[..rest.len().min(MOST)]).into_owned();
        cut(&mut text);
        text
    };
    match text {
        CheckText::Fixed(text) => text.clone(),
        CheckText::Behind(from) => behind(from, b"\0"),
        CheckText::LineBehind(from) => behind(from, b"\0\r\n"),
    }
}

/// More than any text shows.
const MOST: usize = 256;

/// Upper-case hexadecimal.
fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

/// The content of the packet at `at`, when all of it has come.
fn mysql_packet(data: &[u8], at: usize) -> Option<&[u8]> {
    let head = data.get(at..at + 4)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
    data.get(at + 4..at + 4 + length)
}

/// Whether the packet at `at` is complete and no error.
fn mysql(data: &[u8], at: usize, last: bool) -> Verdict {
    let Some(packet) = mysql_packet(data, at) else {
        return incomplete(last);
    };
    if packet.first() != Some(&0xff) {
        return Verdict::Pass;
    }
    let byte = |at: usize| packet.get(at).copied().unwrap_or(0);
    Verdict::Fail(Finding {
        status: CheckStatus::L7Status,
        code: u16::from_le_bytes([byte(1), byte(2)]).into(),
        info: made(&CheckText::Behind(3), packet),
    })
}

fn incomplete(last: bool) -> Verdict {
    if last {
        Verdict::Fail(Finding::new(CheckStatus::L7Response, ""))
    } else {
        Verdict::Wait
    }
}

/// Whether it is a bind response with success (RFC 4511 4.2.2).
fn ldap(data: &[u8], last: bool) -> Verdict {
    let foreign = || Verdict::Fail(Finding::new(CheckStatus::L7Response, "Not LDAPv3 protocol"));
    let (length, at) = match ber_length(data, 1) {
        Some((Some(length), at)) => (length, at),
        Some((None, _)) => return foreign(),
        None => return incomplete(last),
    };
    if data.len() - at < length {
        return incomplete(last);
    }
    if data.get(at..at + 4) != Some(b"\x02\x01\x01\x61") {
        return foreign();
    }
    let Some((_, at)) = ber_length(data, at + 4) else {
        return incomplete(last);
    };
    match data.get(at..at + 3) {
        Some([0x0a, 0x01, 0]) => Verdict::Pass,
        Some([0x0a, 0x01, code]) => Verdict::Fail(Finding {
            status: CheckStatus::L7Status,
            code: i32::from(*code),
            info: "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9".to_owned(),
        }),
        _ => foreign(),
    }
}

/// The length at `at`, and where what it is about begins; no length when its form is none that is in use.
fn ber_length(data: &[u8], at: usize) -> Option<(Option<usize>, usize)> {
    let first = *data.get(at)?;
    if first & 0x80 == 0 {
        return Some((Some(usize::from(first)), at + 1));
    }
    let begin = at + 1;
    let end = begin + usize::from(first & 0x7f);
    let bytes = data.get(begin..end)?;
    let length = bytes
        .iter()
        .take(4)
        .fold(0, |length, byte| length << 8 | usize::from(*byte));
    Some(((1..=4).contains(&bytes.len()).then_some(length), end))
}
