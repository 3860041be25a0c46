//! Text patterns: whole, beginning, end, anywhere, between delimiters; and bytes.

use std::sync::Arc;

use aho_corasick::AhoCorasick;
use hapax_core::contract::Matcher;
use hapax_core::keyword::Patterns;
use hapax_core::sample::{Sample, Type};
use hashbrown::HashSet;
use smallvec::SmallVec;

use super::describe;

/// Which part of the text a pattern must equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    Beginning,
    End,
}

/// Patterns by length: one look-up per distinct length.
#[derive(Debug)]
struct ByLength {
    text: String,
    part: Part,
    input: Type,
    ignore_case: bool,
    sets: Vec<(usize, Few)>,
}

/// A few patterns of one length are compared, many are hashed.
#[derive(Debug)]
enum Few {
    List(Vec<Box<[u8]>>),
    Set(HashSet<Box<[u8]>>),
}

const FEW: usize = 6;

pub fn build(patterns: &Patterns, part: Part) -> Result<Arc<dyn Matcher>, String> {
    let name = match part {
        Part::Whole => "str",
        Part::Beginning => "beg",
        Part::End => "end",
    };
    let list = patterns.list.iter().map(Vec::as_slice);
    Ok(Arc::new(ByLength {
        text: describe(name, patterns),
        part,
        input: Type::Str,
        ignore_case: patterns.ignore_case,
        sets: index(list, patterns.ignore_case),
    }))
}

pub fn build_binary(patterns: &Patterns) -> Result<Arc<dyn Matcher>, String> {
    let mut list = Vec::with_capacity(patterns.list.len());
    for pattern in &patterns.list {
        list.push(decode_hex(pattern)?);
    }
    Ok(Arc::new(ByLength {
        text: describe("bin", patterns),
        part: Part::Whole,
        input: Type::Bin,
        ignore_case: false,
        sets: index(list.iter().map(Vec::as_slice), false),
    }))
}

/// Bytes of pairs of hexadecimal digits.
pub fn decode_hex(text: &[u8]) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .map(|digit| digit as u8)
            .ok_or_else(|| format!("an hex digit is expected (found '{}')", char::from(byte)))
    };
    if text.len() % 2 == 1 {
        return Err("an even number of hex digit is expected".to_owned());
    }
    text.chunks_exact(2)
        .map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

fn index<'p>(patterns: impl Iterator<Item = &'p [u8]>, ignore_case: bool) -> Vec<(usize, Few)> {
    let mut lists: Vec<(usize, Vec<Box<[u8]>>)> = Vec::new();
    for pattern in patterns {
        let mut pattern = pattern.to_vec();
        if ignore_case {
            pattern.make_ascii_lowercase();
        }
        let pattern = pattern.into_boxed_slice();
        match lists
            .iter_mut()
            .find(|(length, _)| *length == pattern.len())
        {
            Some((_, list)) => list.push(pattern),
            None => lists.push((pattern.len(), vec![pattern])),
        }
    }
    lists
        .into_iter()
        .map(|(length, list)| {
            let few = if list.len() <= FEW {
                Few::List(list)
            } else {
                Few::Set(list.into_iter().collect())
            };
            (length, few)
        })
        .collect()
}

impl Few {
    fn has(&self, bytes: &[u8], ignore_case: bool) -> bool {
        match self {
            Few::List(list) if ignore_case => list
                .iter()
                .any(|pattern| pattern.eq_ignore_ascii_case(bytes)),
            Few::List(list) => list.iter().any(|pattern| **pattern == *bytes),
            Few::Set(set) if ignore_case => {
                let mut lower: SmallVec<[u8; 128]> = SmallVec::from_slice(bytes);
                lower.make_ascii_lowercase();
                set.contains(lower.as_slice())
            }
            Few::Set(set) => set.contains(bytes),
        }
    }
}

impl Matcher for ByLength {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn input(&self) -> Type {
        self.input
    }

    fn matches(&self, sample: &Sample<'_>) -> bool {
        let Some(bytes) = sample.value.bytes() else {
            return false;
        };
        self.sets.iter().any(|(length, few)| {
            let part = match self.part {
                Part::Whole => (*length == bytes.len()).then_some(bytes),
                Part::Beginning => bytes.get(..*length),
                Part::End => bytes
                    .len()
                    .checked_sub(*length)
                    .and_then(|start| bytes.get(start..)),
            };
            part.is_some_and(|part| few.has(part, self.ignore_case))
        })
    }
}

/// `-m sub`.
#[derive(Debug)]
struct Substring {
    text: String,
    automaton: AhoCorasick,
}

pub fn build_substring(patterns: &Patterns) -> Result<Arc<dyn Matcher>, String> {
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(patterns.ignore_case)
        .build(&patterns.list)
        .map_err(|error| format!("the patterns cannot be indexed: {error}"))?;
    Ok(Arc::new(Substring {
        text: describe("sub", patterns),
        automaton,
    }))
}

impl Matcher for Substring {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn input(&self) -> Type {
        Type::Str
    }

    fn matches(&self, sample: &Sample<'_>) -> bool {
        sample
            .value
            .bytes()
            .is_some_and(|bytes| self.automaton.is_match(bytes))
    }
}

/// `-m dir` and `-m dom`: the pattern, without delimiters at its ends, between two delimiters or ends of the text.
#[derive(Debug)]
struct Delimited {
    text: String,
    delimiters: &'static [u8],
    ignore_case: bool,
    patterns: Vec<Vec<u8>>,
}

pub fn build_delimited(
    patterns: &Patterns,
    name: &str,
    delimiters: &'static [u8],
) -> Result<Arc<dyn Matcher>, String> {
    let strip = |pattern: &Vec<u8>| {
        let is_delimiter = |byte: &u8| delimiters.contains(byte);
        let start = pattern.iter().position(|byte| !is_delimiter(byte));
        let end = pattern.iter().rposition(|byte| !is_delimiter(byte));
        match (start, end) {
            (Some(start), Some(end)) => pattern[start..=end].to_vec(),
            _ => Vec::new(),
        }
    };
    Ok(Arc::new(Delimited {
        text: describe(name, patterns),
        delimiters,
        ignore_case: patterns.ignore_case,
        patterns: patterns
            .list
            .iter()
            .map(strip)
            .filter(|pattern| !pattern.is_empty())
            .collect(),
    }))
}

impl Matcher for Delimited {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn input(&self) -> Type {
        Type::Str
    }

    fn matches(&self, sample: &Sample<'_>) -> bool {
        let Some(bytes) = sample.value.bytes() else {
            return false;
        };
        let is_delimiter = |byte: &u8| self.delimiters.contains(byte);
        let mut start = Some(0);
        while let Some(at) = start {
            let rest = &bytes[at..];
            let found = self.patterns.iter().any(|pattern| {
                let Some(part) = rest.get(..pattern.len()) else {
                    return false;
                };
                let same = if self.ignore_case {
                    part.eq_ignore_ascii_case(pattern)
                } else {
                    part == pattern.as_slice()
                };
                same && rest.get(pattern.len()).is_none_or(is_delimiter)
            });
            if found {
                return true;
            }
            start = rest.iter().position(is_delimiter).map(|next| at + next + 1);
        }
        false
    }
}
