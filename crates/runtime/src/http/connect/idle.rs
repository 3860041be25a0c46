//! Which idle connection a request may be sent on (`http-reuse`).

use std::rc::Rc;

use hapax_core::ir::{BindProtocol, HttpReuse};

use super::super::client::Client;
use super::super::exchange::Exchange;
use super::super::pool::{ServerConnection, Way};
use super::super::shared_pool::{Asking, Reach};
use super::super::to_url;
use crate::io::Io;
use crate::plan::ServerPlan;

/// An idle connection that this request may be sent on. `names` are the SNI and the `pool-conn-name` it must have, `protocol` what is
/// spoken whatever ALPN says.
pub fn take(
    client: &mut Client,
    exchange: &Exchange,
    server: &Rc<ServerPlan>,
    names: (Option<&[u8]>, Option<&[u8]>),
    protocol: Option<BindProtocol>,
    way: Way,
) -> Option<ServerConnection> {
    let backend = exchange.stream.backend;
    if to_url::applies(client.plan.proxy(backend)) || server.is_anywhere() {
        return None;
    }
    if let Some(kept) = client.kept.take() {
        let (of, index, mut connection) = *kept;
        if of == backend && Some(index) == exchange.stream.server && connection.socket.is_quiet() {
            connection.reuses += 1;
            return Some(connection);
        }
    }
    // Who speaks HTTP/2 is told what may be sent again.
    let first = client.requests <= 1 && !client.socket.is_shared();
    let mode = client.plan.proxy(backend).ir.http_reuse;
    if !server.pool.shared.is_empty() && protocol != Some(BindProtocol::Http1) {
        let reach = match mode {
            HttpReuse::Never => Reach::Own,
            HttpReuse::Safe if first => Reach::Own,
            HttpReuse::Safe => Reach::Idle,
            HttpReuse::Aggressive if first => Reach::Proven,
            HttpReuse::Aggressive | HttpReuse::Always => Reach::All,
        };
        let asking = Asking {
            session: &client.admission,
            way,
            names,
            reach,
        };
        let shared = server.pool.shared.take(server, &asking);
        if shared.is_some() {
            return shared;
        }
    }
    if protocol == Some(BindProtocol::Http2) {
        return None;
    }
    let proven = match mode {
        HttpReuse::Never => return None,
        HttpReuse::Safe if first => return None,
        HttpReuse::Aggressive if first => true,
        _ => false,
    };
    if server.live.ir.options.send_proxy.is_some() {
        return None;
    }
    server.pool.take(server, way, names, proven)
}
