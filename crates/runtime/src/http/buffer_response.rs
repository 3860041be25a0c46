//! `http-response wait-for-body`: waits for the response's body, as far as it fits into a buffer, before the next rules look at it.

use hapax_core::stream::{Cause, Phase};
use hapax_proto::h1::body::Framing;

use super::buffer_request::is_enough;
use super::client::{Client, Interrupted, within};
use super::exchange::{Exchange, Failure};
use crate::buffer::Buf;
use crate::clock;
use crate::io::Io;

/// Waits for the body, or its first `least` bytes when that is not 0, for at most `time` milliseconds.
pub async fn wait_for(
    client: &mut Client,
    exchange: &mut Exchange,
    framing: Framing,
    time: u32,
    least: usize,
) -> Result<(), Failure> {
    let plan = client.plan.clone();
    let proxy = plan.proxy(exchange.stream.backend);
    let limits = &plan.at(exchange.stream.backend).response_limits;
    let until = clock::now_ms() + u64::from(time);
    loop {
        let here = exchange.down.input.as_ref().map_or(&[][..], Buf::data);
        let ended = match framing {
            Framing::UntilClose => here.len() >= limits.max_kept,
            // What is broken is found when it is passed on.
            _ => is_enough(here, framing, limits).unwrap_or(true),
        };
        if ended || (least > 0 && here.len() >= least) {
            return Ok(());
        }
        let Some(connection) = &mut exchange.server else {
            return Ok(());
        };
        let input = exchange.down.input.get_or_insert_with(Buf::take);
        if input.tail() == 0 {
            input.compact();
        }
        if input.tail() == 0 {
            return Ok(());
        }
        let server = exchange
            .stream
            .overrides
            .timeout_server
            .or(proxy.ir.timeouts.server);
        let deadline = until.min(Client::after(server));
        let (timer, handle) = (&mut client.timer, &client.handle);
        let came = within(timer, handle, deadline, |cx| {
            connection.socket.poll_recv(cx, input.room())
        });
        match came.await {
            Ok(Ok(count)) if count > 0 => input.filled(count),
            // That the server has left is found when the body is passed on.
            Ok(_) => return Ok(()),
            Err(Interrupted::Deadline) => {
                exchange.notes.held = true;
                exchange.stream.gave_up(deadline == until);
                return Err(Failure::new(Cause::ServerTimeout, Phase::Headers, 504));
            }
            Err(Interrupted::Ended(cause)) => return Err(Failure::ended(cause)),
        }
    }
}
