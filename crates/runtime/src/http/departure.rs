//! Whether a client is still there while a server is sought for its request: in a queue, before a retry, during a connect.

use std::task::{Context, Poll};

use hapax_core::ir::Mode;
use hapax_core::stream::{Cause, Phase};

use super::client::Client;
use super::error_page;
use super::exchange::{Exchange, Failure, counted};
use crate::io::{Io, PeerClosed, Stream as Socket};

/// What of a client's leaving counts for one request.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    http: bool,
    abortonclose: bool,
    /// The whole request is here.
    complete: bool,
    /// What follows the request is here too.
    pipelined: bool,
    /// A complete request outlives a broken connection.
    patient: bool,
}

/// How a client left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It waits no longer.
    Left,
    /// It broke its connection.
    Broke,
    /// A TCP client broke its connection.
    Reset,
    /// It left before its request was complete.
    Unfinished,
}

impl Watch {
    /// For the request of `exchange`.
    pub fn new(client: &Client, exchange: &Exchange) -> Watch {
        let plan = &client.plan;
        let up = &exchange.up;
        Watch {
            http: plan.proxy(client.session.frontend).ir.mode == Mode::Http,
            abortonclose: plan.proxy(exchange.stream.backend).ir.options.abortonclose,
            complete: up.is_received(),
            pipelined: up.has_input(),
            patient: false,
        }
    }

    /// For the time between two attempts.
    pub fn patient(self) -> Watch {
        Watch {
            patient: true,
            ..self
        }
    }

    /// Ready when it left in a way that counts.
    pub fn poll(self, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<Departure> {
        let broken = match std::task::ready!(socket.poll_peer_closed(cx)) {
            PeerClosed::Broken(_) => true,
            PeerClosed::End => socket.is_broken(),
        };
        let departure = match (self.http, self.complete) {
            (false, _) if broken => Some(Departure::Reset),
            // What it has sent before it ended its stream is for the server.
            (false, _) => (self.abortonclose || !socket.holds_bytes()).then_some(Departure::Left),
            (true, true) if broken => {
                (self.abortonclose || !self.patient).then_some(Departure::Broke)
            }
            (true, true) => (self.abortonclose && !self.pipelined).then_some(Departure::Left),
            // The rest may be here already.
            (true, false) => (broken || !socket.holds_bytes()).then_some(Departure::Unfinished),
        };
        departure.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Departure {
    /// What is logged and counted when it happens in `phase`.
    pub fn failure(self, exchange: &mut Exchange, phase: Phase) -> Failure {
        let phase = match self {
            Departure::Reset => Phase::Data,
            _ => phase,
        };
        exchange.notes.lost = matches!(self, Departure::Broke | Departure::Unfinished);
        if self == Departure::Unfinished {
            exchange.notes.response_head += refusal();
        }
        Failure::new(Cause::ClientAbort, phase, 0)
    }
}

/// The reference counts the bytes of a page that it cannot send any more.
pub fn refusal() -> u64 {
    let mut refusal = hapax_proto::http::Head::default();
    let body = error_page::page(400).fill(&mut refusal);
    refusal.add(b"connection", b"close");
    counted(&refusal) + body.len() as u64
}
