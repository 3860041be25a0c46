//! Which row reads a line: the longest name that the words start with.

use hashbrown::HashMap;

use hapax_core::keyword::{Registry, SectionKeyword, Sections};
use hapax_core::span::Word;

/// Section keywords by their first word, longest name first.
pub(crate) struct Rows {
    by_first: HashMap<&'static str, Vec<&'static SectionKeyword>>,
}

/// What a look-up found.
pub(crate) enum Found {
    /// The row.
    Row(&'static SectionKeyword),
    /// Only a row for other sections.
    Elsewhere(&'static SectionKeyword),
    /// Nothing.
    Nothing,
}

impl Rows {
    pub(crate) fn new(registry: &Registry) -> Rows {
        let mut by_first: HashMap<_, Vec<&'static SectionKeyword>> = HashMap::new();
        for row in registry.sections.iter() {
            let first = row.name.split(' ').next().unwrap_or(row.name);
            by_first.entry(first).or_default().push(row);
        }
        for rows in by_first.values_mut() {
            rows.sort_by_key(|row| {
                std::cmp::Reverse((row.name.split(' ').count(), row.name.len()))
            });
        }
        Rows { by_first }
    }

    /// Whether any row of any section starts with `word`.
    pub(crate) fn has(&self, word: &Word) -> bool {
        word.as_str()
            .is_some_and(|word| self.by_first.contains_key(word))
    }

    /// The row for `words` in the section `bit`.
    pub(crate) fn find(&self, words: &[Word], bit: Sections) -> Found {
        let rows = words
            .first()
            .and_then(|first| first.as_str())
            .and_then(|first| self.by_first.get(first));
        let matching = rows
            .into_iter()
            .flatten()
            .copied()
            .filter(|row| starts_with(words, row.name));
        let Some(longest) = matching.clone().next() else {
            return Found::Nothing;
        };
        let of = |sections| matching.clone().find(|row| row.sections.has(sections));
        match of(bit) {
            Some(row) => Found::Row(row),
            None if Sections::PROXIES.has(bit) => {
                Found::Elsewhere(of(Sections::PROXIES).unwrap_or(longest))
            }
            None => Found::Elsewhere(longest),
        }
    }

    /// The second words of the rows of a section that start with `first`, or first words when there is none.
    pub(crate) fn candidates(
        &self,
        first: Option<&str>,
        bit: Sections,
    ) -> impl Iterator<Item = &'static str> {
        let mut names: Vec<&'static str> = self
            .by_first
            .iter()
            .filter(|(name, _)| first.is_none_or(|first| first == **name))
            .flat_map(|(_, rows)| rows.iter())
            .filter(|row| row.sections.has(bit))
            .filter_map(|row| row.name.split(' ').nth(usize::from(first.is_some())))
            .collect();
        if first.is_none() {
            names.extend(["global", "defaults", "frontend", "backend", "listen"]);
        }
        names.sort_unstable();
        names.dedup();
        names.into_iter()
    }
}

fn starts_with(words: &[Word], name: &str) -> bool {
    let mut words = words.iter();
    name.split(' ').all(|part| {
        words
            .next()
            .is_some_and(|word| match part.strip_suffix('(') {
                // A variable's name follows in the same word.
                Some(begin) => word.text.starts_with(begin.as_bytes()),
                None => *word == part,
            })
    })
}
