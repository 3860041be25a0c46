//! One list: its entries, the views on it, and the versions that wait to be committed.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crossbeam_utils::sync::ShardedLock;
use parking_lot::Mutex;

use super::{Entries, Hash, Index, Keys, Names};
use crate::sample::Value;

/// A list of patterns, with values when it is a map.
#[derive(Debug)]
pub struct List {
    /// The name by which others share it; empty for the patterns of one ACL line.
    pub name: String,
    /// Whether its entries have values.
    pub is_map: bool,
    /// Number in the runtime API; `u32::MAX` until it has one.
    pub id: AtomicU32,
    /// Whether ACLs use it.
    pub for_acls: AtomicBool,
    /// Whether maps use it.
    pub for_maps: AtomicBool,
    source: Mutex<Source>,
    data: ShardedLock<Data>,
    /// Held while something changes.
    writer: Mutex<Versions>,
    epoch: AtomicU64,
    /// Whether the entries are no longer those that the configuration gave.
    changed: AtomicBool,
    /// Entries that upstream counts again for each further way to match them.
    again: AtomicUsize,
}

/// Where a list comes from and who uses it, for descriptions.
#[derive(Debug, Default)]
pub struct Source {
    /// What it was made for.
    pub text: String,
    /// Its users, for a list with a name.
    pub users: Vec<String>,
}

/// How a view matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The match method.
    pub method: &'static str,
    /// `-i`.
    pub ignore_case: bool,
    /// The type of the values; none for an ACL, which asks for none.
    pub output: Option<&'static str>,
}

#[derive(Debug, Default)]
struct Data {
    entries: Entries,
    views: Vec<(View, Box<dyn Index>)>,
    /// Entries by their whole key; made when a key is first asked for.
    keys: Option<Keys>,
}

#[derive(Debug, Default)]
struct Versions {
    current: u32,
    next: u32,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    version: u32,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// An entry as the runtime API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// A number that names the entry.
    pub reference: u64,
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Option<&'a [u8]>,
}

impl List {
    /// An empty list.
    pub fn new(name: String, is_map: bool, source: Source) -> List {
        List {
            name,
            is_map,
            id: AtomicU32::new(u32::MAX),
            for_acls: AtomicBool::new(false),
            for_maps: AtomicBool::new(false),
            source: Mutex::new(source),
            data: ShardedLock::default(),
            writer: Mutex::default(),
            epoch: AtomicU64::new(1),
            changed: AtomicBool::new(false),
            again: AtomicUsize::new(0),
        }
    }

    /// What `show map` says about it.
    pub fn description(&self) -> String {
        let source = self.source.lock();
        match source.users.as_slice() {
            [] => source.text.clone(),
            users => format!("{} used {}", source.text, users.join(", ")),
        }
    }

    /// Notes one more user.
    pub fn used(&self, by: String) {
        self.source.lock().users.push(by);
    }

    /// Fills the list while the configuration is read.
    pub fn fill(&self, entries: Entries) {
        let mut entries = entries;
        entries.shrink();
        self.change(|data| data.entries = entries);
    }

    /// The place of a view; it is made unless there is one like it.
    ///
    /// # Errors
    /// Line and text of the first entry that it cannot take.
    pub fn view(
        &self,
        view: View,
        index: impl FnOnce() -> Box<dyn Index>,
        names: Names,
        check: impl Fn(&[u8]) -> Result<(), String>,
    ) -> Result<usize, (u32, String)> {
        let _writer = self.writer.lock();
        let made = {
            let data = self.read();
            if let Some(at) = data.views.iter().position(|(other, _)| *other == view) {
                return Ok(at);
            }
            if !data.views.is_empty() {
                self.again.fetch_add(data.entries.len(), Ordering::Relaxed);
            }
            let mut index = index();
            for id in data.entries.ids() {
                let line = data.entries.line(id);
                check(data.entries.value(id).unwrap_or_default()).map_err(|text| (line, text))?;
                index
                    .insert(id, &data.entries, names)
                    .map_err(|text| (line, text))?;
            }
            let arranged = index.arranged(&data.entries);
            arranged.unwrap_or(index)
        };
        Ok(self.change(|data| {
            data.views.push((view, made));
            data.views.len() - 1
        }))
    }

    /// The index of a view once more ([`Index::same`]).
    pub fn same(&self, view: usize) -> Option<Box<dyn Index>> {
        self.read().views.get(view)?.1.same()
    }

    /// Whether the entries are still those that the configuration gave.
    #[inline]
    pub fn is_original(&self) -> bool {
        !self.changed.load(Ordering::Acquire)
    }

    /// Whether an entry matches, in a view.
    #[inline]
    pub fn has(&self, view: usize, value: &Value<'_>) -> bool {
        self.find(view, value, |_| ()).is_some()
    }

    /// What an entry that matches says, in a view.
    #[inline]
    pub fn find<T>(
        &self,
        view: usize,
        value: &Value<'_>,
        then: impl FnOnce(Reading<'_>) -> T,
    ) -> Option<T> {
        let data = self.read();
        let (_, index) = data.views.get(view)?;
        let id = index.find(value, &data.entries)?;
        Some(then(Reading {
            reference: 0,
            key: data.entries.key(id),
            value: data.entries.value(id),
        }))
    }

    /// The views, each with what it finds for a value made for it.
    pub fn ask<'v>(
        &self,
        mut sample: impl FnMut(&View) -> Option<Value<'v>>,
        mut then: impl FnMut(&View, Option<(Reading<'_>, bool)>),
    ) {
        let data = self.read();
        for (view, index) in &data.views {
            let found = sample(view).and_then(|value| index.find(&value, &data.entries));
            let found = found.map(|id| {
                let reading = Reading {
                    reference: 0,
                    key: data.entries.key(id),
                    value: data.entries.value(id),
                };
                (reading, index.in_tree(id, &data.entries))
            });
            then(view, found);
        }
    }

    /// Current and next version, and the entries of all versions.
    pub fn versions(&self) -> (u32, u32, usize) {
        let versions = self.writer.lock();
        let live = self.read().entries.len();
        (
            versions.current,
            versions.next,
            live + versions.waiting.len() + self.again.load(Ordering::Relaxed),
        )
    }

    /// Shows the entries of a version, the current one if none is given.
    pub fn show(&self, version: Option<u32>, mut then: impl FnMut(Reading<'_>)) {
        let versions = self.writer.lock();
        let epoch = self.epoch.load(Ordering::Relaxed);
        if version.is_none_or(|version| version == versions.current) {
            let data = self.read();
            for id in data.entries.ids() {
                then(Reading {
                    reference: epoch << 32 | u64::from(id),
                    key: data.entries.key(id),
                    value: data.entries.value(id),
                });
            }
            return;
        }
        let waiting = versions.waiting.iter().enumerate();
        for (at, entry) in waiting.filter(|(_, entry)| Some(entry.version) == version) {
            then(Reading {
                reference: 1 << 62 | at as u64,
                key: &entry.key,
                value: entry.value.as_deref(),
            });
        }
    }

    /// Adds an entry to the current version, or to another one.
    ///
    /// # Errors
    /// Upstream's text, when a view cannot take it.
    pub fn add(
        &self,
        version: Option<u32>,
        key: &[u8],
        value: Option<&[u8]>,
        check: impl Fn(&View, &[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut versions = self.writer.lock();
        self.add_by(&mut versions, version, key, value, &check)
    }

    fn add_by(
        &self,
        versions: &mut Versions,
        version: Option<u32>,
        key: &[u8],
        value: Option<&[u8]>,
        check: &impl Fn(&View, &[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        self.check(key, value, check)?;
        if let Some(version) = version.filter(|version| *version != versions.current) {
            versions.waiting.push(Waiting {
                version,
                key: key.to_vec(),
                value: value.map(<[u8]>::to_vec),
            });
            return Ok(());
        }
        self.changed.store(true, Ordering::Release);
        self.change(|data| data.add(key, value));
        self.arrange();
        Ok(())
    }

    /// Whether all views can take an entry.
    fn check(
        &self,
        key: &[u8],
        value: Option<&[u8]>,
        check: &impl Fn(&View, &[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut alone = Entries::default();
        alone.push(key, value, 1);
        for (view, index) in &self.read().views {
            check(view, value.unwrap_or_default())?;
            index.empty().insert(0, &alone, Names::Refuse)?;
        }
        Ok(())
    }

    /// Adds a key unless it is there; what actions do.
    ///
    /// # Errors
    /// Upstream's text, when a view cannot take it.
    pub fn add_once(&self, key: &[u8]) -> Result<(), String> {
        let check = |_: &View, _: &[u8]| Ok(());
        if self.known(key).is_some() {
            return Ok(());
        }
        let mut versions = self.writer.lock();
        match self.ids_of(&versions, key).is_empty() {
            true => self.add_by(&mut versions, None, key, None, &check),
            false => Ok(()),
        }
    }

    /// Sets the value of a key, which is added when there is none; what actions do.
    ///
    /// # Errors
    /// Upstream's text, when a view cannot take it.
    pub fn set_or_add(
        &self,
        key: &[u8],
        value: &[u8],
        check: impl Fn(&View, &[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.known(key).is_some_and(|known| known == value) {
            return Ok(());
        }
        let mut versions = self.writer.lock();
        let ids = self.ids_of(&versions, key);
        match ids.is_empty() {
            true => self.add_by(&mut versions, None, key, Some(value), &check),
            false => self.set_each(&ids, value, &check),
        }
    }

    /// Sets the value of all entries of a key; tells whether there was one.
    ///
    /// # Errors
    /// Upstream's text, when a view cannot take the value.
    pub fn set(
        &self,
        key: &[u8],
        value: &[u8],
        check: impl Fn(&View, &[u8]) -> Result<(), String>,
    ) -> Result<bool, String> {
        let versions = self.writer.lock();
        let ids = self.ids_of(&versions, key);
        self.set_each(&ids, value, &check).map(|()| !ids.is_empty())
    }

    /// The same for the entry of a reference.
    ///
    /// # Errors
    /// As for [`List::set`].
    pub fn set_reference(
        &self,
        reference: u64,
        value: &[u8],
        check: impl Fn(&View, &[u8]) -> Result<(), String>,
    ) -> Result<bool, String> {
        let _writer = self.writer.lock();
        let ids: Vec<u32> = self.id_of(reference).into_iter().collect();
        self.set_each(&ids, value, &check).map(|()| !ids.is_empty())
    }

    fn set_each(
        &self,
        ids: &[u32],
        value: &[u8],
        check: &impl Fn(&View, &[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        for (view, _) in &self.read().views {
            check(view, value)?;
        }
        self.changed.store(true, Ordering::Release);
        self.change(|data| ids.iter().for_each(|id| data.entries.set(*id, value)));
        Ok(())
    }

    /// Removes all entries of a key; tells whether there was one.
    pub fn remove(&self, key: &[u8]) -> bool {
        let versions = self.writer.lock();
        let ids = self.ids_of(&versions, key);
        self.remove_each(&ids)
    }

    /// Removes the entry of a reference; tells whether there was one.
    pub fn remove_reference(&self, reference: u64) -> bool {
        let _writer = self.writer.lock();
        let ids: Vec<u32> = self.id_of(reference).into_iter().collect();
        self.remove_each(&ids)
    }

    fn remove_each(&self, ids: &[u32]) -> bool {
        self.changed.store(true, Ordering::Release);
        self.change(|data| ids.iter().for_each(|id| data.remove(*id)));
        self.arrange();
        if self.read().entries.is_sparse() {
            let packed = self.read().entries.packed();
            self.exchange(packed);
        }
        !ids.is_empty()
    }

    fn id_of(&self, reference: u64) -> Option<u32> {
        let current = reference >> 32 == self.epoch.load(Ordering::Relaxed);
        let id = reference as u32;
        (current && self.read().entries.is_live(id)).then_some(id)
    }

    /// Drops all entries of the current version, or of another one.
    pub fn clear(&self, version: Option<u32>) {
        let mut versions = self.writer.lock();
        match version.filter(|version| *version != versions.current) {
            Some(version) => versions.waiting.retain(|entry| entry.version != version),
            None => self.exchange(Entries::default()),
        }
    }

    /// Opens a new version.
    pub fn prepare(&self) -> u32 {
        let mut versions = self.writer.lock();
        versions.next = versions.next.wrapping_add(1);
        versions.next
    }

    /// Whether a version lies in the future.
    pub fn is_ahead(&self, version: u32) -> bool {
        version > self.writer.lock().next
    }

    /// Puts a version in the place of the current one; `false` when there is none of that number.
    pub fn commit(&self, version: u32) -> bool {
        let mut versions = self.writer.lock();
        if version <= versions.current || version > versions.next {
            return false;
        }
        versions.current = version;
        let waiting = std::mem::take(&mut versions.waiting);
        let mut entries = Entries::default();
        for entry in waiting {
            if entry.version == version {
                entries.push(&entry.key, entry.value.as_deref(), 1);
            } else if entry.version > version {
                versions.waiting.push(entry);
            }
        }
        entries.shrink();
        self.exchange(entries);
        true
    }

    /// Builds the views of other entries beside those in use, then exchanges them.
    fn exchange(&self, entries: Entries) {
        let views: Vec<_> = {
            let data = self.read();
            let build = |(view, old): &(View, Box<dyn Index>)| {
                let mut index = old.empty();
                for id in entries.ids() {
                    // Every entry was checked when it came.
                    let _ = index.insert(id, &entries, Names::Refuse);
                }
                let arranged = index.arranged(&entries);
                (*view, arranged.unwrap_or(index))
            };
            data.views.iter().map(build).collect()
        };
        self.epoch.fetch_add(1, Ordering::Relaxed);
        self.again.store(0, Ordering::Relaxed);
        let new = Data {
            entries,
            views,
            keys: None,
        };
        self.changed.store(true, Ordering::Release);
        let old = self.change(|data| std::mem::replace(data, new));
        // Freed without the lock.
        drop(old);
    }

    /// Lets views that changes have left in disorder be built again, beside those in use.
    fn arrange(&self) {
        let arranged: Vec<_> = {
            let data = self.read();
            let views = data.views.iter().enumerate();
            views
                .filter_map(|(at, (_, index))| Some((at, index.arranged(&data.entries)?)))
                .collect()
        };
        for (at, index) in arranged {
            let old = self.change(|data| {
                let place = data.views.get_mut(at)?;
                Some(std::mem::replace(&mut place.1, index))
            });
            drop(old);
        }
    }

    /// The value of a key, if the keys are at hand.
    fn known(&self, key: &[u8]) -> Option<Vec<u8>> {
        let data = self.read();
        let id = data.first(key)?;
        Some(data.entries.value(id).unwrap_or_default().to_vec())
    }

    /// The entries of a key. They stay what they are while the writer's lock is held.
    fn ids_of(&self, _writer: &Versions, key: &[u8]) -> Vec<u32> {
        let made = {
            let data = self.read();
            if data.keys.is_some() {
                return data.all(key);
            }
            let mut keys = Keys::default();
            keys.reserve(data.entries.len());
            for id in data.entries.ids() {
                keys.insert(Hash::of(data.entries.key(id).iter().copied()), id);
            }
            keys
        };
        self.change(|data| data.keys = Some(made));
        self.read().all(key)
    }

    fn read(&self) -> crossbeam_utils::sync::ShardedLockReadGuard<'_, Data> {
        // A panic of another thread leaves entries and indexes whole: each step is one of theirs.
        self.data
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Data) -> T) -> T {
        let mut data = self
            .data
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut data)
    }
}

impl Data {
    fn add(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Some(id) = self.entries.push(key, value, 0) else {
            return;
        };
        for (_, index) in &mut self.views {
            // It was checked before.
            let _ = index.insert(id, &self.entries, Names::Refuse);
        }
        if let Some(keys) = &mut self.keys {
            keys.insert(Hash::of(key.iter().copied()), id);
        }
    }

    fn remove(&mut self, id: u32) {
        if !self.entries.is_live(id) {
            return;
        }
        for (_, index) in &mut self.views {
            index.remove(id, &self.entries);
        }
        if let Some(keys) = &mut self.keys {
            keys.remove(Hash::of(self.entries.key(id).iter().copied()), id);
        }
        self.entries.remove(id);
    }

    fn all(&self, key: &[u8]) -> Vec<u32> {
        let Some(keys) = &self.keys else {
            return Vec::new();
        };
        let same = keys.all(Hash::of(key.iter().copied()));
        same.filter(|id| self.entries.key(*id) == key).collect()
    }

    fn first(&self, key: &[u8]) -> Option<u32> {
        let keys = self.keys.as_ref()?;
        keys.find(Hash::of(key.iter().copied()), |id| {
            self.entries.key(id) == key
        })
    }
}
