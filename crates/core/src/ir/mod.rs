//! The intermediate representation: what a configuration says, as plain data.
//!
//! No socket, lock or clock in it; comparable and dumpable. Names are resolved when a [`Program`](crate::program::Program)
//! is linked from it.

mod address;
mod bind;
mod check;
mod check_script;
mod copy_on_write;
mod dynamic_cookie;
mod error_page;
mod expression;
mod external_program;
mod filter;
mod global;
mod h2;
mod http_client;
mod log;
mod log_forward;
mod mailers;
mod observation;
mod old_rules;
mod proxy;
mod resolvers;
mod retry;
mod ring;
mod rule;
mod server;
mod stats;
mod stats_file;
mod tls;
mod traces;
mod user_list;

use serde::Serialize;

pub use address::*;
pub use bind::*;
pub use check::*;
pub use check_script::*;
pub use copy_on_write::CopyOnWrite;
pub use dynamic_cookie::dynamic_cookie;
pub use error_page::*;
pub use expression::*;
pub use external_program::*;
pub use filter::*;
pub use global::*;
pub use h2::*;
pub use http_client::*;
pub use log::*;
pub use log_forward::*;
pub use mailers::*;
pub use observation::*;
pub use old_rules::*;
pub use proxy::*;
pub use resolvers::*;
pub use retry::*;
pub use ring::*;
pub use rule::*;
pub use server::*;
pub use stats::*;
pub use stats_file::*;
pub use tls::*;
pub use traces::*;
pub use user_list::*;

use crate::pattern::Lists;
use crate::span::Span;

/// A whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Config {
    /// Paths of the files by [`FileId`](crate::span::FileId).
    pub files: Vec<String>,
    /// The `global` sections, merged.
    pub global: Global,
    /// Frontends, backends and listens in file order.
    pub proxies: Vec<Proxy>,
    /// The `resolvers` sections.
    pub resolvers: Vec<Resolvers>,
    /// The `mailers` sections.
    pub mailers: Vec<Mailers>,
    /// Lists of users.
    pub user_lists: Vec<UserList>,
    /// The `http-errors` sections.
    pub http_errors: Vec<HttpErrors>,
    /// The `log-profile` sections.
    pub log_profiles: Vec<LogProfile>,
    /// The `ring` sections, and the rings that `log` lines made.
    pub rings: Vec<Ring>,
    /// The `traces` sections.
    pub traces: Traces,
    /// The `program` sections.
    pub programs: Vec<ExternalProgram>,
    /// The `log-forward` sections.
    pub log_forwards: Vec<LogForward>,
    /// What rules answer with pages of those sections.
    pub imported_replies: Vec<ImportedReply>,
    /// Every ACL of every section, named or anonymous; [`AclId`] indexes it.
    pub acls: Vec<Acl>,
    /// The lists of patterns that ACLs and maps use.
    pub patterns: Lists,
    /// Names that something refers to, checked once everything is read.
    pub references: Vec<Reference>,
    /// Names given by `guid` and `guid-prefix`, and whose they are.
    pub guids: std::collections::BTreeMap<Box<str>, String>,
    /// What the stats-file says about the counters of a process before.
    pub counted_before: Vec<CountedBefore>,
}

/// A name used somewhere that must exist once the whole configuration is read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reference {
    /// What kind of thing it names.
    pub kind: ReferenceKind,
    /// The name.
    pub name: String,
    /// Index in [`Config::proxies`] of the section that uses it; none in `global` and `defaults`.
    pub from: Option<usize>,
    /// Where.
    pub span: Span,
    /// Upstream's message for the case that it is missing.
    pub missing: String,
}

/// What a [`Reference`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ReferenceKind {
    /// Nothing that could be there: a line that upstream finds wrong only when everything is read.
    Nothing,
    /// A proxy with a frontend side.
    Frontend,
    /// A proxy with a backend side.
    Backend,
    /// `backend/server`, or a server of the section itself.
    Server,
    /// A list of users.
    UserList,
    /// `list group`: a group of a list of users.
    Group,
    /// Nothing that could be there either, but only worth a warning.
    Odd,
    /// A sink of events: a ring, `stdout` or `stderr`.
    Sink,
    /// A `resolvers` section.
    Resolvers,
    /// A `filter bwlim-in` or `bwlim-out` of the section itself.
    BandwidthLimit,
    /// An `http-errors` section.
    HttpErrors,
    /// The number of a capture slot of the section's requests, where the section has a frontend side.
    RequestCapture,
    /// The same of its responses.
    ResponseCapture,
}

/// A duration in milliseconds.
pub type Milliseconds = u32;
