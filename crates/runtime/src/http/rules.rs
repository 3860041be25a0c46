//! The rulesets at their places in an exchange.

use bumpalo::Bump;
use hapax_core::contract::{KeyValue, Outcome};
use hapax_core::ir;
use hapax_core::program::ProxyId;
use hapax_core::stream::{Session, Stream};

use super::client::Client;
use super::exchange::Exchange;
use crate::plan::Plan;

/// `http-request` and `redirect` rules of a proxy; an outcome decides the exchange.
pub fn request(client: &mut Client, exchange: &mut Exchange, proxy: ProxyId) -> Option<Outcome> {
    let _ = (client, exchange, proxy);
    None
}

/// `http-response` rules of a proxy.
pub fn response(client: &mut Client, exchange: &mut Exchange, proxy: ProxyId) -> Option<Outcome> {
    let _ = (client, exchange, proxy);
    None
}

/// The backend that `use_backend` chooses.
pub fn use_backend(client: &mut Client, exchange: &mut Exchange) -> Option<ProxyId> {
    let _ = (client, exchange);
    None
}

/// The key of a balance algorithm that looks at the request.
pub fn key<'a>(
    plan: &'a Plan,
    session: &'a Session,
    stream: &'a Stream,
    arena: &'a Bump,
    expr: &'a ir::Expr,
) -> KeyValue<'a> {
    let _ = (plan, session, stream, arena, expr);
    KeyValue::None
}
