//! TCP mode: a client, a server, and bytes between them.

use std::task::Poll;

use hapax_core::stream::{Cause, Phase};

use crate::buffer::Buf;
use crate::clock;
use crate::http::Client;
use crate::http::exchange::{Exchange, Failure};
use crate::http::tunnel::{outcome, run_relay, settings};
use crate::http::{connect, finish, request, route, rules};
use crate::io::{Io, Stream as Socket};
use crate::relay::{Relay, Side};

/// Serves a connection to its end.
pub async fn serve(mut client: Box<Client>) {
    let mut exchange = request::begin(&mut client, clock::now_ms(), true);
    exchange.stream.status = 0;
    exchange.stream.times.first_byte = 0;
    client.requests = 1;
    request::begins(&client, &exchange);
    let result = session(&mut client, &mut exchange).await;
    if result.is_err() && exchange.server.is_none() {
        take_unread(&mut client.socket).await;
    }
    exchange.server = None;
    if let Err(failure) = result {
        exchange.end_by(failure.cause, failure.phase);
    }
    finish::account(&mut client, &mut exchange);
    let mut nolinger = client.frontend().ir.options.nolinger;
    if exchange.notes.on_backend {
        nolinger |= client
            .plan
            .proxy(exchange.stream.backend)
            .ir
            .options
            .nolinger;
    }
    if nolinger {
        let _ = client.socket.reset_on_close();
    }
    client.local.give_exchange(exchange);
}

async fn session(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let plan = client.plan.clone();
    let frontend = client.session.frontend;
    let chosen = rules::choose_backend(client, exchange);
    let Some(backend) = chosen else {
        return Err(Failure::new(Cause::ServerAbort, Phase::Connect, 0));
    };
    route::enter_backend(client, exchange, backend);
    connect::run(client, exchange, false).await?;
    if plan.proxy(frontend).ir.options.logasap {
        finish::log_early(client, exchange);
    }
    let mut relay = Relay::new(settings(
        &plan.program.global,
        &plan.proxy(frontend).ir,
        &plan.proxy(backend).ir,
    ));
    let Some(connection) = &mut exchange.server else {
        return Err(Failure::new(Cause::Internal, Phase::Connect, 0));
    };
    let end = run_relay(
        &mut relay,
        &mut client.socket,
        &mut connection.socket,
        &mut client.timer,
        &client.handle,
    )
    .await;
    exchange.up.payload = relay.received(Side::Client);
    exchange.down.payload = relay.delivered(Side::Server);
    outcome(end)
}

/// Takes what the client has sent so far: bytes that nobody read would make the close a reset.
async fn take_unread(socket: &mut Socket) {
    let mut bytes = Buf::take();
    std::future::poll_fn(|cx| {
        bytes.clear();
        let _ = socket.poll_recv(cx, bytes.room());
        Poll::Ready(())
    })
    .await;
}
