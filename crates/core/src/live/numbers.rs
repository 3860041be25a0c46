//! The numbers that proxies, servers and listeners have in statistics.

use crate::ir;

/// The numbers of the proxies in statistics, in the order of the configuration.
pub fn proxy_numbers(config: &ir::Config) -> Vec<u32> {
    let mut numbers = Numbers::default();
    if !config.global.stats_sockets.is_empty() {
        // Upstream holds the runtime sockets in a proxy of their own, which takes number 1.
        numbers.next = 1;
    }
    for proxy in &config.proxies {
        numbers.reserve(proxy.id);
    }
    let proxies = config.proxies.iter();
    proxies.map(|proxy| numbers.take(proxy.id)).collect()
}

/// Gives numbers to what has none: its position from 1, or the next free one. Numbers given by the configuration use
/// their position up.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    taken: std::collections::BTreeSet<u32>,
    next: u32,
}

impl Numbers {
    pub(super) fn reserve(&mut self, id: Option<u32>) {
        self.taken.extend(id);
    }

    pub(super) fn take(&mut self, id: Option<u32>) -> u32 {
        if let Some(id) = id {
            self.next += 1;
            return id;
        }
        loop {
            self.next += 1;
            // Without numbers of the configuration none comes twice.
            if self.taken.is_empty() || self.taken.insert(self.next) {
                return self.next;
            }
        }
    }

    /// As listeners are numbered: from the one before.
    pub(super) fn take_after(&mut self, id: Option<u32>) -> u32 {
        if let Some(id) = id {
            self.next = id;
            return id;
        }
        self.take(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_positions() {
        let mut servers = Numbers::default();
        let given = [Some(2), None, Some(1), None];
        given.iter().for_each(|id| servers.reserve(*id));
        assert_eq!(given.map(|id| servers.take(id)), [2, 3, 1, 5]);
        let mut listeners = Numbers::default();
        let given = [Some(2), None, Some(1), None, None];
        given.iter().for_each(|id| listeners.reserve(*id));
        assert_eq!(given.map(|id| listeners.take_after(id)), [2, 3, 1, 4, 5]);
    }
}
