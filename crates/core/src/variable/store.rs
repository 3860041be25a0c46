//! The variables of a session or a stream.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use bumpalo::Bump;
use smallvec::SmallVec;

use super::account::{ENTRY, Limits, Usage};
use super::{Decision, Name, Owned, Scope, State, size};
use crate::sample::Value;

/// The variables of one session or stream: a pointer, which is none until the first one is set.
///
/// It is written through a shared reference, because a converter may set a variable; it lives on one worker.
#[derive(Default)]
pub struct Variables(Cell<Option<Box<Store>>>);

#[derive(Debug, Default)]
struct Store {
    entries: SmallVec<[Entry; 2]>,
    /// What the limits count: of `req`/`res`, and of everything.
    message: u64,
    total: u64,
    /// Where `total` is counted too; set while something is limited.
    usage: Option<Arc<Usage>>,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    scope: Scope,
    value: Option<Owned>,
}

/// What a write must respect.
#[derive(Clone, Copy)]
pub(crate) struct Room<'a> {
    /// The limits; none when there is none.
    pub limits: &'a Limits,
    /// What is in use in the process.
    pub usage: &'a Arc<Usage>,
    /// What the limits count in the session that the stream belongs to, the stream's own left out.
    pub session: u64,
}

impl Variables {
    /// The value of a variable, copied into the arena.
    #[inline]
    pub fn read<'a>(&self, name: &Name, arena: &'a Bump) -> Option<Value<'a>> {
        self.with(|store| Some(store.find(name)?.value.as_ref()?.copy(arena)))
    }

    /// Sets a variable if `decide` agrees with what is known of it; `false` when it did not or a limit is in the way.
    /// `decide` must not touch variables itself.
    pub(crate) fn write(
        &self,
        name: &Name,
        value: Value<'_>,
        room: Option<Room<'_>>,
        decide: impl FnOnce(State<'_>) -> Decision,
    ) -> bool {
        let mut store = self.0.take().unwrap_or_default();
        let decision = decide(match store.find(name).map(|entry| &entry.value) {
            Some(Some(value)) => State::Set(value.value()),
            Some(None) => State::Unset,
            None => State::Missing,
        });
        let written = match decision {
            Decision::Set => store.write(name, value, room),
            Decision::Create => store.create(name, room).is_some(),
            Decision::Leave => false,
        };
        self.0.set(Some(store));
        written && decision == Decision::Set
    }

    /// Forgets a variable.
    pub fn unset(&self, name: &Name) {
        self.with(|store| {
            let entry = store.entries.swap_remove(store.position(name)?);
            store.give(
                entry.scope,
                ENTRY + entry.value.map_or(0, |value| value.size()),
            );
            Some(())
        });
    }

    /// Forgets the variables of a scope.
    pub fn clear(&self, scope: Scope) {
        self.with(|store| {
            let mut freed = 0;
            store.entries.retain(|entry| {
                let stays = entry.scope != scope;
                if !stays {
                    freed += ENTRY + entry.value.as_ref().map_or(0, Owned::size);
                }
                stays
            });
            store.give(scope, freed);
            Some(())
        });
    }

    /// Forgets everything; memory is kept.
    pub fn clear_all(&self) {
        self.with(|store| {
            store.forget();
            Some(())
        });
    }

    /// What the limits count for these variables; 0 while nothing is limited.
    pub(crate) fn counted(&self) -> u64 {
        self.with(|store| Some(store.total)).unwrap_or(0)
    }

    fn with<T>(&self, then: impl FnOnce(&mut Store) -> Option<T>) -> Option<T> {
        let mut store = self.0.take()?;
        let result = then(&mut store);
        self.0.set(Some(store));
        result
    }
}

impl Store {
    fn position(&self, name: &Name) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.hash == name.hash() && entry.scope == name.scope())
    }

    fn find(&self, name: &Name) -> Option<&Entry> {
        self.entries.get(self.position(name)?)
    }

    /// The place of a variable, which is made if there is none; none when a limit is in the way.
    fn create(&mut self, name: &Name, room: Option<Room<'_>>) -> Option<usize> {
        if let Some(index) = self.position(name) {
            return Some(index);
        }
        if let Some(room) = room
            && !self.take(name.scope(), ENTRY, room)
        {
            return None;
        }
        self.entries.push(Entry {
            hash: name.hash(),
            scope: name.scope(),
            value: None,
        });
        Some(self.entries.len() - 1)
    }

    fn write(&mut self, name: &Name, value: Value<'_>, room: Option<Room<'_>>) -> bool {
        let Some(index) = self.create(name, room) else {
            return false;
        };
        if let Some(room) = room {
            let entry = self.entries.get_mut(index);
            let old = entry.map_or(0, |entry| entry.value.as_ref().map_or(0, Owned::size));
            self.give(name.scope(), old);
            if !self.take(name.scope(), size(value), room) {
                // A value that does not fit leaves none. (Upstream leaves what happens to lie in memory.)
                if let Some(entry) = self.entries.get_mut(index) {
                    entry.value = None;
                }
                return false;
            }
        }
        if let Some(entry) = self.entries.get_mut(index) {
            match &mut entry.value {
                Some(kept) => kept.replace(value),
                none => *none = Some(Owned::new(value)),
            }
        }
        true
    }

    fn take(&mut self, scope: Scope, amount: u64, room: Room<'_>) -> bool {
        let limits = room.limits;
        let fits = |limit: u64, used: u64| limit == 0 || used.saturating_add(amount) <= limit;
        let of_session = scope == Scope::Session;
        let fits = (!is_message(scope) || fits(limits.message, self.message))
            && (of_session || scope == Scope::Check || fits(limits.transaction, self.total))
            && (scope != Scope::Check || fits(limits.check, self.total))
            && (scope == Scope::Check || fits(limits.session, room.session + self.total));
        let usage = self.usage.get_or_insert_with(|| room.usage.clone());
        if !fits || !usage.take(limits, amount, scope != Scope::Check) {
            return false;
        }
        self.total += amount;
        if is_message(scope) {
            self.message += amount;
        }
        true
    }

    fn give(&mut self, scope: Scope, amount: u64) {
        let Some(usage) = &self.usage else {
            return;
        };
        usage.give(amount.min(self.total), scope != Scope::Check);
        self.total = self.total.saturating_sub(amount);
        if is_message(scope) {
            self.message = self.message.saturating_sub(amount);
        }
    }

    fn forget(&mut self) {
        if let Some(usage) = self.usage.take() {
            let check = self.entries.first().map(|entry| entry.scope) == Some(Scope::Check);
            usage.give(self.total, !check);
        }
        self.entries.clear();
        self.total = 0;
        self.message = 0;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.forget();
    }
}

fn is_message(scope: Scope) -> bool {
    matches!(scope, Scope::Request | Scope::Response)
}

impl Clone for Variables {
    /// A copy of the values; it is not counted.
    fn clone(&self) -> Self {
        let entries = self.with(|store| {
            let copy = |entry: &Entry| Entry {
                hash: entry.hash,
                scope: entry.scope,
                value: entry.value.clone(),
            };
            Some(store.entries.iter().map(copy).collect())
        });
        Variables(Cell::new(entries.map(|entries| {
            Box::new(Store {
                entries,
                message: 0,
                total: 0,
                usage: None,
            })
        })))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        self.with(|store| {
            list.entries(&store.entries);
            Some(())
        });
        list.finish()
    }
}
