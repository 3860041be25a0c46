//! Section lines: which section they open, and what it starts from.

mod blank;
mod crt_store;
mod defaults;
mod header;
mod http_errors;
pub(crate) mod log_forward;
mod log_profile;
mod mailers;
mod resolvers;
mod user_list;
pub(crate) use blank::Blank;
pub(crate) use header::forbidden;
pub(crate) mod one_sided;
mod program;
pub(crate) mod ring;
mod round_robin;
pub(crate) mod rows;
pub(crate) mod tcp;
mod traces;
pub(crate) mod unknown;

pub(crate) use round_robin::round_robin;

use std::sync::Arc;

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir;
use hapax_core::keyword::{Given, Scope, Sections};
use hapax_core::span::{Span, Word};

use crate::parser::Parser;

/// The section that lines belong to.
pub(crate) enum Open {
    /// None yet.
    Nothing,
    /// One that is not read: its lines make no noise. The name.
    Refused(String),
    /// `global`.
    Global(Box<Scope>),
    /// A `userlist`: its name and state.
    UserList(String, Box<Scope>),
    /// An `http-errors` section: its name and state.
    HttpErrors(String, Box<Scope>),
    /// A `resolvers` section: its name and state.
    Resolvers(String, Box<Scope>),
    /// A `crt-store` section: its name and state.
    CrtStore(String, Box<Scope>),
    /// A `mailers` section: its name and state.
    Mailers(String, Box<Scope>),
    /// A `log-profile` section: its name and state.
    LogProfile(String, Box<Scope>),
    /// A `program` section: its name and state.
    Program(String, Box<Scope>),
    /// A `traces` section.
    Traces(Box<Scope>),
    /// A `ring` section.
    Ring(Box<Section>),
    /// A `log-forward` section.
    LogForward(Box<Section>),
    /// A proxy or `defaults`.
    Proxy(Box<Section>),
}

/// A proxy or `defaults` section being read.
pub(crate) struct Section {
    pub(crate) bit: Sections,
    pub(crate) proxy: ir::Proxy,
    pub(crate) scope: Scope,
}

/// A finished `defaults` section; what it says is held as a proxy.
pub(crate) struct Defaults {
    pub(crate) proxy: ir::Proxy,
    pub(crate) scope: Scope,
    /// Whether a `from` named it.
    pub(crate) named: bool,
    /// Whether a section took it because it was the last one.
    pub(crate) implied: bool,
    /// The kind of the proxy that took its rules.
    pub(crate) taken_by: Option<ir::ProxyKind>,
    /// What the proxies of each kind take over, once one did.
    by_kind: [Option<ir::CopyOnWrite<ir::ProxySettings>>; 3],
    /// The keywords that were given, once a section took over.
    given: Option<Arc<Given>>,
}

impl Open {
    /// What `.SECTION` resolves to: the name, or the type when there is no name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Open::Nothing => "",
            Open::Refused(name)
            | Open::UserList(name, _)
            | Open::HttpErrors(name, _)
            | Open::Resolvers(name, _)
            | Open::CrtStore(name, _)
            | Open::Mailers(name, _)
            | Open::LogProfile(name, _)
            | Open::Program(name, _) => name,
            Open::Global(_) => "global",
            Open::Traces(_) => "traces",
            Open::Ring(section) | Open::LogForward(section) => &section.proxy.name,
            Open::Proxy(section) if section.proxy.name.is_empty() => "defaults",
            Open::Proxy(section) => &section.proxy.name,
        }
    }
}

/// Whether a line starting with `word` opens a section.
pub(crate) fn is_section(word: &Word) -> bool {
    SECTIONS.iter().chain(NOT_BUILT).any(|name| *word == *name)
}

/// Whether a first word opens a section.
pub(crate) fn is_section_name(name: &[u8]) -> bool {
    let mut names = SECTIONS.iter().chain(NOT_BUILT);
    names.any(|section| section.as_bytes() == name)
}

/// Opens the section of a section line.
pub(crate) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let keyword = words.first().map(Word::lossy).unwrap_or_default();
    match keyword.as_ref() {
        "global" => {
            if let Some(extra) = words.get(1) {
                let text = format!(
                    "'global' cannot handle unexpected argument '{}'.",
                    extra.lossy()
                );
                parser.diagnostics.push(Diagnostic::alert(extra.span, text));
            }
            Open::Global(Box::default())
        }
        "http-errors" => http_errors::open(parser, words, span),
        "crt-store" => crt_store::open(parser, words),
        "resolvers" => resolvers::open(parser, words, span),
        "log-profile" => log_profile::open(parser, words, span),
        "log-forward" => log_forward::open(parser, words, span),
        "program" => program::open(parser, words, span),
        "mailers" => mailers::open(parser, words, span),
        "ring" => ring::open(parser, words, span),
        "traces" => traces::open(parser, words),
        "userlist" => user_list::open(parser, words, span),
        "defaults" => header::defaults(parser, words, span),
        "frontend" => header::proxy(parser, ir::ProxyKind::Frontend, words, span),
        "backend" => header::proxy(parser, ir::ProxyKind::Backend, words, span),
        "listen" => header::proxy(parser, ir::ProxyKind::Listen, words, span),
        other => {
            let text = format!("'{other}' sections are not built yet.");
            parser
                .diagnostics
                .push(Diagnostic::alert(span, text).with_prefix(Prefix::Parsing));
            let name = words.get(1).map(|name| name.lossy().into_owned());
            Open::Refused(name.unwrap_or_else(|| other.to_owned()))
        }
    }
}

static SECTIONS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "http-errors",
    "resolvers",
    "log-profile",
    "mailers",
    "ring",
    "crt-store",
    "log-forward",
    "program",
    "traces",
];

/// Sections of the manual that wait for their rooms.
static NOT_BUILT: &[&str] = &[
    "acme",
    "cache",
    "dynamic-update",
    "fcgi-app",
    "namespace_list",
    "peers",
];
