//! A set of positions that answers which one comes next: few in a list, many as bits.

use smallvec::SmallVec;

/// A set of positions below a bound that its user keeps.
#[derive(Debug)]
pub struct Positions(Form);

#[derive(Debug)]
enum Form {
    /// In ascending order.
    Few(SmallVec<[u32; 8]>),
    Many(Box<Bits>),
}

#[derive(Debug)]
struct Bits {
    /// One bit per position.
    words: Vec<u64>,
    /// One bit per word that has any.
    summary: Vec<u64>,
    count: usize,
}

impl Positions {
    /// An empty set.
    pub fn new() -> Positions {
        Positions(Form::Few(SmallVec::new()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Few(list) => list.is_empty(),
            Form::Many(bits) => bits.count == 0,
        }
    }

    /// Adds a position below `bound`.
    pub fn insert(&mut self, position: u32, bound: usize) {
        match &mut self.0 {
            Form::Few(list) => {
                if let Err(at) = list.binary_search(&position) {
                    list.insert(at, position);
                }
                if list.len() > MOST_LISTED {
                    let mut bits = Bits::below(bound);
                    list.iter().for_each(|&position| bits.insert(position));
                    self.0 = Form::Many(Box::new(bits));
                }
            }
            Form::Many(bits) => bits.insert(position),
        }
    }

    /// Takes a position out.
    pub fn remove(&mut self, position: u32) {
        match &mut self.0 {
            Form::Few(list) => {
                if let Ok(at) = list.binary_search(&position) {
                    list.remove(at);
                }
            }
            Form::Many(bits) => {
                bits.remove(position);
                // Well below where the bits begin, so that a set at the border does not change its form all the time.
                if bits.count < MOST_LISTED / 4 {
                    let mut list = SmallVec::new();
                    let mut next = bits.next(0);
                    while let Some(position) = next {
                        list.push(position);
                        next = bits.next(position + 1);
                    }
                    self.0 = Form::Few(list);
                }
            }
        }
    }

    /// The lowest position from `from` on.
    pub fn next(&self, from: u32) -> Option<u32> {
        match &self.0 {
            Form::Few(list) => list
                .get(list.partition_point(|&known| known < from))
                .copied(),
            Form::Many(bits) => bits.next(from),
        }
    }
}

impl Bits {
    fn below(bound: usize) -> Bits {
        let words = bound.div_ceil(64);
        Bits {
            words: vec![0; words],
            summary: vec![0; words.div_ceil(64)],
            count: 0,
        }
    }

    fn insert(&mut self, position: u32) {
        let (at, bit) = place(position);
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
            self.summary.resize(at / 64 + 1, 0);
        }
        self.count += usize::from(self.words[at] & bit == 0);
        self.words[at] |= bit;
        self.summary[at / 64] |= 1 << (at % 64);
    }

    fn remove(&mut self, position: u32) {
        let (at, bit) = place(position);
        let Some(word) = self.words.get_mut(at) else {
            return;
        };
        self.count -= usize::from(*word & bit != 0);
        *word &= !bit;
        if *word == 0 {
            self.summary[at / 64] &= !(1 << (at % 64));
        }
    }

    fn next(&self, from: u32) -> Option<u32> {
        let (at, bit) = place(from);
        // The bits from this one on.
        let word = self.words.get(at)? & !(bit - 1);
        let found = match word {
            0 => self.next_word(at + 1)?,
            _ => at,
        };
        let word = match word {
            0 => *self.words.get(found)?,
            own => own,
        };
        Some((found * 64) as u32 + word.trailing_zeros())
    }

    /// The first word from `from` on that has a bit.
    fn next_word(&self, from: usize) -> Option<usize> {
        let own = self.summary.get(from / 64)? & (u64::MAX << (from % 64));
        if own != 0 {
            return Some(from / 64 * 64 + own.trailing_zeros() as usize);
        }
        let rest = self.summary.iter().enumerate().skip(from / 64 + 1);
        let (at, word) = rest.into_iter().find(|(_, word)| **word != 0)?;
        Some(at * 64 + word.trailing_zeros() as usize)
    }
}

/// The word of a position and its bit in there.
fn place(position: u32) -> (usize, u64) {
    (position as usize / 64, 1 << (position % 64))
}

/// A longer list becomes bits: that many sets of bits at most are there for one backend as a multiple of this goes into its
/// servers.
const MOST_LISTED: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_set_knows_what_comes_next_in_either_form() {
        let (mut set, mut known) = (Positions::new(), BTreeSet::new());
        let mut random = 1_u32;
        for round in 0..40_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let position = (random >> 8) % 10_000;
            // It grows to bits, and shrinks to a list again.
            match round / 500 % 2 {
                0 => {
                    set.insert(position, 10_000);
                    known.insert(position);
                }
                _ => {
                    for gone in known.range(position..).take(3).copied().collect::<Vec<_>>() {
                        set.remove(gone);
                        known.remove(&gone);
                    }
                    set.remove(position);
                    known.remove(&position);
                }
            }
            let from = random % 10_001;
            assert_eq!(set.next(from), known.range(from..).next().copied());
            assert_eq!(set.is_empty(), known.is_empty());
        }
    }

    #[test]
    fn all_positions_are_met_in_order() {
        let mut set = Positions::new();
        (0..300)
            .rev()
            .for_each(|position| set.insert(position * 30, 9000));
        let mut met = Vec::new();
        let mut next = set.next(0);
        while let Some(position) = next {
            met.push(position);
            next = set.next(position + 1);
        }
        assert_eq!(met, (0..300).map(|at| at * 30).collect::<Vec<_>>());
    }
}
