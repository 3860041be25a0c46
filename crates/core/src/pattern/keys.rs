//! Hash tables over keys: numbers of entries by the bytes of (a part of) their key.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use hashbrown::HashTable;

/// A hash that grows byte by byte, so that all beginnings of a text are hashed in one pass. The start is drawn at random:
/// keys may come from clients.
#[derive(Debug, Clone, Copy)]
pub struct Hash(u64);

impl Default for Hash {
    #[inline]
    fn default() -> Self {
        static SEED: OnceLock<u64> = OnceLock::new();
        Hash(*SEED.get_or_init(|| RandomState::new().hash_one(0u8) | 1))
    }
}

impl Hash {
    /// Takes one more byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        let product = u128::from(self.0 ^ u64::from(byte).wrapping_add(0x9e37)) * MULTIPLIER;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }

    /// The hash of a whole text.
    pub fn of(bytes: impl IntoIterator<Item = u8>) -> Hash {
        let mut hash = Hash::default();
        bytes.into_iter().for_each(|byte| hash.push(byte));
        hash
    }

    fn short(self) -> u32 {
        (self.0 ^ self.0 >> 32) as u32
    }
}

const MULTIPLIER: u128 = 0x2d35_8dcc_aa6c_78a5;

/// Numbers of entries by hash.
#[derive(Debug, Default)]
pub struct Keys {
    table: HashTable<(u32, u32)>,
}

impl Keys {
    /// Makes room for so many more.
    pub fn reserve(&mut self, count: usize) {
        self.table.reserve(count, |(hash, _)| spread(*hash));
    }

    /// Adds an entry.
    pub fn insert(&mut self, hash: Hash, id: u32) {
        let short = hash.short();
        self.table
            .insert_unique(spread(short), (short, id), |(hash, _)| spread(*hash));
    }

    /// Removes an entry.
    pub fn remove(&mut self, hash: Hash, id: u32) {
        let found = self
            .table
            .find_entry(spread(hash.short()), |(_, other)| *other == id);
        if let Ok(found) = found {
            found.remove();
        }
    }

    /// The first entry of that hash whose key is the one that is meant.
    #[inline]
    pub fn find(&self, hash: Hash, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let short = hash.short();
        self.table
            .iter_hash(spread(short))
            .filter(|(other, id)| *other == short && is_it(*id))
            .map(|(_, id)| *id)
            .min()
    }

    /// All entries of that hash.
    pub fn all(&self, hash: Hash) -> impl Iterator<Item = u32> + '_ {
        let short = hash.short();
        let same = self.table.iter_hash(spread(short));
        same.filter(move |(other, _)| *other == short)
            .map(|(_, id)| *id)
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
