//! Addresses and networks: `-m ip`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

use hapax_core::pattern::{Entries, Index, Names};
use hapax_core::sample::Value;
use hashbrown::HashTable;

use crate::argument::mask4;

/// Networks by mask, the longest first: one look-up per mask that networks have.
#[derive(Debug, Default)]
pub struct Networks {
    four: Tables<u32>,
    six: Tables<u128>,
}

/// Networks of one family: a mask with the table of what stands under it; odd masks come after the others.
#[derive(Debug)]
struct Tables<N>(Vec<(N, HashTable<(N, u32)>)>);

impl<N> Default for Tables<N> {
    fn default() -> Self {
        Tables(Vec::new())
    }
}

/// Numbers that addresses are.
trait Bits: Copy + Eq + Ord + std::ops::BitAnd<Output = Self> {
    fn spread(self) -> u64;
    fn is_prefix(self) -> bool;
}

impl Bits for u32 {
    fn spread(self) -> u64 {
        mix(u64::from(self))
    }

    fn is_prefix(self) -> bool {
        self.leading_ones() + self.trailing_zeros().min(32) >= 32
    }
}

impl Bits for u128 {
    fn spread(self) -> u64 {
        mix((self >> 64) as u64 ^ mix(self as u64))
    }

    fn is_prefix(self) -> bool {
        self.leading_ones() + self.trailing_zeros().min(128) >= 128
    }
}

fn mix(number: u64) -> u64 {
    let product = u128::from(number ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
    (product as u64) ^ (product >> 64) as u64
}

impl<N: Bits> Tables<N> {
    fn insert(&mut self, network: N, mask: N, id: u32) {
        let place = self.0.iter().position(|(known, _)| *known == mask);
        let at = place.unwrap_or_else(|| {
            let key = |mask: N| (mask.is_prefix(), mask);
            let at = self.0.partition_point(|(known, _)| key(*known) > key(mask));
            self.0.insert(at, (mask, HashTable::new()));
            at
        });
        let network = network & mask;
        if let Some((_, table)) = self.0.get_mut(at) {
            table.insert_unique(network.spread(), (network, id), |(network, _)| {
                network.spread()
            });
        }
    }

    fn remove(&mut self, network: N, mask: N, id: u32) {
        let Some(at) = self.0.iter().position(|(known, _)| *known == mask) else {
            return;
        };
        let (_, table) = &mut self.0[at];
        let found = table.find_entry((network & mask).spread(), |(_, other)| *other == id);
        if let Ok(found) = found {
            found.remove();
        }
        if table.is_empty() {
            self.0.remove(at);
        }
    }

    #[inline]
    fn find(&self, address: N) -> Option<(u32, bool)> {
        self.0.iter().find_map(|(mask, table)| {
            let network = address & *mask;
            let same = table.iter_hash(network.spread());
            let ids = same.filter(|(known, _)| *known == network);
            Some((ids.map(|(_, id)| *id).min()?, mask.is_prefix()))
        })
    }
}

impl Networks {
    fn place(&self, value: &Value<'_>) -> Option<(u32, bool)> {
        match value {
            Value::Ipv4(ip) => {
                let mapped = || self.six.find(u128::from(ip.to_ipv6_mapped()));
                self.four.find(u32::from(*ip)).or_else(mapped)
            }
            Value::Ipv6(ip) => {
                let embedded = || self.four.find(u32::from(crate::cast::embedded_ipv4(*ip)?));
                self.six.find(u128::from(*ip)).or_else(embedded)
            }
            _ => None,
        }
    }
}

impl Index for Networks {
    fn insert(&mut self, id: u32, entries: &Entries, names: Names) -> Result<(), String> {
        let text = String::from_utf8_lossy(entries.key(id));
        let read = read(&text, names);
        if read.is_empty() {
            return Err(format!("'{text}' is not a valid IPv4 or IPv6 address"));
        }
        for network in read {
            match network {
                Network::Four(ip, mask) => self.four.insert(ip, mask, id),
                Network::Six(ip, mask) => self.six.insert(ip, mask, id),
            }
        }
        Ok(())
    }

    fn remove(&mut self, id: u32, entries: &Entries) {
        let text = String::from_utf8_lossy(entries.key(id));
        for network in read(&text, Names::Refuse) {
            match network {
                Network::Four(ip, mask) => self.four.remove(ip, mask, id),
                Network::Six(ip, mask) => self.six.remove(ip, mask, id),
            }
        }
    }

    #[inline]
    fn find(&self, value: &Value<'_>, entries: &Entries) -> Option<u32> {
        let (id, _) = self.place(value)?;
        // A name may have stood for addresses that nobody knows when its entry goes.
        entries.is_live(id).then_some(id)
    }

    fn in_tree(&self, id: u32, entries: &Entries) -> bool {
        let text = String::from_utf8_lossy(entries.key(id));
        read(&text, Names::Refuse)
            .iter()
            .all(|network| match network {
                Network::Four(_, mask) => mask.is_prefix(),
                Network::Six(_, mask) => mask.is_prefix(),
            })
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::<Networks>::default()
    }
}

enum Network {
    Four(u32, u32),
    Six(u128, u128),
}

/// The networks of a pattern: one, or what a name stands for; none when it is neither.
fn read(text: &str, names: Names) -> Vec<Network> {
    one(text).map_or_else(|| resolved(text, names), |network| vec![network])
}

fn one(text: &str) -> Option<Network> {
    let (host, mask) = match text.split_once('/') {
        Some((host, mask)) => (host, Some(mask)),
        None => (text, None),
    };
    if let Ok(ip) = host.parse::<Ipv6Addr>() {
        let bits = match mask {
            None => 128,
            Some(bits) => bits.parse::<u32>().ok().filter(|bits| *bits <= 128)?,
        };
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        return Some(Network::Six(u128::from(ip), mask));
    }
    let mask = mask.map_or(Some(u32::MAX), any_mask4)?;
    let ip = host.parse::<Ipv4Addr>().ok()?;
    Some(Network::Four(u32::from(ip), mask))
}

fn any_mask4(text: &str) -> Option<u32> {
    mask4(text).or_else(|| text.parse::<Ipv4Addr>().ok().map(u32::from))
}

fn resolved(text: &str, names: Names) -> Vec<Network> {
    let (host, mask) = match text.split_once('/') {
        Some((host, mask)) => (host, any_mask4(mask)),
        None => (text, Some(u32::MAX)),
    };
    let Some(mask) = mask.filter(|_| names == Names::Resolve && is_name(host)) else {
        return Vec::new();
    };
    // What the resolver reads without asking anybody.
    if let Some(ip) = short_ipv4(host) {
        return vec![Network::Four(u32::from(ip), mask)];
    }
    let addresses = (host, 0).to_socket_addrs().into_iter().flatten();
    let network = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => Network::Four(u32::from(ip), mask),
        IpAddr::V6(ip) => Network::Six(u128::from(ip), u128::MAX),
    };
    addresses.map(|address| network(address.ip())).collect()
}

/// An IPv4 address of one to four numbers, of which the last one fills what is left: `127.1` is 127.0.0.1.
fn short_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    let number = |text: &str| -> Option<u32> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    if first.len() > 3 {
        return None;
    }
    let mut address = 0u64;
    for part in first {
        address = address << 8 | u64::from(number(part).filter(|octet| *octet < 256)?);
    }
    let bits = 8 * (4 - first.len());
    let rest = u64::from(number(last)?);
    (rest >> bits == 0).then(|| Ipv4Addr::from((address << bits | rest) as u32))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}
