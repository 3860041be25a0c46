//! The variables of the process: shared by all workers, each behind a short lock of its own.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bumpalo::Bump;
use hashbrown::HashMap;
use parking_lot::RwLock;

use super::account::{ENTRY, Limits, Usage};
use super::{Decision, Name, Owned, State, size};
use crate::sample::Value;

/// `proc` variables. Look-up of the name takes no lock; new names are rare.
#[derive(Debug, Default)]
pub struct ProcessVariables {
    slots: ArcSwap<HashMap<u64, Arc<Slot>>>,
    usage: Arc<Usage>,
}

type Slot = RwLock<Place>;

#[derive(Debug, Default)]
struct Place {
    value: Option<Owned>,
    /// Whether the limits count it.
    counted: bool,
}

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
            Some(slot) => match &slot.read().value {
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
        decide: impl FnOnce(State<'_>) -> Decision,
    ) -> bool {
        let slot = self.slot(name);
        let mut slot = slot.write();
        let old = slot.value.as_ref();
        if decide(old.map_or(State::Unset, |old| State::Set(old.value()))) != Decision::Set {
            return false;
        }
        if limits.any() {
            // A place that was taken once is kept.
            let old = slot.value.as_ref().map_or(0, Owned::size);
            self.usage.give(old, true);
            let place = if slot.counted { 0 } else { ENTRY };
            if !self.usage.take(limits, place + size(value), true) {
                slot.value = None;
                return false;
            }
            slot.counted = true;
        }
        match &mut slot.value {
            Some(kept) => kept.replace(value),
            none => *none = Some(Owned::new(value)),
        }
        true
    }

    /// Takes the value away.
    pub fn unset(&self, name: &Name, limits: &Limits) {
        let slots = self.slots.load();
        let Some(slot) = slots.get(&name.hash()) else {
            return;
        };
        let old = slot.write().value.take();
        if let Some(old) = old.filter(|_| limits.any()) {
            self.usage.give(old.size(), true);
        }
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
