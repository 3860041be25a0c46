//! What the rooms ask of each other: the context of evaluation, actions, matchers and the choice of a server.

use std::any::Any;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Waker;

use bumpalo::Bump;
use hapax_proto::http::Head;
use serde::{Serialize, Serializer};

use crate::ir;
use crate::live::Servers;
use crate::program::{Program, ProxyId};
use crate::sample::{Sample, Value};
use crate::stream::{Priority, Session, Stream};
use crate::variable::{Decision, Name, Room, Scope, State, Variables};

/// The time, as the worker's coarse clock tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since the process started (monotonic).
    pub ms: u64,
    /// Microseconds since 1970 (wall clock).
    pub wall_us: u64,
}

/// What an expression may look at.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The configuration in force for this stream.
    pub program: &'a Program,
    /// The client connection.
    pub session: &'a Session,
    /// The exchange.
    pub stream: &'a Stream,
    /// Bytes received from the client that were not consumed yet (TCP contents, bodies).
    pub request_bytes: &'a [u8],
    /// Bytes received from the server that were not consumed yet.
    pub response_bytes: &'a [u8],
    /// Scratch memory that lives as long as the rules of one message are evaluated.
    pub arena: &'a Bump,
    /// The time.
    pub now: Now,
    /// Whether expressions are evaluated on behalf of the response.
    pub on_response: bool,
}

impl<'a> Cx<'a> {
    /// The value of a variable; none when it is not set or its scope does not exist here.
    pub fn variable(&self, name: &Name) -> Option<Sample<'a>> {
        let value = match name.scope() {
            Scope::Process => self.program.live.process.variables.read(name, self.arena),
            _ => self.store(name)?.read(name, self.arena),
        };
        value.map(Sample::from)
    }

    /// Sets a variable; `false` when its scope does not exist here or a limit of `tune.vars` is in the way.
    pub fn set_variable(&self, name: &Name, value: Value<'_>) -> bool {
        self.set_variable_if(name, value, |_| Decision::Set)
    }

    /// The same if `decide` agrees with what was there before.
    pub fn set_variable_if(
        &self,
        name: &Name,
        value: Value<'_>,
        decide: impl FnOnce(State<'_>) -> Decision,
    ) -> bool {
        let limits = &self.program.global.tune.variables;
        let process = &self.program.live.process.variables;
        if name.scope() == Scope::Process {
            return process.write(name, value, limits, decide);
        }
        let Some(store) = self.store(name) else {
            return false;
        };
        let room = limits.any().then(|| Room {
            limits,
            usage: process.usage(),
            session: match name.scope() {
                Scope::Session => self.stream.variables.counted(),
                _ => self.session.variables().counted(),
            },
        });
        store.write(name, value, room, decide)
    }

    /// Takes the value of a variable away; `false` when its scope does not exist here.
    pub fn unset_variable(&self, name: &Name) -> bool {
        if name.scope() == Scope::Process {
            let limits = &self.program.global.tune.variables;
            self.program.live.process.variables.unset(name, limits);
            return true;
        }
        let Some(store) = self.store(name) else {
            return false;
        };
        store.unset(name);
        true
    }

    fn store(&self, name: &Name) -> Option<&'a Variables> {
        match name.scope() {
            Scope::Session => Some(self.session.variables()),
            scope if self.stream.phase.has(scope) => Some(&self.stream.variables),
            _ => None,
        }
    }
}

/// What an action may change.
pub struct Tx<'a> {
    /// The configuration in force for this stream.
    pub program: &'a Program,
    /// The client connection.
    pub session: &'a mut Session,
    /// The exchange.
    pub stream: &'a mut Stream,
    /// See [`Cx::request_bytes`].
    pub request_bytes: &'a [u8],
    /// See [`Cx::response_bytes`].
    pub response_bytes: &'a [u8],
    /// See [`Cx::arena`].
    pub arena: &'a Bump,
    /// A buffer of the worker for building text: clear it before use.
    pub scratch: &'a mut Vec<u8>,
    /// Writes log lines that rules ask for.
    pub log: &'a dyn TrafficLog,
    /// The time.
    pub now: Now,
    /// Whether this is a rule of the response.
    pub on_response: bool,
}

impl Tx<'_> {
    /// The same things to look at.
    pub fn cx(&self) -> Cx<'_> {
        Cx {
            program: self.program,
            session: self.session,
            stream: self.stream,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            arena: self.arena,
            now: self.now,
            on_response: self.on_response,
        }
    }
}

/// The way to the frontend's log targets.
pub trait TrafficLog {
    /// Writes the line of an exchange with what is known by now.
    fn line(&self, tx: &mut Tx<'_>, origin: ir::LogOrigin);
}

/// What an action asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Go on with the next rule.
    Continue,
    /// No further rule of this ruleset.
    Stop,
    /// Answer with the error page of `status` and end the exchange (deny); counted as denied.
    Deny {
        /// The status of the answer.
        status: u16,
    },
    /// Refuse with what the action put into `stream.response` and `stream.reply_body`; counted as denied.
    DenyReply,
    /// Refuse by closing the connection, as if an answer had been sent; counted as denied.
    DenySilently,
    /// Answer with what the action put into `stream.response` and `stream.reply_body`.
    Reply,
    /// Answer with the error page of `status`, as a local answer that refuses nothing.
    Page {
        /// The status of the answer.
        status: u16,
    },
    /// Hold the client for `timeout tarpit`, then refuse as `Deny` does, or without a status as `DenyReply` does.
    Tarpit {
        /// The status of the answer.
        status: Option<u16>,
    },
    /// Close the connection without an answer.
    Close,
    /// Answer that the request is malformed.
    BadRequest,
    /// Go on with the next rule after a while.
    Pause {
        /// Milliseconds.
        time: ir::Milliseconds,
    },
    /// Close the connection to the server; the client gets what came before.
    CloseServer,
    /// Wait for the request's body, then go on with the next rule.
    WaitForBody {
        /// Milliseconds at most.
        time: u32,
        /// So many bytes are enough; 0 wants all.
        least: usize,
    },
    /// Ask for the addresses of a name (`stream.resolution`), then go on with the next rule.
    Resolve,
    /// The rules cannot go on: what they look at may still change, and there is time.
    Wait,
    /// Refuse the connection, and let the other side believe that it lasts.
    SilentDrop {
        /// The hop limit of a reset that only gateways see; none sends nothing.
        reset_ttl: Option<u8>,
    },
    /// A header of this kind stands before the client's first byte.
    Expect(ProxyHeader),
    /// The stream becomes one of HTTP.
    SwitchToHttp,
    /// Answer with what a service of the program makes.
    Service(Service),
    /// A rewrite found no room: an internal error (`strict-mode`).
    RewriteFailed,
    /// An answer found no room: an internal error.
    AnswerFailed {
        /// It counts as answered here all the same (`return`).
        local: bool,
    },
}

impl Outcome {
    /// Whether the rules behind this one go on once something came, or a time is over.
    pub fn waits(&self) -> bool {
        matches!(
            self,
            Outcome::Pause { .. } | Outcome::WaitForBody { .. } | Outcome::Resolve
        )
    }
}

/// A service that answers requests (`use-service`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Service {
    /// The metrics for Prometheus.
    Prometheus,
}

/// What may tell the client's address before its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ProxyHeader {
    /// The PROXY protocol.
    Proxy,
    /// NetScaler client IP insertion with this magic number.
    Netscaler(u32),
}

/// An action of a rule; made by the row of its keyword.
pub trait Action: Debug + Send + Sync {
    /// The keyword with its arguments, for dumps and explanations; equal text is an equal action.
    fn text(&self) -> String;

    /// Does it.
    fn run(&self, tx: &mut Tx<'_>) -> Outcome;

    /// Whether no rule behind it is reached when it has no condition.
    fn is_final(&self) -> bool {
        false
    }
}

/// The patterns of an ACL line, indexed.
pub trait Matcher: Debug + Send + Sync {
    /// Match method, flags and patterns as text; equal text is an equal matcher.
    fn text(&self) -> String;

    /// Whether a pattern matches a sample, which is cast first if it must be.
    fn matches(&self, sample: &Sample<'_>, arena: &Bump) -> bool;
}

/// A balance algorithm with its arguments; builds the working structure of a backend.
pub trait Algorithm: Debug + Send + Sync {
    /// The `balance` line's arguments.
    fn text(&self) -> String;

    /// Upstream's name in the statistics (`roundrobin`, `leastconn`, ...).
    fn name(&self) -> &'static str;

    /// What of a request decides.
    fn key(&self) -> BalanceKey<'_>;

    /// Whether it looks at HTTP requests only.
    fn needs_http(&self) -> bool {
        false
    }

    /// Whether it looks at log messages only.
    fn needs_messages(&self) -> bool {
        false
    }

    /// What is wrong with its arguments, where that is said only when the backend is complete.
    fn fault(&self) -> Option<String> {
        None
    }

    /// Builds the structure for a backend's servers; called again when weights or states change in a way that the
    /// structure cannot take.
    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer>;
}

/// What of a request decides about the server.
#[derive(Debug, Clone, Copy)]
pub enum BalanceKey<'a> {
    /// Nothing.
    None,
    /// The client's address.
    Source,
    /// The value of an expression.
    Expr(&'a ir::Expr),
    /// What the algorithm itself reads from the request.
    Request(&'a dyn RequestKey),
    /// What the converters of an expression make of a log message, which takes the place of what is fetched.
    Message(&'a ir::Expr),
}

impl BalanceKey<'_> {
    /// Whether nothing of a request decides.
    pub fn is_none(self) -> bool {
        matches!(self, BalanceKey::None)
    }
}

/// Reads what decides about the server from a request.
pub trait RequestKey: Debug + Send + Sync {
    /// The key; [`KeyValue::None`] when the request has none.
    fn key<'a>(&self, cx: &Cx<'a>) -> KeyValue<'a>;

    /// Whether the body of a request must be here before the key can be read.
    fn awaits_body(&self, request: &Head) -> bool {
        let _ = request;
        false
    }
}

/// The key of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeyValue<'a> {
    /// None: the algorithm takes the next server in turn.
    None,
    /// An address.
    Address(IpAddr),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// The working structure of a balance algorithm; safe to share between workers.
pub trait Balancer: Debug + Send + Sync {
    /// Chooses a usable server, if possible another one than `avoid`; none when there is none.
    fn choose(&self, key: KeyValue<'_>, avoid: Option<usize>) -> Option<usize>;

    /// Server `index` got or lost a connection (leastconn, first).
    fn connections_changed(&self, index: usize);

    /// Servers lost connections that another configuration's requests had.
    fn connections_changed_elsewhere(&self) {}

    /// State or weight of servers changed.
    fn servers_changed(&self);
}

/// The servers of one backend as a whole: algorithm, persistence target, connection limits and queues.
///
/// LIFECYCLE of a request: `assign` gives a server (a slot of it is taken), or parks the request; `release` gives the
/// slot back, exactly once per `Assigned::Server`. A parked request that leaves (client gone, timeout) calls `cancel`.
pub trait Dispatch: Debug + Send + Sync {
    /// Asks for a server. A parked request calls it again, with its ticket, whenever its waker fired.
    fn assign(&self, wish: &Wish<'_>, ticket: &mut Ticket, waker: &Waker) -> Assigned;

    /// A usable server for what takes no slot of it (a log line); none when there is none.
    fn choose(&self, key: KeyValue<'_>) -> Option<usize>;

    /// Gives a parked request's place up.
    fn cancel(&self, ticket: &mut Ticket);

    /// Gives the slot on a server back, and wakes who waits for it.
    fn release(&self, server: usize);

    /// Slots were given back that another configuration's requests had: wakes who waits for them.
    fn slots_freed(&self) {}

    /// State, weight or limits of servers changed: rebuilds what depends on it, moves those who wait.
    fn servers_changed(&self);

    /// Sends those who wait in the queue of `server` to ask again, because it cannot serve them; tells how many.
    fn requeue(&self, server: usize) -> u32;
}

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What decides, as [`Algorithm::key`] says.
    pub key: KeyValue<'a>,
    /// The server that persistence asks for.
    pub persistent: Option<usize>,
    /// That server is taken even when it is down.
    pub forced: bool,
    /// A server to avoid: it failed for this request.
    pub avoid: Option<usize>,
    /// The order in queues.
    pub priority: Priority,
    /// The time.
    pub now: Now,
}

/// The answer to a [`Wish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    /// Connect to this server (index in the backend); its slot is taken.
    Server(usize),
    /// Parked; the waker fires when something changes.
    Wait,
    /// No server is usable.
    NoServer,
    /// The only server that the request may go to has a full queue.
    QueueFull(usize),
}

/// A place in a queue.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Number of the place; 0 is none.
    pub number: u64,
    /// What decides before the number: the class, and the time of arrival (milliseconds) with its offset.
    pub rank: (i16, i64),
    /// The server whose queue it is; none is the backend's.
    pub server: Option<usize>,
    /// How many were served from the server's queue while it waited, itself included (the log's `srv_queue`).
    pub server_position: u32,
    /// The same for the backend's queue (`backend_queue`).
    pub backend_position: u32,
    /// The algorithm chose the server, not persistence (`lbtot` of the statistics).
    pub balanced: bool,
}

/// What was read from files for TLS: a certificate with its key, a list of authorities. Made and used by the room of TLS.
pub trait Material: Debug + Send + Sync {
    /// Where it came from; equal text is equal material.
    fn text(&self) -> String;

    /// Itself, for the room that made it.
    fn as_any(&self) -> &dyn Any;
}

/// What a listener or a server needs for TLS, ready to use. Made and used by the room of TLS.
pub trait TlsContext: Debug + Send + Sync {
    /// Itself, for the room that made it.
    fn as_any(&self) -> &dyn Any;
}

/// Makes servers of what `add server` says.
pub trait ServerMaker: Debug + Send + Sync {
    /// Reads the words behind `backend/server`: the address and the options.
    ///
    /// # Errors
    /// What is wrong with them, in upstream's words.
    fn make(
        &self,
        program: &Program,
        place: (ProxyId, &str),
        words: &[String],
    ) -> Result<NewServer, String>;

    /// The options that such a server may have, in the order in which upstream lists them.
    fn options(&self) -> Vec<&'static str>;
}

/// A server that is ready to be added.
#[derive(Debug)]
pub struct NewServer {
    /// What its line says.
    pub ir: ir::Server,
    /// What TLS needs.
    pub tls: Option<Arc<dyn TlsContext>>,
    /// What there is to say about it that does not refuse it.
    pub warnings: Vec<String>,
}

macro_rules! by_text {
    ($($name:ident),*) => { $(
        impl PartialEq for dyn $name {
            fn eq(&self, other: &Self) -> bool {
                self.text() == other.text()
            }
        }

        impl Serialize for dyn $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text())
            }
        }
    )* };
}
by_text!(Action, Matcher, Algorithm, Material);

/// A shared trait object as a field of the IR; derives of comparison do not work on `Arc<dyn Trait>` itself.
#[derive(Debug)]
pub struct Shared<T: ?Sized>(pub Arc<T>);

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}

impl<T: ?Sized> std::ops::Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl<T: ?Sized + Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
