//! Which idle connection a request may be sent on (`http-reuse`).

use std::rc::Rc;

use hapax_core::ir::{BindProtocol, HttpReuse};

use super::super::client::Client;
use super::super::exchange::Exchange;
use super::super::pool::{ServerConnection, Wanted, Way};
use super::super::shared_pool::{Asking, Reach};
use super::super::to_url;
use crate::io::Io;
use crate::plan::ServerPlan;

/// What a request may be sent on.
pub struct Choice<'n> {
    /// The name that the server is asked for over TLS.
    pub server_name: Option<&'n [u8]>,
    /// What `pool-conn-name` gives.
    pub own_name: Option<&'n [u8]>,
    /// What is spoken, whatever ALPN says.
    pub protocol: Option<BindProtocol>,
    /// What a connection is opened by.
    pub way: Way,
}

impl<'n> Choice<'n> {
    /// What it asks of an idle connection that is its alone; none when there may be none.
    pub fn wanted(
        &self,
        client: &Client,
        exchange: &Exchange,
        server: &ServerPlan,
    ) -> Option<Wanted<&'n [u8]>> {
        let proxy = client.plan.proxy(exchange.stream.backend);
        let barred = to_url::applies(proxy)
            || server.is_anywhere()
            || self.protocol == Some(BindProtocol::Http2)
            || server.live.ir.options.send_proxy.is_some();
        if barred {
            return None;
        }
        let first = is_first(client);
        let proven = match proxy.ir.http_reuse {
            HttpReuse::Never => return None,
            HttpReuse::Safe if first => return None,
            HttpReuse::Aggressive if first => true,
            _ => false,
        };
        Some(Wanted {
            way: self.way,
            server_name: self.server_name,
            own_name: self.own_name,
            proven,
        })
    }
}

/// Who speaks HTTP/2 is told what may be sent again.
fn is_first(client: &Client) -> bool {
    client.requests <= 1 && !client.socket.is_shared()
}

/// An idle connection of this worker that this request may be sent on.
pub fn take(
    client: &mut Client,
    exchange: &Exchange,
    server: &Rc<ServerPlan>,
    choice: &Choice<'_>,
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
    if !server.pool.shared.is_empty() && choice.protocol != Some(BindProtocol::Http1) {
        let first = is_first(client);
        let reach = match client.plan.proxy(backend).ir.http_reuse {
            HttpReuse::Never => Reach::Own,
            HttpReuse::Safe if first => Reach::Own,
            HttpReuse::Safe => Reach::Idle,
            HttpReuse::Aggressive if first => Reach::Proven,
            HttpReuse::Aggressive | HttpReuse::Always => Reach::All,
        };
        let asking = Asking {
            session: &client.admission,
            way: choice.way,
            names: (choice.server_name, choice.own_name),
            reach,
        };
        let shared = server.pool.shared.take(server, &asking);
        if shared.is_some() {
            return shared;
        }
    }
    let wanted = choice.wanted(client, exchange, server)?;
    server.pool.take(server, &wanted)
}
