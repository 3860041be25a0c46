//! One request and its response: everything that lives only while it lasts. Pooled, so that a connection that waits for
//! its next request holds none of it.

use super::tally::Tally;
use bumpalo::Bump;
use hapax_core::contract::Ticket;
use hapax_core::program::ProxyId;
use hapax_core::stream::{Cause, Phase, Stream, Termination};
use hapax_proto::h1::Scan;
use hapax_proto::h1::body::Asked;
pub use hapax_proto::http::counted;
use hapax_rules::server_choice::ServerChoice;

use super::cookie::Persistence;
use super::lane::Lane;
use super::pool::ServerConnection;

/// See the module text.
#[derive(Debug, Default)]
pub struct Exchange {
    /// What rules and logs see.
    pub stream: Stream,
    /// Client to server.
    pub up: Lane,
    /// Server to client.
    pub down: Lane,
    /// The server connection in use.
    pub server: Option<ServerConnection>,
    /// State of the head parser.
    pub scan: Scan,
    /// What the response must know about the request.
    pub asked: Asked,
    /// Whether the client's connection stays after this exchange.
    pub client_stays: bool,
    /// Whether the client speaks 1.1.
    pub client_11: bool,
    /// A slot of a server was taken by `Dispatch::assign` and is to be given back.
    pub slot: bool,
    /// The place in a queue.
    pub ticket: Ticket,
    /// What decides about the server, where that stood in a body that is on its way by then.
    pub balance_key: Option<Box<[u8]>>,
    /// When the client's silence or slowness ends the exchange.
    pub client_deadline: u64,
    /// The same for the server.
    pub server_deadline: u64,
    /// Whether a response's head went to the client.
    pub answered: bool,
    /// What a server has to accept a websocket with.
    pub websocket: Option<super::websocket::Accept>,
    /// What was noted for counters at the end.
    pub notes: Notes,
    /// What was counted before the end (`option contstats`).
    pub tally: Option<Box<Tally>>,
    /// What persistence found.
    pub persistence: Persistence,
    /// What rules say about the server.
    pub server_choice: ServerChoice,
    /// Scratch memory of the rules.
    pub arena: Bump,
}

/// What the end of an exchange counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notes {
    /// Bytes of the request's head, as counted.
    pub request_head: u64,
    /// Bytes of responses' heads, as counted.
    pub response_head: u64,
    /// The stream reached a backend and is counted there.
    pub on_backend: bool,
    /// The request's body has its lane.
    pub body_begun: bool,
    /// The descriptor of the last server connection that was tried.
    pub descriptor: Option<i32>,
    /// How many sessions the server had beside this one, when its slot was given back.
    pub server_sessions: Option<u32>,
    /// A server connection was made or taken.
    pub reached_server: bool,
    /// A stream of TCP goes on as HTTP with this backend.
    pub upgrades_at: Option<ProxyId>,
    /// The log line was written already (`option logasap`).
    pub logged: bool,
    /// The bytes that came were no request.
    pub bad_request: bool,
    /// The client gets no answer, but one is logged and counted.
    pub muted: bool,
    /// Answered by a rule that is counted as denial.
    pub denied: bool,
    /// It was a `tcp-request content` rule: the backend does not count it.
    pub denied_by_content: bool,
    /// The response was denied by letting the client's connection vanish, which counts as a denied request.
    pub dropped: bool,
    /// Counts as a failed request beside what the termination state says.
    pub request_error: bool,
    /// It came over HTTP/2.
    pub http2: bool,
    /// What is wrong with the request was found when it was a message: the page that says so goes as one.
    pub as_message: bool,
    /// The request's body did not come in time for the rules.
    pub body_late: bool,
    /// The response's body did not come in time for the rules.
    pub held: bool,
    /// A rewrite of the server's response found no room.
    pub no_room: bool,
    /// The client was lost before a server was reached.
    pub lost: bool,
    /// The request's body was found broken after its head had been passed on.
    pub broken_body: bool,
}

/// Why an exchange stopped early, and what the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For the log.
    pub cause: Cause,
    /// For the log.
    pub phase: Phase,
    /// The status of the page to send, if one may be sent; 0 closes without an answer.
    pub status: u16,
}

impl Failure {
    /// A failure that is answered with a page.
    pub fn new(cause: Cause, phase: Phase, status: u16) -> Failure {
        Failure {
            cause,
            phase,
            status,
        }
    }
}

impl Failure {
    /// Somebody ended the session: the reference logs that as of the connect phase, whatever it was in.
    pub fn ended(cause: Cause) -> Failure {
        Failure::new(cause, Phase::Connect, 0)
    }
}

impl Exchange {
    /// The server that rules or persistence ask for.
    pub fn wanted_server(&self) -> Option<usize> {
        self.server_choice.server.or(self.persistence.server)
    }

    /// Ready for another one; memory is kept, within limits.
    pub fn reset(&mut self) {
        self.stream.reset();
        self.up.reset();
        self.up.input = None;
        self.down.reset();
        self.down.input = None;
        self.server = None;
        self.scan = Scan::default();
        self.asked = Asked::default();
        self.client_stays = false;
        self.slot = false;
        self.ticket = Ticket::default();
        self.balance_key = None;
        self.answered = false;
        self.websocket = None;
        self.notes = Notes::default();
        self.tally = None;
        self.persistence = Persistence::default();
        self.server_choice = ServerChoice::default();
        if self.arena.allocated_bytes() > MOST_ARENA {
            self.arena = Bump::new();
        } else {
            self.arena.reset();
        }
    }

    /// Notes why it ended, unless something was noted before.
    pub fn end_by(&mut self, cause: Cause, phase: Phase) {
        if self.stream.termination.cause == Cause::None {
            self.stream.termination = Termination { cause, phase };
        }
    }
}

const MOST_ARENA: usize = 65536;
