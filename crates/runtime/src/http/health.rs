//! What the traffic tells about a server's health (`observe`).

use hapax_balance::health::{Seen, observe};
use hapax_core::ir::Observe;
use hapax_core::stream::{Cause, Phase};

use super::client::Client;
use super::exchange::{Exchange, Failure};
use crate::check;

/// Something was seen of server `index` of the exchange's backend. Costs one look where nobody observes.
pub fn seen(client: &Client, exchange: &Exchange, index: usize, what: Seen) {
    let backend = exchange.stream.backend;
    let proxy = client.plan.proxy(backend);
    let Some(server) = proxy.live.servers.get(index) else {
        return;
    };
    if server.ir.options.check.observe == Observe::None {
        return;
    }
    let now = client.local.now();
    if let Some(report) = observe(&proxy.live, &proxy.ir.options, server, what, now) {
        let plan = &client.plan;
        check::observed(&plan.program, &plan.logger, (backend, index), report, now);
    }
}

/// The head of a response came.
pub fn response(client: &Client, exchange: &Exchange) {
    if let Some(index) = exchange.stream.server {
        let good = matches!(exchange.stream.response.status(), 100..=499 | 501 | 505);
        let what = if good {
            Seen::Response
        } else {
            Seen::WrongStatus
        };
        seen(client, exchange, index, what);
    }
}

/// None came.
pub fn failure(client: &Client, exchange: &Exchange, failure: &Failure) {
    let what = match (failure.phase, failure.cause) {
        (Phase::Headers, Cause::ServerAbort) => Seen::NoResponse,
        (Phase::Headers, Cause::ServerTimeout) => Seen::ResponseTimeout,
        (Phase::Headers, Cause::Proxy) if failure.status == 502 => Seen::BrokenResponse,
        _ => return,
    };
    if let Some(index) = exchange.stream.server {
        seen(client, exchange, index, what);
    }
}
