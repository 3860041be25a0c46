//! Rows: every keyword hapax knows is one of these, in a `static` table beside the code that runs it.
//!
//! The binary joins the tables into a [`Registry`]. Look-up, "did you mean", allowed places, the `-dK` dump and the
//! reference pages come from the rows; nothing else matches keyword strings.

use std::fmt;

use hashbrown::HashMap;
use serde::{Serialize, Serializer};

use crate::contract::{Action, Algorithm, Cx};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ir;
use crate::pattern::Index as PatternIndex;
use crate::sample::{Occurrence, Sample, Type};
use crate::span::{Span, Word};

/// Something with a name in a table.
pub trait Row: 'static {
    /// The keyword.
    fn name(&self) -> &'static str;
}

/// A reference to a row; printed, compared and dumped by its name.
pub struct RowRef<T: Row>(pub &'static T);

impl<T: Row> Clone for RowRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Row> Copy for RowRef<T> {}

impl<T: Row> fmt::Debug for RowRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl<T: Row> PartialEq for RowRef<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl<T: Row> Serialize for RowRef<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<T: Row> std::ops::Deref for RowRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

/// A set of sections (or rulesets, see [`Rulesets`]) as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sections(pub u16);

impl Sections {
    /// `global`.
    pub const GLOBAL: Sections = Sections(1);
    /// `defaults`.
    pub const DEFAULTS: Sections = Sections(2);
    /// `frontend`.
    pub const FRONTEND: Sections = Sections(4);
    /// `listen`.
    pub const LISTEN: Sections = Sections(8);
    /// `backend`.
    pub const BACKEND: Sections = Sections(16);
    /// `userlist`.
    pub const USER_LIST: Sections = Sections(32);
    /// `http-errors`.
    pub const HTTP_ERRORS: Sections = Sections(4096);
    /// `resolvers`.
    pub const RESOLVERS: Sections = Sections(64);
    /// `log-profile`.
    pub const LOG_PROFILE: Sections = Sections(8192);
    /// `ring`.
    pub const RING: Sections = Sections(16384);
    /// `log-forward`.
    pub const LOG_FORWARD: Sections = Sections(32768);
    /// Everything with a frontend side.
    pub const FRONT: Sections = Sections(2 | 4 | 8);
    /// Everything with a backend side.
    pub const BACK: Sections = Sections(2 | 8 | 16);
    /// Every proxy section.
    pub const PROXIES: Sections = Sections(2 | 4 | 8 | 16);

    /// Both sets.
    #[must_use]
    pub const fn or(self, other: Sections) -> Sections {
        Sections(self.0 | other.0)
    }

    /// Whether one of `other` is in the set.
    pub const fn has(self, other: Sections) -> bool {
        self.0 & other.0 != 0
    }
}

/// What stands behind an accepted keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It does what the manual says.
    Runs,
    /// It only tunes internals of HAProxy; the reason why nothing here corresponds to it.
    NoCounterpart(&'static str),
    /// Removed upstream: the last release that ran it. It works here with a warning.
    Legacy(&'static str),
}

/// A keyword that opens a line of a section.
pub struct SectionKeyword {
    /// One or more words, such as `timeout client`; the longest match wins.
    pub name: &'static str,
    /// Where it may stand.
    pub sections: Sections,
    /// Whether `no` and `default` may precede it.
    pub negatable: bool,
    /// Arguments in the manual's notation, without the name.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// What stands behind it.
    pub support: Support,
    /// Reads the line into the IR.
    pub parse: fn(&mut Line<'_>) -> Result<(), Fault>,
}

/// `no` or `default` in front of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Negation {
    /// Neither.
    #[default]
    None,
    /// `no`.
    No,
    /// `default`: back to the built-in default.
    Default,
}

/// Why a line is refused: upstream's text, and the place if it is not the whole line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The finding; boxed to keep results small.
    pub diagnostic: Box<Diagnostic>,
}

impl From<Diagnostic> for Fault {
    fn from(diagnostic: Diagnostic) -> Self {
        Fault {
            diagnostic: Box::new(diagnostic),
        }
    }
}

/// One line of a section on its way into the IR: what a row's `parse` gets.
pub struct Line<'a> {
    /// The words; `words[0..name_words]` are the keyword itself (without `no`/`default`).
    pub words: &'a [Word],
    /// How many words the row's name has.
    pub name_words: usize,
    /// `no` or `default` before the keyword.
    pub negation: Negation,
    /// The whole line.
    pub span: Span,
    /// The section it stands in (exactly one bit).
    pub section: Sections,
    /// What is being built. For lines of a proxy or `defaults` section see [`Line::proxy`].
    pub config: &'a mut ir::Config,
    /// The proxy (or defaults, held as a proxy) being built; none in `global`.
    pub proxy: Option<&'a mut ir::Proxy>,
    /// State of the section that only parsing needs.
    pub scope: &'a mut Scope,
    /// Every row.
    pub registry: &'a Registry,
    /// Findings that do not refuse the line.
    pub diagnostics: &'a mut Diagnostics,
}

/// State of a section that only parsing needs.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// ACLs of the section by name, those of the defaults section it inherits from included.
    pub acls: HashMap<String, ir::AclId>,
    /// What `default-server` lines said so far.
    pub default_server: ir::ServerOptions,
    /// Folder of the configuration file, for relative paths.
    pub folder: String,
    /// Paths of the files by [`FileId`](crate::span::FileId), for messages that name another line.
    pub paths: Vec<String>,
    /// Keywords of the section that were given, with their (last) place.
    pub seen: HashMap<&'static str, Span>,
    /// Those that its defaults section gave.
    pub inherited: HashMap<&'static str, Span>,
}

impl Scope {
    /// `file:line` of a span, as upstream's messages name other lines.
    pub fn place(&self, span: Span) -> String {
        let path = self.paths.get(usize::from(span.file.0));
        format!("{}:{}", path.map_or("?", String::as_str), span.line)
    }
}

impl<'a> Line<'a> {
    /// The proxy of this line. Rows that allow `global` too look at `self.proxy` themselves.
    ///
    /// # Errors
    /// When the line does not stand in a proxy section, which the row's `sections` rule out.
    pub fn proxy(&mut self) -> Result<&mut ir::Proxy, Fault> {
        let span = self.span;
        self.proxy
            .as_deref_mut()
            .ok_or_else(|| Diagnostic::alert(span, "not in a proxy section").into())
    }

    /// The words after the keyword.
    pub fn args(&self) -> &'a [Word] {
        self.words.get(self.name_words..).unwrap_or(&[])
    }

    /// Argument `index` (from 0) as text; none when missing. Bytes that are not UTF-8 are replaced.
    pub fn arg(&self, index: usize) -> Option<std::borrow::Cow<'a, str>> {
        self.args().get(index).map(Word::lossy)
    }

    /// The keyword as written, words joined by a space.
    pub fn keyword(&self) -> String {
        let words: Vec<_> = self
            .words
            .iter()
            .take(self.name_words)
            .map(Word::lossy)
            .collect();
        words.join(" ")
    }

    /// A fault at the whole line.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Diagnostic::alert(self.span, message).into()
    }

    /// A fault at argument `index`, or at the line when there is none.
    pub fn fault_at(&self, index: usize, message: impl Into<String>) -> Fault {
        let span = self.args().get(index).map_or(self.span, |word| word.span);
        Diagnostic::alert(span, message).into()
    }

    /// Adds a warning at the line.
    pub fn warn(&mut self, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::warning(self.span, message));
    }
}

/// An option of a `bind` line.
pub struct BindOption {
    /// The keyword.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// What stands behind it.
    pub support: Support,
    /// Reads the option; takes its arguments from the cursor.
    pub parse: fn(&mut OptionCursor<'_>, &mut ir::BindOptions) -> Result<(), Fault>,
}

/// An option of a `server` or `default-server` line.
pub struct ServerOption {
    /// The keyword.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Whether `default-server` may carry it.
    pub in_default_server: bool,
    /// What stands behind it.
    pub support: Support,
    /// Reads the option; takes its arguments from the cursor.
    pub parse: fn(&mut OptionCursor<'_>, &mut ir::ServerOptions) -> Result<(), Fault>,
}

/// The options after an address: a cursor over words that option rows take their arguments from.
pub struct OptionCursor<'a> {
    /// The whole line.
    pub words: &'a [Word],
    /// Index of the option being read, then of the next word to take.
    pub at: usize,
    /// Prefix that upstream prints before faults of such lines, for example `'server b/s1' : ` (may be empty).
    pub prefix: String,
    /// Every row.
    pub registry: &'a Registry,
    /// The configuration so far, for `references`.
    pub config: &'a mut ir::Config,
    /// Findings that do not refuse the line.
    pub diagnostics: &'a mut Diagnostics,
}

impl<'a> OptionCursor<'a> {
    /// The option's own word.
    pub fn keyword(&self) -> &'a Word {
        &self.words[self.at.saturating_sub(1).min(self.words.len() - 1)]
    }

    /// Takes the next word as an argument.
    pub fn take(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.at)
    }

    /// A fault at `span` behind the line's prefix.
    pub fn fault(&self, span: Span, message: impl Into<String>) -> Fault {
        Diagnostic::alert(span, format!("{}{}", self.prefix, message.into())).into()
    }
}

/// Rulesets as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rulesets(pub u16);

impl Rulesets {
    /// `http-request`.
    pub const HTTP_REQUEST: Rulesets = Rulesets(1);
    /// `http-response`.
    pub const HTTP_RESPONSE: Rulesets = Rulesets(2);
    /// `http-after-response`.
    pub const HTTP_AFTER_RESPONSE: Rulesets = Rulesets(4);
    /// `tcp-request connection`.
    pub const TCP_CONNECTION: Rulesets = Rulesets(8);
    /// `tcp-request session`.
    pub const TCP_SESSION: Rulesets = Rulesets(16);
    /// `tcp-request content`.
    pub const TCP_CONTENT: Rulesets = Rulesets(32);
    /// `tcp-response content`.
    pub const TCP_RESPONSE: Rulesets = Rulesets(64);
    /// `stats http-request`.
    pub const STATS: Rulesets = Rulesets(128);

    /// Both sets.
    #[must_use]
    pub const fn or(self, other: Rulesets) -> Rulesets {
        Rulesets(self.0 | other.0)
    }

    /// Whether one of `other` is in the set.
    pub const fn has(self, other: Rulesets) -> bool {
        self.0 & other.0 != 0
    }
}

/// An action of rulesets.
pub struct ActionKeyword {
    /// The keyword; one that ends in `(` takes its argument in parentheses and matches as a prefix.
    pub name: &'static str,
    /// Where it may stand.
    pub rulesets: Rulesets,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Reads its arguments, up to `if`/`unless` or the end, from the line.
    pub parse: fn(&mut ActionCursor<'_, '_>) -> Result<std::sync::Arc<dyn Action>, Fault>,
}

/// The words of a rule after the action's name.
pub struct ActionCursor<'l, 'a> {
    /// The line; for the proxy, the registry and findings.
    pub line: &'l mut Line<'a>,
    /// Index in `line.words` of the action's name, then of the next word to take.
    pub at: usize,
    /// The ruleset (exactly one bit).
    pub ruleset: Rulesets,
}

impl<'a> ActionCursor<'_, 'a> {
    /// Takes the next word, whatever it is.
    pub fn take(&mut self) -> Option<&'a Word> {
        let word = self.line.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&'a Word> {
        self.line.words.get(self.at)
    }

    /// Whether the arguments are over: end of line, `if` or `unless`.
    pub fn at_condition(&self) -> bool {
        self.peek()
            .is_none_or(|word| *word == "if" || *word == "unless")
    }
}

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
            ArgKind::Str | ArgKind::Acl | ArgKind::Map => "string",
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

/// A `%name` of log formats.
pub struct LogAlias {
    /// The name without `%`.
    pub name: &'static str,
    /// Whether it needs `mode http`.
    pub http: bool,
    /// Whether the value is known only at the end of the exchange, so that `logasap` marks it with `+`.
    pub at_end: bool,
    /// From when on it is known.
    pub ready: ir::LogReady,
    /// What JSON and CBOR make of it.
    pub output: LogOutput,
    /// One line of documentation.
    pub doc: &'static str,
    /// Appends the value. Escaping follows the flags by means of the sample crate's writer.
    pub write: fn(&Cx<'_>, &[u8], ir::LogFlags, &mut Vec<u8>),
}

/// What the value of a log alias is where it is encoded as JSON or CBOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOutput {
    /// A number.
    Number,
    /// A number, and a text where it is written in hexadecimal.
    HexNumber,
    /// A text.
    Text,
    /// A text in which unsafe bytes are encoded as `#XX`.
    Encoded,
    /// Captures between braces, encoded as well; null without captures.
    Captured,
    /// The list of the request's captures; null without captures.
    RequestList,
    /// The list of the response's captures; null without captures.
    ResponseList,
}

/// A `balance` algorithm.
pub struct BalanceKeyword {
    /// The keyword; one that ends in `(` takes its argument in parentheses.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Reads the arguments from the line (argument 0 is the name).
    pub parse: fn(&mut Line<'_>) -> Result<std::sync::Arc<dyn Algorithm>, Fault>,
}

/// A command of the runtime API, as the registry lists it. The runtime holds its function beside the row.
pub struct CliCommand {
    /// Its words.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// The text `help` shows.
    pub doc: &'static str,
    /// What the socket must be allowed.
    pub level: ir::CliLevel,
}

/// A column of `show stat`.
pub struct StatColumn {
    /// Its name in the CSV header.
    pub name: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
}

macro_rules! rows {
    ($($type:ty),*) => { $(
        impl Row for $type {
            fn name(&self) -> &'static str {
                self.name
            }
        }
    )* };
}
rows!(
    SectionKeyword,
    BindOption,
    ServerOption,
    ActionKeyword,
    Fetch,
    Converter,
    MatchMethod,
    AclKeyword,
    LogAlias,
    BalanceKeyword,
    CliCommand,
    StatColumn
);

/// The tables of one room. Rooms leave out what they have none of: `Tables { fetches: &[...], ..Tables::NONE }`.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "each field is the table of the type it names")]
pub struct Tables {
    pub sections: &'static [SectionKeyword],
    pub bind_options: &'static [BindOption],
    pub server_options: &'static [ServerOption],
    pub actions: &'static [ActionKeyword],
    pub fetches: &'static [Fetch],
    pub converters: &'static [Converter],
    pub match_methods: &'static [MatchMethod],
    pub acl_keywords: &'static [AclKeyword],
    pub log_aliases: &'static [LogAlias],
    pub balances: &'static [BalanceKeyword],
    pub commands: &'static [CliCommand],
    pub columns: &'static [StatColumn],
}

impl Tables {
    /// No table.
    pub const NONE: Tables = Tables {
        sections: &[],
        bind_options: &[],
        server_options: &[],
        actions: &[],
        fetches: &[],
        converters: &[],
        match_methods: &[],
        acl_keywords: &[],
        log_aliases: &[],
        balances: &[],
        commands: &[],
        columns: &[],
    };
}

/// Rows of one kind by name, in the order of the tables.
pub struct Index<T: Row> {
    by_name: HashMap<&'static str, &'static T>,
    list: Vec<&'static T>,
}

impl<T: Row> Default for Index<T> {
    fn default() -> Self {
        Index {
            by_name: HashMap::new(),
            list: Vec::new(),
        }
    }
}

impl<T: Row> Index<T> {
    fn add(&mut self, rows: &'static [T]) {
        for row in rows {
            self.by_name.entry(row.name()).or_insert(row);
            self.list.push(row);
        }
    }

    /// The row of that name.
    pub fn find(&self, name: &str) -> Option<RowRef<T>> {
        self.by_name.get(name).map(|row| RowRef(*row))
    }

    /// All rows in table order. Section keywords may repeat a name for other sections.
    pub fn iter(&self) -> impl Iterator<Item = &'static T> + '_ {
        self.list.iter().copied()
    }
}

/// Every row of the program.
#[derive(Default)]
#[allow(missing_docs, reason = "each field is the index of the type it names")]
pub struct Registry {
    pub sections: Index<SectionKeyword>,
    pub bind_options: Index<BindOption>,
    pub server_options: Index<ServerOption>,
    pub actions: Index<ActionKeyword>,
    pub fetches: Index<Fetch>,
    pub converters: Index<Converter>,
    pub match_methods: Index<MatchMethod>,
    pub acl_keywords: Index<AclKeyword>,
    pub log_aliases: Index<LogAlias>,
    pub balances: Index<BalanceKeyword>,
    pub commands: Index<CliCommand>,
    pub columns: Index<StatColumn>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Registry {
    /// Joins tables.
    pub fn new<'t>(tables: impl IntoIterator<Item = &'t Tables>) -> Registry {
        let mut registry = Registry::default();
        for table in tables {
            registry.sections.add(table.sections);
            registry.bind_options.add(table.bind_options);
            registry.server_options.add(table.server_options);
            registry.actions.add(table.actions);
            registry.fetches.add(table.fetches);
            registry.converters.add(table.converters);
            registry.match_methods.add(table.match_methods);
            registry.acl_keywords.add(table.acl_keywords);
            registry.log_aliases.add(table.log_aliases);
            registry.balances.add(table.balances);
            registry.commands.add(table.commands);
            registry.columns.add(table.columns);
        }
        registry
    }
}
