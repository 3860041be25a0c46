//! Requests that wait for a slot, first come first served.

use std::collections::{BTreeMap, HashMap};
use std::task::Waker;

/// The queues of one backend: one per server and one for whichever server gets a slot first. Numbers grow with arrival
/// over all of them, so the oldest has the smallest.
#[derive(Debug)]
pub struct Queues {
    servers: Vec<Queue>,
    backend: Queue,
    granted: HashMap<u64, Grant>,
    next: u64,
    /// For each server: those in the backend's queue up to this number avoid it.
    averse: Vec<u64>,
    /// A slot may be free that those who wait avoid.
    pub left_over: bool,
}

/// Those who wait for one server, or for any.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<u64, Waiter>,
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
            servers: (0..servers).map(|_| Queue::default()).collect(),
            backend: Queue::default(),
            granted: HashMap::new(),
            next: 0,
            averse: vec![0; servers],
            left_over: false,
        }
    }

    /// How many wait for a server (none: in the backend's queue).
    pub fn len(&self, server: Option<usize>) -> usize {
        match server {
            Some(index) => self.servers.get(index).map_or(0, Queue::len),
            None => self.backend.len(),
        }
    }

    /// Adds a waiter at the end and gives its number. `avoid` is a server that it would rather not get from the backend's
    /// queue.
    pub fn park(&mut self, server: Option<usize>, avoid: Option<usize>, waker: &Waker) -> u64 {
        self.next += 1;
        let number = self.next;
        if let Some(queue) = self.queue(server) {
            let waiter = Waiter {
                waker: waker.clone(),
                joined: queue.served,
                avoid,
            };
            queue.waiting.insert(number, waiter);
        }
        number
    }

    /// Where a number stands; one that still waits leaves its new waker, a granted one is taken out.
    pub fn ask(&mut self, server: Option<usize>, number: u64, waker: &Waker) -> Place {
        if let Some(grant) = self.granted.remove(&number) {
            return Place::Granted(grant);
        }
        let Some(queue) = self.queue(server) else {
            return Place::Gone;
        };
        let Some(waiter) = queue.waiting.get_mut(&number) else {
            return Place::Gone;
        };
        waiter.waker.clone_from(waker);
        let joined = waiter.joined;
        Place::Waiting(queue.turn(joined))
    }

    /// Takes a number out wherever it is; tells where it was.
    pub fn leave(&mut self, server: Option<usize>, number: u64) -> Place {
        if let Some(grant) = self.granted.remove(&number) {
            return Place::Granted(grant);
        }
        let Some(queue) = self.queue(server) else {
            return Place::Gone;
        };
        match queue.waiting.remove(&number) {
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
        let (number, from) = match (own, common) {
            (None, None) => return None,
            (Some(own), Some(common)) if common < own => (common, None),
            (Some(own), _) => (own, Some(server)),
            (None, Some(common)) => (common, None),
        };
        let queue = self.queue(from)?;
        let waiter = queue.waiting.remove(&number)?;
        let position = queue.turn(waiter.joined);
        queue.served = queue.served.wrapping_add(1);
        self.granted.insert(number, Grant { server, position });
        waiter.waker.wake();
        Some(from)
    }

    /// The oldest in the backend's queue that does not avoid `server`. Numbers only grow and nobody changes its mind, so
    /// that each is looked at once.
    fn first_willing(&mut self, server: usize) -> Option<u64> {
        let averse = self.averse.get_mut(server)?;
        for (&number, waiter) in self.backend.waiting.range(*averse + 1..) {
            if waiter.avoid != Some(server) {
                return Some(number);
            }
            *averse = number;
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

    fn first(&self) -> Option<u64> {
        self.waiting.keys().next().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_both_queues_goes_first() {
        let waker = Waker::noop();
        let mut queues = Queues::new(2);
        let numbers = [
            queues.park(Some(0), None, waker),
            queues.park(None, None, waker),
            queues.park(Some(0), None, waker),
            queues.park(Some(1), None, waker),
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
            assert_eq!(queues.ask(None, *number, waker), Place::Granted(grant));
        }
        assert_eq!(queues.ask(Some(1), numbers[3], waker), Place::Waiting(1));
        assert_eq!(queues.leave(Some(1), numbers[3]), Place::Waiting(1));
        assert_eq!(queues.leave(Some(1), numbers[3]), Place::Gone);
        assert_eq!(queues.grant(1, Reach::All), None);
    }

    #[test]
    fn who_leaves_the_queue_counts_for_nobody() {
        let waker = Waker::noop();
        let mut queues = Queues::new(1);
        let numbers = [(); 4].map(|()| queues.park(Some(0), None, waker));
        assert_eq!(queues.leave(Some(0), numbers[1]), Place::Waiting(1));
        assert_eq!(queues.grant(0, Reach::Own), Some(Some(0)));
        assert_eq!(queues.ask(Some(0), numbers[2], waker), Place::Waiting(2));
        assert_eq!(queues.grant(0, Reach::Own), Some(Some(0)));
        let grant = Grant {
            server: 0,
            position: 2,
        };
        assert_eq!(
            queues.ask(Some(0), numbers[2], waker),
            Place::Granted(grant)
        );
        assert_eq!(queues.leave(Some(0), numbers[3]), Place::Waiting(3));
    }

    #[test]
    fn a_slot_does_not_go_to_those_whom_its_server_failed() {
        let waker = Waker::noop();
        let mut queues = Queues::new(2);
        let averse = [(); 2].map(|()| queues.park(None, Some(0), waker));
        assert_eq!(queues.grant(0, Reach::Willing), None);
        let willing = queues.park(None, Some(1), waker);
        assert_eq!(queues.grant(0, Reach::Willing), Some(None));
        assert!(matches!(
            queues.ask(None, willing, waker),
            Place::Granted(_)
        ));
        assert_eq!(queues.grant(0, Reach::Willing), None);
        assert_eq!(queues.grant(1, Reach::Willing), Some(None));
        assert!(matches!(
            queues.ask(None, averse[0], waker),
            Place::Granted(_)
        ));
        assert_eq!(queues.grant(0, Reach::All), Some(None));
    }

    #[test]
    fn a_draining_server_takes_only_its_own() {
        let mut queues = Queues::new(1);
        queues.park(None, None, Waker::noop());
        queues.park(Some(0), None, Waker::noop());
        assert_eq!(queues.grant(0, Reach::Own), Some(Some(0)));
        assert_eq!(queues.grant(0, Reach::Own), None);
        assert_eq!(queues.disperse(None), 1);
    }
}
