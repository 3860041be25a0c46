//! Which servers track which (`track`): they go where the checked one goes.

use std::sync::Arc;

use hapax_balance::health::{Notice, Transition, follow};
use hapax_core::contract::Now;
use hapax_core::live::ServerLive;
use hapax_core::program::{self, Place, Program, ProxyId};

/// Who tracks whom.
#[derive(Debug)]
pub(crate) struct Followers(Arc<program::Followers>);

impl Followers {
    /// The followers of a program.
    pub(crate) fn of(program: &Program) -> Followers {
        Followers(program.followers())
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
        let mut steps = self.0.count();
        while let Some(place) = leaders.pop() {
            let Some(live) = program.proxy(place.0).live.servers.get(place.1) else {
                continue;
            };
            for &(proxy, index) in self.0.of_leader(place) {
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
