//! Requests that wait for a slot, first come first served.

use std::collections::{BTreeMap, HashMap};
use std::task::Waker;

/// The queues of one backend: one per server and one for whichever server gets a slot first. Numbers grow with arrival
/// over all of them, so the oldest has the smallest.
#[derive(Debug)]
pub struct Queues {
    servers: Vec<BTreeMap<u64, Waker>>,
    backend: BTreeMap<u64, Waker>,
    granted: HashMap<u64, usize>,
    next: u64,
}

/// Where a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Still waiting.
    Waiting,
    /// A slot of this server was taken for it.
    Granted(usize),
    /// Nowhere: it shall ask anew.
    Gone,
}

impl Queues {
    /// Empty queues for `servers` servers.
    pub fn new(servers: usize) -> Queues {
        Queues {
            servers: (0..servers).map(|_| BTreeMap::new()).collect(),
            backend: BTreeMap::new(),
            granted: HashMap::new(),
            next: 0,
        }
    }

    /// How many wait for a server (none: in the backend's queue).
    pub fn len(&self, server: Option<usize>) -> usize {
        match server {
            Some(index) => self.servers.get(index).map_or(0, BTreeMap::len),
            None => self.backend.len(),
        }
    }

    /// Adds a waiter at the end and gives its number.
    pub fn park(&mut self, server: Option<usize>, waker: &Waker) -> u64 {
        self.next += 1;
        let number = self.next;
        if let Some(queue) = self.queue(server) {
            queue.insert(number, waker.clone());
        }
        number
    }

    /// Where a number stands; one that still waits leaves its new waker, a granted one is taken out.
    pub fn ask(&mut self, server: Option<usize>, number: u64, waker: &Waker) -> Place {
        if let Some(index) = self.granted.remove(&number) {
            return Place::Granted(index);
        }
        match self.queue(server).and_then(|queue| queue.get_mut(&number)) {
            Some(old) => {
                old.clone_from(waker);
                Place::Waiting
            }
            None => Place::Gone,
        }
    }

    /// Takes a number out wherever it is; tells where it was.
    pub fn leave(&mut self, server: Option<usize>, number: u64) -> Place {
        if let Some(index) = self.granted.remove(&number) {
            return Place::Granted(index);
        }
        match self.queue(server).and_then(|queue| queue.remove(&number)) {
            Some(_) => Place::Waiting,
            None => Place::Gone,
        }
    }

    /// Gives a slot of `server` to who came first of its own queue and, if `shared`, the backend's; wakes it and tells
    /// whose queue it stood in.
    pub fn grant(&mut self, server: usize, shared: bool) -> Option<Option<usize>> {
        let first = |queue: &BTreeMap<u64, Waker>| queue.keys().next().copied();
        let own = self.servers.get(server).and_then(first);
        let common = if shared { first(&self.backend) } else { None };
        let from = match (own, common) {
            (None, None) => return None,
            (Some(own), Some(common)) if common < own => None,
            (Some(_), _) => Some(server),
            (None, Some(_)) => None,
        };
        let (number, waker) = self.queue(from)?.pop_first()?;
        self.granted.insert(number, server);
        waker.wake();
        Some(from)
    }

    /// Sends everybody in a queue to ask anew; tells how many.
    pub fn disperse(&mut self, server: Option<usize>) -> usize {
        let waiting = self.queue(server).map(std::mem::take).unwrap_or_default();
        let count = waiting.len();
        waiting.into_values().for_each(Waker::wake);
        count
    }

    fn queue(&mut self, server: Option<usize>) -> Option<&mut BTreeMap<u64, Waker>> {
        match server {
            Some(index) => self.servers.get_mut(index),
            None => Some(&mut self.backend),
        }
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
            queues.park(Some(0), waker),
            queues.park(None, waker),
            queues.park(Some(0), waker),
            queues.park(Some(1), waker),
        ];
        assert_eq!(queues.grant(0, true), Some(Some(0)));
        assert_eq!(queues.grant(0, true), Some(None));
        assert_eq!(queues.grant(0, true), Some(Some(0)));
        assert_eq!(queues.grant(0, true), None);
        for number in &numbers[..3] {
            assert_eq!(queues.ask(None, *number, waker), Place::Granted(0));
        }
        assert_eq!(queues.ask(Some(1), numbers[3], waker), Place::Waiting);
        assert_eq!(queues.leave(Some(1), numbers[3]), Place::Waiting);
        assert_eq!(queues.leave(Some(1), numbers[3]), Place::Gone);
        assert_eq!(queues.grant(1, true), None);
    }

    #[test]
    fn a_draining_server_takes_only_its_own() {
        let mut queues = Queues::new(1);
        queues.park(None, Waker::noop());
        queues.park(Some(0), Waker::noop());
        assert_eq!(queues.grant(0, false), Some(Some(0)));
        assert_eq!(queues.grant(0, false), None);
        assert_eq!(queues.disperse(None), 1);
    }
}
