//! Addresses and networks: `-m ip`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::sync::Arc;

use hapax_core::contract::Matcher;
use hapax_core::keyword::Patterns;
use hapax_core::sample::{Sample, Type, Value};
use hashbrown::HashSet;

use super::describe;
use crate::argument::mask4;

#[derive(Debug)]
struct Networks {
    text: String,
    /// Per mask the networks under it.
    four: Vec<(u32, HashSet<u32>)>,
    six: Vec<(u128, HashSet<u128>)>,
}

pub fn build(patterns: &Patterns) -> Result<Arc<dyn Matcher>, String> {
    let mut networks = Networks {
        text: describe("ip", patterns),
        four: Vec::new(),
        six: Vec::new(),
    };
    for pattern in &patterns.list {
        let text = String::from_utf8_lossy(pattern);
        networks
            .add(&text, patterns.no_names)
            .ok_or_else(|| format!("'{text}' is not a valid IPv4 or IPv6 address"))?;
    }
    Ok(Arc::new(networks))
}

impl Networks {
    fn add(&mut self, text: &str, no_names: bool) -> Option<()> {
        let (host, mask) = match text.split_once('/') {
            Some((host, mask)) => (host, Some(mask)),
            None => (text, None),
        };
        if let Ok(ip) = host.parse::<Ipv6Addr>() {
            let bits = match mask {
                None => 128,
                Some(bits) => bits.parse::<u32>().ok().filter(|bits| *bits <= 128)?,
            };
            // A mapped network is a network of IPv4.
            if let (Some(ip), 96..) = (ip.to_ipv4_mapped(), bits) {
                self.add_four(ip, u32::MAX.checked_shl(128 - bits).unwrap_or(0));
            } else {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                under(&mut self.six, mask).insert(u128::from(ip) & mask);
            }
            return Some(());
        }
        let mask = match mask {
            None => u32::MAX,
            Some(mask) => mask4(mask)?,
        };
        if let Some(ip) = short_ipv4(host) {
            self.add_four(ip, mask);
            return Some(());
        }
        if no_names || !is_name(host) {
            return None;
        }
        let mut found = None;
        for address in (host, 0).to_socket_addrs().ok()? {
            match address.ip() {
                IpAddr::V4(ip) => self.add_four(ip, mask),
                IpAddr::V6(ip) => {
                    under(&mut self.six, u128::MAX).insert(u128::from(ip));
                }
            }
            found = Some(());
        }
        found
    }

    fn add_four(&mut self, ip: Ipv4Addr, mask: u32) {
        under(&mut self.four, mask).insert(u32::from(ip) & mask);
    }

    fn has_four(&self, ip: Ipv4Addr) -> bool {
        let ip = u32::from(ip);
        self.four
            .iter()
            .any(|(mask, set)| set.contains(&(ip & mask)))
    }
}

impl Matcher for Networks {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn input(&self) -> Type {
        Type::Addr
    }

    fn matches(&self, sample: &Sample<'_>) -> bool {
        match sample.value {
            Value::Ipv4(ip) => self.has_four(ip),
            Value::Ipv6(ip) => {
                let number = u128::from(ip);
                self.six
                    .iter()
                    .any(|(mask, set)| set.contains(&(number & mask)))
                    || ip.to_ipv4_mapped().is_some_and(|ip| self.has_four(ip))
            }
            _ => false,
        }
    }
}

/// The set of a mask.
fn under<N: Copy + PartialEq>(sets: &mut Vec<(N, HashSet<N>)>, mask: N) -> &mut HashSet<N> {
    let index = sets
        .iter()
        .position(|(known, _)| *known == mask)
        .unwrap_or_else(|| {
            sets.push((mask, HashSet::new()));
            sets.len() - 1
        });
    &mut sets[index].1
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
