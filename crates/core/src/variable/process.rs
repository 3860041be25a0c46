//! The variables of the process: shared by all workers, each behind a short lock of its own.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bumpalo::Bump;
use hashbrown::HashMap;
use parking_lot::RwLock;

use super::account::{ENTRY, Limits, Usage};
use super::{Name, Owned, State, size};
use crate::sample::Value;

/// `proc` variables. Look-up of the name takes no lock; new names are rare.
#[derive(Debug, Default)]
pub struct ProcessVariables {
    slots: ArcSwap<HashMap<u64, Arc<Slot>>>,
    usage: Arc<Usage>,
}

type Slot = RwLock<Option<Owned>>;

impl ProcessVariables {
    /// The value, copied into the arena.
    pub fn read<'a>(&self, name: &Name, arena: &'a Bump) -> Option<Value<'a>> {
        match self.state(name, arena) {
            State::Set(value) => Some(value),
            _ => None,
        }
    }

    /// What is known of a variable. To be named in the configuration is to exist, so none is missing.
    pub fn state<'a>(&self, name: &Name, arena: &'a Bump) -> State<'a> {
        match self.slots.load().get(&name.hash()) {
            None => State::Unset,
            Some(slot) => match &*slot.read() {
                Some(value) => State::Set(value.copy(arena)),
                None => State::Unset,
            },
        }
    }

    /// Sets a variable if `decide`, asked under the lock, agrees with what is there; `false` when it did not or a limit
    /// is in the way.
    pub fn write(
        &self,
        name: &Name,
        value: Value<'_>,
        limits: &Limits,
        decide: impl FnOnce(State<'_>) -> bool,
    ) -> bool {
        let slot = self.slot(name);
        let mut slot = slot.write();
        let old = slot.as_ref();
        if !decide(old.map_or(State::Unset, |old| State::Set(old.value()))) {
            return false;
        }
        if limits.any() {
            let old = slot.as_ref().map_or(0, |old| ENTRY + old.size());
            self.usage.give(old, true);
            if !self.usage.take(limits, ENTRY + size(value), true) {
                *slot = None;
                return false;
            }
        }
        match &mut *slot {
            Some(kept) => kept.replace(value),
            none => *none = Some(Owned::new(value)),
        }
        true
    }

    /// Takes the value away; `false` when there is no such variable.
    pub fn unset(&self, name: &Name, limits: &Limits) -> bool {
        let slots = self.slots.load();
        let Some(slot) = slots.get(&name.hash()) else {
            return false;
        };
        let old = slot.write().take();
        if let Some(old) = old.filter(|_| limits.any()) {
            self.usage.give(ENTRY + old.size(), true);
        }
        true
    }

    /// What is in use.
    pub fn usage(&self) -> &Arc<Usage> {
        &self.usage
    }

    fn slot(&self, name: &Name) -> Arc<Slot> {
        if let Some(slot) = self.slots.load().get(&name.hash()) {
            return slot.clone();
        }
        let new = Arc::new(Slot::default());
        self.slots.rcu(|slots| {
            let mut slots = HashMap::clone(slots);
            slots.entry(name.hash()).or_insert_with(|| new.clone());
            slots
        });
        let slots = self.slots.load();
        slots.get(&name.hash()).cloned().unwrap_or(new)
    }
}
