//! Requests that wait for a slot: the lower class first, and within a class first come first served, as far as offsets do
//! not change that.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::task::Waker;

/// What decides before the number: the class, and the time of arrival with its offset.
pub type Rank = (i16, i64);

/// The order in a queue.
type Key = (i16, i64, u64);

/// The queues of one backend: one per server and one for whichever server gets a slot first. Numbers grow with arrival
/// over all of them, so that of equal rank the oldest has the smallest.
#[derive(Debug)]
pub struct Queues {
    /// How many servers there are. Those that are known below came before the last one began to wait: most never do.
    count: usize,
    servers: Vec<Queue>,
    backend: Queue,
    granted: HashMap<u64, Grant>,
    next: u64,
    /// For each server: those in the backend's queue up to this key avoid it.
    averse: Vec<Key>,
    /// The highest key that the backend's queue has seen.
    highest: Key,
    /// A slot may be free that those who wait avoid.
    pub left_over: bool,
}

/// Those who wait for one server, or for any.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<Key, Waiter>,
    /// How many left it with a slot.
    served: u32,
}

#[derive(Debug)]
struct Waiter {
    waker: Waker,
    /// `served` when it joined.
    joined: u32,
    /// The server that failed it.
    avoid: Option<usize>,
}

/// Whom a free slot may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those in the server's own queue.
    Own,
    /// Those in the backend's queue too, unless the server failed them.
    Willing,
    /// All of the backend's queue too.
    All,
}

/// A slot that was taken for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The server.
    pub server: usize,
    /// How many were served from the queue while it waited, itself included.
    pub position: u32,
}

/// Where a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Still waiting; it would be served as this one since it joined.
    Waiting(u32),
    /// A slot was taken for it.
    Granted(Grant),
    /// Nowhere: it shall ask anew.
    Gone,
}

impl Queues {
    /// Empty queues for `servers` servers.
    pub fn new(servers: usize) -> Queues {
        Queues {
            count: servers,
            servers: Vec::new(),
            backend: Queue::default(),
            granted: HashMap::new(),
            next: 0,
            averse: Vec::new(),
            highest: LOWEST,
            left_over: false,
        }
    }

    /// Room for as many servers, when some were added.
    pub fn grow(&mut self, servers: usize) {
        self.count = self.count.max(servers);
    }

    /// How many wait for a server (none: in the backend's queue).
    pub fn len(&self, server: Option<usize>) -> usize {
        match server {
            Some(index) => self.servers.get(index).map_or(0, Queue::len),
            None => self.backend.len(),
        }
    }

    /// Adds a waiter where its rank belongs and gives its number. `avoid` is a server that it would rather not get from the
    /// backend's queue.
    pub fn park(
        &mut self,
        server: Option<usize>,
        avoid: Option<usize>,
        rank: Rank,
        waker: &Waker,
    ) -> u64 {
        if self.servers.len() < self.count {
            self.servers.resize_with(self.count, Queue::default);
            self.averse.resize(self.count, LOWEST);
        }
        self.next += 1;
        let number = self.next;
        let key = (rank.0, rank.1, number);
        if server.is_none() {
            if key < self.highest {
                // It comes before some that were looked at.
                for averse in self.averse.iter_mut().filter(|averse| **averse > key) {
                    *averse = LOWEST;
                }
            } else {
                self.highest = key;
            }
        }
        if let Some(queue) = self.queue(server) {
            let waiter = Waiter {
                waker: waker.clone(),
                joined: queue.served,
                avoid,
            };
            queue.waiting.insert(key, waiter);
        }
        number
    }

    /// Where a number stands; one that still waits leaves its new waker, a granted one is taken out.
    pub fn ask(&mut self, server: Option<usize>, rank: Rank, number: u64, waker: &Waker) -> Place {
        if let Some(grant) = self.granted.remove(&number) {
            return Place::Granted(grant);
        }
        let Some(queue) = self.queue(server) else {
            return Place::Gone;
        };
        let Some(waiter) = queue.waiting.get_mut(&(rank.0, rank.1, number)) else {
            return Place::Gone;
        };
        waiter.waker.clone_from(waker);
        let joined = waiter.joined;
        Place::Waiting(queue.turn(joined))
    }

    /// Takes a number out wherever it is; tells where it was.
    pub fn leave(&mut self, server: Option<usize>, rank: Rank, number: u64) -> Place {
        if let Some(grant) = self.granted.remove(&number) {
            return Place::Granted(grant);
        }
        let Some(queue) = self.queue(server) else {
            return Place::Gone;
        };
        match queue.waiting.remove(&(rank.0, rank.1, number)) {
            Some(waiter) => Place::Waiting(queue.turn(waiter.joined)),
            None => Place::Gone,
        }
    }

    /// Gives a slot of `server` to who came first of those whom it may reach; wakes it and tells whose queue it stood in.
    pub fn grant(&mut self, server: usize, reach: Reach) -> Option<Option<usize>> {
        let own = self.servers.get(server).and_then(Queue::first);
        let common = match reach {
            Reach::Own => None,
            Reach::Willing => self.first_willing(server),
            Reach::All => self.backend.first(),
        };
        let (key, from) = match (own, common) {
            (None, None) => return None,
            (Some(own), Some(common)) if common < own => (common, None),
            (Some(own), _) => (own, Some(server)),
            (None, Some(common)) => (common, None),
        };
        let queue = self.queue(from)?;
        let waiter = queue.waiting.remove(&key)?;
        let position = queue.turn(waiter.joined);
        queue.served = queue.served.wrapping_add(1);
        self.granted.insert(key.2, Grant { server, position });
        waiter.waker.wake();
        Some(from)
    }

    /// The first in the backend's queue that does not avoid `server`. Nobody changes its mind, so that each is looked at
    /// once, unless one comes before it.
    fn first_willing(&mut self, server: usize) -> Option<Key> {
        let averse = self.averse.get_mut(server)?;
        let rest = (Bound::Excluded(*averse), Bound::Unbounded);
        for (&key, waiter) in self.backend.waiting.range(rest) {
            if waiter.avoid != Some(server) {
                return Some(key);
            }
            *averse = key;
        }
        self.left_over |= !self.backend.waiting.is_empty();
        None
    }

    /// Sends everybody in a queue to ask anew; tells how many.
    pub fn disperse(&mut self, server: Option<usize>) -> usize {
        let waiting = self
            .queue(server)
            .map(|queue| std::mem::take(&mut queue.waiting))
            .unwrap_or_default();
        let count = waiting.len();
        for waiter in waiting.into_values() {
            waiter.waker.wake();
        }
        count
    }

    fn queue(&mut self, server: Option<usize>) -> Option<&mut Queue> {
        match server {
            Some(index) => self.servers.get_mut(index),
            None => Some(&mut self.backend),
        }
    }
}

impl Queue {
    fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The position of one that joined when `joined` had been served, if it is served next.
    fn turn(&self, joined: u32) -> u32 {
        self.served.wrapping_sub(joined).wrapping_add(1)
    }

    fn first(&self) -> Option<Key> {
        self.waiting.keys().next().copied()
    }
}

const LOWEST: Key = (i16::MIN, i64::MIN, 0);

#[cfg(test)]
mod tests {
    use super::*;

    const RANK: Rank = (0, 0);

    #[test]
    fn the_oldest_of_both_queues_goes_first() {
        let waker = Waker::noop();
        let mut queues = Queues::new(2);
        let numbers = [
            queues.park(Some(0), None, RANK, waker),
            queues.park(None, None, RANK, waker),
            queues.park(Some(0), None, RANK, waker),
            queues.park(Some(1), None, RANK, waker),
        ];
        assert_eq!(queues.grant(0, Reach::All), Some(Some(0)));
        assert_eq!(queues.grant(0, Reach::All), Some(None));
        assert_eq!(queues.grant(0, Reach::All), Some(Some(0)));
        assert_eq!(queues.grant(0, Reach::All), None);
        for (number, position) in numbers.iter().zip([1, 1, 2]) {
            let grant = Grant {
                server: 0,
                position,
            };
            assert_eq!(
                queues.ask(None, RANK, *number, waker),
                Place::Granted(grant)
            );
        }
        assert_eq!(
            queues.ask(Some(1), RANK, numbers[3], waker),
            Place::Waiting(1)
        );
        assert_eq!(queues.leave(Some(1), RANK, numbers[3]), Place::Waiting(1));
        assert_eq!(queues.leave(Some(1), RANK, numbers[3]), Place::Gone);
        assert_eq!(queues.grant(1, Reach::All), None);
    }

    #[test]
    fn a_lower_class_goes_first_and_an_offset_counts_as_time() {
        let waker = Waker::noop();
        let mut queues = Queues::new(2);
        let first = queues.park(None, None, (0, 100), waker);
        let averse = queues.park(None, Some(0), (0, 101), waker);
        assert_eq!(queues.grant(0, Reach::Willing), Some(None));
        assert_eq!(queues.grant(0, Reach::Willing), None);
        let urgent = queues.park(None, None, (-1, 500), waker);
        let earlier = queues.park(None, None, (0, 50), waker);
        let own = queues.park(Some(0), None, (0, 99), waker);
        let served: Vec<_> = (0..3)
            .map(|_| {
                queues.grant(0, Reach::Willing);
                [first, averse, urgent, earlier, own]
                    .into_iter()
                    .find(|number| queues.granted.remove(number).is_some() && *number != first)
            })
            .collect();
        assert_eq!(served, [Some(urgent), Some(earlier), Some(own)]);
        assert_eq!(queues.grant(0, Reach::Willing), None);
    }

    #[test]
    fn who_leaves_the_queue_counts_for_nobody() {
        let waker = Waker::noop();
        let mut queues = Queues::new(1);
        let numbers = [(); 4].map(|()| queues.park(Some(0), None, RANK, waker));
        assert_eq!(queues.leave(Some(0), RANK, numbers[1]), Place::Waiting(1));
        assert_eq!(queues.grant(0, Reach::Own), Some(Some(0)));
        assert_eq!(
            queues.ask(Some(0), RANK, numbers[2], waker),
            Place::Waiting(2)
        );
        assert_eq!(queues.grant(0, Reach::Own), Some(Some(0)));
        let grant = Grant {
            server: 0,
            position: 2,
        };
        assert_eq!(
            queues.ask(Some(0), RANK, numbers[2], waker),
            Place::Granted(grant)
        );
        assert_eq!(queues.leave(Some(0), RANK, numbers[3]), Place::Waiting(3));
    }

    #[test]
    fn a_slot_does_not_go_to_those_whom_its_server_failed() {
        let waker = Waker::noop();
        let mut queues = Queues::new(2);
        let averse = [(); 2].map(|()| queues.park(None, Some(0), RANK, waker));
        assert_eq!(queues.grant(0, Reach::Willing), None);
        let willing = queues.park(None, Some(1), RANK, waker);
        assert_eq!(queues.grant(0, Reach::Willing), Some(None));
        assert!(matches!(
            queues.ask(None, RANK, willing, waker),
            Place::Granted(_)
        ));
        assert_eq!(queues.grant(0, Reach::Willing), None);
        assert_eq!(queues.grant(1, Reach::Willing), Some(None));
        assert!(matches!(
            queues.ask(None, RANK, averse[0], waker),
            Place::Granted(_)
        ));
        assert_eq!(queues.grant(0, Reach::All), Some(None));
    }

    #[test]
    fn a_draining_server_takes_only_its_own() {
        let mut queues = Queues::new(1);
        queues.park(None, None, RANK, Waker::noop());
        queues.park(Some(0), None, RANK, Waker::noop());
        assert_eq!(queues.grant(0, Reach::Own), Some(Some(0)));
        assert_eq!(queues.grant(0, Reach::Own), None);
        assert_eq!(queues.disperse(None), 1);
    }
}
