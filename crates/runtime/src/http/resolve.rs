//! A rule that waits for an address (`do-resolve`).

use std::net::IpAddr;
use std::task::Poll;

use hapax_core::resolution::{Asked, Turn};
use hapax_core::sample::Value;

use super::attend::attend;
use super::client::Client;
use super::exchange::{Exchange, Failure};
use super::rules::with_tx;

use crate::wheel::NEVER;

/// Waits for the address of the name that a rule asks for, and sets its variable; without an address that stays as it is.
/// The name servers' time is bounded by the section's settings.
pub async fn address(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let Some(mut wanted) = exchange.stream.resolution.take() else {
        return Ok(());
    };
    let plan = client.plan.clone();
    let Some(section) = plan.program.live.resolvers(&wanted.section) else {
        return Ok(());
    };
    let local = client.local.clone();
    let asked = Box::pin(attend(client, exchange, NEVER, |cx| {
        let mut turn = Turn {
            now_ms: local.now().ms,
            ticket: &mut wanted.ticket,
            waker: cx.waker(),
        };
        match section.ask(&wanted.name, wanted.prefer, &mut turn) {
            Asked::Wait => Poll::Pending,
            asked => Poll::Ready(asked),
        }
    }));
    if let Some(Asked::Found(ip)) = asked.await? {
        with_tx(client, exchange, false, |tx| {
            if let Some(variable) = &wanted.variable {
                tx.cx().set_variable(variable, ip_value(ip));
            }
        });
    }
    Ok(())
}

fn ip_value(ip: IpAddr) -> Value<'static> {
    match ip {
        IpAddr::V4(ip) => Value::Ipv4(ip),
        IpAddr::V6(ip) => Value::Ipv6(ip),
    }
}
