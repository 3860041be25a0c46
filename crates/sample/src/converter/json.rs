//! Values inside JSON (`json_query`), read where they lie.
//!
//! The reader is as lenient as upstream's: it stops at the value it was asked for, allows a comma before a closing bracket,
//! compares names as they are written and reads the number that a text begins with.

use bumpalo::Bump;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::Sample;

use super::{boolean, converters, int, kept, str_arg, string};

converters! {
    "json_query", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 1 }, Some(check), Str => Any, "The value at a path of a JSON text, as an integer on request." => |cx, args, sample| query(cx.arena, args, sample.value.bytes()?);
}

fn check(args: &mut [Arg]) -> Result<(), String> {
    if str_arg(args, 0).is_none_or(<[u8]>::is_empty) {
        return Err("json_path must not be empty".to_owned());
    }
    check_path(args)
}

/// Compiles the path and looks at the output type.
pub(super) fn check_path(args: &mut [Arg]) -> Result<(), String> {
    if !matches!(str_arg(args, 1), None | Some(b"" | b"int")) {
        return Err("output_type only supports \"int\" as argument".to_owned());
    }
    if let Some(path) = str_arg(args, 0).filter(|path| !path.is_empty()) {
        args[0] = Arg::Compiled(Compiled {
            text: String::from_utf8_lossy(path).into_owned(),
            value: std::sync::Arc::new(Path::read(path)),
        });
    }
    Ok(())
}

/// What the compiled arguments ask for.
pub(super) fn query<'a>(arena: &'a Bump, args: &[Arg], text: &'a [u8]) -> Option<Sample<'a>> {
    let Some(Arg::Compiled(compiled)) = args.first() else {
        return None;
    };
    let Path(steps) = compiled.value.downcast_ref()?;
    let steps = steps.as_deref()?;
    match Reader::new(text).find(steps)? {
        Token::Text(raw) => decoded(arena, raw),
        Token::Number(raw) if str_arg(args, 1) == Some(b"int") => int(whole(raw)?),
        Token::Number(raw) => kept(arena, general(float(raw)).as_bytes()),
        Token::Word(b"true") => boolean(true),
        Token::Word(b"false") => boolean(false),
        Token::List(raw) => string(raw),
        Token::Word(_) | Token::Object => None,
    }
}

/// The steps of a path behind `$`; none for a text that leads nowhere.
#[derive(Debug)]
struct Path(Option<Vec<Step>>);

#[derive(Debug)]
enum Step {
    Name(Vec<u8>),
    Index(usize),
    AnyIndex,
}

impl Path {
    /// `$`, `.name` with `\` before bytes that mean something, `[index]`, `[*]`.
    fn read(text: &[u8]) -> Path {
        Path(Path::steps(text))
    }

    fn steps(text: &[u8]) -> Option<Vec<Step>> {
        let mut rest = text.strip_prefix(b"$")?;
        let mut steps = Vec::new();
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            match first {
                b'.' => {
                    let mut name = Vec::new();
                    while let Some((byte, behind)) = rest.split_first() {
                        match (byte, behind.split_first()) {
                            (b'.' | b'[', _) => break,
                            (b'\\', Some((escaped, behind))) => {
                                name.push(*escaped);
                                rest = behind;
                            }
                            _ => {
                                name.push(*byte);
                                rest = behind;
                            }
                        }
                    }
                    steps.push(Step::Name(name));
                }
                b'[' => {
                    let end = memchr::memchr(b']', rest).unwrap_or(rest.len());
                    steps.push(match &rest[..end] {
                        b"" | b"*" => Step::AnyIndex,
                        b"0" => Step::Index(0),
                        [b'1'..=b'9', ..] => {
                            Step::Index(std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?)
                        }
                        _ => return None,
                    });
                    rest = rest.get(end + 1..).unwrap_or_default();
                }
                _ => return None,
            }
        }
        Some(steps)
    }
}

/// A value as it stands in the text.
enum Token<'a> {
    /// Between its quotes, escapes as written.
    Text(&'a [u8]),
    Number(&'a [u8]),
    /// `true`, `false` or `null`.
    Word(&'a [u8]),
    /// With its brackets.
    List(&'a [u8]),
    Object,
}

/// What became of a value.
enum Met<'a> {
    /// What is looked for is not in it.
    Passed,
    Found(Token<'a>),
}

/// Lists and objects inside each other, at most.
const DEPTH: usize = 20;

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Reader<'a> {
        Reader {
            text,
            at: 0,
            depth: 0,
        }
    }

    fn find(mut self, steps: &[Step]) -> Option<Token<'a>> {
        match self.value(Some(steps))? {
            Met::Found(token) => Some(token),
            Met::Passed => None,
        }
    }

    /// Reads a value; `steps` leads from it to what is looked for. None when the text is no JSON.
    fn value(&mut self, steps: Option<&[Step]>) -> Option<Met<'a>> {
        let wanted = matches!(steps, Some([]));
        let start = self.peek().map(|_| self.at)?;
        let token = match self.text[start] {
            b'"' => Token::Text(self.quoted()?),
            b'{' | b'[' => {
                if let Met::Found(token) = self.container(steps)? {
                    return Some(Met::Found(token));
                }
                match self.text[start] {
                    b'[' => Token::List(&self.text[start..self.at]),
                    _ => Token::Object,
                }
            }
            b'-' | b'0'..=b'9' => {
                self.at += number_length(&self.text[start..]);
                Token::Number(&self.text[start..self.at])
            }
            _ => {
                let rest = &self.text[start..];
                let word = [&b"true"[..], b"false", b"null"]
                    .into_iter()
                    .find(|word| rest.starts_with(word))?;
                self.at += word.len();
                Token::Word(word)
            }
        };
        Some(if wanted {
            Met::Found(token)
        } else {
            Met::Passed
        })
    }

    fn container(&mut self, steps: Option<&[Step]>) -> Option<Met<'a>> {
        let object = self.text[self.at] == b'{';
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        for index in 0.. {
            if self.peek()? == if object { b'}' } else { b']' } {
                break;
            }
            let mut inner = None;
            if object {
                let name = (self.peek()? == b'"').then(|| self.quoted())??;
                if self.peek()? != b':' {
                    return None;
                }
                self.at += 1;
                if let Some([Step::Name(wanted), rest @ ..]) = steps
                    && wanted == name
                {
                    inner = Some(rest);
                }
            } else {
                match steps {
                    Some([Step::Index(wanted), rest @ ..]) if *wanted == index => {
                        inner = Some(rest);
                    }
                    Some([Step::AnyIndex, rest @ ..]) => inner = Some(rest),
                    _ => {}
                }
            }
            if let Met::Found(token) = self.value(inner)? {
                return Some(Met::Found(token));
            }
            // Of members with the same name the first one counts.
            if object && inner.is_some() {
                return None;
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' | b']' => {}
                _ => return None,
            }
        }
        self.at += 1;
        self.depth -= 1;
        Some(Met::Passed)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// What stands between quotes.
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            match *self.text.get(at)? {
                b'"' => break,
                b'\\' if b"bfnrt/\"\\u".contains(self.text.get(at + 1)?) => at += 2,
                b'\\' | 0 => return None,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(&self.text[start..at])
    }
}

/// Bytes of the number that a text begins with.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut end = digits(usize::from(text.first() == Some(&b'-')));
    if text.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let sign = matches!(text.get(end + 1), Some(b'+' | b'-'));
        end = digits(end + 1 + usize::from(sign));
    }
    end.max(1)
}

/// The value of a number, digit by digit as upstream adds it up; one that ends in the middle of a fraction is 0, an exponent
/// without digits counts for nothing.
fn float(raw: &[u8]) -> f64 {
    let (sign, text) = match raw {
        [b'-', rest @ ..] => (-1.0, rest),
        _ => (1.0, raw),
    };
    let mut digits = text.iter().copied().peekable();
    if text.is_empty() {
        return 0.0;
    }
    let mut number = 0.0;
    while let Some(digit) = digits.next_if(u8::is_ascii_digit) {
        number = number * 10.0 + f64::from(digit - b'0');
    }
    if digits.next_if_eq(&b'.').is_some() {
        if !digits.peek().is_some_and(u8::is_ascii_digit) {
            return 0.0;
        }
        let (mut fraction, mut unit) = (0.0, 0.1);
        while let Some(digit) = digits.next_if(u8::is_ascii_digit) {
            fraction += unit * f64::from(digit - b'0');
            unit /= 10.0;
        }
        number += fraction;
    }
    number *= sign;
    if digits.next_if(|byte| matches!(byte, b'e' | b'E')).is_some() {
        let negative = digits.next_if(|byte| matches!(byte, b'+' | b'-')) == Some(b'-');
        let mut exponent = 0i32;
        while let Some(digit) = digits.next_if(u8::is_ascii_digit) {
            exponent = (exponent * 10 + i32::from(digit - b'0')).min(1000);
        }
        for _ in 0..exponent {
            if negative {
                number /= 10.0;
            } else {
                number *= 10.0;
            }
        }
    }
    number
}

/// The integer that a number begins with; none beyond what every reader of JSON knows exactly (RFC 8259, 6).
fn whole(raw: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(raw).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    if end == 0 {
        return Some(0);
    }
    let number: i64 = text[..text.len() - digits.len() + end].parse().ok()?;
    (number.unsigned_abs() < 1 << 53).then_some(number)
}

/// A number with six digits at most, as `%g` of the C language shows it.
fn general(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string().to_lowercase();
    }
    let shown = format!("{number:.5e}");
    let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let shorten = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if (-4..6).contains(&exponent) {
        return shorten(&format!("{number:.*}", (5 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", shorten(digits), exponent.abs())
}

/// A text without its escapes; none when one of them stands for no single byte.
fn decoded<'a>(arena: &'a Bump, raw: &'a [u8]) -> Option<Sample<'a>> {
    if memchr::memchr(b'\\', raw).is_none() {
        return string(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        at += 1;
        out.push(match raw.get(at - 1)? {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'/' => return None,
            b'u' => {
                let digits = std::str::from_utf8(raw.get(at..at + 4)?).ok()?;
                at += 4;
                let hex = digits.strip_prefix("00")?;
                u8::from_str_radix(hex, 16).ok().filter(|byte| *byte != 0)?
            }
            byte => *byte,
        });
    }
    kept(arena, &out)
}
