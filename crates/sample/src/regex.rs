//! Regular expressions as PCRE2 understands them: run in linear time where that gives the same result, by PCRE2 under a limit elsewhere.
//!
//! PCRE2 reads every expression first, so that what is refused, and how, is its own. The linear engine takes those whose syntax means the
//! same to both; look-around, back-references, possessive quantifiers and the like stay with PCRE2.

use std::ops::Range;
use std::sync::Arc;

use pcre2::bytes as backtracking;
use regex::bytes as linear;
use regex_syntax::hir::literal::{Extractor, Literal};
use regex_syntax::hir::{Hir, HirKind, Look};

/// A compiled expression over bytes.
#[derive(Debug, Clone)]
pub struct Regex {
    /// The engine without backtracking, when it means the same.
    linear: Option<linear::Regex>,
    /// Whether it has a `^`, or a byte that looks like one.
    has_caret: bool,
    /// One of these begins every text that matches; nothing is known when there is none.
    beginnings: Arc<[Beginning]>,
    /// PCRE2: without `linear`, and where `$` must be able to match before a newline that ends the text.
    backtracking: Option<backtracking::Regex>,
}

/// Groups that a replacement can name.
const GROUPS: usize = 10;
/// An expression begins with it whose groups are not asked for.
const NO_GROUPS: &str = "(?n)";
/// Steps of backtracking after which nothing matches.
const MATCH_LIMIT: u32 = 1_000_000;
/// The most stack that compiled code of PCRE2 may take, bytes.
const MATCH_STACK: usize = 256 << 10;

/// The most beginnings of texts that are noted for an expression.
const BEGINNINGS: usize = 4;

/// Where an expression matched.
#[derive(Debug)]
pub struct Captures<'t> {
    text: &'t [u8],
    groups: [Option<(usize, usize)>; GROUPS],
}

impl<'t> Captures<'t> {
    /// The text of a group, 0 for the whole match; none for one that took no part.
    pub fn get(&self, group: usize) -> Option<&'t [u8]> {
        let (start, end) = (*self.groups.get(group)?)?;
        self.text.get(start..end)
    }

    /// Where the whole match lies. `\K` in a look-ahead can put its start behind its end: then it is empty.
    pub fn range(&self) -> Range<usize> {
        let (start, end) = self.groups[0].unwrap_or_default();
        start.min(end)..end
    }
}

impl Regex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn new(pattern: &[u8], ignore_case: bool) -> Result<Regex, String> {
        Regex::with_prefix(pattern, ignore_case, "")
    }

    /// Compiles an expression whose groups are not asked for: those without a name are not counted, so that nothing can refer
    /// to them.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn without_groups(pattern: &[u8], ignore_case: bool) -> Result<Regex, String> {
        // Settings like `(*UTF)` stand first.
        let prefix = if pattern.starts_with(b"(*") {
            ""
        } else {
            NO_GROUPS
        };
        Regex::with_prefix(pattern, ignore_case, prefix)
    }

    fn with_prefix(pattern: &[u8], ignore_case: bool, prefix: &str) -> Result<Regex, String> {
        let text = escaped(pattern, std::str::from_utf8(pattern).is_err());
        let text = format!("{prefix}{text}");
        let checked = backtracking::RegexBuilder::new()
            .caseless(ignore_case)
            .build(&text)
            .map_err(|error| explain(pattern, prefix, &error))?;
        let (linear, beginnings) = linear(pattern, ignore_case).unzip();
        let backtracking = match &linear {
            Some(_) if !pattern.contains(&b'$') => None,
            Some(_) => Some(checked),
            None => {
                let limited = format!("(*LIMIT_MATCH={MATCH_LIMIT}){text}");
                let mut builder = backtracking::RegexBuilder::new();
                builder.caseless(ignore_case).jit_if_available(true);
                builder.max_jit_stack_size(Some(MATCH_STACK));
                let built = builder.build(&limited);
                Some(built.map_err(|error| explain(pattern, prefix, &error))?)
            }
        };
        Ok(Regex {
            linear,
            has_caret: pattern.contains(&b'^'),
            beginnings: beginnings.unwrap_or_default(),
            backtracking,
        })
    }

    /// Whether it matches somewhere in the text. A text that takes too many steps does not match.
    pub fn is_match(&self, text: &[u8]) -> bool {
        if !self.beginnings.is_empty() {
            let start = first_bytes(text);
            let mut beginnings = self.beginnings.iter();
            if !beginnings.any(|beginning| start & beginning.mask == beginning.bytes) {
                return false;
            }
        }
        match self.engine(text) {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Backtracking(regex) => regex.is_match(text).unwrap_or(false),
            Engine::None => false,
        }
    }

    /// The first match.
    pub fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        self.captures_at(text, 0)
    }

    /// The first match that begins at `start` or later; what stands before is seen by assertions.
    pub fn captures_at<'t>(&self, text: &'t [u8], start: usize) -> Option<Captures<'t>> {
        if start > text.len() {
            return None;
        }
        let mut groups = [None; GROUPS];
        match self.engine(text) {
            Engine::Linear(regex) => {
                let found = regex.captures_at(text, start)?;
                for (at, group) in groups.iter_mut().enumerate() {
                    *group = found.get(at).map(|found| (found.start(), found.end()));
                }
            }
            Engine::Backtracking(regex) => {
                let mut found = regex.capture_locations();
                regex
                    .captures_read_at(&mut found, text, start)
                    .ok()
                    .flatten()?;
                for (at, group) in groups.iter_mut().enumerate().take(found.len()) {
                    *group = found.get(at);
                }
            }
            Engine::None => return None,
        }
        Some(Captures { text, groups })
    }

    /// The first match in what begins at `start`: nothing is seen of what stands before, but `^` does not match there.
    ///
    /// `seen` is a copy of the text, made when it is needed, in which what was passed is hidden from `^`.
    pub fn captures_in_rest<'t>(
        &self,
        text: &'t [u8],
        start: usize,
        seen: &mut Vec<u8>,
    ) -> Option<Captures<'t>> {
        if self.has_caret {
            if seen.is_empty() {
                seen.extend_from_slice(text);
            }
            // Not the end of a line, nor part of a word.
            *seen.get_mut(start.checked_sub(1)?)? = 0;
            let groups = self.captures_at(seen, start)?.groups;
            return Some(Captures { text, groups });
        }
        let mut found = self.captures_at(text.get(start..)?, 0)?;
        for (from, to) in found.groups.iter_mut().flatten() {
            *from += start;
            *to += start;
        }
        Some(Captures {
            text,
            groups: found.groups,
        })
    }

    /// The expression as the linear engine reads it, when that runs it.
    pub(crate) fn linear_source(&self) -> Option<&str> {
        self.linear.as_ref().map(linear::Regex::as_str)
    }

    fn engine(&self, text: &[u8]) -> Engine<'_> {
        match (&self.linear, &self.backtracking) {
            (Some(_), Some(regex)) if text.ends_with(b"\n") => Engine::Backtracking(regex),
            (Some(regex), _) => Engine::Linear(regex),
            (None, Some(regex)) => Engine::Backtracking(regex),
            (None, None) => Engine::None,
        }
    }
}

enum Engine<'r> {
    Linear(&'r linear::Regex),
    Backtracking(&'r backtracking::Regex),
    None,
}

/// The pattern as text: bytes beyond ASCII become escapes, since both engines read bytes, not characters.
fn escaped(pattern: &[u8], escape: bool) -> String {
    if !escape {
        return String::from_utf8_lossy(pattern).into_owned();
    }
    let mut text = String::with_capacity(pattern.len());
    for byte in pattern {
        match byte {
            0x80.. => text.push_str(&format!("\\x{byte:02x}")),
            _ => text.push(char::from(*byte)),
        }
    }
    text
}

/// Faults of PCRE2 whose offset is that of a byte rather than of what follows it.
const LAST_BYTE: [i32; 5] = [108, 109, 111, 122, 144];

fn explain(pattern: &[u8], prefix: &str, error: &pcre2::Error) -> String {
    let text = error.to_string();
    // What stands before the reason is the crate's own.
    let reason = text.splitn(3, ": ").nth(2).unwrap_or(&text);
    let offset = error.offset().unwrap_or_default();
    // Newer releases of PCRE2 name the end of what is wrong in these cases, this one its last byte.
    let offset = offset.saturating_sub(prefix.len());
    let before = offset.checked_sub(1).and_then(|at| pattern.get(at));
    let is_last = match error.code() {
        115 => before == Some(&b'\\'),
        code => LAST_BYTE.contains(&code),
    };
    let offset = offset + usize::from(is_last);
    let pattern = String::from_utf8_lossy(pattern);
    format!("regex '{pattern}' is invalid (error={reason}, erroffset={offset})")
}

/// The expression for the linear engine; none when it could mean something else there.
fn linear(pattern: &[u8], ignore_case: bool) -> Option<(linear::Regex, Arc<[Beginning]>)> {
    if !means_the_same(pattern) {
        return None;
    }
    let text = escaped(pattern, true);
    let syntax = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(ignore_case)
        .build()
        .parse(&text)
        .ok()?;
    if repeats_nothing(&syntax) {
        return None;
    }
    let regex = linear::RegexBuilder::new(&text)
        .unicode(false)
        .case_insensitive(ignore_case)
        .build()
        .ok()?;
    Some((regex, beginnings(&syntax)))
}

/// How the texts begin that an expression matches which looks at their start only; empty when that says nothing.
fn beginnings(syntax: &Hir) -> Arc<[Beginning]> {
    if !syntax.properties().look_set_prefix().contains(Look::Start) {
        return Arc::default();
    }
    let mut found = Extractor::new().extract(syntax);
    for length in (1..=size_of::<u64>()).rev() {
        found.keep_first_bytes(length);
        found.dedup();
        if found.len().is_none_or(|count| count <= BEGINNINGS) {
            break;
        }
    }
    let texts = found.literals().unwrap_or_default().iter();
    let texts: Vec<_> = texts.map(Literal::as_bytes).collect();
    if texts.len() > BEGINNINGS || texts.iter().any(|text| text.is_empty()) {
        return Arc::default();
    }
    texts.into_iter().map(Beginning::new).collect()
}

/// Bytes that a text begins with, as a number.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    mask: u64,
    bytes: u64,
}

impl Beginning {
    fn new(text: &[u8]) -> Beginning {
        Beginning {
            mask: first_bytes(&[0xff; 8][..text.len().min(8)]),
            bytes: first_bytes(text),
        }
    }
}

/// The first bytes of a text, followed by zeros where it is shorter.
#[inline]
fn first_bytes(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => text
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}

/// Whether something that can be empty is repeated: engines differ in when they stop and in what its groups hold.
fn repeats_nothing(part: &Hir) -> bool {
    match part.kind() {
        HirKind::Repetition(repetition) => {
            let again = repetition.max.is_none_or(|max| max > 1);
            (again && repetition.sub.properties().minimum_len() == Some(0))
                || repeats_nothing(&repetition.sub)
        }
        HirKind::Capture(capture) => repeats_nothing(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(repeats_nothing),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// What came last, as quantifiers see it.
#[derive(PartialEq, Eq)]
enum Last {
    /// Something that can be repeated.
    Atom,
    /// A quantifier, or an assertion: what follows must not be another quantifier.
    Closed,
}

/// Whether the syntax of an expression that PCRE2 accepts has the same meaning in the linear engine.
fn means_the_same(pattern: &[u8]) -> bool {
    let mut rest = pattern;
    let mut last = Last::Closed;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => {
                let Some(length) = escape(rest) else {
                    return false;
                };
                last = match rest.first() {
                    Some(b'b' | b'B' | b'A' | b'z') => Last::Closed,
                    _ => Last::Atom,
                };
                rest = &rest[length..];
                // `\b{start}` is a special word boundary to one engine only.
                if last == Last::Closed && rest.first() == Some(&b'{') {
                    return false;
                }
            }
            b'[' => {
                let Some(length) = class(rest) else {
                    return false;
                };
                rest = &rest[length..];
                last = Last::Atom;
            }
            b'(' => {
                let Some(length) = group(rest) else {
                    return false;
                };
                rest = &rest[length..];
                last = Last::Closed;
            }
            b'*' | b'+' | b'?' | b'{' => {
                let length = if byte == b'{' { counts(rest) } else { Some(0) };
                let (Last::Atom, Some(length)) = (last, length) else {
                    return false;
                };
                rest = &rest[length..];
                rest = rest.strip_prefix(b"?").unwrap_or(rest);
                last = Last::Closed;
            }
            b'^' | b'$' | b'|' => last = Last::Closed,
            _ => last = Last::Atom,
        }
    }
    true
}

/// The length of an escape behind its backslash; none when the engines differ in it.
fn escape(rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'b' | b'B' | b'A' | b'z' => Some(1),
        b'n' | b'r' | b't' | b'f' | b'a' => Some(1),
        b'x' => rest
            .get(1..3)?
            .iter()
            .all(u8::is_ascii_hexdigit)
            .then_some(3),
        b'<' | b'>' => None,
        byte if byte.is_ascii_punctuation() || *byte == b' ' => Some(1),
        _ => None,
    }
}

/// The length of a class behind its bracket; none when the engines differ in it.
fn class(rest: &[u8]) -> Option<usize> {
    let mut at = usize::from(rest.first() == Some(&b'^'));
    if rest.get(at) == Some(&b']') {
        at += 1;
    }
    loop {
        let left = rest.get(at..)?;
        match left.first()? {
            b']' => return Some(at + 1),
            b'[' => {
                let name = left.strip_prefix(b"[:")?;
                let length = name
                    .iter()
                    .position(|byte| !byte.is_ascii_lowercase() && *byte != b'^')?;
                name.get(length..)?.starts_with(b":]").then_some(())?;
                at += length + 4;
            }
            b'\\' => {
                let length = escape(&left[1..])?;
                if matches!(left.get(1), Some(b'b' | b'B' | b'A' | b'z')) {
                    return None;
                }
                at += 1 + length;
            }
            b'&' | b'-' | b'~' if left.get(1) == left.first() => return None,
            _ => at += 1,
        }
    }
}

/// The length of what follows `(` up to the content of the group; none when the engines differ in it.
fn group(rest: &[u8]) -> Option<usize> {
    if rest.first() == Some(&b'*') {
        return None;
    }
    let Some(kind) = rest.strip_prefix(b"?") else {
        return Some(0);
    };
    let name = kind.strip_prefix(b"P").unwrap_or(kind);
    if let Some(name) = name.strip_prefix(b"<") {
        let length = name
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')?;
        let before = rest.len() - name.len();
        return (length > 0 && name.get(length) == Some(&b'>')).then_some(before + length + 1);
    }
    let length = kind.iter().position(|byte| !b"is-".contains(byte))?;
    matches!(kind.get(length), Some(b':' | b')')).then_some(length + 2)
}

/// The length of `3}`, `3,}` or `3,5}`.
fn counts(rest: &[u8]) -> Option<usize> {
    let end = rest.iter().position(|byte| *byte == b'}')?;
    let (low, high) = match rest[..end].iter().position(|byte| *byte == b',') {
        Some(comma) => (&rest[..comma], &rest[comma + 1..end]),
        None => (&rest[..end], &rest[..0]),
    };
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    (!low.is_empty() && digits(low) && digits(high)).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::Regex;

    fn groups(pattern: &str, text: &str) -> Option<Vec<String>> {
        let regex = Regex::new(pattern.as_bytes(), false).expect("a good expression");
        let found = regex.captures(text.as_bytes())?;
        let texts = (0..10).map_while(|group| found.get(group));
        Some(
            texts
                .map(|text| String::from_utf8_lossy(text).into_owned())
                .collect(),
        )
    }

    fn is_linear(pattern: &str) -> bool {
        let regex = Regex::new(pattern.as_bytes(), false).expect("a good expression");
        regex.linear_source().is_some()
    }

    #[test]
    fn engine_by_meaning() {
        for pattern in [
            r"^/a/(.*)$",
            r"(?i)\.(png|jpe?g)$",
            r"[[:alpha:]_-]+\d{2,3}",
            r"(?<name>x)(?:y)",
            r"a|b|",
            r"é",
            r"[]a]",
        ] {
            assert!(is_linear(pattern), "{pattern}");
        }
        for pattern in [
            r"(?=a)",
            r"(a)\1",
            r"a++",
            r"a*+",
            r"\<a",
            r"[a&&b]",
            r"[[a]",
            r"\va",
            r"(?m)a$",
            r"a{,3}",
            r"a{",
            r"(a*)*",
            r"\Qa.b\E",
            r"x\b{start}",
            r"(?R)?a",
            r"\h",
            r"a\Z",
            r"(?x)a b",
        ] {
            assert!(!is_linear(pattern), "{pattern}");
        }
    }

    #[test]
    fn what_only_pcre2_can() {
        assert_eq!(
            groups(r"(a|b)\1", "abb"),
            Some(vec!["bb".into(), "b".into()])
        );
        assert_eq!(groups(r"foo(?!bar)", "foobar"), None);
        assert_eq!(groups(r"(?<=/)\w+$", "/a/b\n"), Some(vec!["b".into()]));
        assert_eq!(groups(r"b$", "ab\n"), Some(vec!["b".into()]));
        assert_eq!(groups(r"b\z", "ab\n"), None);
    }

    #[test]
    fn beginnings() {
        let of = |pattern: &str, ignore_case| {
            let regex = Regex::new(pattern.as_bytes(), ignore_case).expect("a good expression");
            let texts = regex.beginnings.iter();
            let text = |beginning: &super::Beginning| {
                let bytes = beginning.bytes.to_le_bytes();
                let text = String::from_utf8_lossy(&bytes);
                text.trim_end_matches('\0').to_owned()
            };
            texts.map(text).collect::<Vec<_>>()
        };
        assert_eq!(of("^/(api|v[01])/x", false), ["/api/x", "/v0/x", "/v1/x"]);
        assert_eq!(of("^/(api|v[0-9]+)/x", false), ["/a", "/v"]);
        assert_eq!(of("^a|^b", false), ["a", "b"]);
        for open in [
            "/api", "^a|b", "^", "^.*x", "(^a)?b", "^a*b", "^(a|)$", "^x?",
        ] {
            let none = of(open, false);
            assert!(none.is_empty() || open == "^a*b", "{open}: {none:?}");
        }
        for pattern in [
            "^/(api|v[0-9]+)/u$",
            "^a*b",
            "^(ab|cd)*e",
            "^[a-z]x",
            "^ab?c",
        ] {
            for ignore_case in [false, true] {
                let regex = Regex::new(pattern.as_bytes(), ignore_case).expect("good");
                let open = Regex {
                    beginnings: std::sync::Arc::default(),
                    ..regex.clone()
                };
                let texts = "/api/u /API/U /v1/u /v/u b aab ab abc ac e cde abe qx Qx /v1/u\n";
                for text in texts.split(' ').map(str::as_bytes) {
                    assert_eq!(
                        regex.is_match(text),
                        open.is_match(text),
                        "{pattern} {text:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn backtracking_ends() {
        let regex = Regex::new(br"^(?=(a+)+$)x", false).expect("a good expression");
        let text = [vec![b'a'; 4000], b"b".to_vec()].concat();
        assert!(!regex.is_match(&text) && regex.captures(&text).is_none());
    }

    #[test]
    fn bytes_beyond_ascii() {
        let regex = Regex::new(b"^[\xe9-\xeb]+$", false).expect("a good expression");
        assert!(regex.is_match(b"\xe9\xea") && !regex.is_match("é".as_bytes()));
        let regex = Regex::new("^é+$".as_bytes(), false).expect("a good expression");
        assert!(regex.is_match(b"\xc3\xa9\xa9") && !regex.is_match("éé".as_bytes()));
    }
}
