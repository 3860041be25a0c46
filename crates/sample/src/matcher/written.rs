//! The patterns of an ACL line as they were written, in a form that needs no lock: it serves until the runtime API changes
//! the line's list.

use hapax_core::keyword::{MatchMethod, RowRef};
use hapax_core::pattern::{Entries, Index, List, Names};
use hapax_core::sample::Value;
use memchr::memmem::Finder;
use smallvec::SmallVec;

use super::delimited::Delimiters;
use super::integer::Few;
use super::text::same;

/// See the module text.
#[derive(Debug)]
pub enum Written {
    /// No pattern.
    Nothing,
    /// A few texts, compared one by one.
    Texts(Texts),
    /// A few texts that may stand anywhere.
    Anywhere(Box<[Needle]>),
    /// A few texts that stand between delimiters.
    Between(&'static Delimiters, Box<[Needle]>),
    /// A few numbers and ranges.
    Numbers(Few),
    /// An index of its own.
    Index(Box<dyn Index>, Entries),
    /// What would take too much time or memory twice: the list is asked.
    Shared,
}

/// A few texts side by side.
#[derive(Debug)]
pub struct Texts {
    how: How,
    ignore_case: bool,
    /// The end of each pattern in `bytes`.
    ends: SmallVec<[u32; FEW]>,
    bytes: Box<[u8]>,
}

/// Where a pattern must stand.
#[derive(Debug, Clone, Copy)]
enum How {
    Whole,
    Beginning,
    End,
}

/// So many texts are compared faster one by one than through an index.
const FEW: usize = 8;

impl Written {
    /// The patterns of one line, which `list` holds in a view.
    pub fn new(
        patterns: &[Vec<u8>],
        method: RowRef<MatchMethod>,
        ignore_case: bool,
        list: &List,
        view: usize,
    ) -> Written {
        if patterns.is_empty() {
            return Written::Nothing;
        }
        let few = patterns.len() <= FEW;
        let how = match method.name {
            "str" => Some(How::Whole),
            "beg" => Some(How::Beginning),
            "end" => Some(How::End),
            "sub" if few => {
                let texts = patterns.iter().map(Vec::as_slice);
                return Written::Anywhere(Needle::all(texts, ignore_case));
            }
            "int" | "len" if few => {
                let numbers = Few::new(patterns, method.name == "len");
                return numbers.map_or(Written::Shared, Written::Numbers);
            }
            "dir" if few => return Written::between(patterns, &super::DIRECTORIES, ignore_case),
            "dom" if few => return Written::between(patterns, &super::DOMAINS, ignore_case),
            // Expressions are not compiled a second time: that would double the time that reading takes.
            "reg" => {
                let same = list.same(view);
                return same.map_or(Written::Shared, |index| {
                    Written::Index(index, Entries::default())
                });
            }
            _ => None,
        };
        let texts = how.filter(|_| few);
        let texts = texts.and_then(|how| Texts::new(patterns, how, ignore_case));
        match texts {
            Some(texts) => Written::Texts(texts),
            None => Written::indexed(patterns, (method.0.index)(ignore_case)),
        }
    }

    fn between(
        patterns: &[Vec<u8>],
        delimiters: &'static Delimiters,
        ignore_case: bool,
    ) -> Written {
        let cores = patterns
            .iter()
            .map(|pattern| super::delimited::core(pattern, delimiters))
            // Nothing stands between two delimiters.
            .filter(|core| !core.is_empty());
        Written::Between(delimiters, Needle::all(cores, ignore_case))
    }

    fn indexed(patterns: &[Vec<u8>], mut index: Box<dyn Index>) -> Written {
        let mut entries = Entries::default();
        for pattern in patterns {
            let id = entries.push(pattern, None, 1);
            // Names of machines are not resolved a second time.
            if id.is_none_or(|id| index.insert(id, &entries, Names::Refuse).is_err()) {
                return Written::Shared;
            }
        }
        let index = index.arranged(&entries).unwrap_or(index);
        Written::Index(index, entries)
    }

    /// Whether a pattern of the line matches; `list` holds them as they are now.
    #[inline]
    pub fn has(&self, value: &Value<'_>, list: &List, view: usize) -> bool {
        if !list.is_original() {
            return list.has(view, value);
        }
        match self {
            Written::Nothing => false,
            Written::Texts(texts) => value.bytes().is_some_and(|bytes| texts.has(bytes)),
            Written::Anywhere(texts) => value.bytes().is_some_and(|bytes| {
                let mut texts = texts.iter();
                texts.any(|text| text.find(bytes, 0).is_some())
            }),
            Written::Between(delimiters, texts) => value.bytes().is_some_and(|bytes| {
                let mut texts = texts.iter();
                texts.any(|text| text.stands_between(delimiters, bytes))
            }),
            Written::Numbers(numbers) => numbers.has(value),
            Written::Index(index, entries) => index.find(value, entries).is_some(),
            Written::Shared => list.has(view, value),
        }
    }
}

impl Texts {
    fn new(patterns: &[Vec<u8>], how: How, ignore_case: bool) -> Option<Texts> {
        let mut texts = Texts {
            how,
            ignore_case,
            ends: SmallVec::new(),
            bytes: Box::default(),
        };
        let mut bytes = Vec::new();
        for pattern in patterns {
            bytes.extend_from_slice(pattern);
            texts.ends.push(u32::try_from(bytes.len()).ok()?);
        }
        texts.bytes = bytes.into();
        Some(texts)
    }

    fn has(&self, bytes: &[u8]) -> bool {
        let ignore_case = self.ignore_case;
        match self.how {
            How::Whole => self.any(|pattern| same(pattern, bytes, ignore_case)),
            How::Beginning => self.any(|pattern| {
                let part = bytes.get(..pattern.len());
                part.is_some_and(|part| same(pattern, part, ignore_case))
            }),
            How::End => self.any(|pattern| {
                let start = bytes.len().checked_sub(pattern.len());
                let part = start.and_then(|start| bytes.get(start..));
                part.is_some_and(|part| same(pattern, part, ignore_case))
            }),
        }
    }

    #[inline]
    fn any(&self, mut is_it: impl FnMut(&[u8]) -> bool) -> bool {
        let mut start = 0;
        self.ends.iter().any(|end| {
            let end = *end as usize;
            let pattern = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            is_it(pattern)
        })
    }
}

/// A text that is searched for, prepared for that.
#[derive(Debug)]
pub enum Needle {
    /// As it is.
    Exactly(Box<Finder<'static>>),
    /// In any letter case.
    InAnyCase(Box<[u8]>),
}

impl Needle {
    fn all<'p>(texts: impl Iterator<Item = &'p [u8]>, ignore_case: bool) -> Box<[Needle]> {
        let prepared = texts.map(|text| match ignore_case {
            true => Needle::InAnyCase(text.into()),
            false => Needle::Exactly(Box::new(Finder::new(text).into_owned())),
        });
        prepared.collect()
    }

    fn len(&self) -> usize {
        match self {
            Needle::Exactly(finder) => finder.needle().len(),
            Needle::InAnyCase(text) => text.len(),
        }
    }

    /// Where it stands first, at `from` or behind it.
    #[inline]
    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let rest = text.get(from..)?;
        let found = match self {
            _ if rest.len() < self.len() => None,
            Needle::Exactly(finder) => finder.find(rest),
            Needle::InAnyCase(needle) => in_any_case(rest, needle),
        };
        found.map(|at| from + at)
    }

    /// Whether it stands between delimiters or ends of a text.
    fn stands_between(&self, delimiters: &Delimiters, text: &[u8]) -> bool {
        let delimits = |byte: Option<&u8>| byte.is_none_or(|byte| delimiters.has(*byte));
        let mut from = 0;
        while let Some(at) = self.find(text, from) {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            if delimits(before) && delimits(text.get(at + self.len())) {
                return true;
            }
            from = at + 1;
        }
        false
    }
}

/// Where a pattern stands in a text that is not shorter, in any letter case.
fn in_any_case(text: &[u8], pattern: &[u8]) -> Option<usize> {
    let Some(first) = pattern.first() else {
        return Some(0);
    };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let starts = text.get(..text.len() + 1 - pattern.len())?;
    let begins = |at: &usize| text[*at..at + pattern.len()].eq_ignore_ascii_case(pattern);
    if starts.len() > SHORT {
        return memchr::memchr2_iter(lower, upper, starts).find(begins);
    }
    // What a search has to prepare is worth more than such a text.
    let places = starts.iter().enumerate();
    let places = places.filter(|(_, byte)| **byte == lower || **byte == upper);
    places.map(|(at, _)| at).find(begins)
}

const SHORT: usize = 32;

#[cfg(test)]
mod tests {
    use hapax_core::keyword::{MatchMethod, RowRef};
    use hapax_core::pattern::{Entries, List, Names, Source, View};
    use hapax_core::sample::Value;

    use super::Written;
    use crate::matcher::METHODS;

    /// Patterns and texts that meet at edges: empty, equal, longer, between delimiters, in the other case.
    const TEXTS: &[&str] = &[
        "",
        "a",
        "A",
        "ab",
        "a/b",
        "/a/b",
        "/a",
        "b/",
        "//",
        "/",
        "a.b",
        "x.a.b",
        ".a.",
        "a:b",
        "?a",
        "xa",
        "ax",
        "xax",
        "aab",
        "/x/a?b",
        "example.com",
        "www.example.com",
        "Example.COM:80",
        "aaaaaaaaab",
    ];
    const PATTERNS: &[&[&str]] = &[
        &[],
        &[""],
        &["a"],
        &["/"],
        &["a", "b"],
        &["a/b"],
        &["/a/b/"],
        &["example.com"],
        &["aab"],
        &["a", "b", "c", "d", "e", "f", "g", "h", "i"],
    ];

    #[test]
    fn what_was_written_matches_as_the_list_does() {
        for name in ["str", "beg", "end", "sub", "dir", "dom", "reg"] {
            let method = METHODS.iter().find(|row| row.name == name).expect(name);
            for patterns in PATTERNS {
                for ignore_case in [false, true] {
                    compare(RowRef(method), patterns, ignore_case);
                }
            }
        }
    }

    fn compare(method: RowRef<MatchMethod>, patterns: &[&str], ignore_case: bool) {
        let list = List::new(String::new(), false, Source::default());
        let mut entries = Entries::default();
        for pattern in patterns {
            entries.push(pattern.as_bytes(), None, 1);
        }
        list.fill(entries);
        let how = View {
            method: method.0.name,
            ignore_case,
            output: None,
        };
        let index = || (method.0.index)(ignore_case);
        let view = list.view(how, index, Names::Refuse, |_| Ok(()));
        let view = view.expect("texts are patterns");
        let patterns: Vec<_> = patterns
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect();
        let written = Written::new(&patterns, method, ignore_case, &list, view);
        for text in TEXTS {
            let value = Value::Str(text.as_bytes());
            assert_eq!(
                written.has(&value, &list, view),
                list.has(view, &value),
                "{} {ignore_case} {patterns:?} {text}",
                method.0.name
            );
        }
        assert!(list.is_original());
        list.add(None, b"xax", None, |_: &View, _: &[u8]| Ok(()))
            .expect("a text is a pattern");
        assert!(!list.is_original());
        assert!(
            written.has(&Value::Str(b"xax"), &list, view),
            "{}",
            method.0.name
        );
    }
}
