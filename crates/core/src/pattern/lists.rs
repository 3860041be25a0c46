//! All lists of a configuration.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use serde::{Serialize, Serializer};

use super::List;

/// The lists in the order in which they were made; clones share them.
#[derive(Clone, Default)]
pub struct Lists(Arc<Mutex<Vec<Arc<List>>>>);

impl Lists {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// The list of that name.
    pub fn find(&self, name: &str) -> Option<Arc<List>> {
        let lists = self.0.lock();
        let found = lists
            .iter()
            .find(|list| !name.is_empty() && list.name == name);
        found.cloned()
    }

    /// Adds a list.
    pub fn add(&self, list: List) -> Arc<List> {
        let list = Arc::new(list);
        self.0.lock().push(list.clone());
        list
    }

    /// Whether a list has that number.
    pub fn has_id(&self, id: u32) -> bool {
        let lists = self.0.lock();
        lists
            .iter()
            .any(|list| list.id.load(Ordering::Relaxed) == id)
    }

    /// Gives numbers to what has none, in order, and sorts by them.
    pub fn number(&self) {
        let mut lists = self.0.lock();
        let taken: std::collections::BTreeSet<u32> = lists
            .iter()
            .map(|list| list.id.load(Ordering::Relaxed))
            .collect();
        let mut next = (0..u32::MAX).filter(|id| !taken.contains(id));
        for list in lists.iter() {
            if list.id.load(Ordering::Relaxed) == u32::MAX
                && let Some(id) = next.next()
            {
                list.id.store(id, Ordering::Relaxed);
            }
        }
        lists.sort_by_key(|list| list.id.load(Ordering::Relaxed));
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<List>> {
        self.0.lock().clone()
    }
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.all();
        f.debug_list()
            .entries(names.iter().map(|list| &list.name))
            .finish()
    }
}

impl PartialEq for Lists {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.all(), other.all());
        let names = one.iter().map(|list| &list.name);
        names.eq(other.iter().map(|list| &list.name))
    }
}

impl Serialize for Lists {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.all().iter().map(|list| &list.name))
    }
}
