//! Lines become sections, and rows write them into the IR. Every line is read, whatever was wrong with those before it.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use hapax_core::diagnostic::{Diagnostic, Diagnostics, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::{
    Fault, Line, Negation, Registry, Scope, SectionKeyword, Sections, Support,
};
use hapax_core::span::{FileId, Source, Sources, Span, Word};

use hapax_sample::log_format;

use crate::condition::Capabilities;
use crate::condition::block::{Blocks, Outcome};
use crate::files;
use crate::folder::Folder;
use crate::keyword::http_check;
use crate::legacy;
use crate::lexer::{self, Environment, LexError, Place};
use crate::section::rows::{Found, Rows};
use crate::section::{self, Blank, Defaults, Open, Section, one_sided, unknown};

/// What reading gave.
pub struct Parsed {
    /// The configuration; complete when there are no errors.
    pub config: ir::Config,
    /// The findings so far.
    pub diagnostics: Diagnostics,
    /// What the cross-checks need beyond the IR.
    pub notes: Notes,
}

/// What the cross-checks need beyond the IR.
#[derive(Default)]
pub struct Notes {
    /// Scopes of the sections, by the index of the proxy.
    pub scopes: Vec<Scope>,
    /// Words that stood behind the keyword of a refused line: a name that is missing because its line failed is no news.
    pub suspects: HashSet<Vec<u8>>,
    /// Upstream stops reading at something that was found here, and then leaves out its last line.
    pub stopped: bool,
}

/// Reads all files.
pub fn parse(
    sources: &Sources,
    registry: &Registry,
    capabilities: &Capabilities,
    environment: &dyn Environment,
) -> Parsed {
    let mut parser = Parser {
        registry,
        capabilities,
        environment,
        rows: Rows::new(registry),
        paths: sources.iter().map(|source| source.path.clone()).collect(),
        config: ir::Config::default(),
        diagnostics: Diagnostics::default(),
        notes: Notes::default(),
        defaults: Vec::new(),
        names: HashMap::new(),
        blank: Blank::new(registry),
        open: Open::Nothing,
        folder: Folder::default(),
    };
    for (index, source) in sources.iter().enumerate() {
        parser.file(source, FileId(index as u16));
    }
    Parsed {
        config: parser.config,
        diagnostics: parser.diagnostics,
        notes: parser.notes,
    }
}

pub(crate) struct Parser<'a> {
    pub(crate) registry: &'a Registry,
    capabilities: &'a Capabilities,
    environment: &'a dyn Environment,
    pub(crate) rows: Rows,
    pub(crate) paths: Arc<[String]>,
    pub(crate) config: ir::Config,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) notes: Notes,
    pub(crate) defaults: Vec<Defaults>,
    /// Indices of the proxies of each name, that of the open section included.
    pub(crate) names: HashMap<String, SmallVec<[usize; 1]>>,
    /// What a section begins with that takes nothing over.
    pub(crate) blank: Blank,
    open: Open,
    folder: Folder,
}

impl Parser<'_> {
    fn file(&mut self, source: &Source, file: FileId) {
        self.folder = Folder::of(&source.path, &self.config.global.default_path);
        self.lines(source, file);
        self.folder = Folder::default();
    }

    fn lines(&mut self, source: &Source, file: FileId) {
        let errors = self.diagnostics.count(Severity::Alert);
        let mut faults = files::faults(source, file).into_iter().peekable();
        let mut blocks = Blocks::default();
        let mut last = Span::default();
        let lines = source.text.strip_suffix(b"\n").unwrap_or(&source.text);
        for (text, number) in lines.split(|byte| *byte == b'\n').zip(1u32..) {
            last = Span {
                file,
                line: number,
                start: 0,
                end: 0,
            };
            while let Some(fault) =
                faults.next_if(|fault| fault.span.is_some_and(|span| span.line <= number))
            {
                self.diagnostics.push(fault);
            }
            if memchr::memchr(0, text).is_none() {
                self.text_line(text, source, file, number, &mut blocks);
            }
        }
        self.close();
        if let Some(finding) = blocks.finish(last) {
            self.notes.stopped = true;
            self.diagnostics.push(finding);
        }
        if self.diagnostics.count(Severity::Alert) > errors {
            let text = format!("Error(s) found in configuration file : {}", source.path);
            self.diagnostics
                .push(Diagnostic::whole(Severity::Alert, None, text));
        }
    }

    fn text_line(
        &mut self,
        text: &[u8],
        source: &Source,
        file: FileId,
        number: u32,
        blocks: &mut Blocks,
    ) {
        let place = Place {
            file,
            path: &source.path,
            line: number,
            section: self.open.name().as_bytes(),
        };
        let overlay = Overlay {
            set: &self.config.global.environment,
            below: self.environment,
        };
        let words = match lexer::words(text, &place, &overlay) {
            Ok(words) => words,
            Err(error) => {
                let finding = error.diagnostic(text, &place);
                let unquoted = matches!(error, LexError::UnmatchedQuote { .. })
                    .then(|| lexer::words_without_quotes(text, &place).ok())
                    .flatten()
                    .filter(|line| legacy::quotes::are_ordinary(&line.words));
                match unquoted {
                    Some(words) => {
                        let message = format!(
                            "{}\n  Taken with quotes as ordinary characters, as before HAProxy 1.6.",
                            finding.message
                        );
                        self.diagnostics.push(Diagnostic {
                            severity: Severity::Warning,
                            message,
                            hint: Some(legacy::quotes::escaped(text)),
                            ..finding
                        });
                        words
                    }
                    None => {
                        self.diagnostics.push(finding);
                        return;
                    }
                }
            }
        };
        if words.words.is_empty() {
            return;
        }
        let overlay = Overlay {
            set: &self.config.global.environment,
            below: self.environment,
        };
        match blocks.line(&words, &place, self.capabilities, &overlay) {
            Outcome::Done => {}
            Outcome::Message(finding) => {
                self.notes.stopped |= finding.severity == Severity::Alert;
                self.diagnostics.push(finding);
            }
            Outcome::Wrong(finding) => self.diagnostics.push(finding),
            Outcome::Refused(finding) => {
                self.notes.stopped = true;
                self.diagnostics.push(finding);
            }
            Outcome::Configuration => {
                if let Some(warning) = words.empty_warning(text, &place) {
                    self.diagnostics.push(warning);
                }
                self.words(words.arguments());
            }
        }
    }

    fn words(&mut self, words: &[Word]) {
        let Some(first) = words.first() else {
            return;
        };
        if section::is_section(first) {
            self.close();
            let span = whole(words);
            self.open = section::open(self, words, span);
            return;
        }
        let (negation, words) = match words {
            [word, rest @ ..] if *word == "no" => (Negation::No, rest),
            [word, rest @ ..] if *word == "default" => (Negation::Default, rest),
            _ => (Negation::None, words),
        };
        let span = words.first().map_or(first.span, |_| whole(words));
        let mut open = std::mem::replace(&mut self.open, Open::Nothing);
        let outcome = self.line(&mut open, words, negation, span);
        self.open = open;
        let outcome = outcome.and_then(|()| {
            let wanted = &self.config.global.default_path;
            let wrong = |text| Diagnostic::alert(span, text).into();
            self.folder.follow(wanted).map_err(wrong)
        });
        if let Err(fault) = outcome {
            if let Some(name) = words.get(1) {
                self.notes.suspects.insert(name.text.clone());
            }
            self.diagnostics.push(*fault.diagnostic);
        }
    }

    fn line(
        &mut self,
        open: &mut Open,
        words: &[Word],
        negation: Negation,
        span: Span,
    ) -> Result<(), Fault> {
        let (bit, proxy, scope) = match open {
            Open::Nothing => {
                unknown::negation(words, negation, &Found::Nothing, span)?;
                let first = words.first();
                let name = first.map(Word::lossy).unwrap_or_default();
                let text = format!("unknown keyword '{name}' out of section.");
                if first.is_some_and(|first| !self.rows.has(first)) {
                    // Most likely a section line that is misspelt: what follows would belong to it.
                    *open = Open::Refused(name.into_owned());
                }
                return Err(
                    Diagnostic::alert(first.map_or(span, |first| first.span), text)
                        .with_prefix(Prefix::Reading)
                        .into(),
                );
            }
            Open::Refused(_) => return Ok(()),
            Open::Global(scope) => (Sections::GLOBAL, None, scope.as_mut()),
            Open::UserList(_, scope) => (Sections::USER_LIST, None, scope.as_mut()),
            Open::Resolvers(_, scope) => (Sections::RESOLVERS, None, scope.as_mut()),
            Open::CrtStore(_, scope) => (Sections::CRT_STORE, None, scope.as_mut()),
            Open::Mailers(_, scope) => (Sections::MAILERS, None, scope.as_mut()),
            Open::HttpErrors(_, scope) => (Sections::HTTP_ERRORS, None, scope.as_mut()),
            Open::LogProfile(_, scope) => (Sections::LOG_PROFILE, None, scope.as_mut()),
            Open::Program(_, scope) => (Sections::PROGRAM, None, scope.as_mut()),
            Open::Traces(scope) => (Sections::TRACES, None, scope.as_mut()),
            Open::Proxy(section) | Open::Ring(section) | Open::LogForward(section) => {
                (section.bit, Some(&mut section.proxy), &mut section.scope)
            }
        };
        let found = self.rows.find(words, bit);
        unknown::negation(words, negation, &found, span)?;
        unknown::anonymous_defaults(words, bit, proxy.as_deref())?;
        if scope.paths.len() != self.paths.len() {
            scope.paths = self.paths.clone();
        }
        let row = match found {
            Found::Row(row) => row,
            Found::Elsewhere(row) => {
                let (rows, diagnostics) = (&self.rows, &mut self.diagnostics);
                return unknown::elsewhere(rows, row, bit, words, proxy, scope, diagnostics);
            }
            Found::Nothing => {
                let proxy = proxy.as_deref();
                return match one_sided::ignored(words, bit, proxy, &mut self.diagnostics) {
                    true => Ok(()),
                    false => Err(unknown::unknown(&self.rows, words, bit, span)),
                };
            }
        };
        let outcome = (row.parse)(&mut Line {
            words,
            name_words: name_words(row),
            negation,
            span,
            section: bit,
            config: &mut self.config,
            proxy,
            scope: &mut *scope,
            registry: self.registry,
            diagnostics: &mut self.diagnostics,
        });
        scope.seen.insert(row.name, span);
        if outcome.is_err() {
            keep_acl(words, scope, &mut self.config);
        } else if let Support::NoCounterpart(reason) = row.support {
            let entry = (span, row.name, reason);
            self.config.global.no_counterpart.push(entry);
        }
        outcome
    }

    /// Ends the open section: what it built goes into the configuration.
    fn close(&mut self) {
        let open = std::mem::replace(&mut self.open, Open::Nothing);
        if let Open::Ring(section) = open {
            section::ring::close(self, *section);
        } else if let Open::LogForward(section) = open {
            section::log_forward::close(self, *section);
        } else if let Open::Proxy(section) = open {
            let Section {
                proxy, scope, bit, ..
            } = *section;
            if bit == Sections::DEFAULTS {
                self.defaults.push(Defaults::new(proxy, scope));
            } else {
                http_check::order(&proxy, &mut self.diagnostics);
                self.config.proxies.push(proxy);
                self.notes.scopes.push(scope);
            }
        }
    }
}

/// The variables that the configuration set so far, over those of the process.
struct Overlay<'a> {
    set: &'a [(String, Option<String>)],
    below: &'a dyn Environment,
}

impl Environment for Overlay<'_> {
    fn lookup(&self, name: &[u8]) -> Option<Vec<u8>> {
        match self
            .set
            .iter()
            .rev()
            .find(|(set, _)| set.as_bytes() == name)
        {
            Some((_, value)) => value.as_ref().map(|value| value.clone().into_bytes()),
            None => self.below.lookup(name).or_else(|| built_in(name)),
        }
    }
}

/// Variables that every configuration may use (configuration manual 2.3).
fn built_in(name: &[u8]) -> Option<Vec<u8>> {
    let text = match name {
        b"HAPROXY_HTTP_LOG_FMT" => log_format::HTTP_LOG,
        b"HAPROXY_HTTP_CLF_LOG_FMT" => log_format::HTTP_CLF,
        b"HAPROXY_HTTPS_LOG_FMT" => log_format::HTTPS_LOG,
        b"HAPROXY_TCP_LOG_FMT" => log_format::TCP_LOG,
        b"HAPROXY_TCP_CLF_LOG_FMT" => log_format::TCP_CLF,
        _ => return None,
    };
    Some(text.as_bytes().to_vec())
}

/// An ACL whose line failed stays known by name, so that its uses are no follow-up errors.
fn keep_acl(words: &[Word], scope: &mut Scope, config: &mut ir::Config) {
    let [keyword, name, ..] = words else {
        return;
    };
    if *keyword == "acl" && !scope.acls.contains_key(name.lossy().as_ref()) {
        let id = ir::AclId(config.acls.len() as u32);
        config.acls.push(ir::Acl {
            name: name.lossy().into_owned(),
            span: name.span,
            tests: Vec::new(),
        });
        scope.acls.insert(name.lossy().into_owned(), id);
    }
}

/// How many words the name of a row has.
fn name_words(row: &SectionKeyword) -> usize {
    row.name.split(' ').count()
}

/// From the first word to the last.
pub(crate) fn whole(words: &[Word]) -> Span {
    let first = words.first().map(|word| word.span).unwrap_or_default();
    words.last().map_or(first, |last| first.to(last.span))
}
