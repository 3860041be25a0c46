//! The choice of a server, and the wait in its queue.

use std::sync::atomic::Ordering;
use std::task::Poll;

use hapax_core::contract::{Assigned, BalanceKey, KeyValue, Wish};
use hapax_core::counter::Count;
use hapax_core::ir;
use hapax_core::live::ProxyLive;
use hapax_core::stream::{Cause, Phase};

use super::super::client::{Client, Interrupted, poll_interrupted};
use super::super::departure::Watch;
use super::super::exchange::{Exchange, Failure};
use super::super::route::note_session;
use super::super::rules;

/// Asks for a server, and waits in the queue if need be.
pub async fn assign(
    client: &mut Client,
    exchange: &mut Exchange,
    avoid: Option<usize>,
) -> Result<usize, Failure> {
    let plan = client.plan.clone();
    let proxy = plan.proxy(exchange.stream.backend);
    let no_server = Failure::new(Cause::ServerAbort, Phase::Connect, 503);
    let Some(dispatch) = proxy.live.dispatch() else {
        return Err(no_server);
    };
    let timeouts = &proxy.ir.timeouts;
    let deadline = Client::after(timeouts.queue.or(timeouts.connect));
    let persistent = exchange
        .wanted_server()
        .or_else(|| preferred(client, exchange))
        .filter(|_| avoid.is_none());
    let forced = exchange.server_choice.forced;
    let watch = Watch::new(client, exchange);
    let mut departed = None;
    let mut full = None;
    let assigned = {
        let Client {
            timer,
            handle,
            socket,
            session,
            local,
            ..
        } = &mut *client;
        let Exchange {
            stream,
            ticket,
            arena,
            balance_key,
            up,
            ..
        } = &mut *exchange;
        std::future::poll_fn(|cx| {
            let bytes = up.input.as_ref().map_or(&[][..], crate::buffer::Buf::data);
            let look = || rules::before_server(&plan, session, stream, arena, local.now(), bytes);
            let key = match proxy.ir.balance.key() {
                BalanceKey::None | BalanceKey::Message(_) => KeyValue::None,
                BalanceKey::Source => session
                    .source
                    .ip()
                    .map_or(KeyValue::None, KeyValue::Address),
                BalanceKey::Expr(expr) => rules::key(&look(), expr, proxy.ir.hash_type),
                BalanceKey::Request(request) => match balance_key.as_deref() {
                    Some(key) => KeyValue::Bytes(key),
                    None => request.key(&look()),
                },
            };
            let token = proxy.ir.rdp_cookie.as_ref().filter(|_| avoid.is_none());
            let token =
                token.and_then(
                    |expr| match rules::key(&look(), expr, ir::HashType::default()) {
                        KeyValue::Bytes(value) => {
                            hapax_balance::persistence::rdp::server(value, &proxy.live.servers)
                        }
                        _ => None,
                    },
                );
            let wish = Wish {
                key,
                persistent: persistent.or(token),
                forced,
                avoid,
                priority: stream.overrides.priority,
                now: local.now(),
            };
            match dispatch.assign(&wish, ticket, cx.waker()) {
                Assigned::Server(index) => return Poll::Ready(Ok(index)),
                Assigned::NoServer => return Poll::Ready(Err(no_server)),
                Assigned::QueueFull(index) => {
                    full = Some(index);
                    let refused = Failure::new(Cause::ServerAbort, Phase::Queue, 503);
                    return Poll::Ready(Err(refused));
                }
                Assigned::Wait => {}
            }
            if let Poll::Ready(departure) = watch.poll(socket, cx) {
                departed = Some(departure);
                return Poll::Ready(Err(Failure::new(Cause::ClientAbort, Phase::Queue, 0)));
            }
            poll_interrupted(cx, timer, handle, deadline).map(|why| {
                Err(match why {
                    Interrupted::Deadline => Failure::new(Cause::ServerTimeout, Phase::Queue, 503),
                    Interrupted::Ended(cause) => Failure::ended(cause),
                })
            })
        })
        .await
    };
    let assigned = match departed {
        Some(departure) => Err(departure.failure(exchange, Phase::Queue)),
        None => assigned,
    };
    if assigned.is_err() && exchange.ticket.number != 0 {
        exchange.stream.times.queue = client.local.now().ms;
        // Who waited for one server counts as that server's.
        exchange.stream.server = exchange.ticket.server;
        dispatch.cancel(&mut exchange.ticket);
    }
    let stream = &mut exchange.stream;
    stream.server = full.or(stream.server);
    stream.server_queue = exchange.ticket.server_position;
    stream.backend_queue = exchange.ticket.backend_position;
    let again = avoid.is_some() && assigned.ok() == avoid;
    if std::mem::take(&mut exchange.ticket.balanced) && !again {
        count_chosen(client, &proxy.live, assigned.ok().or(stream.server));
    }
    match assigned {
        Ok(index) => {
            let now = client.local.now().ms;
            stream.times.queue = now;
            stream.server = Some(index);
            client.last_server = Some((stream.backend, index));
            exchange.slot = true;
            client.handle.server.set(Some((stream.backend, index)));
            if let Some(server) = proxy.live.servers.get(index) {
                note_session(&server.last_session_ms, now);
                note_session(&proxy.live.backend.last_session_ms, now);
            }
            Ok(index)
        }
        Err(failure) => {
            if failure.status == 503 {
                count_no_server(client, exchange);
            }
            Err(failure)
        }
    }
}

/// The server of the client's previous request, under `option prefer-last-server`.
fn preferred(client: &Client, exchange: &Exchange) -> Option<usize> {
    let proxy = client.plan.proxy(exchange.stream.backend);
    let (backend, index) = client.last_server?;
    let server = proxy.live.servers.get(index)?;
    let stays = proxy.ir.options.prefer_last_server && backend == exchange.stream.backend;
    (stays && server.usable.load(Ordering::Relaxed)).then_some(index)
}

/// The algorithm chose a server.
fn count_chosen(client: &Client, backend: &ProxyLive, chosen: Option<usize>) {
    let Some(server) = chosen.and_then(|index| backend.servers.get(index)) else {
        return;
    };
    for counters in [&server.counters, &backend.backend.counters] {
        counters.add(client.local.worker, Count::Chosen, 1);
    }
}

fn count_no_server(client: &Client, exchange: &Exchange) {
    client
        .plan
        .live(exchange.stream.backend)
        .backend
        .counters
        .add(client.local.worker, Count::ConnectionErrors, 1);
}
