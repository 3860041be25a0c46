//! After an upgrade or CONNECT: bytes both ways until both sides have closed.

use hapax_core::stream::{Cause, Phase};

use super::client::Client;
use super::exchange::{Exchange, Failure};
use super::tally::Tally;
use crate::relay::{End, Relay, RelaySettings, Side, Splice};

/// Forwards until the session ends.
pub async fn run(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    let plan = client.plan.clone();
    let frontend = &plan.proxy(client.session.frontend).ir;
    let backend = &plan.proxy(exchange.stream.backend).ir;
    let mut settings = settings(&plan.program.global, frontend, backend);
    let overrides = &exchange.stream.overrides;
    for (timeout, instead) in [
        (&mut settings.client, overrides.timeout_client),
        (&mut settings.server, overrides.timeout_server),
        (&mut settings.tunnel, overrides.timeout_tunnel),
    ] {
        if let Some(time) = instead {
            *timeout = Some(u64::from(time));
        }
    }
    let mut relay = Relay::new(settings);
    exchange.client_stays = false;
    for (lane, side) in [
        (&mut exchange.up, Side::Client),
        (&mut exchange.down, Side::Server),
    ] {
        if let Some(input) = lane.input.take().filter(|input| !input.is_empty()) {
            relay.preload(side, input);
        }
    }
    let before = (
        exchange.notes.request_head + exchange.up.payload + exchange.up.trailer_bytes,
        exchange.notes.response_head + exchange.down.payload + exchange.down.trailer_bytes,
    );
    let Some(connection) = &mut exchange.server else {
        return Err(Failure::new(Cause::Internal, Phase::Data, 0));
    };
    let end = run_relay(
        &mut relay,
        &mut client.socket,
        &mut connection.socket,
        &mut client.timer,
        &client.handle,
        exchange.tally.as_deref_mut().map(|tally| (tally, before)),
    )
    .await;
    exchange.up.payload += relay.received(Side::Client);
    exchange.down.payload += relay.delivered(Side::Server);
    exchange.server = None;
    outcome(end)
}

/// How a relayed session ended, in the log's letters.
pub fn outcome(end: Result<End, Cause>) -> Result<(), Failure> {
    let (cause, phase) = match end {
        Ok(End::Closed) => return Ok(()),
        Ok(End::Failed(Side::Client, _)) => (Cause::ClientAbort, Phase::Data),
        Ok(End::Failed(Side::Server, _)) => (Cause::ServerAbort, Phase::Data),
        Ok(End::TimedOut(Side::Client)) => (Cause::ClientTimeout, Phase::Data),
        Ok(End::TimedOut(Side::Server)) => (Cause::ServerTimeout, Phase::Data),
        Err(cause) => return Err(Failure::ended(cause)),
    };
    Err(Failure::new(cause, phase, 0))
}

/// Runs a relay until it ends or somebody ends the session. A tally comes with the bytes that went before.
pub async fn run_relay(
    relay: &mut Relay,
    client: &mut crate::io::Stream,
    server: &mut crate::io::Stream,
    timer: &mut crate::wheel::Timer,
    handle: &crate::local::Handle,
    mut tally: Option<(&mut Tally, (u64, u64))>,
) -> Result<End, Cause> {
    use std::task::Poll;
    std::future::poll_fn(|cx| {
        loop {
            if let Poll::Ready(end) = relay.poll(cx, client, server) {
                return Poll::Ready(Ok(end));
            }
            handle.watch(cx.waker());
            if let Some(cause) = handle.ended_by.get() {
                return Poll::Ready(Err(cause));
            }
            let deadline = match &mut tally {
                None => relay.deadline(),
                Some((tally, (bytes_in, bytes_out))) => relay.deadline().min(tally.due(
                    *bytes_in + relay.received(Side::Client),
                    *bytes_out + relay.delivered(Side::Server),
                )),
            };
            std::task::ready!(timer.poll_at(cx, deadline));
            if let Some(end) = relay.expire(crate::clock::now_ms()) {
                return Poll::Ready(Ok(end));
            }
        }
    })
    .await
}

/// How a session between these two proxies is relayed.
pub fn settings(
    global: &hapax_core::ir::Global,
    frontend: &hapax_core::ir::Proxy,
    backend: &hapax_core::ir::Proxy,
) -> RelaySettings {
    let splice = |always: bool| match () {
        () if global.no_splice => Splice::Never,
        () if always => Splice::Always,
        () => Splice::Bulk,
    };
    let (one, other) = (&frontend.options, &backend.options);
    let milliseconds = |timeout: Option<u32>| timeout.map(u64::from);
    RelaySettings {
        client: milliseconds(frontend.timeouts.client),
        server: milliseconds(backend.timeouts.server),
        tunnel: milliseconds(backend.timeouts.tunnel),
        client_fin: milliseconds(frontend.timeouts.client_fin),
        server_fin: milliseconds(backend.timeouts.server_fin),
        splice_up: splice(one.splice_request || other.splice_request),
        splice_down: splice(one.splice_response || other.splice_response),
        independent: one.independent_streams || other.independent_streams,
        ..RelaySettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::tests::proxy;

    // exercises: section/nosplice
    #[test]
    fn nothing_is_spliced_under_nosplice() {
        let mut backend = proxy();
        backend.options.splice_request = true;
        let mut global = hapax_core::ir::Global::default();
        let ways = |global: &hapax_core::ir::Global| {
            let settings = settings(global, &proxy(), &backend);
            (settings.splice_up, settings.splice_down)
        };
        assert_eq!(ways(&global), (Splice::Always, Splice::Bulk));
        global.no_splice = true;
        assert_eq!(ways(&global), (Splice::Never, Splice::Never));
    }
}
