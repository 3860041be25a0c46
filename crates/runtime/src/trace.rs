//! Where the log line of an exchange leaves the request path.

use crate::http::Client;
use crate::http::exchange::Exchange;

/// The exchange has come to where its line is due.
pub fn exchange(client: &Client, exchange: &Exchange) {
    let _ = (client, exchange);
}
