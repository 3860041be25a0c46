//! Persistence by cookie.

use super::client::Client;
use super::exchange::Exchange;

/// Looks for the persistence cookie in the request.
pub fn on_request(client: &mut Client, exchange: &mut Exchange) {
    let _ = (client, exchange);
}

/// The server that persistence asks for.
pub fn wanted(exchange: &Exchange) -> Option<usize> {
    let _ = exchange;
    None
}

/// Sets the persistence cookie in the response.
pub fn on_response(client: &mut Client, exchange: &mut Exchange) {
    let _ = (client, exchange);
}
