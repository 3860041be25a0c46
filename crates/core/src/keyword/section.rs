//! Keywords of sections, and the line that one of them reads.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ir;
use crate::span::{Span, Word};

use super::Registry;

/// A set of sections (or rulesets, see [`Rulesets`](super::Rulesets)) as bits.
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
    /// `crt-store`.
    pub const CRT_STORE: Sections = Sections(128);
    /// `mailers`.
    pub const MAILERS: Sections = Sections(256);
    /// `log-profile`.
    pub const LOG_PROFILE: Sections = Sections(8192);
    /// `ring`.
    pub const RING: Sections = Sections(16384);
    /// `log-forward`.
    pub const LOG_FORWARD: Sections = Sections(32768);
    /// `program`.
    pub const PROGRAM: Sections = Sections(2048);
    /// `traces`.
    pub const TRACES: Sections = Sections(1024);
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
    pub default_server: ir::CopyOnWrite<ir::ServerOptions>,
    /// Paths of the files by [`FileId`](crate::span::FileId), for messages that name another line.
    pub paths: Arc<[String]>,
    /// Keywords of the section that were given, with their (last) place.
    pub seen: Given,
    /// Those that its defaults section gave.
    pub inherited: Arc<Given>,
}

/// Keywords that were given, with their last place. A section has few: a list is smaller and quicker than a table.
#[derive(Debug, Clone, Default)]
pub struct Given(Vec<(&'static str, Span)>);

impl Given {
    /// Notes a keyword; answers where it stood before.
    pub fn insert(&mut self, keyword: &'static str, span: Span) -> Option<Span> {
        match self.0.iter_mut().find(|(known, _)| *known == keyword) {
            Some((_, place)) => Some(std::mem::replace(place, span)),
            None => {
                self.0.push((keyword, span));
                None
            }
        }
    }

    /// Where a keyword stood.
    pub fn get(&self, keyword: &str) -> Option<Span> {
        let found = self.iter().find(|(known, _)| *known == keyword);
        found.map(|(_, span)| span)
    }

    /// Whether a keyword was given.
    pub fn has(&self, keyword: &str) -> bool {
        self.get(keyword).is_some()
    }

    /// The keywords and their places, in the order in which they came first.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Span)> {
        self.0.iter().copied()
    }
}

impl Scope {
    /// Of a section whose servers begin with these options.
    pub fn with(default_server: ir::CopyOnWrite<ir::ServerOptions>) -> Scope {
        Scope {
            acls: HashMap::new(),
            default_server,
            paths: Arc::default(),
            seen: Given::default(),
            inherited: Arc::default(),
        }
    }

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
