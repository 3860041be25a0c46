//! Keeps the messages that could not be parsed for `show errors`.

use hapax_core::program::ProxyId;
use hapax_core::stream::Endpoint;
use hapax_proto::h1::Fault;

use super::client::Client;
use super::exchange::Exchange;
use crate::buffer::Buf;
use crate::stats::errors::{BadMessage, LONGEST};
use crate::trace;

/// A request was broken at `fault`, counted from the first byte in the buffer.
pub fn request(client: &Client, exchange: &Exchange, fault: &Fault) {
    trace::fault(client, exchange, trace::Side::Request, fault);
    let frontend = client.session.frontend;
    let backend = exchange.notes.on_backend.then_some(exchange.stream.backend);
    client.local.errors.record(BadMessage {
        proxy: named(client, frontend),
        other: backend.map(|backend| named(client, backend)),
        ..message(client, exchange.up.input.as_ref(), fault)
    });
}

/// The same for a response.
pub fn response(client: &Client, exchange: &Exchange, fault: &Fault) {
    trace::fault(client, exchange, trace::Side::Response, fault);
    let backend = exchange.stream.backend;
    let server = exchange.stream.server;
    let server = server.and_then(|index| client.plan.live(backend).servers.get(index));
    client.local.errors.record(BadMessage {
        response: true,
        proxy: named(client, backend),
        other: Some(named(client, client.session.frontend)),
        server: server.map(|server| (server.id, server.name.clone())),
        ..message(client, exchange.down.input.as_ref(), fault)
    });
}

fn message(client: &Client, input: Option<&Buf>, fault: &Fault) -> BadMessage {
    let bytes = input.map_or(&[][..], Buf::data);
    BadMessage {
        wall_us: client.local.now().wall_us,
        client: match client.session.source {
            Endpoint::Inet(address) => Some(address),
            _ => None,
        },
        bytes: bytes.get(..LONGEST).unwrap_or(bytes).to_vec(),
        position: fault.at,
        state: format!("{}({})", fault.state.name(), fault.state.number()),
        ..BadMessage::default()
    }
}

fn named(client: &Client, proxy: ProxyId) -> (u32, String) {
    let live = client.plan.live(proxy);
    (live.uuid, live.name.to_string())
}
