//! The servers that take part in load balancing right now.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::ir;
use hapax_core::live::{ServerLasting, ServerLive, Servers};

/// A backend's servers, and which of them are in use.
#[derive(Debug)]
pub struct Farm {
    servers: Servers,
    all_backups: bool,
    divisor: u32,
}

/// A server in use, with its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Position in the backend.
    pub index: usize,
    /// Number of the server (`id`).
    pub id: u32,
    /// Where its points on a ring begin, before they are mixed (`hash-key`).
    pub key: u32,
    /// The weight in force, in upstream's internal unit (16 times the user's).
    pub weight: u32,
}

impl Member {
    fn of(server: &ServerLive, weight: u32) -> Member {
        Member {
            index: server.index,
            id: server.id,
            key: crate::hash::ring_key(server),
            weight: weight.max(1),
        }
    }
}

impl Farm {
    /// The servers of a backend.
    pub fn new(proxy: &ir::ProxySettings, servers: &Servers) -> Farm {
        Farm {
            servers: servers.clone(),
            all_backups: proxy.options.allbackups,
            // In the unit of `Member::weight`.
            divisor: 16 * common_divisor(servers.iter().map(|server| server.ir.options.weight)),
        }
    }

    /// The usable active servers; without any, the first usable backup, or all of them under `option allbackups`
    /// (configuration manual, server keyword `backup`).
    pub fn members(&self) -> Vec<Member> {
        let active = self.active();
        if active.is_empty() {
            self.backup()
        } else {
            active
        }
    }

    /// The usable active servers.
    pub fn active(&self) -> Vec<Member> {
        self.usable(false).collect()
    }

    /// The first usable backup, or all of them under `option allbackups`.
    pub fn backup(&self) -> Vec<Member> {
        let count = if self.all_backups { usize::MAX } else { 1 };
        self.usable(true).take(count).collect()
    }

    fn usable(&self, backup: bool) -> impl Iterator<Item = Member> {
        self.servers
            .iter()
            .filter(move |server| {
                server.ir.options.backup == backup && server.usable.load(Ordering::Relaxed)
            })
            .map(|server| {
                let weight = server.effective_weight.load(Ordering::Relaxed);
                Member::of(server, weight)
            })
    }

    /// Whether nothing has happened to the servers: they are what their lines make of them.
    pub fn is_as_configured(&self) -> bool {
        !self.servers.have_changed()
            && self.servers.iter().all(|server| {
                let weight = server.effective_weight.load(Ordering::Relaxed);
                let usable = server.usable.load(Ordering::Relaxed);
                usable == server.begins_usable() && weight == server.ir.options.weight * 16
            })
    }

    /// [`Farm::active`] and [`Farm::backup`] of the time when nothing had happened yet.
    pub fn configured(&self) -> (Vec<Member>, Vec<Member>) {
        let all = || {
            let positions = 0..self.servers.configured();
            let servers = positions.filter_map(|index| self.servers.get(index));
            servers.filter(|server| server.begins_usable())
        };
        let member = |server: &Arc<ServerLive>| Member::of(server, server.ir.options.weight * 16);
        let backups = if self.all_backups { usize::MAX } else { 1 };
        let active = all().filter(|server| !server.ir.options.backup);
        let backup = all().filter(|server| server.ir.options.backup);
        (
            active.map(member).collect(),
            backup.take(backups).map(member).collect(),
        )
    }

    /// The common divisor of all weights there were at the start, those of backups and disabled servers too.
    pub fn divisor(&self) -> u32 {
        self.divisor
    }

    /// One server.
    pub fn server(&self, index: usize) -> Option<&ServerLive> {
        self.servers.get(index).map(Arc::as_ref)
    }

    /// What load balancing looks at of one server.
    pub fn lasting(&self, index: usize) -> Option<&ServerLasting> {
        self.servers.lasting(index)
    }

    /// Whether a server has a free slot and nobody who waits for it.
    pub fn has_room(&self, index: usize) -> bool {
        self.lasting(index).is_some_and(has_room)
    }
}

/// Whether a server has a free slot and nobody who waits for it.
pub fn has_room(server: &ServerLasting) -> bool {
    let limit = server.limit.load(Ordering::Relaxed);
    limit == u32::MAX || (server.sessions.value() < limit && server.queue.value() == 0)
}

/// The common divisor of numbers, at least 1.
fn common_divisor(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers
        .fold(0, |divisor, number| {
            let (mut a, mut b) = (divisor, number);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        })
        .max(1)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::algorithm::default_algorithm;
    use hapax_core::live::Live;
    use hapax_core::span::{FileId, Span};

    /// A span for tests.
    pub fn span() -> Span {
        Span {
            file: FileId(0),
            line: 1,
            start: 0,
            end: 0,
        }
    }

    /// A backend with servers `s1`, `s2`, ... of these weights; `edit` may change what its lines said.
    pub fn backend(
        weights: &[u32],
        edit: impl FnOnce(&mut ir::Proxy),
    ) -> (ir::Proxy, Arc<hapax_core::live::ProxyLive>) {
        let mut proxy = ir::Proxy::new(
            "b".into(),
            ir::ProxyKind::Backend,
            span(),
            default_algorithm(),
        );
        for (at, &weight) in weights.iter().enumerate() {
            proxy.servers.push(
                ir::Server {
                    name: format!("s{}", at + 1),
                    span: span(),
                    address: ir::Address::Inet(([127, 0, 0, 1], 80).into()),
                    port: ir::ServerPort::Fixed,
                    text: "127.0.0.1:80".into(),
                    host_name: None,
                    options: ir::ServerOptions {
                        weight,
                        ..ir::ServerOptions::default()
                    }
                    .into(),
                }
                .into(),
            );
        }
        edit(&mut proxy);
        let config = ir::Config {
            proxies: vec![proxy.clone()],
            ..ir::Config::default()
        };
        let live = Live::new(&config, 2, 0);
        (proxy, live.proxies[0].clone())
    }

    #[test]
    fn the_first_backup_serves_when_no_active_server_is_usable() {
        let backups = |proxy: &mut ir::Proxy| {
            proxy.servers[1].options.backup = true;
            proxy.servers[2].options.backup = true;
        };
        let (mut proxy, live) = backend(&[1, 1, 1], backups);
        let indexes = |proxy: &ir::Proxy| -> Vec<usize> {
            let farm = Farm::new(proxy, &live.servers);
            farm.members().iter().map(|member| member.index).collect()
        };
        assert_eq!(indexes(&proxy), [0]);
        live.servers[0].usable.store(false, Ordering::Relaxed);
        assert_eq!(indexes(&proxy), [1]);
        proxy.options.allbackups = true;
        assert_eq!(indexes(&proxy), [1, 2]);
        live.servers[1].usable.store(false, Ordering::Relaxed);
        assert_eq!(indexes(&proxy), [2]);
    }
}
