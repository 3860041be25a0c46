//! `tcp-check expect` and `http-check expect`: what a check waits for.

use hapax_core::ir::{
    CheckAction, CheckData, CheckExpect, CheckField, CheckMatch, CheckMethod, CheckPattern,
    CheckText,
};
use hapax_core::keyword::{Fault, Line};
use hapax_core::live::CheckStatus;
use hapax_core::span::Word;
use hapax_sample::regex::Regex;

use super::check_step::{self, Kind};

/// Reads a line.
pub(crate) fn expect(line: &mut Line<'_>, kind: Kind) -> Result<(), Fault> {
    let keyword = line.keyword();
    let words: Vec<Word> = line.args().to_vec();
    let mut reader = Reader {
        kind,
        words: &words,
        at: 0,
        expect: CheckExpect::new(CheckPattern::String(Vec::new())),
        error: None,
        comment: None,
        found: false,
    };
    reader.read(line).map_err(|(at, text)| {
        let text = format!("'{keyword}' : {text}");
        match words.len() {
            0 => line.fault(text),
            count => line.fault_at(at.min(count - 1), text),
        }
    })?;
    let Reader {
        mut expect,
        error,
        comment,
        ..
    } = reader;
    expect.error = error.unwrap_or(match expect.pattern {
        CheckPattern::Status(_) | CheckPattern::StatusRegex(_) | CheckPattern::Field(_) => {
            CheckStatus::L7Status
        }
        _ => CheckStatus::L7Response,
    });
    check_step::push(line, kind, comment, CheckAction::Expect(expect))
}

/// A line on its way.
struct Reader<'a> {
    kind: Kind,
    words: &'a [Word],
    at: usize,
    expect: CheckExpect,
    error: Option<CheckStatus>,
    comment: Option<String>,
    found: bool,
}

/// What is wrong, and with which word.
type Wrong = (usize, String);

impl<'a> Reader<'a> {
    fn read(&mut self, line: &mut Line<'_>) -> Result<(), Wrong> {
        if self.words.is_empty() {
            let text = "expects at least a matching pattern as arguments.";
            return Err((0, text.to_owned()));
        }
        while self.at < self.words.len() {
            self.word(line)?;
        }
        match self.found {
            true => Ok(()),
            false => Err((0, "pattern not found.".to_owned())),
        }
    }

    /// Reads an option or a pattern.
    fn word(&mut self, line: &mut Line<'_>) -> Result<(), Wrong> {
        let start = self.at;
        let mut word = self.here().map_or(String::new(), lossy);
        let negated = word.starts_with('!');
        if word == "!" {
            self.at += 1;
            word = self.here().map_or(String::new(), lossy);
        } else if negated {
            word.remove(0);
        }
        let patterns = match self.kind {
            Kind::Tcp => TCP_PATTERNS,
            Kind::Http => HTTP_PATTERNS,
        };
        if patterns.contains(&word.as_str()) {
            if self.found {
                return Err((start, "only one pattern expected.".to_owned()));
            }
            self.expect.pattern = self.pattern(line, &word)?;
            self.expect.negated = negated;
            self.found = true;
            return Ok(());
        }
        if negated && OPTIONS.contains(&word.as_str()) {
            return Err((start, format!("[!] not supported with '{word}'.")));
        }
        self.option(line, &word)
    }

    fn option(&mut self, line: &mut Line<'_>, word: &str) -> Result<(), Wrong> {
        match word {
            "comment" => self.comment = Some(lossy(self.value(word, "a string")?)),
            "min-recv" => {
                let text = lossy(self.value(word, "a integer")?);
                self.expect.min_recv = least(&text).map_err(|text| (self.at - 1, text))?;
            }
            "ok-status" | "error-status" | "tout-status" => {
                let text = lossy(self.value(word, "a string")?);
                let status = status(word, &text).map_err(|text| (self.at - 1, text))?;
                match word {
                    "ok-status" => self.expect.ok = status,
                    "error-status" => self.error = Some(status),
                    _ => self.expect.timeout = status,
                }
            }
            "on-success" | "on-error" => {
                let text = self.value(word, "a string")?;
                let format = check_step::framed_format(line, text);
                let format = format.map_err(|text| (self.at - 1, text))?;
                let text = Some(match check_step::format_or_text(format) {
                    CheckData::Fixed(text) => {
                        CheckText::Fixed(String::from_utf8_lossy(&text).into_owned())
                    }
                    CheckData::Format(format) | CheckData::Hexadecimal(format) => {
                        CheckText::Format(format)
                    }
                });
                match word {
                    "on-success" => self.expect.on_success = text,
                    _ => self.expect.on_error = text,
                }
            }
            "status-code" => {
                let text = self.value(word, "an expression")?;
                let expr = check_step::expr(line, &text.text).map_err(|error| {
                    let text =
                        format!("error detected while parsing status-code expression : {error}.");
                    (self.at - 1, text)
                })?;
                self.expect.code = Some(expr);
            }
            other => {
                let names = match self.kind {
                    Kind::Tcp => {
                        "'only supports min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', \
                         '[!]binary-lf' or comment"
                    }
                    Kind::Http => {
                        "'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', \
                         [!]hdr, [!]fhdr or comment"
                    }
                };
                let text = format!("{names} but got '{other}' as argument..");
                return Err((self.at, text));
            }
        }
        Ok(())
    }

    fn pattern(&mut self, line: &mut Line<'_>, name: &str) -> Result<CheckPattern, Wrong> {
        if name == "hdr" || name == "fhdr" {
            return self.field(line, name).map(CheckPattern::Field);
        }
        let word = self.value(name, "a <pattern>")?;
        let at = self.at - 1;
        let wrong = |text: String| (at, text);
        Ok(match name {
            "string" => CheckPattern::String(word.text.clone()),
            "binary" => {
                let bytes = bytes(&word.text);
                let text = |error| format!("invalid binary string ({error}).");
                CheckPattern::Binary(bytes.map_err(text).map_err(wrong)?)
            }
            "string-lf" => {
                CheckPattern::StringFormat(check_step::framed_format(line, word).map_err(wrong)?)
            }
            "binary-lf" => {
                CheckPattern::BinaryFormat(check_step::framed_format(line, word).map_err(wrong)?)
            }
            "status" => CheckPattern::Status(codes(&word.lossy()).map_err(wrong)?),
            "rstatus" => CheckPattern::StatusRegex(regex(word).map_err(wrong)?),
            "rbinary" => CheckPattern::BinaryRegex(regex(word).map_err(wrong)?),
            _ => CheckPattern::Regex(regex(word).map_err(wrong)?),
        })
    }

    /// `{ name | name-lf } [-m METHOD] NAME [{ value | value-lf } [-m METHOD] VALUE]`
    fn field(&mut self, line: &mut Line<'_>, word: &str) -> Result<CheckField, Wrong> {
        self.at += 1;
        let first = self.here().map_or(String::new(), lossy);
        let last = self.at + 1 >= self.words.len();
        if last || (first != "name" && first != "name-lf") {
            let text = format!(
                "'{word}' expects at the name keyword as first argument followed by a pattern."
            );
            return Err((self.at, text));
        }
        let name = self.matched(line, word, first == "name-lf")?;
        let next = self.here().map_or(String::new(), lossy);
        if next != "value" && next != "value-lf" {
            return Ok(CheckField {
                whole: word == "fhdr",
                name,
                value: None,
            });
        }
        if self.at + 1 >= self.words.len() {
            let text = format!("'{word}' expect a pattern with the value keyword.");
            return Err((self.at, text));
        }
        let value = self.matched(line, word, next == "value-lf")?;
        Ok(CheckField {
            whole: word == "fhdr",
            name,
            value: Some(value),
        })
    }

    /// `[-m METHOD] PATTERN` behind the word here.
    fn matched(
        &mut self,
        line: &mut Line<'_>,
        word: &str,
        is_format: bool,
    ) -> Result<CheckMatch, Wrong> {
        self.at += 1;
        let mut method = CheckMethod::Equal;
        if self.here().is_some_and(|word| *word == "-m") {
            let Some(name) = self.words.get(self.at + 1) else {
                let text = format!(
                    "'{word}' : '-m' expects at a matching pattern ('str', 'beg', 'end', 'sub' or 'reg')."
                );
                return Err((self.at, text));
            };
            let found = METHODS.iter().find(|(known, _)| *name == *known);
            let Some((_, found)) = found else {
                let text = format!(
                    "'{word}' : '-m' only supports 'str', 'beg', 'end', 'sub' or 'reg' (got '{}').",
                    name.lossy()
                );
                return Err((self.at + 1, text));
            };
            method = *found;
            if is_format && method == CheckMethod::Regex {
                let text = format!(
                    "'{word}': log-format string is not supported with a regex matching method."
                );
                return Err((self.at + 1, text));
            }
            self.at += 2;
        }
        let Some(pattern) = self.here() else {
            let text = format!("'{word}' expect a pattern with the value keyword.");
            return Err((self.at, text));
        };
        let at = self.at;
        self.at += 1;
        let pattern = if is_format {
            let format = check_step::framed_format(line, pattern).map_err(|text| (at, text))?;
            check_step::format_or_text(format)
        } else {
            if method == CheckMethod::Regex {
                regex(pattern).map_err(|text| (at, text))?;
            }
            CheckData::Fixed(pattern.text.clone())
        };
        Ok(CheckMatch { method, pattern })
    }

    fn here(&self) -> Option<&'a Word> {
        self.words.get(self.at)
    }

    /// Takes the word here and the one behind it, which is given.
    fn value(&mut self, word: &str, what: &str) -> Result<&'a Word, Wrong> {
        let value = self.words.get(self.at + 1);
        let value =
            value.ok_or_else(|| (self.at, format!("'{word}' expects {what} as argument.")))?;
        self.at += 2;
        Ok(value)
    }
}

fn lossy(word: &Word) -> String {
    word.lossy().into_owned()
}

fn regex(word: &Word) -> Result<String, String> {
    let pattern = word.lossy().into_owned();
    match Regex::new(pattern.as_bytes(), false) {
        Ok(_) => Ok(pattern),
        Err(_) => Err(format!("regex '{pattern}' is invalid.")),
    }
}

/// `200,300-399`
fn codes(text: &str) -> Result<Vec<(u16, u16)>, String> {
    let wrong = text
        .bytes()
        .find(|byte| !byte.is_ascii_digit() && !matches!(byte, b',' | b'-'));
    if let Some(byte) = wrong {
        let byte = char::from(byte);
        return Err(format!(
            "invalid character '{byte}' in the list of status codes."
        ));
    }
    let mut ranges = Vec::new();
    for range in text.split(',').filter(|range| !range.is_empty()) {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let invalid = || format!("invalid range of status codes '{range}'.");
        let number = |digits: &str| match digits {
            "" => Ok(0),
            digits => digits.parse::<u16>().map_err(|_| invalid()),
        };
        let (low, high) = (number(low)?, number(high)?);
        if low > high {
            return Err(invalid());
        }
        ranges.push((low, high));
    }
    Ok(ranges)
}

/// `min-recv`: -1 is none.
fn least(text: &str) -> Result<Option<u32>, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = digits
        .find(|byte: char| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let number = match &digits[..end] {
        "" => 0,
        digits => digits.parse::<i64>().unwrap_or(i64::MAX),
    };
    match number {
        1 if text.starts_with('-') => Ok(None),
        0 => Ok(Some(0)),
        _ if text.starts_with('-') || number > i64::from(i32::MAX) => {
            Err("'min-recv' expects -1 or an integer from 0 to INT_MAX.".to_owned())
        }
        number => Ok(u32::try_from(number).ok()),
    }
}

fn status(option: &str, text: &str) -> Result<CheckStatus, String> {
    let (allowed, names): (&[CheckStatus], _) = match option {
        "ok-status" => (
            &[
                CheckStatus::L4Ok,
                CheckStatus::L6Ok,
                CheckStatus::L7Ok,
                CheckStatus::L7OkConditionally,
            ],
            "'L4OK', 'L6OK', 'L7OK' or 'L7OKC'",
        ),
        "error-status" => (
            &[
                CheckStatus::L4Connection,
                CheckStatus::L6Response,
                CheckStatus::L7Response,
                CheckStatus::L7Status,
                CheckStatus::L7OkConditionally,
            ],
            "'L4CON', 'L6RSP', 'L7RSP' or 'L7STS'",
        ),
        _ => (
            &[
                CheckStatus::L4Timeout,
                CheckStatus::L6Timeout,
                CheckStatus::L7Timeout,
            ],
            "'L4TOUT', 'L6TOUT' or 'L7TOUT'",
        ),
    };
    let found = allowed.iter().find(|status| status.name() == text);
    found
        .copied()
        .ok_or_else(|| format!("'{option}' only supports {names} status (got '{text}').."))
}

/// Bytes from their hexadecimal form.
pub(crate) fn bytes(text: &[u8]) -> Result<Vec<u8>, String> {
    if text.len() % 2 == 1 {
        return Err("an even number of hex digit is expected".to_owned());
    }
    let digit = |byte: u8| {
        let digit = char::from(byte).to_digit(16);
        digit
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or_else(|| format!("an hex digit is expected (found '{}')", char::from(byte)))
    };
    text.chunks_exact(2)
        .map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

static TCP_PATTERNS: &[&str] = &[
    "string",
    "binary",
    "rstring",
    "rbinary",
    "string-lf",
    "binary-lf",
];

static HTTP_PATTERNS: &[&str] = &[
    "string",
    "rstring",
    "string-lf",
    "status",
    "rstatus",
    "hdr",
    "fhdr",
];

static OPTIONS: &[&str] = &[
    "comment",
    "min-recv",
    "ok-status",
    "error-status",
    "tout-status",
    "on-success",
    "on-error",
    "status-code",
];

static METHODS: &[(&str, CheckMethod)] = &[
    ("str", CheckMethod::Equal),
    ("beg", CheckMethod::Begins),
    ("end", CheckMethod::Ends),
    ("sub", CheckMethod::Contains),
    ("reg", CheckMethod::Regex),
];
