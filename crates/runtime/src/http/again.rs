//! `retry-on`: whether a request that was sent and failed is sent again, and counting that.

use hapax_core::counter::Count;
use hapax_core::ir;
use hapax_core::stream::{Cause, Phase};

use super::client::Client;
use super::exchange::{Exchange, Failure};

/// How many bytes of a request are kept so that it can be sent again; 0 is none.
pub fn kept(client: &Client, exchange: &Exchange) -> usize {
    let backend = &client.plan.proxy(exchange.stream.backend).ir;
    let keeps = backend.retry_on.keeps_requests() && !exchange.stream.sent_once;
    match keeps {
        true => client.plan.program.global.tune.bufsize as usize,
        false => 0,
    }
}

/// Whether the request is sent again after it failed this way before an answer began.
pub fn after_failure(client: &Client, exchange: &mut Exchange, failure: Failure) -> bool {
    let wanted = |on: &ir::RetryOn| match (failure.cause, failure.status) {
        (Cause::ServerAbort, _) => on.empty_response,
        (Cause::ServerTimeout, _) => on.response_timeout,
        (Cause::Proxy, 502) => on.junk_response,
        _ => false,
    };
    let again = failure.phase == Phase::Headers && may(client, exchange, wanted);
    if again && failure.cause != Cause::ServerTimeout {
        count(client, exchange, Count::ResponseErrors);
    }
    if again {
        super::health::failure(client, exchange, &failure);
    }
    again
}

/// The request, which the server has not looked at, is sent again.
pub fn unseen(client: &Client, exchange: &mut Exchange) {
    exchange.stream.retries += 1;
    count(client, exchange, Count::Retries);
}

/// Whether the request is sent again in place of this answer.
pub fn after_status(client: &Client, exchange: &mut Exchange) -> bool {
    let status = exchange.stream.response.status();
    may(client, exchange, |on| on.statuses.contains(&status))
}

fn may(client: &Client, exchange: &mut Exchange, wanted: impl Fn(&ir::RetryOn) -> bool) -> bool {
    let backend = &client.plan.proxy(exchange.stream.backend).ir;
    let again = wanted(&backend.retry_on)
        && exchange.stream.retries < super::connect::retries(exchange, backend)
        && exchange.stream.server.is_some()
        && exchange.up.can_replay();
    if again {
        exchange.stream.retries += 1;
        count(client, exchange, Count::Retries);
    }
    again
}

fn count(client: &Client, exchange: &Exchange, what: Count) {
    let live = client.plan.live(exchange.stream.backend);
    let server = exchange.stream.server;
    let server = server.and_then(|index| live.servers.get(index));
    let counters = server.map(|server| &server.counters);
    for counters in counters.into_iter().chain([&live.backend.counters]) {
        counters.add(client.local.worker, what, 1);
    }
}
