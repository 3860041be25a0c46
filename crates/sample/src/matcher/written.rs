//! The patterns of an ACL line as they were written, in a form that needs no lock: it serves until the runtime API changes
//! the line's list.

use hapax_core::keyword::{MatchMethod, RowRef};
use hapax_core::pattern::{Entries, Index, List, Names};
use hapax_core::sample::Value;
use smallvec::SmallVec;

use super::text::same;

/// See the module text.
#[derive(Debug)]
pub enum Written {
    /// No pattern.
    Nothing,
    /// A few texts, compared one by one.
    Texts(Texts),
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
    Anywhere,
    Between(&'static [u8]),
}

/// So many texts are compared faster one by one than through an index.
const FEW: usize = 8;

impl Written {
    /// The patterns of one line.
    pub fn new(patterns: &[Vec<u8>], method: RowRef<MatchMethod>, ignore_case: bool) -> Written {
        if patterns.is_empty() {
            return Written::Nothing;
        }
        let how = match method.name {
            "str" => Some(How::Whole),
            "beg" => Some(How::Beginning),
            "end" => Some(How::End),
            "sub" if !ignore_case => Some(How::Anywhere),
            "dir" => Some(How::Between(super::DIRECTORIES)),
            "dom" => Some(How::Between(super::DOMAINS)),
            // A second automaton for each expression would double the time that reading takes.
            "reg" => return Written::Shared,
            _ => None,
        };
        let texts = how.filter(|_| patterns.len() <= FEW);
        let texts = texts.and_then(|how| Texts::new(patterns, how, ignore_case));
        match texts {
            Some(texts) => Written::Texts(texts),
            None => Written::indexed(patterns, (method.0.index)(ignore_case)),
        }
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
            let core = match how {
                How::Between(delimiters) => super::delimited::core(pattern, delimiters),
                _ => pattern,
            };
            // Nothing stands between two delimiters.
            if core.is_empty() && matches!(how, How::Between(_)) {
                continue;
            }
            bytes.extend_from_slice(core);
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
            How::Anywhere => self.any(|pattern| anywhere(bytes, pattern)),
            How::Between(delimiters) => {
                let mut start = 0;
                loop {
                    let rest = bytes.get(start..).unwrap_or_default();
                    if self.any(|pattern| leads(rest, pattern, delimiters, ignore_case)) {
                        return true;
                    }
                    match rest.iter().position(|byte| delimiters.contains(byte)) {
                        Some(next) => start += next + 1,
                        None => return false,
                    }
                }
            }
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

/// Whether a text begins with the pattern, up to a delimiter or its end.
#[inline]
fn leads(text: &[u8], pattern: &[u8], delimiters: &[u8], ignore_case: bool) -> bool {
    let ends = text.get(pattern.len());
    ends.is_none_or(|byte| delimiters.contains(byte))
        && text
            .get(..pattern.len())
            .is_some_and(|part| same(pattern, part, ignore_case))
}

/// Most texts are shorter than what a search has to prepare is worth.
#[inline]
fn anywhere(text: &[u8], pattern: &[u8]) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return true;
    };
    let Some(last) = text.len().checked_sub(pattern.len()) else {
        return false;
    };
    if last > SHORT {
        return memchr::memmem::find(text, pattern).is_some();
    }
    (0..=last).any(|at| text[at] == *first && text[at + 1..].starts_with(rest))
}

const SHORT: usize = 64;

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
        let written = Written::new(&patterns, method, ignore_case);
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
