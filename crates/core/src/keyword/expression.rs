//! Fetches, converters and match methods.

use crate::contract::Cx;
use crate::ir;
use crate::pattern::Index as PatternIndex;
use crate::sample::{Occurrence, Sample, Type};

/// Where a fetch takes its value from (configuration manual 7.3), as bits: with several of them, each will do. Which places
/// of a configuration have which of them is a table of the sample room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs(pub u32);

impl Needs {
    /// Nothing beyond the configuration and the clock.
    pub const NOTHING: Needs = Needs(0);
    /// The client connection.
    pub const CLIENT: Needs = Needs(1);
    /// Bytes from the client.
    pub const REQUEST_BYTES: Needs = Needs(2);
    /// The request's head.
    pub const REQUEST: Needs = Needs(4);
    /// The backend was chosen.
    pub const BACKEND: Needs = Needs(8);
    /// The server was chosen.
    pub const SERVER: Needs = Needs(16);
    /// Bytes from the server.
    pub const RESPONSE_BYTES: Needs = Needs(32);
    /// The response's head.
    pub const RESPONSE: Needs = Needs(64);
    /// The running process: counters, states.
    pub const INTERNAL: Needs = Needs(128);
    /// What is kept of the request until the end: method, dates.
    pub const REQUEST_LINE: Needs = Needs(256);
    /// What is kept of the response until the end: the status.
    pub const STATUS: Needs = Needs(512);
    /// The server connection's addresses.
    pub const SERVER_ADDRESS: Needs = Needs(1024);
    /// Bytes counted towards the client.
    pub const RESPONSE_COUNT: Needs = Needs(2048);
    /// The frontend and its listener.
    pub const FRONTEND: Needs = Needs(4096);
    /// The client connection after its handshakes.
    pub const CLIENT_CONNECTION: Needs = Needs(8192);
    /// The server connection after its handshakes.
    pub const SERVER_CONNECTION: Needs = Needs(16384);

    /// Both.
    #[must_use]
    pub const fn or(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    /// Whether all of `other` is in the set.
    pub const fn covers(self, other: Needs) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Kinds of arguments of fetches and converters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgKind {
    /// Text.
    Str,
    /// Integer.
    Int,
    /// Time with a unit; milliseconds when it has none.
    Time,
    /// IPv4 mask or prefix length.
    Mask4,
    /// IPv6 prefix length.
    Mask6,
    /// IPv4 address.
    Ipv4,
    /// IPv6 address.
    Ipv6,
    /// Name of a frontend.
    Frontend,
    /// Name of a backend.
    Backend,
    /// Name of any proxy; the current one when left out.
    Proxy,
    /// `backend/server` or a server of the section.
    Server,
    /// Name of a map, which is opened: [`Arg::Compiled`](ir::Arg::Compiled) with a list.
    Map,
    /// Name of a list of users.
    UserList,
    /// Name of a sink of events: a ring, `stdout` or `stderr`.
    Sink,
    /// Name of an ACL of the section or a predefined one, behind `!` for its opposite.
    Acl,
    /// Regular expression.
    Regex,
    /// Number of a field of a protocol buffer, with dots between those of nested messages.
    FieldNumber,
}

impl ArgKind {
    /// Upstream's name of the kind.
    pub const fn name(self) -> &'static str {
        match self {
            ArgKind::Str | ArgKind::Acl | ArgKind::Map | ArgKind::Sink => "string",
            ArgKind::Int => "integer",
            ArgKind::Time => "delay",
            ArgKind::Ipv4 => "IPv4 address",
            ArgKind::Ipv6 => "IPv6 address",
            ArgKind::Mask4 => "IPv4 mask",
            ArgKind::Mask6 => "IPv6 mask",
            ArgKind::Frontend => "frontend",
            ArgKind::Backend => "backend",
            ArgKind::Proxy => "proxy",
            ArgKind::Server => "server",
            ArgKind::UserList => "user list",
            ArgKind::Regex => "regex",
            ArgKind::FieldNumber => "Protocol buffers field number",
        }
    }
}

/// The arguments of a fetch or converter.
pub struct ArgSpec {
    /// Kinds in order.
    pub kinds: &'static [ArgKind],
    /// How many must be given.
    pub required: usize,
}

impl ArgSpec {
    /// No argument.
    pub const NONE: ArgSpec = ArgSpec {
        kinds: &[],
        required: 0,
    };
}

/// A sample fetch.
pub struct Fetch {
    /// The keyword.
    pub name: &'static str,
    /// Its arguments.
    pub args: ArgSpec,
    /// Checks or compiles the arguments; the text of the error without prefix.
    pub check: Option<CheckFn>,
    /// The type it gives.
    pub output: Type,
    /// What must be known.
    pub needs: Needs,
    /// One line of documentation.
    pub doc: &'static str,
    /// Gives the value, or none when there is none.
    pub run: FetchFn,
}

/// Checks or compiles arguments; the text of the error without prefix.
pub type CheckFn = fn(&mut [ir::Arg]) -> Result<(), String>;

/// Runs a fetch.
pub type FetchFn = for<'a> fn(&Cx<'a>, &'a [ir::Arg], &mut Occurrence) -> Option<Sample<'a>>;

/// A converter.
pub struct Converter {
    /// The keyword.
    pub name: &'static str,
    /// Its arguments.
    pub args: ArgSpec,
    /// Checks or compiles the arguments.
    pub check: Option<CheckFn>,
    /// The type it takes; others are cast first.
    pub input: Type,
    /// The type it gives.
    pub output: Type,
    /// One line of documentation.
    pub doc: &'static str,
    /// Converts, or gives none when it cannot.
    pub run: ConverterFn,
}

/// Runs a converter.
pub type ConverterFn = for<'a> fn(&Cx<'a>, &'a [ir::Arg], Sample<'a>) -> Option<Sample<'a>>;

/// A match method: the `-m` of an ACL.
pub struct MatchMethod {
    /// The name after `-m`.
    pub name: &'static str,
    /// The type of sample it compares; others are cast first.
    pub input: Type,
    /// One line of documentation.
    pub doc: &'static str,
    /// An empty index for its patterns; the argument says whether case is ignored.
    pub index: fn(bool) -> Box<dyn PatternIndex>,
}

/// A keyword that is a fetch with its own match method, such as `path_beg`.
pub struct AclKeyword {
    /// The keyword.
    pub name: &'static str,
    /// The fetch behind it.
    pub fetch: &'static str,
    /// The match method behind it.
    pub method: &'static str,
}
