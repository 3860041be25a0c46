//! Text patterns that equal the whole text, its beginning or its end: `-m str`, `beg`, `end`; and bytes, `-m bin`.

use hapax_core::pattern::{Entries, Hash, Index, Keys, Names};
use hapax_core::sample::Value;

/// Which part of the text a pattern must equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// Its beginning.
    Beginning,
    /// Its end.
    End,
}

/// Patterns by the hash of their bytes: one pass over the text, one look-up per length that patterns have.
#[derive(Debug)]
pub struct Texts {
    part: Part,
    ignore_case: bool,
    keys: Keys,
    lengths: Lengths,
}

impl Texts {
    /// Without patterns.
    pub fn new(part: Part, ignore_case: bool) -> Texts {
        Texts {
            part,
            ignore_case,
            keys: Keys::default(),
            lengths: Lengths::default(),
        }
    }

    fn hash(&self, bytes: &[u8]) -> Hash {
        let fold = |byte: &u8| fold(*byte, self.ignore_case);
        match self.part {
            Part::End => Hash::of(bytes.iter().rev().map(fold)),
            _ => Hash::of(bytes.iter().map(fold)),
        }
    }

    /// The patterns among the parts of a text, one per length, shortest first, hashed in one pass.
    fn parts(&self, bytes: &[u8], entries: &Entries) -> Option<u32> {
        let backwards = self.part == Part::End;
        let mut hash = Hash::default();
        let mut done = 0;
        let mut best: Option<u32> = None;
        for length in self.lengths.up_to(bytes.len()) {
            while done < length {
                let at = if backwards {
                    bytes.len() - 1 - done
                } else {
                    done
                };
                hash.push(fold(bytes[at], self.ignore_case));
                done += 1;
            }
            let part = match backwards {
                true => &bytes[bytes.len() - length..],
                false => &bytes[..length],
            };
            let Some(found) = self
                .keys
                .find(hash, |id| same(entries.key(id), part, self.ignore_case))
            else {
                continue;
            };
            // Upstream keeps beginnings in a tree, which gives the longest one; the rest are lists, in order.
            best = Some(match best {
                Some(known) if !self.prefers_longest() => known.min(found),
                _ => found,
            });
        }
        best
    }

    fn prefers_longest(&self) -> bool {
        self.part == Part::Beginning && !self.ignore_case
    }
}

impl Index for Texts {
    fn insert(&mut self, id: u32, entries: &Entries, _: Names) -> Result<(), String> {
        let key = entries.key(id);
        self.keys.insert(self.hash(key), id);
        self.lengths.add(key.len());
        Ok(())
    }

    fn remove(&mut self, id: u32, entries: &Entries) {
        let key = entries.key(id);
        self.keys.remove(self.hash(key), id);
        self.lengths.remove(key.len());
    }

    #[inline]
    fn find(&self, value: &Value<'_>, entries: &Entries) -> Option<u32> {
        let bytes = value.bytes()?;
        match self.part {
            // A long text that no pattern can equal is not hashed.
            Part::Whole if !self.lengths.has(bytes.len()) => None,
            Part::Whole => self.keys.find(self.hash(bytes), |id| {
                same(entries.key(id), bytes, self.ignore_case)
            }),
            _ => self.parts(bytes, entries),
        }
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        self.part != Part::End && !self.ignore_case
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::new(Texts::new(self.part, self.ignore_case))
    }
}

/// Patterns in hexadecimal digits.
#[derive(Debug, Default)]
pub struct Bytes {
    keys: Keys,
}

impl Index for Bytes {
    fn insert(&mut self, id: u32, entries: &Entries, _: Names) -> Result<(), String> {
        let bytes = decode_hex(entries.key(id))?;
        self.keys.insert(Hash::of(bytes), id);
        Ok(())
    }

    fn remove(&mut self, id: u32, entries: &Entries) {
        if let Ok(bytes) = decode_hex(entries.key(id)) {
            self.keys.remove(Hash::of(bytes), id);
        }
    }

    fn find(&self, value: &Value<'_>, entries: &Entries) -> Option<u32> {
        let bytes = value.bytes()?;
        self.keys.find(Hash::of(bytes.iter().copied()), |id| {
            decode_hex(entries.key(id)).is_ok_and(|pattern| pattern == bytes)
        })
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        false
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::<Bytes>::default()
    }
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

/// The lengths that patterns have, ascending, and how many have each.
#[derive(Debug, Default)]
pub struct Lengths(Vec<(usize, u32)>);

impl Lengths {
    /// One more pattern of this length.
    pub fn add(&mut self, length: usize) {
        match self.0.binary_search_by_key(&length, |(known, _)| *known) {
            Ok(at) => self.0[at].1 += 1,
            Err(at) => self.0.insert(at, (length, 1)),
        }
    }

    /// One less.
    pub fn remove(&mut self, length: usize) {
        if let Ok(at) = self.0.binary_search_by_key(&length, |(known, _)| *known) {
            self.0[at].1 -= 1;
            if self.0[at].1 == 0 {
                self.0.remove(at);
            }
        }
    }

    /// Whether a pattern has this length.
    #[inline]
    pub fn has(&self, length: usize) -> bool {
        let found = self.0.binary_search_by_key(&length, |(known, _)| *known);
        found.is_ok()
    }

    /// Those up to a limit.
    #[inline]
    pub fn up_to(&self, limit: usize) -> impl Iterator<Item = usize> + '_ {
        let lengths = self.0.iter().map(|(length, _)| *length);
        lengths.take_while(move |length| *length <= limit)
    }
}

#[inline]
pub fn fold(byte: u8, ignore_case: bool) -> u8 {
    if ignore_case {
        byte.to_ascii_lowercase()
    } else {
        byte
    }
}

#[inline]
pub fn same(one: &[u8], other: &[u8], ignore_case: bool) -> bool {
    if ignore_case {
        one.eq_ignore_ascii_case(other)
    } else {
        one == other
    }
}
