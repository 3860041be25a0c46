//! What comes from the client while a rule on its request waits for something else (`pause`, `do-resolve`).

use std::task::{Context, Poll};

use hapax_core::stream::{Cause, Phase};
use hapax_proto::h1::body::request_framing;

use super::buffer_request::{is_enough, leave_body};
use super::client::{Client, Interrupted, within};
use super::exchange::{Exchange, Failure};
use crate::buffer::Buf;
use crate::io::Io;

/// Waits for `poll` until `until`, none when it was not ready by then. A body that has not come yet is received meanwhile, as
/// far as it fits into a buffer: the client has its own time for that, and may leave.
pub async fn attend<T>(
    client: &mut Client,
    exchange: &mut Exchange,
    until: u64,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<Option<T>, Failure> {
    while comes(client, exchange) {
        let timeout = exchange.stream.overrides.timeout_client;
        let frontend = &client.plan.proxy(client.session.frontend).ir;
        let patience = Client::after(timeout.or(frontend.timeouts.client));
        let input = exchange.up.input.get_or_insert_with(Buf::take);
        let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
        let event = within(timer, handle, until.min(patience), |cx| match poll(cx) {
            Poll::Ready(done) => Poll::Ready(Event::Done(done)),
            Poll::Pending => socket
                .poll_recv(cx, input.room())
                .map(|came| Event::Came(came.unwrap_or(0))),
        });
        match event.await {
            Ok(Event::Done(done)) => return Ok(Some(done)),
            Ok(Event::Came(count)) if count > 0 => input.filled(count),
            Ok(Event::Came(_)) => {
                return Err(interrupted(client, exchange, Cause::ClientAbort, 400));
            }
            Err(Interrupted::Deadline) if until <= patience => return Ok(None),
            Err(Interrupted::Deadline) => {
                return Err(interrupted(client, exchange, Cause::ClientTimeout, 0));
            }
            Err(Interrupted::Ended(cause)) => return Err(Failure::ended(cause)),
        }
    }
    let (timer, handle) = (&mut client.timer, &client.handle);
    match within(timer, handle, until, poll).await {
        Ok(done) => Ok(Some(done)),
        Err(Interrupted::Deadline) => Ok(None),
        Err(Interrupted::Ended(cause)) => Err(Failure::ended(cause)),
    }
}

enum Event<T> {
    Done(T),
    Came(usize),
}

/// Whether more of the body comes, and there is room for it.
fn comes(client: &Client, exchange: &mut Exchange) -> bool {
    let limits = &client.plan.at(client.session.frontend).request_limits;
    let framing = request_framing(&exchange.stream.request);
    let here = exchange.up.input.as_ref().map_or(&[][..], Buf::data);
    // What is broken is found when it is passed on.
    if is_enough(here, framing, limits).unwrap_or(true) {
        return false;
    }
    exchange.up.input.as_mut().is_none_or(|input| {
        if input.tail() == 0 {
            input.compact();
        }
        input.tail() > 0
    })
}

fn interrupted(client: &Client, exchange: &mut Exchange, cause: Cause, status: u16) -> Failure {
    leave_body(client, exchange);
    exchange.stream.times.request = 0;
    exchange.notes.muted |= cause == Cause::ClientAbort;
    Failure::new(cause, Phase::Request, status)
}
