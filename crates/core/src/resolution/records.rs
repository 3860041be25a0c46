//! What answers said about a name, and the choice of an address.

use std::net::IpAddr;

use hapax_proto::dns::{Kind, Record};
use hashbrown::HashMap;
use xxhash_rust::xxh32::xxh32;

use crate::ir::{Family, ServerResolution};

/// The records of a name in an order of their own, which is upstream's: that of their hashes.
#[derive(Debug, Default)]
pub struct Records {
    known: Vec<Known>,
    /// Position of the next one to hand out, so that all get their share.
    cursor: usize,
}

/// A record and when an answer had it last.
#[derive(Debug)]
pub struct Known {
    /// The record.
    pub record: Record,
    hash: u32,
    seen_ms: u64,
}

/// What [`Records::choose`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// What there was is as good as ever.
    Keep,
    /// This one.
    Take(IpAddr),
    /// None that may be used.
    Nothing,
}

impl Records {
    /// Takes the records of an answer; those that answers have not had for `obsolete` milliseconds are forgotten.
    pub fn update(&mut self, records: Vec<Record>, obsolete: u32, now_ms: u64) {
        let known = self.known.iter().enumerate();
        let mut places: HashMap<_, _> = known
            .map(|(at, known)| (Identity::of(&known.record), at))
            .collect();
        for record in records {
            let next = self.known.len();
            let at = *places.entry(Identity::of(&record)).or_insert(next);
            match self.known.get_mut(at) {
                Some(known) => {
                    known.seen_ms = now_ms;
                    known.record = record;
                }
                None => self.known.push(Known {
                    hash: hash(&record),
                    record,
                    seen_ms: now_ms,
                }),
            }
        }
        self.known
            .retain(|known| known.seen_ms + u64::from(obsolete) >= now_ms);
        self.known.sort_by_key(|known| known.hash);
        self.cursor = 0;
    }

    /// The records.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.known.iter().map(|known| &known.record)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// An address: the one there was if it is still known, else the best by family and network, the next one in turn
    /// among equals. `is_taken` tells whether another server has it.
    pub fn choose(
        &mut self,
        current: Option<IpAddr>,
        wish: &ServerResolution,
        is_taken: impl Fn(IpAddr) -> bool,
    ) -> Choice {
        if let Some(current) = current
            && self.addresses().any(|(_, ip)| ip == current)
        {
            return Choice::Keep;
        }
        let count = self.known.len();
        let mut best: Option<(u8, usize, IpAddr)> = None;
        for step in 0..count {
            let at = (self.cursor + step) % count;
            let Some(ip) = self.known.get(at).and_then(address) else {
                continue;
            };
            let taken = is_taken(ip);
            if taken && !wish.allow_duplicates {
                continue;
            }
            let preferred = ip.is_ipv4() == (wish.prefer == Family::V4);
            let near = wish.networks.iter().any(|network| network.contains(ip));
            let score = u8::from(preferred) << 2 | u8::from(near) << 1 | u8::from(!taken);
            if best.is_none_or(|(highest, ..)| score > highest) {
                best = Some((score, at, ip));
            }
        }
        let Some((_, at, ip)) = best else {
            return Choice::Nothing;
        };
        self.cursor = at + 1;
        Choice::Take(ip)
    }

    fn addresses(&self) -> impl Iterator<Item = (usize, IpAddr)> {
        self.known
            .iter()
            .enumerate()
            .filter_map(|(at, known)| Some((at, address(known)?)))
    }
}

fn address(known: &Known) -> Option<IpAddr> {
    match known.record {
        Record::Address(ip) => Some(ip),
        Record::Service(_) => None,
    }
}

/// What makes two records the same one.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Address(IpAddr),
    Service(String, u16),
}

impl Identity {
    fn of(record: &Record) -> Identity {
        match record {
            Record::Address(ip) => Identity::Address(*ip),
            Record::Service(service) => Identity::Service(service.host.clone(), service.port),
        }
    }
}

/// Upstream's hash, which decides about the order in which addresses and hosts are handed out.
fn hash(record: &Record) -> u32 {
    let seed = |kind: Kind| u32::from(kind.number());
    match record {
        Record::Address(IpAddr::V4(ip)) => xxh32(&ip.octets(), seed(Kind::A)),
        Record::Address(IpAddr::V6(ip)) => xxh32(&ip.octets(), seed(Kind::Aaaa)),
        Record::Service(service) => {
            let mut name = Vec::with_capacity(service.host.len() + 1);
            for label in service.host.split('.') {
                name.push(label.len() as u8);
                name.extend_from_slice(label.as_bytes());
            }
            xxh32(&name, seed(Kind::Srv))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Network;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn records(last: &[u8]) -> Vec<Record> {
        last.iter().map(|last| Record::Address(ip(*last))).collect()
    }

    fn wish() -> ServerResolution {
        ServerResolution {
            prefer: Family::V4,
            ..ServerResolution::default()
        }
    }

    #[test]
    fn addresses_go_round_and_stay() {
        let mut known = Records::default();
        known.update(records(&[1, 2, 3]), 0, 0);
        let mut next = |current| known.choose(current, &wish(), |_| false);
        let order = [next(None), next(None), next(Some(ip(2))), next(None)];
        let take = |last| Choice::Take(ip(last));
        assert_eq!(order, [take(2), take(1), Choice::Keep, take(3)]);
        known.update(records(&[1, 2, 3]), 0, 1);
        assert_eq!(known.choose(None, &wish(), |_| false), take(2));
        let taken = |other| other == ip(2);
        assert_eq!(known.choose(Some(ip(9)), &wish(), taken), take(1));
        let near = ServerResolution {
            networks: vec![Network {
                address: ip(3),
                prefix: 32,
            }],
            ..wish()
        };
        assert_eq!(known.choose(None, &near, |_| false), take(3));
    }

    #[test]
    fn addresses_are_not_shared_unless_allowed() {
        let mut known = Records::default();
        known.update(records(&[1]), 0, 0);
        assert_eq!(known.choose(None, &wish(), |_| true), Choice::Nothing);
        let shared = ServerResolution {
            allow_duplicates: true,
            ..wish()
        };
        assert_eq!(known.choose(None, &shared, |_| true), Choice::Take(ip(1)));
    }

    #[test]
    fn old_records_are_forgotten_in_time() {
        let mut known = Records::default();
        known.update(records(&[1]), 100, 0);
        known.update(records(&[2]), 100, 100);
        assert_eq!(known.iter().count(), 2);
        known.update(records(&[2]), 100, 101);
        assert_eq!(known.iter().count(), 1);
        known.update(records(&[2, 2, 2]), 0, 102);
        assert_eq!(known.iter().count(), 1);
        known.update(Vec::new(), 0, 103);
        assert!(known.is_empty());
    }
}
