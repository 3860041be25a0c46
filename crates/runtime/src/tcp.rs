//! TCP mode: a client, a server, and bytes between them.

use crate::http::Client;

/// Serves a connection to its end.
pub async fn serve(client: Client) {
    drop(client);
}
