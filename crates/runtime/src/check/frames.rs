//! The connection of a check that speaks HTTP/2: one request, whose answer is read as far as expectations need it.

use std::task::{Context, Poll};

use hapax_core::ir::Tune;
use hapax_proto::h1::Limits;
use hapax_proto::h2::{Code, Connection};
use hapax_proto::http::Head;

use super::probe::within;
use crate::buffer::Buf;
use crate::http::multiplex::wire::{self, MOST_DRAINED, ROUNDS};
use crate::http::shared_pool;
use crate::io::Stream;
use crate::wheel::Timer;

/// See the module text.
pub(super) struct Frames {
    connection: Connection,
    wire: Stream,
    stream: Option<u32>,
}

impl Frames {
    /// Goes on with a new connection in HTTP/2.
    pub(super) fn begin(wire: Stream, tune: &Tune) -> Frames {
        let config = shared_pool::config(tune, Limits::default());
        Frames {
            connection: Connection::new(config),
            wire,
            stream: None,
        }
    }

    /// What carries it.
    pub(super) fn wire(&self) -> &Stream {
        &self.wire
    }

    /// Sends a request; none is out of time.
    pub(super) async fn ask(
        &mut self,
        head: &Head,
        body: &[u8],
        timer: &mut Timer,
        deadline: u64,
    ) -> Result<Option<()>, Broken> {
        if let Some(before) = self.stream.take() {
            self.connection.release(before, Code::Cancel);
        }
        let Some(id) = self.connection.open_stream() else {
            return Err(Broken);
        };
        self.stream = Some(id);
        self.connection.send_head(id, head);
        let mut sent = 0;
        let done = within(timer, deadline, |cx| {
            loop {
                let Some(rest) = body.get(sent..).filter(|rest| !rest.is_empty()) else {
                    self.connection.finish(id);
                    self.drive(cx);
                    return Poll::Ready(Ok(()));
                };
                match self.connection.poll_write(id, cx, rest, &[]) {
                    Poll::Ready(Ok(count)) => sent += count,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken)),
                    Poll::Pending => {
                        self.drive(cx);
                        // What came may have opened a window.
                        match self.connection.poll_write(id, cx, rest, &[]) {
                            Poll::Ready(Ok(count)) => sent += count,
                            Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken)),
                            Poll::Pending => return Poll::Pending,
                        }
                    }
                }
            }
        });
        done.await.transpose()
    }

    /// Takes the head of the answer; none is out of time.
    pub(super) async fn head(
        &mut self,
        head: &mut Head,
        timer: &mut Timer,
        deadline: u64,
    ) -> Result<Option<()>, Broken> {
        let came = within(timer, deadline, |cx| {
            self.drive(cx);
            let Some(id) = self.stream else {
                return Poll::Ready(Err(Broken));
            };
            match self.connection.poll_head(id, cx, head) {
                Poll::Ready(Ok(_)) => Poll::Ready(Ok(())),
                // A server that leaves breaks nothing off: it only will not answer.
                Poll::Ready(Err(why)) if self.is_left_alone(why.0.code) => Poll::Pending,
                Poll::Ready(Err(_)) => Poll::Ready(Err(Broken)),
                Poll::Pending => Poll::Pending,
            }
        });
        came.await.transpose()
    }

    /// Reads of the body into `buffer` and gives how much, 0 at its end; none is out of time.
    pub(super) async fn receive(
        &mut self,
        buffer: &mut Option<Buf>,
        timer: &mut Timer,
        deadline: u64,
    ) -> Option<usize> {
        let mut held = buffer.take().unwrap_or_else(Buf::take);
        let count = within(timer, deadline, |cx| {
            self.drive(cx);
            let Some(id) = self.stream else {
                return Poll::Ready(0);
            };
            let read = self.connection.poll_read(id, cx, held.room());
            // What came of a body before it was cut off is all there is.
            read.map(|count| count.unwrap_or(0))
        });
        let count = count.await?;
        held.filled(count);
        *buffer = Some(held);
        Some(count)
    }

    fn is_left_alone(&self, code: Code) -> bool {
        let lives = self.connection.failure().is_none();
        lives && self.connection.is_left() && code == Code::RefusedStream
    }

    /// Moves frames until nothing can be done now.
    fn drive(&mut self, cx: &mut Context<'_>) {
        for _ in 0..ROUNDS {
            if wire::send(&mut self.connection, &mut self.wire, cx) == wire::Sent::Broken {
                // What the server said before may still be there.
                for _ in 0..MOST_DRAINED {
                    let _ = wire::poll_receive(&mut self.connection, &mut self.wire, cx);
                }
                self.connection.lost();
                return;
            }
            if !matches!(
                wire::poll_receive(&mut self.connection, &mut self.wire, cx),
                Poll::Ready(Ok(()))
            ) {
                return;
            }
        }
        // Others have a right to the worker too.
        cx.waker().wake_by_ref();
    }
}

/// No answer comes any more.
#[derive(Debug)]
pub(super) struct Broken;
