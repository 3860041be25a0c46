//! Idle connections of other workers (`tune.idle-pool.shared`): one that has none asks who has.

use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use tokio::sync::oneshot;

use super::super::client::{Client, within};
use super::super::exchange::Exchange;
use super::super::pool::{Pool, ServerConnection, Wanted};
use crate::clock;
use crate::plan::ServerPlan;
use crate::serve::with_local;

/// The worker with most idle connections to the server, if any may be taken.
pub fn other(client: &Client, server: &ServerPlan) -> Option<usize> {
    let live = &server.live;
    let idle = live.idle.load(Ordering::Relaxed);
    let low = i32::try_from(live.ir.options.pool_low_conn).unwrap_or(i32::MAX);
    if idle <= 0 || idle < low || !client.plan.program.global.tune.idle_pool_shared {
        return None;
    }
    let workers = live.idle_by_worker.iter().enumerate();
    let workers = workers.map(|(worker, idle)| (idle.load(Ordering::Relaxed), worker));
    let others = workers.filter(|(idle, worker)| *idle > 0 && *worker != client.local.worker);
    others.max().map(|(_, worker)| worker)
}

/// Asks that worker for one; a busy one is not waited for.
pub async fn take(
    client: &mut Client,
    exchange: &Exchange,
    server: &Rc<ServerPlan>,
    other: usize,
    wanted: &Wanted<&[u8]>,
) -> Option<ServerConnection> {
    let wanted = Wanted {
        way: wanted.way,
        server_name: wanted.server_name.map(Box::from),
        own_name: wanted.own_name.map(Box::from),
        proven: wanted.proven,
    };
    let (tell, told) = oneshot::channel();
    let (live, backend) = (server.live.clone(), exchange.stream.backend);
    let asked = client.local.places.tell(other, move || {
        with_local(|local| {
            // It may have gone over to another plan already.
            let plan = local.plan();
            let known = plan.proxies.get(backend.0 as usize);
            let theirs = known.and_then(|_| plan.server(backend, live.index));
            let theirs = theirs.filter(|theirs| theirs.live.is_same_as(&live));
            let given = theirs.and_then(|theirs| theirs.pool.give(&theirs.live, &wanted));
            // Who does not wait any more has one of its own.
            let _ = tell.send(given);
        });
    });
    if !asked {
        return None;
    }
    let mut told = pin!(told);
    let until = clock::now_ms() + MOST_MS;
    let answer = within(&mut client.timer, &client.handle, until, |cx| {
        match told.as_mut().poll(cx) {
            Poll::Ready(given) => Poll::Ready(given.ok().flatten()),
            Poll::Pending => Poll::Pending,
        }
    });
    let given = answer.await.ok().flatten()?;
    Some(Pool::adopt(server, given))
}

/// How long a worker may take to answer.
const MOST_MS: u64 = 5;
