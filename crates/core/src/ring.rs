//! Rings: bounded memory that keeps the latest messages for `show events`, and for servers that they are sent to
//! (configuration manual 12.5).
//!
//! A message has a position that only grows. Who follows a ring holds what it has not taken yet: as upstream, a full ring loses
//! new messages rather than those, and old ones when nobody holds them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

use crate::backing_file::BackingFile;
use crate::ir;

/// A ring, shared by everybody.
#[derive(Debug)]
pub struct Ring {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Longest message, bytes.
    pub longest: usize,
    dropped: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Messages, each behind its length.
    bytes: VecDeque<u8>,
    /// Most bytes.
    size: usize,
    /// The position of the first byte.
    first: u64,
    /// Positions up to which followers have taken messages.
    held: Vec<u64>,
    waiting: Vec<Waker>,
    /// The file that keeps messages too, and where the next one goes in it.
    backing: Option<(BackingFile, u64)>,
}

/// A place among those who follow a ring.
#[derive(Debug)]
pub struct Follower(usize);

impl Ring {
    /// An empty ring.
    pub fn new(ir: &ir::Ring) -> Ring {
        Ring {
            name: ir.name.clone(),
            description: ir.description.clone(),
            longest: ir.longest(),
            dropped: AtomicU64::new(0),
            inner: Mutex::new(Inner {
                bytes: VecDeque::new(),
                size: ir.size,
                first: 0,
                held: Vec::new(),
                waiting: Vec::new(),
                backing: ir.backing.clone().map(|file| (file, 0)),
            }),
        }
    }

    /// Messages that were lost.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Adds messages, each cut to the longest that the ring takes; tells how many were lost. Who waits is woken.
    pub fn append<'m>(&self, messages: impl Iterator<Item = &'m [u8]>) -> usize {
        let mut lost = 0;
        let woken = {
            let mut inner = self.inner.lock();
            for message in messages {
                let message = message.get(..self.longest).unwrap_or(message);
                lost += usize::from(!inner.push(message));
            }
            std::mem::take(&mut inner.waiting)
        };
        self.dropped.fetch_add(lost as u64, Ordering::Relaxed);
        woken.into_iter().for_each(Waker::wake);
        lost
    }

    /// Where the oldest message stands.
    pub fn start(&self) -> u64 {
        self.inner.lock().first
    }

    /// Where the next message will stand.
    pub fn end(&self) -> u64 {
        self.inner.lock().end()
    }

    /// Hands out the messages from a position on, about `most` bytes of them; tells where the next one stands. Messages
    /// that are gone are passed over.
    pub fn read(&self, from: u64, most: usize, mut each: impl FnMut(&[u8])) -> u64 {
        let inner = self.inner.lock();
        let mut at = usize::try_from(from.saturating_sub(inner.first)).unwrap_or(usize::MAX);
        let (mut taken, mut message) = (0, Vec::new());
        while let Some(length) = inner.length(at).filter(|_| taken < most) {
            message.clear();
            message.extend(inner.bytes.range(at + HEAD..at + HEAD + length));
            each(&message);
            taken += length;
            at += HEAD + length;
        }
        inner.first + at.min(inner.bytes.len()) as u64
    }

    /// Whether there is a message at or behind a position; if not, `waker` is woken by the next one.
    pub fn has(&self, position: u64, waker: &Waker) -> bool {
        let mut inner = self.inner.lock();
        if inner.end() > position {
            return true;
        }
        if !inner.waiting.iter().any(|known| known.will_wake(waker)) {
            inner.waiting.push(waker.clone());
        }
        false
    }

    /// Follows from the oldest message on: what is not taken is not lost.
    pub fn follow(&self) -> Follower {
        let mut inner = self.inner.lock();
        let first = inner.first;
        inner.held.push(first);
        Follower(inner.held.len() - 1)
    }

    /// A follower has taken what stands before `position`.
    pub fn taken(&self, follower: &Follower, position: u64) {
        if let Some(held) = self.inner.lock().held.get_mut(follower.0) {
            *held = position;
        }
    }
}

impl Inner {
    fn end(&self) -> u64 {
        self.first + self.bytes.len() as u64
    }

    /// The length of the message at an offset.
    fn length(&self, at: usize) -> Option<usize> {
        let mut head = [0; HEAD];
        for (index, byte) in head.iter_mut().enumerate() {
            *byte = *self.bytes.get(at.checked_add(index)?)?;
        }
        let length = u32::from_le_bytes(head) as usize;
        (at + HEAD + length <= self.bytes.len()).then_some(length)
    }

    fn push(&mut self, message: &[u8]) -> bool {
        let needed = HEAD + message.len();
        if needed > self.size {
            return false;
        }
        while self.bytes.len() + needed > self.size {
            let first = self.first;
            let Some(length) = self.length(0).filter(|_| !self.held.contains(&first)) else {
                return false;
            };
            self.bytes.drain(..HEAD + length);
            self.first += (HEAD + length) as u64;
        }
        let length = u32::try_from(message.len()).unwrap_or_default();
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(message);
        if let Some((file, position)) = &mut self.backing {
            *position = file.write(*position, message);
        }
        true
    }
}

/// Bytes of a length.
const HEAD: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring with room for so many bytes, smaller than one that a configuration may have.
    fn ring(size: usize) -> Ring {
        let mut ring = Ring::new(&ir::Ring {
            maxlen: Some(10),
            ..ir::Ring::named("r")
        });
        ring.inner.get_mut().size = size;
        ring
    }

    fn all(ring: &Ring, from: u64) -> Vec<String> {
        let mut found = Vec::new();
        ring.read(from, usize::MAX, |message| {
            found.push(String::from_utf8_lossy(message).into_owned());
        });
        found
    }

    #[test]
    fn the_oldest_messages_go_first_and_long_ones_are_cut() {
        let ring = ring(30);
        let messages = [&b"one"[..], b"two", b"a message that is too long"];
        assert_eq!(ring.append(messages.into_iter()), 0);
        assert_eq!(all(&ring, 0), ["one", "two", "a message "]);
        assert_eq!(ring.append([&b"four"[..]].into_iter()), 0);
        assert_eq!(all(&ring, 0), ["two", "a message ", "four"]);
        assert_eq!(all(&ring, ring.start() + 7), ["a message ", "four"]);
        assert!(all(&ring, ring.end()).is_empty());
        assert!(all(&ring, u64::MAX).is_empty());
    }

    #[test]
    fn what_a_follower_has_not_taken_is_not_overwritten() {
        let ring = ring(20);
        let follower = ring.follow();
        assert_eq!(ring.append([&b"0123456789"[..]; 3].into_iter()), 2);
        assert_eq!((ring.dropped(), all(&ring, 0).len()), (2, 1));
        ring.taken(&follower, ring.end());
        assert_eq!(ring.append([&b"0123456789"[..]].into_iter()), 0);
    }

    #[test]
    fn who_waits_is_woken_by_the_next_message() {
        let ring = ring(100);
        let waker = Waker::noop();
        assert!(!ring.has(0, waker));
        ring.append([&b"x"[..]].into_iter());
        assert!(ring.has(0, waker) && !ring.has(ring.end(), waker));
    }
}
