//! 103 responses that rules asked for, on their way to the client.

use std::task::{Poll, ready};

use hapax_core::stream::{Cause, Phase};
use hapax_proto::h1::{Limits, Parse, Scan, parse_response};
use hapax_proto::http::Head;

use super::client::{Client, Interrupted, within};
use super::exchange::{Exchange, Failure};
use crate::io::Io;

/// Sends them, if there are any; a client of HTTP/1.0 knows none.
pub async fn send(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    if exchange.stream.early_hints.text.is_empty() {
        return Ok(());
    }
    let mut hints = std::mem::take(&mut exchange.stream.early_hints);
    if !exchange.client_11 {
        return Ok(());
    }
    hints.text.extend_from_slice(b"\r\n");
    let timeout = client.frontend().ir.timeouts.client;
    let deadline = Client::after(exchange.stream.overrides.timeout_client.or(timeout));
    let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
    let mut rest = hints.text.as_slice();
    let sent = within(timer, handle, deadline, |cx| {
        if let Some(stream) = socket.shared_mut() {
            as_heads(std::mem::take(&mut rest), |head| stream.send_head(head));
            return stream.poll_room(cx).map(|room| room.is_ok());
        }
        while !rest.is_empty() {
            match ready!(socket.poll_send(cx, rest, &[], false)) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(_) => return Poll::Ready(false),
            }
        }
        Poll::Ready(true)
    });
    match sent.await {
        Ok(true) => {
            exchange.notes.response_head += hints.counted;
            Ok(())
        }
        Ok(false) => Err(Failure::new(Cause::ClientAbort, Phase::Request, 400)),
        Err(Interrupted::Deadline) => Err(Failure::new(Cause::ClientTimeout, Phase::Request, 408)),
        Err(Interrupted::Ended(cause)) => Err(Failure::new(cause, Phase::Request, 0)),
    }
}

/// Takes the text of several heads apart.
fn as_heads(mut text: &[u8], mut with: impl FnMut(&Head)) {
    let limits = Limits {
        max_head: usize::MAX,
        ..Limits::default()
    };
    let mut head = Head::new();
    while let Ok(Parse::Complete { len }) =
        parse_response(text, &mut head, &mut Scan::default(), &limits)
    {
        with(&head);
        text = text.get(len..).unwrap_or_default();
    }
}
