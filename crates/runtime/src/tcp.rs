//! TCP mode: a client, a server, and bytes between them.

use std::task::Poll;

use hapax_core::contract::Outcome;
use hapax_core::counter::Count;
use hapax_core::ir::{LogOrigin, Mode};
use hapax_core::stream::{Cause, Phase};

use crate::buffer::Buf;
use crate::clock;
use crate::http::Client;
use crate::http::client::Upgraded;
use crate::http::exchange::{Exchange, Failure};
use crate::http::tally::Tally;
use crate::http::tunnel::{outcome, run_relay, settings};
use crate::http::{connect, finish, request, route, rules};
use crate::inspect::{self, Flow, Relayed};
use crate::io::{Io, Stream as Socket};
use crate::relay::{Relay, RelaySettings, Side};

/// Serves a connection to its end.
pub async fn serve(mut client: Box<Client>) {
    let mut exchange = request::begin(&mut client, clock::now_ms(), true);
    request::number(&client, &mut exchange);
    count_stream(&client, Count::Streams);
    exchange.up.input = client.input.take();
    exchange.stream.status = 0;
    exchange.stream.times.first_byte = 0;
    client.requests = 1;
    request::begins(&client, &exchange);
    crate::trace::stream_begins(&client, &exchange);
    if client.plan.observation.events {
        crate::observe::accepted(&client, &exchange);
    }
    finish::step(&client, &mut exchange, LogOrigin::Accept);
    let result = session(&mut client, &mut exchange).await;
    count_stream(&client, Count::StreamsEnded);
    if result == Ok(Flow::Http) {
        // It begins again, as HTTP, with the bytes that came, the backend that was chosen and what rules kept.
        client.upgraded = Some(Box::new(Upgraded {
            backend: exchange.notes.upgrades_at,
            variables: std::mem::take(&mut exchange.stream.variables),
        }));
        client.input = exchange.up.input.take();
        client.requests = 0;
        client.local.give_exchange(exchange);
        return Box::pin(client.serve(None)).await;
    }
    if result.is_err() && exchange.server.is_none() {
        take_unread(&mut client.socket).await;
    }
    if let Some(connection) = exchange.server.take()
        && backend_options(&client, &exchange).nolinger
    {
        let _ = connection.socket.reset_on_close();
    }
    if let Some(input) = &exchange.up.input {
        // It came, and went no further.
        exchange.up.payload = input.len() as u64;
    }
    if let Err(failure) = result {
        exchange.end_by(failure.cause, failure.phase);
    }
    finish::account(&mut client, &mut exchange);
    if client.frontend().ir.options.nolinger {
        let _ = client.socket.reset_on_close();
    }
    client.local.give_exchange(exchange);
}

fn backend_options<'a>(client: &'a Client, exchange: &Exchange) -> &'a hapax_core::ir::Options {
    &client.plan.proxy(exchange.stream.backend).ir.options
}

fn count_stream(client: &Client, what: Count) {
    let side = &client.plan.live(client.session.frontend).frontend;
    side.counters.add(client.local.worker, what, 1);
}

async fn session(client: &mut Client, exchange: &mut Exchange) -> Result<Flow, Failure> {
    let plan = client.plan.clone();
    let frontend = client.session.frontend;
    let flow = inspect::request(client, exchange, frontend).await?;
    if flow == Flow::Http {
        return Ok(Flow::Http);
    }
    let chosen = rules::choose_backend(client, exchange);
    let Some(backend) = chosen else {
        return Err(Failure::new(Cause::ServerAbort, Phase::Connect, 0));
    };
    if flow == Flow::On && plan.proxy(backend).ir.mode == Mode::Http {
        exchange.notes.upgrades_at = Some(backend);
        return Ok(Flow::Http);
    }
    route::enter_backend(client, exchange, backend);
    if flow == Flow::Late {
        return Err(late(exchange));
    }
    if backend != frontend && inspect::request(client, exchange, backend).await? == Flow::Late {
        return Err(late(exchange));
    }
    rules::choose_server(client, exchange);
    connect::run(client, exchange, false).await?;
    if plan.proxy(frontend).ir.options.logasap {
        finish::log_early(client, exchange, LogOrigin::Connect);
    } else {
        finish::step(client, exchange, LogOrigin::Connect);
    }
    let (one, other) = (&plan.proxy(frontend).ir, &plan.proxy(backend).ir);
    let mut relay = Relay::new(RelaySettings {
        cuts_client: one.options.nolinger,
        cuts_server: other.options.nolinger,
        ..settings(&plan.program.global, one, other)
    });
    let input = exchange.up.input.take();
    if let Some(input) = input.filter(|input| !input.is_empty()) {
        relay.preload(Side::Client, input);
    }
    if !exchange.stream.bandwidth.is_empty() {
        relay.limit(&exchange.stream.bandwidth);
    }
    Tally::begin(client, exchange, TALLY_WAIT);
    let before = (exchange.notes.request_head, exchange.notes.response_head);
    let end = match plan.proxy(backend).ir.tcp.response.is_empty() {
        true => {
            let Some(connection) = &mut exchange.server else {
                return Err(Failure::new(Cause::Internal, Phase::Connect, 0));
            };
            Relayed::End(
                run_relay(
                    &mut relay,
                    &mut client.socket,
                    &mut connection.socket,
                    &mut client.timer,
                    &client.handle,
                    exchange.tally.as_deref_mut().map(|tally| (tally, before)),
                )
                .await,
            )
        }
        false => Box::pin(inspect::relay(&mut relay, client, exchange)).await,
    };
    exchange.up.payload = relay.received(Side::Client);
    exchange.down.payload = relay.delivered(Side::Server);
    match end {
        Relayed::End(end) => outcome(end).map(|()| Flow::On),
        Relayed::Refused(Outcome::CloseServer) => {
            exchange.down.payload = relay.received(Side::Server);
            Ok(Flow::On)
        }
        Relayed::Refused(refused) => {
            exchange.down.payload = relay.received(Side::Server);
            exchange.notes.denied = true;
            exchange.notes.dropped = inspect::drop_silently(client, refused);
            Err(Failure::new(Cause::Proxy, Phase::Data, 0))
        }
    }
}

/// Milliseconds until bytes are counted for the first time.
const TALLY_WAIT: u64 = 5000;

/// The client's time was over while rules waited: its server is not reached any more.
fn late(exchange: &mut Exchange) -> Failure {
    exchange.notes.request_error = true;
    Failure::new(Cause::ClientTimeout, Phase::Request, 0)
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
