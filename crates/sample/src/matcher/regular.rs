//! Regular expressions: `-m reg`, `regsub` and the actions that replace.

use hapax_core::pattern::{Entries, Index, Names};
use hapax_core::sample::Value;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Expressions in order, and all of them as one automaton when there are several.
#[derive(Debug)]
pub struct Expressions {
    ignore_case: bool,
    list: Vec<(u32, Regex)>,
    /// The automaton, with how many of `list` it holds.
    set: Option<(RegexSet, usize)>,
}

/// Expressions from which on one automaton is built for them.
const SEVERAL: usize = 3;
/// Memory that the automaton may take, bytes.
const SET_SIZE: usize = 64 << 20;

impl Expressions {
    /// Without expressions.
    pub fn new(ignore_case: bool) -> Expressions {
        Expressions {
            ignore_case,
            list: Vec::new(),
            set: None,
        }
    }
}

impl Index for Expressions {
    fn insert(&mut self, id: u32, entries: &Entries, _: Names) -> Result<(), String> {
        let regex = compile(entries.key(id), self.ignore_case)?;
        self.list.push((id, regex));
        Ok(())
    }

    fn remove(&mut self, id: u32, _: &Entries) {
        self.list.retain(|(other, _)| *other != id);
        self.set = None;
    }

    fn find(&self, value: &Value<'_>, _: &Entries) -> Option<u32> {
        let bytes = value.bytes()?;
        let mut rest = self.list.as_slice();
        if let Some((set, count)) = &self.set {
            if let Some(first) = set.matches(bytes).iter().min() {
                return self.list.get(first).map(|(id, _)| *id);
            }
            rest = rest.get(*count..).unwrap_or_default();
        }
        let found = rest.iter().find(|(_, regex)| regex.is_match(bytes));
        found.map(|(id, _)| *id)
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        false
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::new(Expressions::new(self.ignore_case))
    }

    fn arranged(&self, entries: &Entries) -> Option<Box<dyn Index>> {
        let known = self.set.as_ref().map_or(0, |(_, count)| *count);
        let fresh = self.list.len() - known.min(self.list.len());
        if self.list.len() < SEVERAL || fresh <= known / 8 {
            return None;
        }
        let sources = self.list.iter().map(|(id, _)| source(entries.key(*id)));
        let set = RegexSetBuilder::new(sources)
            .unicode(false)
            .case_insensitive(self.ignore_case)
            .size_limit(SET_SIZE)
            .build()
            .ok()?;
        Some(Box::new(Expressions {
            ignore_case: self.ignore_case,
            list: self.list.clone(),
            set: Some((set, self.list.len())),
        }))
    }
}

/// Compiles an expression over bytes.
///
/// # Errors
/// Upstream's text, for expressions that are wrong and for those that this engine cannot run in linear time.
pub fn compile(pattern: &[u8], ignore_case: bool) -> Result<Regex, String> {
    RegexBuilder::new(&source(pattern))
        .unicode(false)
        .case_insensitive(ignore_case)
        .build()
        .map_err(|error| explain(&String::from_utf8_lossy(pattern), &error))
}

/// The pattern as the engine reads it: bytes that are not UTF-8 become escapes.
fn source(pattern: &[u8]) -> String {
    match std::str::from_utf8(pattern) {
        Ok(text) => text.to_owned(),
        Err(_) => pattern
            .iter()
            .map(|byte| match byte {
                0x80.. => format!("\\x{byte:02x}"),
                _ => char::from(*byte).to_string(),
            })
            .collect(),
    }
}

fn explain(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let known = [
        (
            "unclosed group",
            "missing closing parenthesis",
            pattern.len(),
        ),
        (
            "unopened group",
            "unmatched closing parenthesis",
            pattern.find(')').unwrap_or(0),
        ),
        (
            "unclosed character class",
            "missing terminating ] for character class",
            pattern.len(),
        ),
        (
            "incomplete escape sequence",
            "\\ at end of pattern",
            pattern.len(),
        ),
        (
            "repetition operator missing expression",
            "quantifier does not follow a repeatable item",
            pattern.find(['*', '+', '?']).unwrap_or(0),
        ),
    ];
    if let Some((_, theirs, offset)) = known.iter().find(|(ours, ..)| text.contains(ours)) {
        return format!("regex '{pattern}' is invalid (error={theirs}, erroffset={offset})");
    }
    let reason = text.lines().last().unwrap_or_default();
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    format!("regex '{pattern}' cannot be used: {reason}")
}
