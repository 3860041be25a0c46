//! Where the statistics page joins the request path.

use hapax_core::program::ProxyId;
use hapax_core::stream::{Cause, Phase};

use super::client::Client;
use super::exchange::{Exchange, Failure};

/// Whether the request asks a proxy for its statistics page.
pub fn is_for(client: &Client, exchange: &Exchange, proxy: ProxyId) -> bool {
    let _ = (client, exchange, proxy);
    false
}

/// Answers with it.
pub async fn serve(
    client: &mut Client,
    exchange: &mut Exchange,
    proxy: ProxyId,
) -> Result<(), Failure> {
    let _ = (client, exchange, proxy);
    Err(Failure::new(Cause::Internal, Phase::Request, 500))
}
