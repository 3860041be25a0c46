//! `option http-buffer-request`: waits for the request's body, as far as it fits into a buffer, before rules look at it.
//! The same for a balance algorithm that looks into bodies.

use std::task::{Poll, ready};

use hapax_core::contract::BalanceKey;
use hapax_core::program::ProxyId;
use hapax_core::stream::{Cause, Phase, Waiting};
use hapax_proto::h1::body::{Framing, request_framing};
use hapax_proto::h1::chunk::Decoder;
use hapax_proto::h1::{Fault, Limits};
use hapax_proto::http::{Head, Name};

use super::client::{Client, Interrupted, within};
use super::exchange::{Exchange, Failure};
use crate::buffer::Buf;
use crate::clock;
use crate::io::{Io, Substream};

/// Waits, if `proxy` wants that.
pub async fn run(
    client: &mut Client,
    exchange: &mut Exchange,
    proxy: ProxyId,
) -> Result<(), Failure> {
    let ir = &client.plan.proxy(proxy).ir;
    let key_waits = || match ir.balance.key() {
        BalanceKey::Request(key) => {
            ir.kind.has_backend() && key.awaits_body(&exchange.stream.request)
        }
        _ => false,
    };
    if !ir.options.buffer_request && !key_waits() {
        return Ok(());
    }
    // One time for the head and what is waited for here.
    let timeouts = client.plan.proxy(client.session.frontend).ir.timeouts;
    let began = exchange.stream.times.first_byte;
    let spent = client.local.now().ms.saturating_sub(began);
    let whole = timeouts
        .http_request
        .map(|timeout| clock::now_ms() + u64::from(timeout).saturating_sub(spent));
    if ir.options.buffer_request {
        exchange.stream.waiting = Some(Waiting::BufferRequest);
    }
    // Boxed: few configurations need room for it in every connection's task.
    let waited = Box::pin(wait(client, exchange, whole, 0)).await;
    exchange.stream.body_awaited = waited.is_ok();
    if waited.is_ok() {
        exchange.stream.waiting = None;
    }
    let cause = waited.err().map(|failure| failure.cause);
    exchange.stream.times.request = match cause {
        None | Some(Cause::ClientAbort) => client.local.now().ms,
        Some(_) => 0,
    };
    exchange.notes.body_late = cause == Some(Cause::ClientTimeout);
    if cause == Some(Cause::ClientAbort) {
        exchange.notes.muted = true;
        left(client, exchange);
    }
    waited
}

/// Waits for the body, or its first `least` bytes when that is not 0, for at most `time` milliseconds (`wait-for-body`).
pub async fn wait_for(
    client: &mut Client,
    exchange: &mut Exchange,
    time: u32,
    least: usize,
) -> Result<(), Failure> {
    let until = clock::now_ms() + u64::from(time);
    let waited = Box::pin(wait(client, exchange, Some(until), least)).await;
    exchange.stream.times.request = match &waited {
        Ok(()) => client.local.now().ms,
        Err(failure) if failure.cause == Cause::ClientAbort => {
            exchange.notes.muted = true;
            leave_body(client, exchange);
            0
        }
        Err(_) => 0,
    };
    waited
}

/// The reference passes the request on to its backend before it finds that the client is gone.
fn left(client: &mut Client, exchange: &mut Exchange) {
    if !exchange.notes.on_backend
        && let Some(backend) = super::rules::choose_backend(client, exchange)
    {
        super::route::enter_backend(client, exchange, backend);
    }
    leave_body(client, exchange);
}

/// What came of a body that nobody waits for any more counts; whether it is well formed matters no more.
pub fn leave_body(client: &Client, exchange: &mut Exchange) {
    let framing = request_framing(&exchange.stream.request);
    let limits = client.plan.at(client.session.frontend).request_limits;
    let _ = exchange.up.begin(framing, &limits);
    exchange.up.discard();
}

async fn wait(
    client: &mut Client,
    exchange: &mut Exchange,
    whole: Option<u64>,
    least: usize,
) -> Result<(), Failure> {
    let plan = client.plan.clone();
    let timeouts = plan.proxy(client.session.frontend).ir.timeouts;
    let limits = &plan.at(client.session.frontend).request_limits;
    let framing = request_framing(&exchange.stream.request);
    let (mut told, mut waited) = (false, false);
    loop {
        let here = exchange.up.input.as_ref().map_or(&[][..], Buf::data);
        if least > 0 && here.len() >= least {
            return Ok(());
        }
        match is_enough(here, framing, limits) {
            Ok(false) => {}
            Ok(true) => return Ok(()),
            // What came with the head is judged with it.
            Err(_) if !waited => return Ok(()),
            Err(fault) => {
                exchange.notes.muted = true;
                let status = fault.request_status();
                return Err(Failure::new(Cause::Proxy, Phase::Request, status));
            }
        }
        if exchange.stream.request.seen().expect_continue && !told {
            told = true;
            tell(client, exchange).await?;
        }
        let patience = Client::after(timeouts.client);
        let deadline = whole.map_or(patience, |whole| whole.min(patience));
        let input = exchange.up.input.get_or_insert_with(Buf::take);
        if input.tail() == 0 {
            input.compact();
        }
        if input.tail() == 0 {
            return Ok(());
        }
        let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
        let came = within(timer, handle, deadline, |cx| {
            socket.poll_recv(cx, input.room())
        });
        let (cause, status) = match came.await {
            Ok(Ok(count)) if count > 0 => {
                input.filled(count);
                waited = true;
                continue;
            }
            Ok(_) if client.socket.shared().is_some_and(Substream::is_refused) => {
                (Cause::Proxy, 400)
            }
            Ok(_) => (Cause::ClientAbort, 400),
            Err(Interrupted::Deadline) => {
                exchange.stream.gave_up(deadline != patience);
                (Cause::ClientTimeout, 408)
            }
            Err(Interrupted::Ended(cause)) => (cause, 0),
        };
        return Err(Failure::new(cause, Phase::Request, status));
    }
}

/// The client holds its body back until it is asked for it: the server need not ask again.
async fn tell(client: &mut Client, exchange: &mut Exchange) -> Result<(), Failure> {
    exchange.stream.request.remove_id(Name::Expect);
    let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
    let mut rest = CONTINUE;
    let deadline = Client::after(
        client
            .plan
            .proxy(client.session.frontend)
            .ir
            .timeouts
            .client,
    );
    let sent = within(timer, handle, deadline, |cx| {
        if let Some(stream) = socket.shared_mut() {
            let mut head = Head::new();
            head.start_response(b"HTTP/1.1", 100, b"Continue");
            stream.send_head(&head);
            return Poll::Ready(true);
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
            exchange.notes.response_head += COUNTED;
            Ok(())
        }
        Ok(false) => Err(Failure::new(Cause::ClientAbort, Phase::Request, 400)),
        Err(Interrupted::Deadline) => Err(Failure::new(Cause::ClientTimeout, Phase::Request, 408)),
        Err(Interrupted::Ended(cause)) => Err(Failure::new(cause, Phase::Request, 0)),
    }
}

/// Whether the body is complete, or as much as is kept.
pub fn is_enough(here: &[u8], framing: Framing, limits: &Limits) -> Result<bool, Fault> {
    if here.len() >= limits.max_kept {
        return Ok(true);
    }
    Ok(match framing {
        Framing::Length(length) => here.len() as u64 >= length,
        Framing::Chunked => Decoder::new().advance(here, limits)?.done,
        Framing::None | Framing::UntilClose | Framing::Tunnel => true,
    })
}

/// [`CONTINUE`] as [`counted`](super::exchange::counted) counts a head.
const COUNTED: u64 = 40;
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
