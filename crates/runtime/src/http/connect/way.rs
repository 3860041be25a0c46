//! What of a connection to a server depends on the client: the port it goes to, and the address it comes from (`usesrc`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hapax_core::ir::{Presented, ServerPort};
use hapax_core::stream::Endpoint;

use super::super::client::Client;
use super::super::exchange::Exchange;
use super::super::pool::Way;
use crate::plan::ServerPlan;

/// By which way a request goes to a server; none when nothing tells whom the server is to see.
pub fn way(client: &Client, exchange: &Exchange, server: &ServerPlan) -> Option<Way> {
    let from = match &server.presented {
        None => None,
        Some(presented) => shown(presented, client, exchange)?,
    };
    Some(Way {
        port: match server.live.port() {
            ServerPort::Fixed => 0,
            _ => client.session.destination.port(),
        },
        from,
    })
}

/// Whom the server sees; the inner none is the proxy itself.
fn shown(
    presented: &Presented,
    client: &Client,
    exchange: &Exchange,
) -> Option<Option<SocketAddr>> {
    let own = || match client.session.source {
        Endpoint::Inet(address) => Some(address),
        Endpoint::Unix | Endpoint::Unknown => None,
    };
    Some(Some(match presented {
        Presented::Address(address) => *address,
        Presented::Client => own()?,
        Presented::ClientIp => (own()?.ip(), 0).into(),
        Presented::Field(name, which) if exchange.stream.is_http() => {
            (told(exchange, name.as_bytes(), *which)?, 0).into()
        }
        Presented::Field(..) => return Some(None),
    }))
}

/// The address in one of the values of a field, counted from 1, or from the last as -1; any where the value is none.
fn told(exchange: &Exchange, name: &[u8], which: i32) -> Option<IpAddr> {
    let values = || exchange.stream.request.values(name).map(|(_, value)| value);
    let at = match usize::try_from(which) {
        Ok(at) => at.checked_sub(1)?,
        Err(_) => values()
            .count()
            .checked_sub(usize::try_from(which.unsigned_abs()).ok()?)?,
    };
    let value = values().nth(at)?.trim_ascii();
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let whole = text(value).and_then(|value| value.parse().ok());
    // A port may stand behind it.
    let end = value.iter().position(|byte| *byte == b':');
    let short = text(value.get(..end.unwrap_or(value.len()))?);
    let short = || short.and_then(|value| value.parse().ok());
    Some(whole.or_else(short).unwrap_or(Ipv4Addr::UNSPECIFIED.into()))
}
