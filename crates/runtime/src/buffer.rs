//! Flat byte buffers from a per-worker pool; the last one returned is the first one taken, still warm.
//!
//! A connection takes a [`Buf`] when bytes arrive and drops it when it waits with none: dropping is
//! giving back.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;

use hapax_sys::memory::Pages;

/// A buffer with the bytes that were received and not yet consumed.
pub struct Buf {
    storage: Pages,
    start: usize,
    end: usize,
    /// How much of the storage may be used.
    most: usize,
}

impl Buf {
    /// Takes an empty buffer from this worker's pool, or makes one.
    pub fn take() -> Buf {
        let size = SIZE.get();
        Buf::over(taken(size), size)
    }

    /// As [`take`](Self::take), with [`MARGIN`] bytes more: room for what stands around that many bytes in records.
    pub fn take_with_margin() -> Buf {
        let size = SIZE.get();
        Buf::over(taken(size), size + MARGIN)
    }

    /// An empty buffer of another size than the pool's; it is freed when dropped.
    pub fn with_size(bytes: usize) -> Buf {
        Buf::over(Pages::new(bytes), bytes)
    }

    /// The bytes inside.
    #[inline]
    pub fn data(&self) -> &[u8] {
        &self.storage[self.start..self.end]
    }

    /// The bytes inside, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.storage[self.start..self.end]
    }

    /// How many bytes are inside.
    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes it can hold in all.
    pub fn capacity(&self) -> usize {
        self.most
    }

    /// Free bytes behind the data, without [`compact`](Self::compact).
    pub fn tail(&self) -> usize {
        self.most - self.end
    }

    /// Free bytes before and behind the data.
    pub fn free(&self) -> usize {
        self.most - self.len()
    }

    /// Forgets the first `count` bytes (all, if there are fewer).
    #[inline]
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
        if self.start == self.end {
            self.clear();
        }
    }

    /// Forgets all bytes.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Forgets what is behind the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.end = self.end.min(self.start + length);
    }

    /// Moves the bytes to the front, so that all free room is behind them.
    pub fn compact(&mut self) {
        if self.start > 0 {
            self.storage.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    /// The room behind the bytes, to be written to and then announced with [`filled`](Self::filled).
    #[inline]
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.storage[self.end..self.most]
    }

    /// As [`room`](Self::room), as if the buffer were `keep` bytes shorter: what a head may not use
    /// so that rules can still add to it (`tune.maxrewrite`).
    pub fn room_keeping(&mut self, keep: usize) -> &mut [u8] {
        let end = self.most.saturating_sub(keep).max(self.end);
        &mut self.storage[self.end..end]
    }

    /// The first `count` bytes of the room are data now.
    #[inline]
    pub fn filled(&mut self, count: usize) {
        self.end = self.most.min(self.end + count);
    }

    /// Adds all of `bytes`, or nothing and answers `false` when they do not fit behind the data.
    #[inline]
    #[must_use]
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.end + bytes.len();
        match self.storage.get_mut(self.end..end) {
            Some(room) if end <= self.most => {
                room.copy_from_slice(bytes);
                self.end = end;
                true
            }
            _ => false,
        }
    }

    /// Adds one byte, or answers `false` when it is full.
    #[inline]
    #[must_use]
    pub fn push_byte(&mut self, byte: u8) -> bool {
        self.push(&[byte])
    }

    /// Replaces the bytes in `range` (positions in [`data`](Self::data)) by `with`, moving what follows.
    /// Answers `false`, changing nothing, when the result does not fit or the range is not inside.
    #[must_use]
    pub fn splice(&mut self, range: Range<usize>, with: &[u8]) -> bool {
        if range.start > range.end || range.end > self.len() {
            return false;
        }
        let removed = range.end - range.start;
        if with.len() > removed + self.free() {
            return false;
        }
        if with.len() > removed + self.tail() {
            self.compact();
        }
        let from = self.start + range.start;
        let rest = self.start + range.end..self.end;
        self.storage.copy_within(rest, from + with.len());
        self.storage[from..from + with.len()].copy_from_slice(with);
        self.end = self.end - removed + with.len();
        true
    }

    fn over(storage: Pages, most: usize) -> Buf {
        let most = most.min(storage.len());
        USED.set(USED.get() + most);
        Buf {
            most,
            storage,
            start: 0,
            end: 0,
        }
    }
}

impl Drop for Buf {
    fn drop(&mut self) {
        let storage = std::mem::take(&mut self.storage);
        let _ = USED.try_with(|used| used.set(used.get().saturating_sub(self.most)));
        // A thread that ends has no pool any more; then the buffer is just freed.
        let _ = SIZE.try_with(|size| {
            if storage.len() == size.get() + MARGIN {
                let most = MOST.get();
                let _ = POOL.try_with(|pool| {
                    let mut pool = pool.borrow_mut();
                    if pool.len() < most {
                        pool.push(storage);
                    }
                });
            }
        });
    }
}

impl fmt::Debug for Buf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buf({} of {} bytes)", self.len(), self.capacity())
    }
}

impl fmt::Write for Buf {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.push(text.as_bytes()) {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

/// Sets the size of this worker's buffers (`tune.bufsize`) and how many free ones it keeps.
pub fn configure(bytes: usize, most_free: usize) {
    SIZE.set(bytes);
    MOST.set(most_free);
    POOL.with_borrow_mut(Vec::clear);
}

/// Bytes of this worker's buffers that are taken.
pub fn used() -> usize {
    USED.get()
}

/// Size of this worker's buffers in bytes.
pub fn size() -> usize {
    SIZE.get()
}

/// Free buffers in this worker's pool.
pub fn pooled() -> usize {
    POOL.with_borrow(Vec::len)
}

/// Frees half of the buffers that nobody took since the last call; called about once per second.
pub fn trim() {
    POOL.with_borrow_mut(|pool| {
        let unused = LOW.get().min(pool.len());
        pool.truncate(pool.len() - unused / 2);
        LOW.set(pool.len());
    });
}

/// Storage of the pool, for buffers of this size.
fn taken(size: usize) -> Pages {
    while let Some(storage) = POOL.with_borrow_mut(Vec::pop) {
        note_low();
        if storage.len() == size + MARGIN {
            return storage;
        }
    }
    Pages::new(size + MARGIN)
}

fn note_low() {
    let left = POOL.with_borrow(Vec::len);
    if left < LOW.get() {
        LOW.set(left);
    }
}

/// What the storage of a pooled buffer has beyond its size; pages that nobody writes to take no memory.
pub const MARGIN: usize = 4096;
/// `tune.bufsize` where the configuration does not say.
pub const DEFAULT_SIZE: usize = 16384;
const DEFAULT_MOST_FREE: usize = 1024;

thread_local! {
    static USED: Cell<usize> = const { Cell::new(0) };
    static SIZE: Cell<usize> = const { Cell::new(DEFAULT_SIZE) };
    static MOST: Cell<usize> = const { Cell::new(DEFAULT_MOST_FREE) };
    static LOW: Cell<usize> = const { Cell::new(0) };
    static POOL: RefCell<Vec<Pages>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_returned_buffer_is_taken_first_and_empty() {
        configure(64, 2);
        let mut one = Buf::take();
        assert!(one.push(b"left over"));
        let at = one.storage.as_ptr();
        drop(one);
        let again = Buf::take();
        assert_eq!(again.storage.as_ptr(), at);
        assert!(again.is_empty());
        let more = [Buf::take(), Buf::take(), again];
        drop(more);
        assert_eq!(pooled(), 2, "retention is bounded");
        drop(Buf::with_size(10));
        assert_eq!(pooled(), 2, "other sizes are freed");
        configure(128, 2);
        assert_eq!(Buf::take().capacity(), 128);
    }

    #[test]
    fn unused_buffers_are_freed_by_and_by() {
        configure(64, 100);
        drop((0..64).map(|_| Buf::take()).collect::<Vec<_>>());
        trim();
        for _ in 0..10 {
            drop((0..4).map(|_| Buf::take()).collect::<Vec<_>>());
            trim();
        }
        assert!((4..10).contains(&pooled()), "{} kept", pooled());
    }

    #[test]
    fn bytes_in_and_out() {
        let mut buf = Buf::with_size(8);
        assert!(buf.push(b"abcdef"));
        buf.consume(4);
        assert!(!buf.push(b"ghi"), "no room behind, though there is before");
        buf.compact();
        assert!(buf.push(b"ghi"));
        assert_eq!(buf.data(), b"efghi");
        assert_eq!((buf.tail(), buf.free()), (3, 3));
        assert_eq!(buf.room_keeping(2).len(), 1);
        assert_eq!(buf.room_keeping(7).len(), 0);
        buf.room()[0] = b'!';
        buf.filled(1);
        assert_eq!(buf.data(), b"efghi!");
        buf.filled(1000);
        assert_eq!(buf.len(), 8);
        buf.consume(1000);
        assert!(buf.is_empty());
        assert_eq!(buf.tail(), 8);
    }

    #[test]
    fn splice_replaces_in_place_or_not_at_all() {
        let mut buf = Buf::with_size(8);
        assert!(buf.push(b"xxabc"));
        buf.consume(2);
        assert!(buf.splice(1..2, b"12345"));
        assert_eq!(buf.data(), b"a12345c");
        assert!(!buf.splice(0..0, b"zz"));
        assert!(!buf.splice(6..9, b""));
        assert_eq!(buf.data(), b"a12345c");
        assert!(buf.splice(0..7, b""));
        assert!(buf.is_empty());
    }

    #[test]
    fn a_margin_is_room_for_more_and_goes_back_to_the_pool() {
        let mut wide = Buf::take_with_margin();
        assert_eq!(wide.room().len(), size() + MARGIN);
        wide.filled(usize::MAX / 2);
        assert_eq!(wide.len(), size() + MARGIN);
        let before = pooled();
        drop(wide);
        assert_eq!(pooled(), before + 1);
        let plain = Buf::take();
        assert_eq!((pooled(), plain.capacity()), (before, size()));
        assert_eq!(plain.tail(), size());
    }
}
