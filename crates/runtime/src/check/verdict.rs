//! What an expectation of a check's step makes of what has come so far.

use hapax_core::ir::{
    CheckData, CheckExpect, CheckField, CheckMatch, CheckMethod, CheckPattern, CheckText,
};
use hapax_core::live::CheckStatus;
use hapax_proto::http::Values;
use hapax_sample::regex::Regex;
use memchr::memmem;

use super::answer::{Finding, cut};
use super::scene::Scene;
use super::script::Step;

/// An expectation, made once.
#[derive(Debug)]
pub(super) struct Expectation {
    expect: CheckExpect,
    regex: Option<Regex>,
    /// Those of the name and the value of a field.
    field: [Option<Regex>; 2],
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
            CheckPattern::Regex(pattern)
            | CheckPattern::BinaryRegex(pattern)
            | CheckPattern::StatusRegex(pattern) => Some(Regex::new(pattern.as_bytes(), false)?),
            _ => None,
        };
        let field = match &expect.pattern {
            CheckPattern::Field(field) => [
                compiled(Some(&field.name), true)?,
                compiled(field.value.as_ref(), false)?,
            ],
            _ => [None, None],
        };
        Ok(Expectation {
            expect: expect.clone(),
            regex,
            field,
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

    /// What is looked for.
    pub(super) fn expect(&self) -> &CheckExpect {
        &self.expect
    }

    /// The pattern as texts show it.
    pub(super) fn shown(&self) -> String {
        match &self.expect.pattern {
            CheckPattern::String(text) => format!("string '{}'", String::from_utf8_lossy(text)),
            CheckPattern::Binary(bytes) => format!("binary '{}'", hexadecimal(bytes)),
            CheckPattern::Regex(_) => "regex".to_owned(),
            CheckPattern::BinaryRegex(_) => "binary regex".to_owned(),
            CheckPattern::StringFormat(_) => "log-format string".to_owned(),
            CheckPattern::BinaryFormat(_) => "log-format binary".to_owned(),
            _ => "custom function".to_owned(),
        }
    }

    /// Looks at all that has come since the last send. `ended` says that the server sends no more, `full` that no more fits.
    pub(super) fn judge(
        &self,
        data: &[u8],
        ended: bool,
        full: bool,
        (step, scene): (&Step, &Scene<'_>),
    ) -> Verdict {
        let expect = &self.expect;
        let wrong = |text: String| self.fail(text, data, (step, scene));
        if data.is_empty() {
            if !ended {
                return Verdict::Wait;
            }
            if !expect.negated {
                let number = step.number;
                return wrong(format!("TCPCHK got an empty response at step {number}"));
            }
        }
        let made;
        let wanted = match &expect.pattern {
            CheckPattern::String(bytes) | CheckPattern::Binary(bytes) => Some(bytes.as_slice()),
            CheckPattern::StringFormat(format) | CheckPattern::BinaryFormat(format) => {
                let text = scene.text(format, data);
                if text.is_empty() {
                    return wrong("log-format string evaluated to an empty string".to_owned());
                }
                made = match &expect.pattern {
                    CheckPattern::BinaryFormat(_) => match from_hexadecimal(&text) {
                        Some(bytes) => bytes,
                        None => return wrong(NOT_HEXADECIMAL.to_owned()),
                    },
                    _ => text,
                };
                Some(made.as_slice())
            }
            _ => None,
        };
        let least = expect.min_recv.map_or(0, |least| least as usize);
        let least = least.max(wanted.map_or(0, <[u8]>::len));
        let last = ended || full;
        if data.len() < least && !last {
            return Verdict::Wait;
        }
        let found = match (&expect.pattern, wanted) {
            (_, Some(bytes)) => memmem::find(data, bytes).is_some(),
            (CheckPattern::Regex(_), _) => self.matches(data),
            (CheckPattern::BinaryRegex(_), _) => self.matches(hexadecimal(data).as_bytes()),
            (CheckPattern::MysqlGreeting, _) => return mysql(data, 0, last, scene),
            (CheckPattern::MysqlAnswer, _) => {
                return match mysql_packet(data, 0) {
                    Some(greeting) => mysql(data, greeting.len() + 4, last, scene),
                    None => mysql(data, 0, last, scene),
                };
            }
            (CheckPattern::LdapBind, _) => return ldap(data, last),
            (CheckPattern::SpopHello, _) => return super::spop::judge(data, last),
            _ => false,
        };
        if !found && expect.min_recv.is_none() && !last {
            return Verdict::Wait;
        }
        if found != expect.negated {
            return Verdict::Pass;
        }
        if !self.named {
            return wrong(String::new());
        }
        let what = match &expect.pattern {
            CheckPattern::String(text) => format!("'{}'", String::from_utf8_lossy(text)),
            CheckPattern::Binary(_) => "(binary)".to_owned(),
            CheckPattern::BinaryRegex(_) => "(binary regex)".to_owned(),
            CheckPattern::StringFormat(_) => "(log-format string)".to_owned(),
            CheckPattern::BinaryFormat(_) => "(log-format binary)".to_owned(),
            _ => "(regex)".to_owned(),
        };
        let how = if expect.negated {
            "matched unwanted content"
        } else {
            "did not match content"
        };
        let text = format!("TCPCHK {how} {what} at step {}", step.number);
        wrong(text)
    }

    /// Whether the pattern matches.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        self.regex
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    }

    /// Whether a response has the field.
    pub(super) fn has_field(&self, field: &CheckField, scene: &Scene<'_>) -> bool {
        let head = &scene.stream.response;
        let [name_regex, value_regex] = &self.field;
        let own = |wanted: &CheckMatch| match &wanted.pattern {
            CheckData::Fixed(bytes) => bytes.clone(),
            CheckData::Format(format) | CheckData::Hexadecimal(format) => scene.text(format, &[]),
        };
        let name = own(&field.name).to_ascii_lowercase();
        let value = field
            .value
            .as_ref()
            .map(|wanted| (own(wanted), wanted.method));
        head.iter().any(|(found, line)| {
            if !compare(found, &name, field.name.method, name_regex.as_ref()) {
                return false;
            }
            let Some((value, method)) = &value else {
                return true;
            };
            let is = |found: &[u8]| compare(found, value, *method, value_regex.as_ref());
            match field.whole {
                true => is(line),
                false => Values::new(line).any(is),
            }
        })
    }

    /// The check failed here, because of what `text` says unless `on-error` says something else.
    pub(super) fn fail(
        &self,
        text: String,
        data: &[u8],
        (step, scene): (&Step, &Scene<'_>),
    ) -> Verdict {
        let mut info = match &self.expect.on_error {
            Some(own) => made(own, data, scene),
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
                self.code(data, scene)
            } else {
                0
            },
            info,
        })
    }

    /// What `on-success` says.
    pub(super) fn success_text(&self, data: &[u8], scene: &Scene<'_>) -> Option<String> {
        let text = self.expect.on_success.as_ref()?;
        Some(made(text, data, scene))
    }

    /// The status code, 0 when there is none.
    pub(super) fn code(&self, data: &[u8], scene: &Scene<'_>) -> i32 {
        if let Some(expr) = &self.expect.code {
            let number = scene.integer(expr, data).unwrap_or(0);
            return i32::try_from(number).unwrap_or(0);
        }
        let status = scene.stream.response.status();
        if status > 0 {
            return status.into();
        }
        if !self.expect.has_code {
            return 0;
        }
        let digits = data.iter().take(3).take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |code, digit| code * 10 + i32::from(digit - b'0'))
    }
}

fn made(text: &CheckText, data: &[u8], scene: &Scene<'_>) -> String {
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
        CheckText::Format(format) => {
            let text = scene.text(format, data);
            let mut text = String::from_utf8_lossy(&text).into_owned();
            cut(&mut text);
            text
        }
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

/// What hexadecimal digits say; none when they are none, or an odd number.
pub(super) fn from_hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    if text.len() % 2 == 1 {
        return None;
    }
    text.chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

const NOT_HEXADECIMAL: &str = "Failed to parse hexastring resulting of eval of a log-format string";

fn compiled(wanted: Option<&CheckMatch>, is_name: bool) -> Result<Option<Regex>, String> {
    match wanted {
        Some(CheckMatch {
            method: CheckMethod::Regex,
            pattern: CheckData::Fixed(pattern),
        }) => Regex::new(pattern, is_name).map(Some),
        _ => Ok(None),
    }
}

fn compare(found: &[u8], wanted: &[u8], method: CheckMethod, regex: Option<&Regex>) -> bool {
    match method {
        CheckMethod::Equal => found == wanted,
        CheckMethod::Begins => found.starts_with(wanted),
        CheckMethod::Ends => found.ends_with(wanted),
        CheckMethod::Contains => memmem::find(found, wanted).is_some(),
        CheckMethod::Regex => regex.is_some_and(|regex| regex.is_match(found)),
    }
}

/// The content of the packet at `at`, when all of it has come.
fn mysql_packet(data: &[u8], at: usize) -> Option<&[u8]> {
    let head = data.get(at..at + 4)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
    data.get(at + 4..at + 4 + length)
}

/// Whether the packet at `at` is complete and no error.
fn mysql(data: &[u8], at: usize, last: bool, scene: &Scene<'_>) -> Verdict {
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
        info: made(&CheckText::Behind(3), packet, scene),
    })
}

pub(super) fn incomplete(last: bool) -> Verdict {
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
