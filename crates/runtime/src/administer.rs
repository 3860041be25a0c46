//! What administrators do to servers, over the runtime API or the statistics page, and what it does to those who track
//! them.

use hapax_balance::health::{self, Notice};
use hapax_core::contract::Now;
use hapax_core::live::{Operation, ProxyLive, ServerLive};
use hapax_core::program::{Program, ProxyId};

use crate::check::Followers;

/// A deed. Texts are what its line says about who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Into maintenance.
    Maintenance(&'static str),
    /// Out of maintenance.
    LeaveMaintenance,
    /// Into drain, out of maintenance.
    Drain(&'static str),
    /// Out of drain.
    LeaveDrain,
    /// Out of both.
    Ready,
    /// As if a check had found that.
    Health(Operation, &'static str),
    /// As if the agent had said `up`, or `down`.
    Agent(bool, &'static str),
}

/// What there is to say about servers of a proxy.
pub type Said = Vec<(ProxyId, Vec<Notice>)>;

/// Does it to server `index` of `proxy`; gives what there is to say.
pub fn administer(
    program: &Program,
    (proxy, index): (ProxyId, usize),
    deed: Deed,
    now: Now,
) -> Said {
    let live = &program.proxy(proxy).live;
    let Some(server) = live.servers.get(index) else {
        return Said::new();
    };
    let followers = Followers::of(program);
    let forced = match deed {
        Deed::Health(to, cause) => Some(health::force_health(live, server, to, cause, now)),
        Deed::Agent(up, cause) => Some(health::force_agent(live, server, up, cause, now)),
        _ => None,
    };
    if let Some((transition, notices)) = forced {
        let mut said = vec![(proxy, notices)];
        let after = followers.after(program, (proxy, index), transition, now);
        said.extend(
            after
                .into_iter()
                .map(|(proxy, _, notices)| (proxy, notices)),
        );
        return said;
    }
    let mut said = vec![(proxy, own(live, server, deed, now))];
    followers.each(program, (proxy, index), |proxy, server, leader| {
        let live = &program.proxy(proxy).live;
        said.push((proxy, health::inherit(live, server, leader, now)));
    });
    said
}

fn own(live: &ProxyLive, server: &ServerLive, deed: Deed, now: Now) -> Vec<Notice> {
    match deed {
        Deed::Maintenance(cause) => health::enter_maintenance_by(live, server, cause, now),
        Deed::LeaveMaintenance => health::leave_maintenance(live, server, now),
        Deed::Drain(cause) => health::enter_drain_by(live, server, cause, now),
        Deed::LeaveDrain => health::leave_drain(live, server, now),
        Deed::Ready => health::make_ready(live, server, now),
        Deed::Health(..) | Deed::Agent(..) => Vec::new(),
    }
}
