//! A client connection (session) and one exchange on it (stream), as fetches, rules and logs see them.
//!
//! Plain data: the runtime fills it as things happen. Times are [`Now::ms`](crate::contract::Now) values.

mod cookie;
mod session;
mod system;
mod termination;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use hapax_proto::h1::FaultKind;
use hapax_proto::http::Head;

use crate::bandwidth::Bandwidth;
use crate::capture::Captures;
use crate::ir::Milliseconds;
use crate::program::ProxyId;
use crate::secured::Secured;
use crate::variable::{Phase as VariablePhase, Scope, Variables};

pub use cookie::*;
pub use session::*;
pub use system::{Effort, Sockets, System, TcpInfo};
pub use termination::*;

/// One exchange: in TCP mode the whole connection, in HTTP mode one request and its response.
#[derive(Debug, Default)]
pub struct Stream {
    /// Number of the stream in the process, from 0 (the log's `rt`).
    pub number: u32,
    /// The backend; the frontend itself until one is chosen.
    pub backend: ProxyId,
    /// The server, index in the backend.
    pub server: Option<usize>,
    /// The server's end of the server connection.
    pub server_address: Endpoint,
    /// Our end of the server connection.
    pub server_local: Endpoint,
    /// The name whose address a rule waits for.
    pub resolution: Option<Box<Resolution>>,
    /// The request's head; empty in TCP mode.
    pub request: Head,
    /// The response's head, from the server or made here.
    pub response: Head,
    /// The body of a response made here.
    pub reply_body: ReplyBody,
    /// The question for user and password that belongs to the error page which is shown next.
    pub question: Option<Box<str>>,
    /// Where the response came from.
    pub response_from: ResponseSource,
    /// The status sent to the client; -1 when none was (TCP mode: 0).
    pub status: i16,
    /// Times.
    pub times: Times,
    /// Bytes read from the client (the log's `%U`).
    pub bytes_in: u64,
    /// Bytes sent to the client (the log's `%B`).
    pub bytes_out: u64,
    /// Why it ended.
    pub termination: Termination,
    /// Connection attempts after the first.
    pub retries: u32,
    /// Whether the request is not sent again once it was sent (`disable-l7-retry`).
    pub sent_once: bool,
    /// Whether another server was taken after a failure (`+` in the log).
    pub redispatched: bool,
    /// Requests before this one in the server's queue.
    pub server_queue: u32,
    /// Requests before this one in the backend's queue.
    pub backend_queue: u32,
    /// Connection counts when the log line is written.
    pub counts: ConnectionCounts,
    /// The request line as logged (`%r` without quotes), cut at `tune.http.logurilen`.
    pub request_line: Vec<u8>,
    /// The cookie of the request that `capture cookie` kept, as `name=value`.
    pub request_cookie: Vec<u8>,
    /// The same of the response.
    pub response_cookie: Vec<u8>,
    /// What `capture` lines, rules and converters kept.
    pub captures: Captures,
    /// What `unique-id-format` gave; none before it was made, and without the format.
    pub unique_id: UniqueId,
    /// What persistence found in the request.
    pub request_cookie_state: RequestCookie,
    /// What persistence did to the response.
    pub response_cookie_state: ResponseCookie,
    /// Where the log line that is being written comes from.
    pub log_origin: crate::ir::LogOrigin,
    /// Whether this exchange leaves no log line.
    pub log_silent: bool,
    /// The level of the log line, 0 (emerg) to 7, where a rule set it.
    pub log_level: Option<u8>,
    /// What the packets to the server are to be marked with.
    pub server_marks: Marks,
    /// Whether rules look at a message of which more may come.
    pub inspection: Inspection,
    /// The worker that serves it, from 0.
    pub worker: u16,
    /// Exchanges before this one on the client connection.
    pub client_position: u32,
    /// Exchanges before this one on the server connection; none without one.
    pub server_position: Option<u32>,
    /// Whether it is the first one of its connection.
    pub is_first: bool,
    /// Whether the request's body was waited for, so that its rules see it as received.
    pub body_awaited: bool,
    /// Whether the server connection had served another exchange before.
    pub server_reused: bool,
    /// Whether HTTP/2 is spoken with the server.
    pub server_http2: bool,
    /// Oddities of the server connection, where HTTP/2 is spoken there.
    pub server_glitches: Option<u32>,
    /// How the other sides broke streams off.
    pub resets: Resets,
    /// The status that the server sent; 0 when it sent none.
    pub server_status: u16,
    /// The backend that an old rule (`reqsetbe`) chose before `use_backend`.
    pub switched: Option<ProxyId>,
    /// Lines of the head that an old rule (`reqpass`) told the rules behind it to leave alone: 0 is the first line.
    pub left_alone: Vec<u32>,
    /// The last rule that ended a ruleset.
    pub last_rule: Option<crate::span::Span>,
    /// What the exchange waits for, or waited for when it ended.
    pub waiting: Option<Waiting>,
    /// What its task had done before it began.
    pub effort_before: Effort,
    /// What the operating system can be asked about the connections.
    pub sockets: Option<Sockets>,
    /// The rule that decided the exchange, for explanations: file and line of it.
    pub decided_by: Option<crate::span::Span>,
    /// The rule that ended the exchange, for log lines that say why.
    pub verdict: Option<Verdict>,
    /// What was wrong with the bytes that are no request.
    pub fault: Option<FaultKind>,
    /// What rules said, in place of what the proxies say.
    pub overrides: Overrides,
    /// What goes to the client in 103 responses before the request is passed on.
    pub early_hints: EarlyHints,
    /// Which variables exist; see [`Stream::enter_response`].
    pub phase: VariablePhase,
    /// How rewrites that found no room are taken, and how many there were.
    pub rewriting: Rewriting,
    /// The limits that rules switched on.
    pub bandwidth: Vec<Bandwidth>,
    /// What TLS agreed on with the server, where it speaks it.
    pub server_tls: Option<Arc<Secured>>,
    /// `txn`, `req`, `res` and `check` variables.
    pub variables: Variables,
}

/// The codes with which streams of HTTP/2 were broken off by the other side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resets {
    /// By the client.
    pub client: Option<u32>,
    /// By the server.
    pub server: Option<u32>,
}

/// What holds an exchange up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A rule.
    Rule(crate::span::Span),
    /// `option http-buffer-request`.
    BufferRequest,
}

/// Rewrites that find no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rewriting {
    /// They are let be (`strict-mode off`), until the ruleset ends.
    pub lenient: bool,
    /// How many there were since they were counted last.
    pub failed: u32,
}

/// The rule that ended an exchange, and which part of its condition held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The rule's line.
    pub rule: crate::span::Span,
    /// The conjunction of its condition that held (an index of `Condition::any`); none without one.
    pub terms: Option<u16>,
}

/// What rules said about one exchange, in place of what its proxies say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `timeout client`.
    pub timeout_client: Option<Milliseconds>,
    /// `timeout server`.
    pub timeout_server: Option<Milliseconds>,
    /// `timeout tunnel`.
    pub timeout_tunnel: Option<Milliseconds>,
    /// `retries`.
    pub retries: Option<u32>,
    /// The place in queues.
    pub priority: Priority,
}

/// What decides the order in a queue: the class, then the time of arrival together with the offset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Priority {
    /// Lower ones go first; from -2047 to 2047.
    pub class: i16,
    /// Milliseconds that the request counts as having come later; from -524287 to 524287.
    pub offset: i32,
}

/// 103 responses in the making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EarlyHints {
    /// The responses' text but for the empty line of the last one.
    pub text: Vec<u8>,
    /// Their size as heads are counted.
    pub counted: u64,
    group: Option<usize>,
}

impl EarlyHints {
    /// Adds a field; those of one group share a response.
    pub fn add(&mut self, group: usize, name: &[u8], value: &[u8]) {
        const START: &[u8] = b"HTTP/1.1 103 Early Hints\r\n";
        if self.group != Some(group) {
            if self.group.is_some() {
                self.text.extend_from_slice(b"\r\n");
            }
            self.text.extend_from_slice(START);
            self.counted += COUNTED_START;
            self.group = Some(group);
        }
        for part in [name, b": ", value, b"\r\n"] {
            self.text.extend_from_slice(part);
        }
        self.counted += (name.len() + value.len()) as u64;
    }
}

/// The version, the status and the reason of a 103, and a fixed share for the start line and the end of the head.
const COUNTED_START: u64 = 20 + 8 + 3 + 11 + 1;

/// What rules that wait for contents need to know and tell.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// More bytes may come, and there is time to wait for them. Unset wherever rules do not wait.
    pub open: bool,
    /// Contents of the response are looked at before HTTP is: there is no status yet, as in upstream.
    pub before_status: bool,
    /// The head is not complete yet, but what is there of it is well-formed.
    pub partial_head: bool,
    /// Set by a fetch that may answer otherwise when more bytes came.
    undecided: Cell<bool>,
}

impl Inspection {
    /// What a fetch says is not its last word: more bytes may change it.
    pub fn lacks_bytes(&self) {
        if self.open {
            self.undecided.set(true);
        }
    }

    /// Whether a fetch said so since this was last asked.
    pub fn take_undecided(&self) -> bool {
        self.undecided.take()
    }
}

impl Stream {
    /// Whether it is dealt with as HTTP, rather than as bytes that may look like it.
    pub fn is_http(&self) -> bool {
        !self.request_line.is_empty()
    }

    /// The rule that it waits at ends it: its own time is over, or a side's while it waited.
    pub fn gave_up(&mut self, own_time: bool) {
        if let Some(Waiting::Rule(rule)) = self.waiting {
            self.last_rule = Some(rule);
            if own_time {
                self.waiting = None;
            }
        }
    }

    /// Makes it ready for the next exchange of the same connection; memory is kept.
    pub fn reset(&mut self) {
        let mut request = std::mem::take(&mut self.request);
        let mut response = std::mem::take(&mut self.response);
        let mut request_line = std::mem::take(&mut self.request_line);
        let mut request_cookie = std::mem::take(&mut self.request_cookie);
        let mut response_cookie = std::mem::take(&mut self.response_cookie);
        let mut captures = std::mem::take(&mut self.captures);
        let mut bandwidth = std::mem::take(&mut self.bandwidth);
        bandwidth.clear();
        let variables = std::mem::take(&mut self.variables);
        let mut unique_id = std::mem::take(&mut self.unique_id);
        unique_id.clear();
        captures.clear();
        response_cookie.clear();
        variables.clear_all();
        request.clear();
        response.clear();
        request_line.clear();
        request_cookie.clear();
        *self = Stream {
            request,
            response,
            request_line,
            request_cookie,
            response_cookie,
            captures,
            unique_id,
            bandwidth,
            variables,
            status: -1,
            ..Stream::default()
        };
    }

    /// A server is tried for the first time, or an answer was made here: `req` variables go, those of `res` may come.
    pub fn enter_response(&mut self) {
        if self.phase == VariablePhase::Request {
            self.phase = VariablePhase::Response;
            self.variables.clear(Scope::Request);
        }
    }
}

/// What a rule asks the name servers of a section.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The `resolvers` section.
    pub section: String,
    /// The name.
    pub name: String,
    /// The family that is asked for first.
    pub prefer: crate::ir::Family,
    /// The variable that takes the address.
    pub variable: Option<crate::variable::Name>,
    /// What is waited for; see [`Turn`](crate::resolution::Turn).
    pub ticket: u64,
}

/// The identifier of an exchange. It is made through a shared reference, when it is asked for first.
#[derive(Debug, Default)]
pub struct UniqueId {
    made: Cell<bool>,
    text: RefCell<Vec<u8>>,
}

impl UniqueId {
    /// Hands the identifier over; `make` appends it if it does not exist yet.
    pub fn with<T>(&self, make: impl FnOnce(&mut Vec<u8>), with: impl FnOnce(&[u8]) -> T) -> T {
        // The format may ask for the identifier itself, which is empty then.
        if !self.made.replace(true) {
            let mut text = self.text.take();
            make(&mut text);
            text.truncate(MOST_UNIQUE_ID);
            self.text.replace(text);
        }
        with(&self.text.borrow())
    }

    fn clear(&mut self) {
        self.made.set(false);
        self.text.get_mut().clear();
    }
}

/// Longest identifier, bytes, as upstream has it.
const MOST_UNIQUE_ID: usize = 127;

/// The body of a response made here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReplyBody {
    /// None.
    #[default]
    Empty,
    /// Part of the configuration.
    Shared(Arc<[u8]>),
    /// Built for this request.
    Owned(Vec<u8>),
}

impl ReplyBody {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            ReplyBody::Empty => &[],
            ReplyBody::Shared(bytes) => bytes,
            ReplyBody::Owned(bytes) => bytes,
        }
    }
}

/// Who made the response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseSource {
    /// Nobody yet.
    #[default]
    None,
    /// The server.
    Server,
    /// A rule or an error page.
    Proxy,
    /// The statistics page.
    Statistics,
    /// A service (`use-service`).
    Service,
}

/// When the phases of an exchange ended; 0 is not reached. `Times::since` turns two into a log timer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// The connection was accepted, or for a later request of it the previous one ended.
    pub start: u64,
    /// The same as microseconds since 1970: the log's accept date is that of the connection's or request's first byte.
    pub start_wall_us: u64,
    /// Handshakes (`%Th`), ms.
    pub handshake: u64,
    /// The first byte of the request; `%Ti` is from `start` to here.
    pub first_byte: u64,
    /// The request's head was complete; `%TR`.
    pub request: u64,
    /// A server was assigned, the queue left; `%Tw`.
    pub queue: u64,
    /// The server connection was established; `%Tc`.
    pub connect: u64,
    /// The response's head was complete; `%Tr`.
    pub response: u64,
    /// The exchange ended; `%Tt`, `%Ta`.
    pub end: u64,
}

impl Times {
    /// Milliseconds from one mark to another; -1 when one of them was not reached.
    pub fn between(from: u64, to: u64) -> i64 {
        if from == 0 || to == 0 {
            -1
        } else {
            to.saturating_sub(from) as i64
        }
    }
}

/// Connection counts in a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// `%ac`.
    pub process: u32,
    /// `%fc`.
    pub frontend: u32,
    /// `%bc`.
    pub backend: u32,
    /// `%sc`.
    pub server: u32,
}
