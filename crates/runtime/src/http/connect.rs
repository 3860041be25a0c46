//! Getting a connection to a server: choice, queue, attempts and retries.

mod assign;
mod attempt;
mod idle;
mod streams;
mod takeover;
mod way;

use std::sync::atomic::Ordering;

use hapax_balance::health::Seen;
use hapax_core::counter::Count;
use hapax_core::ir;
use hapax_core::live::ProxyLive;
use hapax_core::stream::{Cause, Phase};

use self::assign::assign;
use self::attempt::{Attempt, attempt};
use super::client::{Client, Interrupted, within};
use super::departure::Watch;
use super::exchange::{Exchange, Failure};
use super::{health, to_url};
use crate::clock;
use crate::plan::ServerPlan;

/// A server that refused is asked again after this time, or `timeout connect` if that is shorter.
const TURN_AROUND_MS: u32 = 1000;

/// Leaves the exchange with a server connection on which the head is being sent; without one when the server wants the
/// client to be redirected to it (`redir`). `again` tells that the request was sent to a server and failed there.
pub async fn run(client: &mut Client, exchange: &mut Exchange, again: bool) -> Result<(), Failure> {
    let plan = client.plan.clone();
    let backend = exchange.stream.backend;
    let proxy = plan.proxy(backend);
    let worker = client.local.worker;
    let most = retries(exchange, &proxy.ir);
    let mut failed = None;
    // Who is forced to a server stays there.
    let forced = exchange.server_choice.forced;
    let redispatch = proxy.ir.options.redispatch.filter(|_| !forced);
    // A request that is sent again stays on its server, whose slot it still holds.
    let mut stay = exchange.stream.server.filter(|_| exchange.slot);
    if again && let Some(index) = stay {
        let live = &proxy.live;
        if has_choice(live, proxy.ir.options.allbackups)
            && redispatches(redispatch, exchange.stream.retries, most)
        {
            stay = None;
            failed = Some(index);
            release(client, exchange);
        } else {
            count_again(client, exchange, index, index);
        }
    }
    loop {
        // `option transparent` leaves to their servers those who have one.
        let persists = proxy.ir.options.transparent && exchange.wanted_server().is_some();
        let named = match to_url::applies(proxy) {
            true => to_url::server(proxy, &exchange.stream.request, &plan.program.global),
            false => None,
        };
        let direct = plan.at(backend).direct.as_ref().filter(|_| !persists);
        let direct = named.as_ref().or(direct);
        let index = match (direct, stay.take()) {
            (Some(_), _) => {
                exchange.stream.times.queue = client.local.now().ms;
                0
            }
            (None, Some(index)) => index,
            (None, None) => assign(client, exchange, failed).await?,
        };
        if let Some(failed) = failed.take() {
            count_again(client, exchange, failed, index);
        }
        let chosen = direct.cloned().or_else(|| plan.server(backend, index));
        let Some(server) = &chosen else {
            return Err(Failure::new(Cause::Internal, Phase::Connect, 500));
        };
        if redirects(exchange, server) {
            return Ok(());
        }
        let phase_failed = match attempt(client, exchange, server).await {
            Ok(()) => {
                health::seen(client, exchange, index, Seen::Connection);
                return Ok(());
            }
            Err(Attempt::Client(failure)) => {
                release(client, exchange);
                return Err(failure);
            }
            Err(Attempt::Local) => {
                release(client, exchange);
                return Err(Failure::new(Cause::Resource, Phase::Connect, 500));
            }
            Err(Attempt::Refused) => Cause::ServerAbort,
            Err(Attempt::TimedOut) => Cause::ServerTimeout,
        };
        health::seen(client, exchange, index, Seen::NoConnection);
        let backend_counters = &proxy.live.backend.counters;
        if exchange.stream.retries >= most || !proxy.ir.retry_on.connection {
            server.live.counters.add(worker, Count::ConnectionErrors, 1);
            backend_counters.add(worker, Count::ConnectionErrors, 1);
            release(client, exchange);
            return Err(Failure::new(phase_failed, Phase::Connect, 503));
        }
        exchange.stream.retries += 1;
        let persistent = exchange.wanted_server() == Some(index);
        let elsewhere = has_choice(&proxy.live, proxy.ir.options.allbackups)
            && (redispatches(redispatch, exchange.stream.retries, most)
                || (phase_failed == Cause::ServerAbort
                    && !persistent
                    && leaves_at_once(&proxy.ir)));
        if elsewhere {
            failed = Some(index);
            release(client, exchange);
            continue;
        }
        server.live.counters.add(worker, Count::Retries, 1);
        backend_counters.add(worker, Count::Retries, 1);
        // A server that refuses at once is not asked again at once.
        if phase_failed == Cause::ServerAbort {
            let pause = proxy.ir.timeouts.connect.unwrap_or(TURN_AROUND_MS);
            let until = clock::now_ms() + u64::from(pause.min(TURN_AROUND_MS));
            turn_around(client, exchange, until).await?;
        }
        if proxy.ir.options.redispatch.is_some_and(|every| every != 0) {
            // The reference asks for a server again, and gets this one: what went by counts as time in the queue.
            exchange.stream.times.queue = client.local.now().ms;
        }
        if server.live.usable.load(Ordering::Relaxed) {
            stay = Some(index);
        } else {
            release(client, exchange);
        }
    }
}

/// A retry after `failed` goes to `index`: another server makes it a redispatch, which persistence does not outlive.
fn count_again(client: &Client, exchange: &mut Exchange, failed: usize, index: usize) {
    let live = client.plan.live(exchange.stream.backend);
    let count = if failed == index {
        Count::Retries
    } else {
        exchange.stream.redispatched = true;
        super::cookie::on_redispatch(exchange);
        Count::Redispatches
    };
    let server = live.servers.get(failed).map(|server| &server.counters);
    for counters in server.into_iter().chain([&live.backend.counters]) {
        counters.add(client.local.worker, count, 1);
    }
}

/// Whether load balancing has more than one server to choose from.
fn has_choice(backend: &ProxyLive, all_backups: bool) -> bool {
    let usable = |backup: bool| {
        backend
            .servers
            .iter()
            .filter(|server| server.ir.options.backup == backup)
            .filter(|server| server.usable.load(Ordering::Relaxed))
            .take(2)
            .count()
    };
    match usable(false) {
        0 => all_backups && usable(true) > 1,
        active => active > 1,
    }
}

/// How often the request may be tried again.
pub fn retries(exchange: &Exchange, backend: &ir::Proxy) -> u32 {
    exchange.stream.overrides.retries.unwrap_or(backend.retries)
}

/// `redir` answers GET and HEAD; other methods go to the server.
fn redirects(exchange: &Exchange, server: &ServerPlan) -> bool {
    server.live.ir.options.redirect_prefix.is_some()
        && exchange.stream.is_http()
        && matches!(exchange.stream.request.method(), b"GET" | b"HEAD")
}

/// Forgets the server connection, so that the same request can be sent again.
pub fn start_over(exchange: &mut Exchange) {
    exchange.server = None;
    exchange.down.reset();
    exchange.down.input = None;
    exchange.up.rewind();
}

/// The same for a request that was sent whole.
pub fn replay(exchange: &mut Exchange) {
    exchange.server = None;
    exchange.down.reset();
    exchange.down.input = None;
    exchange.up.replay();
}

/// Gives the slot on the server back.
pub fn release(client: &Client, exchange: &mut Exchange) {
    if !std::mem::take(&mut exchange.slot) {
        return;
    }
    client.handle.server.set(None);
    let live = client.plan.live(exchange.stream.backend);
    if let (Some(dispatch), Some(index)) = (live.dispatch(), exchange.stream.server) {
        // What the log tells: before the slot goes to who waits for it.
        let sessions = live
            .servers
            .get(index)
            .map(|server| server.sessions.value());
        exchange.notes.server_sessions = sessions.map(|others| others.saturating_sub(1));
        dispatch.release(index);
    }
}

/// Whether retry number `retry` of `most` goes to another server (`option redispatch`).
fn redispatches(option: Option<i32>, retry: u32, most: u32) -> bool {
    match option {
        None | Some(0) => false,
        Some(every) if every > 0 => retry.is_multiple_of(every.unsigned_abs()),
        // -1 is the last one, -2 the one before.
        Some(before) => retry + before.unsigned_abs() == most + 1,
    }
}

/// A server that refuses is left at once, whatever the interval of `option redispatch`, when the algorithm is free to
/// choose another one; hashes would choose the same.
fn leaves_at_once(proxy: &ir::Proxy) -> bool {
    proxy.options.redispatch.is_some_and(|every| every != 0) && proxy.balance.key().is_none()
}

async fn turn_around(
    client: &mut Client,
    exchange: &mut Exchange,
    until: u64,
) -> Result<(), Failure> {
    let watch = Watch::new(client, exchange).patient();
    let Client {
        socket,
        timer,
        handle,
        ..
    } = &mut *client;
    let left = within(timer, handle, until, |cx| watch.poll(socket, cx)).await;
    let failure = match left {
        Err(Interrupted::Deadline) => return Ok(()),
        Err(Interrupted::Ended(cause)) => Failure::ended(cause),
        Ok(departure) => departure.failure(exchange, Phase::Connect),
    };
    release(client, exchange);
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::redispatches;

    #[test]
    fn redispatch_intervals() {
        let at = |option, most| {
            (1..=most)
                .filter(|&retry| redispatches(option, retry, most))
                .collect::<Vec<_>>()
        };
        assert!(at(None, 3).is_empty());
        assert_eq!(at(Some(-1), 3), [3]);
        assert_eq!(at(Some(-2), 3), [2]);
        assert_eq!(at(Some(1), 3), [1, 2, 3]);
        assert_eq!(at(Some(2), 4), [2, 4]);
    }
}
