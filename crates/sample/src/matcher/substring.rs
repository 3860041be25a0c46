//! `-m sub`: patterns anywhere in the text, all in one automaton.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use hapax_core::pattern::{Entries, Index, Names};
use hapax_core::sample::Value;

/// The automaton, and what came or went since it was built.
#[derive(Debug)]
pub struct Substrings {
    ignore_case: bool,
    automaton: Option<AhoCorasick>,
    /// The entries of the automaton's patterns.
    ids: Vec<u32>,
    /// Entries that came later.
    later: Vec<u32>,
    /// How many of `ids` are gone.
    gone: usize,
}

/// Changes after which the automaton is built again.
const MANY: usize = 16;

impl Substrings {
    /// Without patterns.
    pub fn new(ignore_case: bool) -> Substrings {
        Substrings {
            ignore_case,
            automaton: None,
            ids: Vec::new(),
            later: Vec::new(),
            gone: 0,
        }
    }

    fn has(&self, bytes: &[u8], pattern: &[u8]) -> bool {
        if !self.ignore_case {
            return memchr::memmem::find(bytes, pattern).is_some();
        }
        pattern.is_empty()
            || bytes
                .windows(pattern.len())
                .any(|part| part.eq_ignore_ascii_case(pattern))
    }
}

impl Index for Substrings {
    fn insert(&mut self, id: u32, _: &Entries, _: Names) -> Result<(), String> {
        self.later.push(id);
        Ok(())
    }

    fn remove(&mut self, id: u32, _: &Entries) {
        let before = self.later.len();
        self.later.retain(|other| *other != id);
        self.gone += usize::from(before == self.later.len());
    }

    fn find(&self, value: &Value<'_>, entries: &Entries) -> Option<u32> {
        let bytes = value.bytes()?;
        let indexed = self.automaton.as_ref().and_then(|automaton| {
            automaton
                .find_overlapping_iter(bytes)
                .filter_map(|found| self.ids.get(found.pattern().as_usize()).copied())
                .filter(|id| self.gone == 0 || entries.is_live(*id))
                .min()
        });
        let mut later = self.later.iter().copied();
        indexed.or_else(|| later.find(|id| self.has(bytes, entries.key(*id))))
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        false
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::new(Substrings::new(self.ignore_case))
    }

    fn arranged(&self, entries: &Entries) -> Option<Box<dyn Index>> {
        let changes = self.later.len() + self.gone;
        let first = self.automaton.is_none() && self.later.len() > 1;
        if !first && changes <= MANY.max(self.ids.len() / 8) {
            return None;
        }
        let ids: Vec<u32> = self
            .ids
            .iter()
            .chain(&self.later)
            .copied()
            .filter(|id| entries.is_live(*id))
            .collect();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(self.ignore_case)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(ids.iter().map(|id| entries.key(*id)))
            .ok()?;
        Some(Box::new(Substrings {
            ignore_case: self.ignore_case,
            automaton: Some(automaton),
            ids,
            later: Vec::new(),
            gone: 0,
        }))
    }
}
