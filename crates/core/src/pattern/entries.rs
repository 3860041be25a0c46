//! The entries of a list: keys and values as text, side by side in as little memory as they need.

/// Keys and values in the order in which they came. An entry keeps its number until the list is packed.
#[derive(Debug, Default)]
pub struct Entries {
    /// Key and value of every entry that was read in bulk.
    text: Vec<u8>,
    /// Those that were added or changed one by one.
    own: Vec<Box<[u8]>>,
    free: Vec<u32>,
    list: Vec<Entry>,
    live: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Offset in `text`, or with `OWN` the index in `own`.
    at: u32,
    key: u32,
    /// Length of the value, `NONE` without one, `DEAD` for an entry that is gone.
    value: u32,
    line: u32,
}

const OWN: u32 = 1 << 31;
const NONE: u32 = u32::MAX;
const DEAD: u32 = u32::MAX - 1;
/// Longest key or value.
const LONGEST: usize = 1 << 30;

impl Entries {
    /// Makes room for the entries of a file.
    pub fn reserve(&mut self, file: &[u8]) {
        self.text.reserve(file.len());
        let lines = file.iter().filter(|byte| **byte == b'\n').count();
        self.list.reserve(lines);
    }

    /// Adds an entry read from a line (0 is none) and tells its number; none when there is no room for it.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>, line: u32) -> Option<u32> {
        let id = u32::try_from(self.list.len()).ok().filter(|id| *id < OWN)?;
        let length = key.len() + value.map_or(0, <[u8]>::len);
        if length > LONGEST {
            return None;
        }
        let at = if line > 0 && self.text.len() + length < OWN as usize {
            let at = self.text.len() as u32;
            self.text.extend_from_slice(key);
            self.text.extend_from_slice(value.unwrap_or_default());
            at
        } else {
            self.keep(key, value)?
        };
        self.list.push(Entry {
            at,
            key: key.len() as u32,
            value: value.map_or(NONE, |value| value.len() as u32),
            line,
        });
        self.live += 1;
        Some(id)
    }

    fn keep(&mut self, key: &[u8], value: Option<&[u8]>) -> Option<u32> {
        let text: Box<[u8]> = [key, value.unwrap_or_default()].concat().into();
        if let Some(index) = self.free.pop()
            && let Some(place) = self.own.get_mut(index as usize)
        {
            *place = text;
            return Some(index | OWN);
        }
        let index = u32::try_from(self.own.len()).ok().filter(|at| *at < OWN)?;
        self.own.push(text);
        Some(index | OWN)
    }

    fn release(&mut self, at: u32) {
        if at & OWN != 0
            && let Some(place) = self.own.get_mut((at & !OWN) as usize)
        {
            *place = Box::default();
            self.free.push(at & !OWN);
        }
    }

    /// Gives an entry another value.
    pub fn set(&mut self, id: u32, value: &[u8]) {
        if value.len() > LONGEST || !self.is_live(id) {
            return;
        }
        let key = self.key(id).to_vec();
        if let Some(at) = self.list.get(id as usize).map(|entry| entry.at) {
            self.release(at);
        }
        if let Some(at) = self.keep(&key, Some(value))
            && let Some(entry) = self.list.get_mut(id as usize)
        {
            entry.at = at;
            entry.value = value.len() as u32;
        }
    }

    /// Drops an entry.
    pub fn remove(&mut self, id: u32) {
        if !self.is_live(id) {
            return;
        }
        if let Some(entry) = self.list.get_mut(id as usize) {
            entry.value = DEAD;
            let at = entry.at;
            self.live -= 1;
            self.release(at);
        }
    }

    /// Whether the entry exists and was not removed.
    pub fn is_live(&self, id: u32) -> bool {
        let entry = self.list.get(id as usize);
        entry.is_some_and(|entry| entry.value != DEAD)
    }

    /// The key; empty when there is no such entry.
    #[inline]
    pub fn key(&self, id: u32) -> &[u8] {
        let Some(entry) = self.list.get(id as usize) else {
            return &[];
        };
        let length = entry.key as usize;
        self.bytes(entry).get(..length).unwrap_or_default()
    }

    /// The value, if there is one.
    pub fn value(&self, id: u32) -> Option<&[u8]> {
        let entry = self.list.get(id as usize)?;
        if entry.value >= DEAD {
            return None;
        }
        let start = entry.key as usize;
        self.bytes(entry).get(start..start + entry.value as usize)
    }

    fn bytes(&self, entry: &Entry) -> &[u8] {
        if entry.at & OWN == 0 {
            return self.text.get(entry.at as usize..).unwrap_or_default();
        }
        let own = self.own.get((entry.at & !OWN) as usize);
        own.map_or(&[], |text| text)
    }

    /// The line that the entry was read from; 0 for one that came later.
    pub fn line(&self, id: u32) -> u32 {
        self.list.get(id as usize).map_or(0, |entry| entry.line)
    }

    /// The numbers of all entries in order.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.list.len() as u32).filter(|id| self.is_live(*id))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Whether most of what is kept is gone.
    pub(super) fn is_sparse(&self) -> bool {
        self.list.len() > 2 * self.live + 1024
    }

    /// Gives back what growth left over.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.list.shrink_to_fit();
    }

    /// A copy without gaps.
    pub(super) fn packed(&self) -> Entries {
        let mut packed = Entries::default();
        for id in self.ids() {
            let line = self.line(id).max(1);
            packed.push(self.key(id), self.value(id), line);
        }
        packed.shrink();
        packed
    }
}
