//! Which servers track which (`track`): they go where the checked one goes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use hapax_balance::health::{Notice, Transition, follow};
use hapax_core::contract::Now;
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, ProxyId};

/// A server: its proxy and index.
type Place = (ProxyId, usize);

/// Who tracks whom.
#[derive(Debug, Default)]
pub(crate) struct Followers(HashMap<Place, Vec<Place>>);

/// The followers of a program, looked up again when servers came or went.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    known: RefCell<Option<(u64, Rc<Followers>)>>,
}

impl Lookup {
    /// Those of now.
    pub(super) fn of(&self, program: &Program) -> Rc<Followers> {
        let changes = program.live.server_changes.load(Ordering::Relaxed);
        let mut known = self.known.borrow_mut();
        match &*known {
            Some((at, followers)) if *at == changes => followers.clone(),
            _ => {
                let followers = Rc::new(Followers::of(program));
                *known = Some((changes, followers.clone()));
                followers
            }
        }
    }
}

impl Followers {
    /// The followers of a program. Names that do not exist were refused with the configuration.
    pub(crate) fn of(program: &Program) -> Followers {
        let mut followers = Followers::default();
        for (index, proxy) in program.proxies.iter().enumerate() {
            for server in &proxy.live.servers {
                let Some((backend, name)) = &server.ir.options.track else {
                    continue;
                };
                let own = ProxyId(index as u32);
                // Without a backend's name it is the section's own.
                let backend = if backend.is_empty() {
                    Some(own)
                } else {
                    program.backend(backend)
                };
                let leader = backend.and_then(|id| {
                    let mut servers = program.proxy(id).live.servers.iter();
                    Some((id, servers.find(|server| server.name == *name)?.index))
                });
                if let Some(leader) = leader {
                    // Upstream tells the last one first.
                    let places = followers.0.entry(leader).or_default();
                    places.insert(0, (own, server.index));
                }
            }
        }
        followers
    }

    /// Lets everybody who tracks `leader`, directly or through others, follow its transition. Gives what there is to say.
    pub(crate) fn after(
        &self,
        program: &Program,
        leader: Place,
        transition: Transition,
        now: Now,
    ) -> Vec<(ProxyId, usize, Vec<Notice>)> {
        let mut said = Vec::new();
        if transition == Transition::None {
            return said;
        }
        self.each(program, leader, |proxy, server, leader| {
            let own = &program.proxy(proxy).live;
            let notices = follow(own, server, leader, transition, now);
            said.push((proxy, server.index, notices));
        });
        said
    }

    /// Everybody who tracks `leader`, directly or through others, with the server that each tracks.
    pub(crate) fn each(
        &self,
        program: &Program,
        leader: Place,
        mut each: impl FnMut(ProxyId, &ServerLive, &ServerLive),
    ) {
        let mut leaders = vec![leader];
        // Each place is taken once: a circle of trackers, which the configuration refuses, would not run on.
        let mut steps = program
            .proxies
            .iter()
            .map(|proxy| proxy.live.servers.len())
            .sum::<usize>();
        while let Some(place) = leaders.pop() {
            let Some(live) = program.proxy(place.0).live.servers.get(place.1) else {
                continue;
            };
            for &(proxy, index) in self.0.get(&place).into_iter().flatten() {
                let own = &program.proxy(proxy).live;
                if let Some(server) = own.servers.get(index).filter(|_| steps > 0) {
                    steps -= 1;
                    each(proxy, server, live);
                    leaders.push((proxy, index));
                }
            }
        }
    }
}
