//! `-m dir` and `-m dom`: the pattern, without delimiters at its ends, between two delimiters or ends of the text.

use hapax_core::pattern::{Entries, Hash, Index, Keys, Names};
use hapax_core::sample::Value;

use super::text::{Lengths, fold, same};

/// Bytes that delimit, as a table: most texts are looked at byte by byte.
#[derive(Debug)]
pub struct Delimiters([bool; 256]);

impl Delimiters {
    /// These bytes.
    pub const fn new(bytes: &[u8]) -> Delimiters {
        let mut table = [false; 256];
        let mut at = 0;
        while at < bytes.len() {
            table[bytes[at] as usize] = true;
            at += 1;
        }
        Delimiters(table)
    }

    /// Whether a byte is one.
    #[inline]
    pub fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    /// Where the first one stands.
    #[inline]
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        text.iter().position(|byte| self.has(*byte))
    }
}

/// Patterns by the hash of what remains of them without delimiters at their ends.
#[derive(Debug)]
pub struct Delimited {
    delimiters: &'static Delimiters,
    ignore_case: bool,
    keys: Keys,
    lengths: Lengths,
}

impl Delimited {
    /// Without patterns.
    pub fn new(delimiters: &'static Delimiters, ignore_case: bool) -> Delimited {
        Delimited {
            delimiters,
            ignore_case,
            keys: Keys::default(),
            lengths: Lengths::default(),
        }
    }

    fn core<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        core(key, self.delimiters)
    }

    fn hash(&self, core: &[u8]) -> Hash {
        Hash::of(core.iter().map(|byte| fold(*byte, self.ignore_case)))
    }

    /// The first pattern at the beginning of `rest` that ends at a delimiter.
    fn at(&self, rest: &[u8], entries: &Entries) -> Option<u32> {
        let mut hash = Hash::default();
        let mut done = 0;
        let mut best: Option<u32> = None;
        for length in self.lengths.up_to(rest.len()) {
            while done < length {
                hash.push(fold(rest[done], self.ignore_case));
                done += 1;
            }
            let ends = rest
                .get(length)
                .is_none_or(|byte| self.delimiters.has(*byte));
            if !ends {
                continue;
            }
            let part = &rest[..length];
            let is_it = |id| same(self.core(entries.key(id)), part, self.ignore_case);
            best = [best, self.keys.find(hash, is_it)]
                .into_iter()
                .flatten()
                .min();
        }
        best
    }
}

/// What remains of a pattern without delimiters at its ends.
pub fn core<'k>(key: &'k [u8], delimiters: &Delimiters) -> &'k [u8] {
    let is_delimiter = |byte: &u8| delimiters.has(*byte);
    let start = key.iter().position(|byte| !is_delimiter(byte));
    let end = key.iter().rposition(|byte| !is_delimiter(byte));
    match (start, end) {
        (Some(start), Some(end)) => &key[start..=end],
        _ => &[],
    }
}

impl Index for Delimited {
    fn insert(&mut self, id: u32, entries: &Entries, _: Names) -> Result<(), String> {
        let core = self.core(entries.key(id));
        if !core.is_empty() {
            self.keys.insert(self.hash(core), id);
            self.lengths.add(core.len());
        }
        Ok(())
    }

    fn remove(&mut self, id: u32, entries: &Entries) {
        let core = self.core(entries.key(id));
        if !core.is_empty() {
            self.keys.remove(self.hash(core), id);
            self.lengths.remove(core.len());
        }
    }

    fn find(&self, value: &Value<'_>, entries: &Entries) -> Option<u32> {
        let bytes = value.bytes()?;
        let mut best: Option<u32> = None;
        let mut start = Some(0);
        while let Some(at) = start {
            let rest = bytes.get(at..)?;
            best = [best, self.at(rest, entries)].into_iter().flatten().min();
            start = self.delimiters.find(rest).map(|next| at + next + 1);
        }
        best
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        false
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::new(Delimited::new(self.delimiters, self.ignore_case))
    }
}
