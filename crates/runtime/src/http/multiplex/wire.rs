//! What drives a connection of HTTP/2 on either side: frames move between its state and the socket, and are counted.

use std::task::{Context, Poll};

use hapax_core::counter::{Count, Counters};
use hapax_core::ir::TuneH2;
use hapax_proto::h2::Connection;
use hapax_proto::h2::connection::Tally;

use crate::buffer::Buf;
use crate::io::{Io, Stream};
use crate::stats::measure;

/// What became of the frames that waited to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// None is left.
    All,
    /// The other side takes no more now; `some` says whether it took any.
    Held { some: bool },
    /// It takes nothing ever again.
    Broken,
}

/// Sends what has gathered.
pub fn send(connection: &mut Connection, wire: &mut Stream, cx: &mut Context<'_>) -> Sent {
    let mut some = false;
    while connection.has_output() {
        match wire.poll_send(cx, connection.output().pending(), &[], false) {
            Poll::Ready(Ok(count)) if count > 0 => {
                some = true;
                connection.sent(count);
            }
            Poll::Ready(_) => return Sent::Broken,
            Poll::Pending => return Sent::Held { some },
        }
    }
    Sent::All
}

/// Takes what came, unless nothing more is to be read. An error is the end of what the other side sends.
pub fn poll_receive(
    connection: &mut Connection,
    wire: &mut Stream,
    cx: &mut Context<'_>,
) -> Poll<Result<(), ()>> {
    if connection.failure().is_some() || connection.is_flooded() {
        return Poll::Pending;
    }
    let mut buffer = Buf::take();
    match wire.poll_recv(cx, buffer.room()) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Ok(count)) if count > 0 => {
            buffer.filled(count);
            connection.receive(buffer.data());
            Poll::Ready(Ok(()))
        }
        Poll::Ready(_) => {
            connection.lost();
            Poll::Ready(Err(()))
        }
    }
}

/// Whether connections with too many oddities are borne: the worker has little to do.
pub fn bears_glitches(tune: &TuneH2) -> bool {
    tune.glitches_kill_usage > 0 && measure::usage() < tune.glitches_kill_usage
}

/// Counts what happened.
pub fn count(tally: &Tally, counters: &Counters, worker: usize) {
    for (what, amount) in [
        (Count::Http2Headers, tally.headers),
        (Count::Http2Data, tally.data),
        (Count::Http2Settings, tally.settings),
        (Count::Http2Resets, tally.resets),
        (Count::Http2Goaways, tally.goaways),
        (Count::Http2ConnectionErrors, tally.connection_errors),
        (Count::Http2StreamErrors, tally.stream_errors),
        (Count::Http2ResetsSent, tally.resets_sent),
        (Count::Http2GoawaysSent, tally.goaways_sent),
    ] {
        if amount > 0 {
            counters.add(worker, what, u64::from(amount));
        }
    }
}

/// How often a connection may be read before other tasks have their turn.
pub const ROUNDS: usize = 8;
/// So many buffers are still read of a connection that is over.
pub const MOST_DRAINED: usize = 16;
