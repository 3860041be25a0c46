//! What is known where a rule or format stands, so that an expression that could never work there is refused.

use hapax_core::ir::{Expr, ProxyKind};
use hapax_core::keyword::{Needs, Rulesets};
use hapax_core::span::Word;

/// A set of the places that `-dKsmp` has columns for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Points(u32);

/// How many columns there are.
pub const COLUMNS: u32 = 22;

/// The columns in order: rules of the frontend's request, of the backend's request, of the backend's and the frontend's
/// response, then logs, checks, the configuration parser and the runtime API.
mod column {
    pub const FRONTEND_CONNECTION: u32 = 0;
    pub const FRONTEND_SESSION: u32 = 1;
    pub const FRONTEND_CONTENT: u32 = 2;
    pub const FRONTEND_REQUEST: u32 = 3;
    pub const USE_BACKEND: u32 = 5;
    pub const BACKEND_CONTENT: u32 = 6;
    pub const BACKEND_REQUEST: u32 = 7;
    pub const SERVER_CHOICE: u32 = 9;
    pub const SERVER_SOURCE: u32 = 10;
    pub const BACKEND_RESPONSE_CONTENT: u32 = 11;
    pub const BACKEND_RESPONSE: u32 = 12;
    pub const FRONTEND_RESPONSE_CONTENT: u32 = 15;
    pub const FRONTEND_RESPONSE: u32 = 16;
    pub const FRONTEND_RESPONSE_BODY: u32 = 17;
    pub const LOG: u32 = 18;
    pub const CHECK: u32 = 19;
    pub const PARSER: u32 = 20;
    pub const COMMAND: u32 = 21;
}

/// How messages call what an expression of a line is part of, by the first words of the line.
const USAGES: &[(&[&str], &str)] = &[
    (&["http-request", "redirect"], "redirect format string"),
    (&["http-response", "redirect"], "redirect format string"),
    (&["redirect"], "redirect format string"),
    (&["http-request"], "http-request expression"),
    (&["http-response"], "http-response response"),
    (&["http-after-response"], "http-response response"),
    (
        &["tcp-request", "connection"],
        "tcp-request connection expression",
    ),
    (
        &["tcp-request", "session"],
        "tcp-request session expression",
    ),
    (
        &["tcp-request", "content"],
        "tcp-request content expression",
    ),
    (
        &["tcp-response", "content"],
        "tcp-response content expression",
    ),
    (&["use_backend"], "use_backend expression"),
    (&["use-server"], "use-server or balance expression"),
    (&["balance"], "use-server or balance expression"),
    (&["log-format"], "log-format string"),
    (&["error-log-format"], "log-format string"),
    (&["log-format-sd"], "log-format-sd string"),
    (&["unique-id-format"], "unique-id-format string"),
];

/// How messages call what expressions of a line are part of; empty where they are only tests of ACLs.
pub fn usage(words: &[Word]) -> &'static str {
    let begins = |first: &[&str]| {
        let mut pairs = first.iter().zip(words);
        words.len() >= first.len() && pairs.all(|(name, word)| *word == *name)
    };
    let found = USAGES.iter().find(|(first, _)| begins(first));
    found.map_or("", |(_, usage)| usage)
}

impl Points {
    /// None.
    const NONE: Points = Points(0);

    const fn one(column: u32) -> Points {
        Points(1 << column)
    }

    /// From one column to another, both included.
    const fn span(from: u32, to: u32) -> Points {
        Points(((1 << (to - from + 1)) - 1) << from)
    }

    const fn or(self, other: Points) -> Points {
        Points(self.0 | other.0)
    }

    /// Whether a column is in the set.
    pub const fn has(self, column: u32) -> bool {
        self.0 >> column & 1 != 0
    }
}

/// Where upstream has which source, and how it calls the source in messages.
const SOURCES: &[(Needs, &str, Points)] = {
    use column::*;
    &[
        (
            Needs::INTERNAL,
            "internal state",
            Points::span(FRONTEND_CONNECTION, CHECK).or(Points::one(COMMAND)),
        ),
        (
            Needs::FRONTEND,
            "frontend",
            Points::span(FRONTEND_CONNECTION, LOG),
        ),
        (
            Needs::CLIENT,
            "client address",
            Points::span(FRONTEND_CONNECTION, CHECK),
        ),
        (
            Needs::CLIENT_CONNECTION,
            "client-side connection",
            Points::span(FRONTEND_SESSION, LOG),
        ),
        (
            Needs::REQUEST_BYTES,
            "request buffer",
            Points::span(FRONTEND_CONTENT, SERVER_SOURCE),
        ),
        (
            Needs::REQUEST,
            "HTTP request headers",
            Points::span(FRONTEND_CONTENT, SERVER_SOURCE),
        ),
        (
            Needs::REQUEST_LINE,
            "HTTP request",
            Points::span(FRONTEND_CONTENT, LOG),
        ),
        (
            Needs::BACKEND,
            "backend",
            Points::span(BACKEND_CONTENT, CHECK),
        ),
        (Needs::SERVER, "server", Points::span(SERVER_SOURCE, CHECK)),
        (
            Needs::SERVER_ADDRESS,
            "server address",
            Points::span(BACKEND_RESPONSE_CONTENT, CHECK),
        ),
        (
            Needs::SERVER_CONNECTION,
            "server-side connection",
            Points::span(BACKEND_RESPONSE_CONTENT, CHECK),
        ),
        (
            Needs::RESPONSE_BYTES,
            "response buffer",
            Points::span(BACKEND_RESPONSE_CONTENT, FRONTEND_RESPONSE_BODY).or(Points::one(CHECK)),
        ),
        (
            Needs::RESPONSE,
            "HTTP response headers",
            Points::span(BACKEND_RESPONSE_CONTENT, FRONTEND_RESPONSE_BODY).or(Points::one(CHECK)),
        ),
        (
            Needs::STATUS,
            "HTTP response",
            Points::span(BACKEND_RESPONSE_CONTENT, CHECK),
        ),
        (
            Needs::RESPONSE_COUNT,
            "response buffer statistics",
            Points::span(SERVER_CHOICE, LOG),
        ),
    ]
};

/// The places where one of the sources is known.
pub fn points(needs: Needs) -> Points {
    if needs == Needs::NOTHING {
        return Points::span(0, COLUMNS - 1);
    }
    sources(needs).fold(Points::NONE, |all, (_, points)| all.or(points))
}

fn sources(needs: Needs) -> impl Iterator<Item = (&'static str, Points)> {
    SOURCES
        .iter()
        .filter(move |(source, ..)| needs.covers(*source))
        .map(|(_, name, points)| (*name, *points))
}

/// A place in the configuration where expressions are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its columns; what one of them knows is known.
    points: Points,
    /// How upstream names the place in warnings.
    pub name: &'static str,
}

impl Place {
    const fn new(column: u32, name: &'static str) -> Place {
        Place {
            points: Points::one(column),
            name,
        }
    }

    /// `tcp-request connection`.
    pub const FRONTEND_CONNECTION: Place = Place::new(
        column::FRONTEND_CONNECTION,
        "frontend tcp-request connection rule",
    );
    /// `tcp-request session`.
    pub const FRONTEND_SESSION: Place = Place::new(
        column::FRONTEND_SESSION,
        "frontend tcp-request session rule",
    );
    /// `tcp-request content` in a frontend.
    pub const FRONTEND_CONTENT: Place = Place::new(
        column::FRONTEND_CONTENT,
        "frontend tcp-request content rule",
    );
    /// A rule of `http-request` (and `redirect`) in a frontend.
    pub const FRONTEND_REQUEST: Place = Place::new(
        column::FRONTEND_REQUEST,
        "frontend http-request header rule",
    );
    /// `tcp-request content` in a backend.
    pub const BACKEND_CONTENT: Place =
        Place::new(column::BACKEND_CONTENT, "backend tcp-request content rule");
    /// A rule of `http-request` in a backend.
    pub const BACKEND_REQUEST: Place =
        Place::new(column::BACKEND_REQUEST, "backend http-request header rule");
    /// `tcp-response content` in a frontend.
    pub const FRONTEND_RESPONSE_CONTENT: Place = Place::new(
        column::FRONTEND_RESPONSE_CONTENT,
        "frontend tcp-response content rule",
    );
    /// A rule of `http-response` in a frontend.
    pub const FRONTEND_RESPONSE: Place = Place::new(
        column::FRONTEND_RESPONSE,
        "frontend http-response header rule",
    );
    /// `tcp-response content` in a backend.
    pub const BACKEND_RESPONSE_CONTENT: Place = Place::new(
        column::BACKEND_RESPONSE_CONTENT,
        "backend tcp-response content rule",
    );
    /// A rule of `http-response` in a backend.
    pub const BACKEND_RESPONSE: Place = Place::new(
        column::BACKEND_RESPONSE,
        "backend http-response header rule",
    );
    /// Answers in place of error pages: a request or a response may have caused them.
    pub const ERROR_PAGE: Place = Place {
        points: Points::span(column::FRONTEND_REQUEST, column::FRONTEND_RESPONSE_BODY),
        name: "http-error",
    };
    /// `use_backend`.
    pub const USE_BACKEND: Place = Place::new(column::USE_BACKEND, "frontend use-backend rule");
    /// `use-server` and `balance`.
    pub const SERVER_CHOICE: Place = Place::new(
        column::SERVER_CHOICE,
        "backend use-server, balance or stick-match rule",
    );
    /// `source` of a server.
    pub const SERVER_SOURCE: Place = Place::new(column::SERVER_SOURCE, "server source selection");
    /// Log formats.
    pub const LOG: Place = Place::new(column::LOG, "logs");
    /// Checks.
    pub const CHECK: Place = Place::new(column::CHECK, "backend tcp-check rule");
    /// Conditions and values that are worked out while the configuration is read.
    pub const PARSER: Place = Place::new(column::PARSER, "configuration parser");
    /// Commands of the runtime API.
    pub const COMMAND: Place = Place::new(column::COMMAND, "CLI parser");

    /// The place of a ruleset in a proxy of a kind; a `listen` counts as both sides.
    pub fn of(ruleset: Rulesets, kind: ProxyKind) -> Place {
        let (front, back) = match ruleset {
            Rulesets::TCP_CONNECTION => return Place::FRONTEND_CONNECTION,
            Rulesets::TCP_SESSION => return Place::FRONTEND_SESSION,
            Rulesets::TCP_CONTENT => (Place::FRONTEND_CONTENT, Place::BACKEND_CONTENT),
            Rulesets::TCP_RESPONSE => (
                Place::FRONTEND_RESPONSE_CONTENT,
                Place::BACKEND_RESPONSE_CONTENT,
            ),
            Rulesets::HTTP_REQUEST | Rulesets::STATS => {
                (Place::FRONTEND_REQUEST, Place::BACKEND_REQUEST)
            }
            _ => (Place::FRONTEND_RESPONSE, Place::BACKEND_RESPONSE),
        };
        let both = front.points.or(back.points);
        match kind {
            ProxyKind::Frontend => front,
            ProxyKind::Backend => back,
            // Named after whichever stands in an earlier column.
            ProxyKind::Listen => Place {
                points: both,
                name: if front.points.0 < back.points.0 {
                    front.name
                } else {
                    back.name
                },
            },
        }
    }

    /// Whether what a fetch needs is known here.
    pub fn offers(&self, needs: Needs) -> bool {
        points(needs).0 & self.points.0 != 0
    }

    /// What an expression needs and this place does not know, in upstream's words; none when all is well.
    pub fn lacks(&self, expr: &Expr) -> Option<String> {
        let needs = expr.fetch.needs;
        if self.offers(needs) {
            return None;
        }
        let names: Vec<_> = sources(needs).map(|(name, _)| name).collect();
        Some(names.join(","))
    }
}
