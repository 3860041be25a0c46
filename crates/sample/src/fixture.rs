//! For tests: a configuration built from lines, and an exchange to evaluate it against.

use std::sync::Arc;

use bumpalo::Bump;
use hapax_core::contract::{Algorithm, BalanceKey, Balancer, Cx, Now, Shared, TrafficLog, Tx};
use hapax_core::diagnostic::{Diagnostic, Diagnostics};
use hapax_core::ir::{Config, Mode, Proxy, ProxyKind};
use hapax_core::keyword::{Line, Negation, Registry, Scope, Sections, Tables};
use hapax_core::live::{Live, Servers};
use hapax_core::program::{Program, ProxyId};
use hapax_core::span::{FileId, Span, Word};
use hapax_core::stream::{Endpoint, Session, Stream};

use crate::expression::{self, Ending, Origin};
use crate::{cast, log_format};

/// One frontend `f` and what its lines said.
pub struct Fixture {
    /// Every row of the tables given.
    pub registry: Registry,
    /// The configuration without the frontend, which is added by [`Fixture::program`].
    pub config: Config,
    /// The frontend.
    pub proxy: Proxy,
    /// See [`Line::scope`].
    pub scope: Scope,
    /// What was found.
    pub diagnostics: Diagnostics,
    /// The client connection.
    pub session: Session,
    /// The exchange.
    pub stream: Stream,
    /// Scratch memory.
    pub arena: Bump,
}

impl Fixture {
    /// A frontend in mode `http` with a request for `/a/b?c=d` from 127.0.0.1.
    pub fn new<'t>(tables: impl IntoIterator<Item = &'t Tables>) -> Fixture {
        let mut proxy = Proxy::new(
            "f".to_owned(),
            ProxyKind::Frontend,
            SPAN,
            Shared(Arc::new(NoBalance)),
        );
        proxy.mode = Mode::Http;
        let mut stream = Stream {
            status: -1,
            ..Stream::default()
        };
        stream
            .request
            .start_request(b"GET", b"/a/b?c=d", b"HTTP/1.1");
        stream.request.add(b"host", b"Example.org:80");
        stream.request_line = b"GET /a/b?c=d HTTP/1.1".to_vec();
        Fixture {
            registry: Registry::new(tables),
            config: Config::default(),
            proxy,
            scope: Scope {
                paths: ["x.cfg".to_owned()].into(),
                ..Scope::default()
            },
            diagnostics: Diagnostics::default(),
            session: Session {
                source: Endpoint::Inet(([127, 0, 0, 1], 4242).into()),
                destination: Endpoint::Inet(([127, 0, 0, 2], 80).into()),
                ..Session::default()
            },
            stream,
            arena: Bump::new(),
        }
    }

    /// Reads a line of the frontend; words are separated by blanks, `~` is a blank inside a word.
    ///
    /// # Errors
    /// What the row refused, or that there is no such row.
    pub fn line(&mut self, text: &str) -> Result<(), Diagnostic> {
        let words = words(text);
        let row = (1..=words.len().min(3)).rev().find_map(|count| {
            let name: Vec<_> = words[..count].iter().map(Word::lossy).collect();
            let row = self.registry.sections.find(&name.join(" "))?;
            Some((row, count))
        });
        let Some((row, name_words)) = row else {
            return Err(Diagnostic::alert(SPAN, "no such keyword"));
        };
        (row.0.parse)(&mut Line {
            words: &words,
            name_words,
            negation: Negation::None,
            span: SPAN,
            section: Sections::FRONTEND,
            config: &mut self.config,
            proxy: Some(&mut self.proxy),
            scope: &mut self.scope,
            registry: &self.registry,
            diagnostics: &mut self.diagnostics,
        })
        .map_err(|fault| *fault.diagnostic)
    }

    /// What an expression gives in this exchange, as text.
    ///
    /// # Errors
    /// The text of what is wrong with it.
    pub fn eval(&self, text: &str) -> Result<Option<String>, String> {
        let parsed = expression::parse(text.as_bytes(), Ending::Whole, &self.origin())
            .map_err(|error| error.to_string())?;
        let program = self.program();
        let cx = self.cx(&program);
        Ok(expression::eval(&parsed.expr, &cx).map(|sample| {
            let mut out = Vec::new();
            cast::append(&mut out, sample.value);
            String::from_utf8_lossy(&out).into_owned()
        }))
    }

    /// What a log format gives in this exchange.
    ///
    /// # Errors
    /// The text of what is wrong with it.
    pub fn format(&self, text: &str, style: log_format::Style) -> Result<String, String> {
        let place = crate::place::Place::LOG;
        let parsed = log_format::parse(text.as_bytes(), style, place, &self.origin())?;
        let program = self.program();
        let mut out = Vec::new();
        log_format::render(&parsed.format, &self.cx(&program), &mut out);
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Who asks.
    pub fn origin(&self) -> Origin<'_> {
        Origin {
            registry: &self.registry,
            proxy: self.proxy.name.clone(),
            kind: Some(self.proxy.kind),
            span: SPAN,
            place: "x.cfg:1".to_owned(),
            from: Some(0),
            patterns: self.config.patterns.clone(),
            usage: "",
            acls: Some(&self.scope.acls),
        }
    }

    /// The configuration so far, linked.
    pub fn program(&self) -> Program {
        let mut config = self.config.clone();
        config.proxies.push(self.proxy.clone());
        let live = Arc::new(Live::new(&config, 1, 0));
        Program::link(config, live, "machine".to_owned())
    }

    /// What an expression may look at.
    pub fn cx<'a>(&'a self, program: &'a Program) -> Cx<'a> {
        Cx {
            program,
            session: &self.session,
            stream: &self.stream,
            request_bytes: &[],
            response_bytes: &[],
            arena: &self.arena,
            now: NOW,
            on_response: false,
        }
    }

    /// What an action may change.
    pub fn tx<'a>(&'a mut self, program: &'a Program, scratch: &'a mut Vec<u8>) -> Tx<'a> {
        Tx {
            program,
            session: &mut self.session,
            stream: &mut self.stream,
            request_bytes: &[],
            response_bytes: &[],
            arena: &self.arena,
            scratch,
            log: &NoLog,
            now: NOW,
            on_response: false,
        }
    }

    /// The proxy that [`Fixture::program`] puts first.
    pub fn frontend(&self) -> ProxyId {
        ProxyId(0)
    }
}

/// Takes no line.
struct NoLog;

impl TrafficLog for NoLog {
    fn line(&self, _: &mut Tx<'_>, _: hapax_core::ir::LogOrigin) {}
}

/// Words of a line.
pub fn words(text: &str) -> Vec<Word> {
    text.split_whitespace()
        .map(|word| Word {
            text: word.replace('~', " ").into_bytes(),
            span: SPAN,
        })
        .collect()
}

const NOW: Now = Now {
    ms: 10_000,
    wall_us: 1_700_000_000_123_456,
};

const SPAN: Span = Span {
    file: FileId(0),
    line: 1,
    start: 0,
    end: 0,
};

/// The tests balance nothing.
#[derive(Debug)]
struct NoBalance;

impl Algorithm for NoBalance {
    fn text(&self) -> String {
        "none".to_owned()
    }

    fn name(&self) -> &'static str {
        "none"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, _: &hapax_core::ir::ProxySettings, _: &Servers) -> Box<dyn Balancer> {
        Box::new(NoBalance)
    }
}

impl Balancer for NoBalance {
    fn choose(&self, _: hapax_core::contract::KeyValue<'_>, _: Option<usize>) -> Option<usize> {
        None
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {}
}
