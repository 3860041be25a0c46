//! A place per worker that comes into being with the first use: most backends and servers of a large configuration are idle.

use std::sync::OnceLock;

/// One `T` per worker, none of them before one is asked for.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    workers: usize,
    slots: OnceLock<Box<[T]>>,
}

impl<T: Default> Slots<T> {
    /// For `workers` workers, at least one.
    pub(crate) fn new(workers: usize) -> Slots<T> {
        Slots {
            workers: workers.max(1),
            slots: OnceLock::new(),
        }
    }

    /// How many workers there are slots for.
    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    /// The slot of a worker, to write into.
    #[inline]
    pub(crate) fn of(&self, worker: usize) -> Option<&T> {
        match self.slots.get() {
            Some(slots) => slots.get(worker),
            None => self.begin().get(worker),
        }
    }

    /// All slots; empty as long as nothing was written.
    #[inline]
    pub(crate) fn all(&self) -> &[T] {
        self.slots.get().map_or(&[], |slots| slots)
    }

    #[cold]
    fn begin(&self) -> &[T] {
        self.slots
            .get_or_init(|| (0..self.workers).map(|_| T::default()).collect())
    }
}
