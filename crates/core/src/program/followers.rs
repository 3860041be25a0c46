//! Which servers track which (`track`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{Program, ProxyId};

/// A server: its proxy and position.
pub type Place = (ProxyId, usize);

/// Who tracks whom.
#[derive(Debug, Default)]
pub struct Followers {
    by_leader: HashMap<Place, Vec<Place>>,
    count: usize,
}

/// Those of a program, looked up again once servers came or went.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Option<(u64, Arc<Followers>)>>);

impl Program {
    /// Who tracks whom now.
    pub fn followers(&self) -> Arc<Followers> {
        let changes = self.live.server_changes.load(Ordering::Relaxed);
        let mut known = self.followers.0.lock();
        match &*known {
            Some((at, followers)) if *at == changes => followers.clone(),
            _ => {
                let followers = Arc::new(Followers::of(self));
                *known = Some((changes, followers.clone()));
                followers
            }
        }
    }
}

impl Followers {
    /// Names that do not exist were refused with the configuration.
    fn of(program: &Program) -> Followers {
        let mut followers = Followers::default();
        let mut names = HashMap::new();
        for (index, proxy) in program.proxies.iter().enumerate() {
            for server in &proxy.live.servers {
                let Some((backend, name)) = &server.ir.options.track else {
                    continue;
                };
                let own = ProxyId(index as u32);
                // Without a backend's name it is the section's own.
                let backend = match backend.is_empty() {
                    true => Some(own),
                    false => program.backend(backend),
                };
                let leader = backend.and_then(|id| {
                    let names = names.entry(id).or_insert_with(|| positions(program, id));
                    Some((id, *names.get(name.as_str())?))
                });
                if let Some(leader) = leader {
                    let places = followers.by_leader.entry(leader).or_default();
                    places.push((own, server.index));
                    followers.count += 1;
                }
            }
        }
        // Upstream tells the last one first.
        followers.by_leader.values_mut().for_each(|it| it.reverse());
        followers
    }

    /// Who tracks a server, in the order in which they are told.
    pub fn of_leader(&self, leader: Place) -> &[Place] {
        self.by_leader.get(&leader).map_or(&[], Vec::as_slice)
    }

    /// How many servers track another one.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// The servers of a proxy by name, the first of each.
fn positions(program: &Program, proxy: ProxyId) -> HashMap<&str, usize> {
    let mut positions = HashMap::new();
    for server in &program.proxy(proxy).live.servers {
        positions
            .entry(server.name.as_str())
            .or_insert(server.index);
    }
    positions
}
