//! What fetches are told about streams of HTTP/2: how the other sides broke them off, and how odd their connections are.

use super::client::Client;
use super::exchange::Exchange;

/// Notes it, as long as the streams are there.
pub fn note(client: &Client, exchange: &mut Exchange) {
    let Exchange { stream, server, .. } = exchange;
    if let Some(shared) = client.socket.shared() {
        stream.resets.client = stream.resets.client.or(shared.reset_code());
    }
    let server = server.as_ref();
    if let Some(shared) = server.and_then(|server| server.socket.shared()) {
        stream.resets.server = stream.resets.server.or(shared.reset_code());
        stream.server_glitches = Some(shared.glitches());
    }
}
