//! Persistence by cookie in an exchange: which server the client belongs to, and telling it. The rules are the balance
//! room's.

use hapax_balance::persistence::{self, Found, Regard, is_silent};
use hapax_core::stream::{RequestCookie, ResponseCookie};

use super::client::Client;
use super::exchange::Exchange;

/// What persistence found in a request.
pub type Persistence = Found;

/// Where cookies take part, the log shows it from the beginning.
pub fn begin(client: &Client, exchange: &mut Exchange) {
    let cookie = &client.plan.proxy(exchange.stream.backend).ir.cookie;
    if cookie.as_ref().is_some_and(|cookie| !is_silent(cookie)) {
        exchange.stream.request_cookie_state = RequestCookie::None;
        exchange.stream.response_cookie_state = ResponseCookie::None;
    }
}

/// Another server was taken than the one that the cookie named.
pub fn on_redispatch(exchange: &mut Exchange) {
    if exchange.stream.request_cookie_state == RequestCookie::Valid {
        exchange.stream.request_cookie_state = RequestCookie::Down;
    }
}

/// Looks for the persistence cookie in the request, and takes out what is not the server's.
pub fn on_request(client: &Client, exchange: &mut Exchange) {
    let backend = client.plan.proxy(exchange.stream.backend);
    let changed = backend.live.cookie.load();
    let Some(cookie) = changed.as_deref().or(backend.ir.cookie.as_ref()) else {
        return;
    };
    let choice = exchange.server_choice;
    let regard = if choice.ignored {
        Regard::Ignored
    } else if let Some(index) = choice.server {
        Regard::Chosen(index)
    } else if choice.forced || backend.ir.options.persist {
        Regard::Forced
    } else {
        Regard::Running
    };
    let found = persistence::read_request(
        cookie,
        &backend.live.servers,
        regard,
        &mut exchange.stream.request,
        seconds(client),
    );
    exchange.stream.request_cookie_state = found.state;
    exchange.persistence = found;
}

/// Does to the response what the cookie's mode says.
pub fn on_response(client: &Client, exchange: &mut Exchange) {
    let backend = client.plan.proxy(exchange.stream.backend);
    let server = exchange.stream.server;
    let changed = backend.live.cookie.load();
    let Some(cookie) = changed.as_deref().or(backend.ir.cookie.as_ref()) else {
        return;
    };
    let Some(server) = server.and_then(|index| backend.live.servers.get(index)) else {
        // Sent on without a server: nothing is written.
        exchange.stream.response_cookie_state = hapax_core::stream::ResponseCookie::None;
        return;
    };
    exchange.stream.response_cookie_state = persistence::write_response(
        cookie,
        &exchange.persistence,
        server,
        exchange.stream.request.method(),
        &mut exchange.stream.response,
        seconds(client),
    );
}

/// Seconds since 1970.
fn seconds(client: &Client) -> u64 {
    client.local.now().wall_us / 1_000_000
}
