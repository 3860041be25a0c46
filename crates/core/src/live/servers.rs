//! The servers of a backend: a table that grows while requests read it without a lock.
//!
//! A place is taken once and keeps its number for good: requests, logs and checks tell a server by it. A server that is
//! deleted stays in its place, marked, and lists pass it over; what it holds is given back when the process ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::server::{ServerLasting, ServerLive};

/// The servers of a backend, by position. Clones share one table.
#[derive(Debug, Clone)]
pub struct Servers(Arc<Table>);

#[derive(Debug)]
struct Table {
    /// Those of the configuration.
    first: Box<[Arc<ServerLive>]>,
    /// What lasts of those, for load balancing, which looks at nothing else; made when it is first asked for.
    lasting: OnceLock<Box<[Arc<ServerLasting>]>>,
    /// Those that were added, in blocks that double: block `n` has `16 << n` places. Most backends have none.
    added: OnceLock<Box<[OnceLock<Block>; BLOCKS]>>,
    /// Places in use.
    len: AtomicUsize,
    /// Held by who adds one.
    adding: Mutex<()>,
}

type Block = Box<[OnceLock<Arc<ServerLive>>]>;

const BLOCKS: usize = 12;
const FIRST_BLOCK: usize = 16;

impl Servers {
    /// The servers of the configuration.
    pub(super) fn new(first: Vec<Arc<ServerLive>>) -> Servers {
        Servers(Arc::new(Table {
            len: AtomicUsize::new(first.len()),
            first: first.into(),
            lasting: OnceLock::new(),
            added: OnceLock::new(),
            adding: Mutex::new(()),
        }))
    }

    /// The server at a position, also one that was deleted.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&Arc<ServerLive>> {
        match self.0.first.get(index) {
            None => self.added(index),
            known => known,
        }
    }

    /// What lasts of the server at a position: one step less to its sessions than [`Servers::get`].
    #[inline]
    pub fn lasting(&self, index: usize) -> Option<&ServerLasting> {
        let all = self.0.lasting.get_or_init(|| {
            let servers = self.0.first.iter();
            servers.map(|server| server.lasting().clone()).collect()
        });
        match all.get(index) {
            Some(known) => Some(known),
            None => self.added(index).map(|server| &***server),
        }
    }

    #[cold]
    fn added(&self, index: usize) -> Option<&Arc<ServerLive>> {
        let (block, at) = place(index.checked_sub(self.0.first.len())?);
        self.0.added.get()?.get(block)?.get()?.get(at)?.get()
    }

    /// How many positions are in use, those of deleted servers included.
    pub fn len(&self) -> usize {
        self.0.len.load(Ordering::Acquire)
    }

    /// Whether there is no server.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// How many of them the configuration brought.
    pub fn configured(&self) -> usize {
        self.0.first.len()
    }

    /// The servers there are, in the order in which they came.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            servers: self,
            positions: 0..self.len(),
        }
    }

    /// Whether one that the configuration brought was deleted.
    pub fn lack_configured(&self) -> bool {
        let deleted = |server: &Arc<ServerLive>| server.deleted.load(Ordering::Relaxed);
        self.0.first.iter().any(deleted)
    }

    /// Whether some came or went since the configuration was read.
    pub fn have_changed(&self) -> bool {
        self.len() != self.configured() || self.lack_configured()
    }

    /// Adds a server, which is told its position; none when there were too many ever.
    pub fn add(&self, make: impl FnOnce(usize) -> ServerLive) -> Option<Arc<ServerLive>> {
        let _adding = self.0.adding.lock();
        let index = self.len();
        let (block, at) = place(index - self.0.first.len());
        let blocks = self.0.added.get_or_init(Box::default);
        let places = blocks.get(block)?.get_or_init(|| {
            let empty = std::iter::repeat_with(OnceLock::new);
            empty.take(FIRST_BLOCK << block).collect()
        });
        let server = Arc::new(make(index));
        places.get(at)?.set(server.clone()).ok()?;
        self.0.len.store(index + 1, Ordering::Release);
        Some(server)
    }
}

/// Block and place in it of the server that was added as number `added`.
fn place(added: usize) -> (usize, usize) {
    let units = added / FIRST_BLOCK + 1;
    let block = units.ilog2() as usize;
    (block, added - ((1 << block) - 1) * FIRST_BLOCK)
}

/// See [`Servers::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    servers: &'a Servers,
    positions: std::ops::Range<usize>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Arc<ServerLive>;

    fn next(&mut self) -> Option<Self::Item> {
        let servers = self.servers;
        let mut places = self.positions.by_ref().filter_map(|at| servers.get(at));
        places.find(|server| !server.deleted.load(Ordering::Relaxed))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let servers = self.servers;
        let positions = self.positions.by_ref().rev();
        let mut places = positions.filter_map(|at| servers.get(at));
        places.find(|server| !server.deleted.load(Ordering::Relaxed))
    }
}

impl<'a> IntoIterator for &'a Servers {
    type Item = &'a Arc<ServerLive>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl std::ops::Index<usize> for Servers {
    type Output = Arc<ServerLive>;

    fn index(&self, index: usize) -> &Arc<ServerLive> {
        self.get(index).expect("a position that was given")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_double() {
        let places: Vec<_> = [0, 15, 16, 47, 48, 111, 112].map(place).into();
        let expected = [(0, 0), (0, 15), (1, 0), (1, 31), (2, 0), (2, 63), (3, 0)];
        assert_eq!(places, expected);
    }
}
