//! Lists of patterns that ACLs and maps look things up in: entries, their indexes, versions, and the names they go by
//! (configuration manual 2.7).
//!
//! A list is shared by all that name it. Each way to match it (method, case, kind of value) is a [`View`] with an
//! [`Index`] of its own. Workers look up under a lock that is split per thread; a change holds it for the insertion of one
//! entry or the exchange of a pointer: what takes longer (files, versions, automata) is built beside it.

mod entries;
mod keys;
mod list;
mod lists;

pub use entries::Entries;
pub use keys::{Hash, Keys};
pub use list::{List, Reading, Source, View};
pub use lists::Lists;

use std::fmt::Debug;

use crate::sample::Value;

/// The patterns of a list, arranged for one way to match.
pub trait Index: Debug + Send + Sync {
    /// Takes an entry up.
    ///
    /// # Errors
    /// Upstream's text, when its key is no pattern of this kind.
    fn insert(&mut self, id: u32, entries: &Entries, names: Names) -> Result<(), String>;

    /// Forgets an entry, whose text is still there.
    fn remove(&mut self, id: u32, entries: &Entries);

    /// The entry that a value matches.
    fn find(&self, value: &Value<'_>, entries: &Entries) -> Option<u32>;

    /// Whether a tree (or hash) found the entry rather than a walk over a list, as upstream would say.
    fn in_tree(&self, id: u32, entries: &Entries) -> bool;

    /// An empty index of the same kind.
    fn empty(&self) -> Box<dyn Index>;

    /// The same index once more, when that shares what was compiled and needs no entries to look things up.
    fn same(&self) -> Option<Box<dyn Index>> {
        None
    }

    /// A better arranged copy, when changes have made one worth its time.
    fn arranged(&self, _entries: &Entries) -> Option<Box<dyn Index>> {
        None
    }
}

/// Whether names of machines may be patterns for addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// They are resolved.
    Resolve,
    /// They are refused.
    Refuse,
}

#[cfg(test)]
mod tests;
