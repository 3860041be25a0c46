//! What is known where a rule or format stands, so that an expression that could never work there is refused.

use hapax_core::ir::{Expr, ProxyKind};
use hapax_core::keyword::{Needs, Rulesets};

/// A place in the configuration where expressions are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What is known there.
    pub known: Needs,
    /// How upstream names the place in warnings.
    pub name: &'static str,
}

const REQUEST: Needs = Needs::CLIENT
    .or(Needs::BYTES)
    .or(Needs::REQUEST_BYTES)
    .or(Needs::REQUEST)
    .or(Needs::REQUEST_LINE);
const RESPONSE: Needs = Needs::CLIENT
    .or(Needs::BYTES)
    .or(Needs::REQUEST_LINE)
    .or(Needs::BACKEND)
    .or(Needs::SERVER)
    .or(Needs::SERVER_ADDRESS)
    .or(Needs::RESPONSE_BYTES)
    .or(Needs::RESPONSE)
    .or(Needs::RESPONSE_COUNT)
    .or(Needs::STATUS);

impl Place {
    /// A rule of `http-request` (and `redirect`) in a frontend.
    pub const FRONTEND_REQUEST: Place = Place {
        known: REQUEST,
        name: "frontend http-request header rule",
    };
    /// A rule of `http-request` in a backend.
    pub const BACKEND_REQUEST: Place = Place {
        known: REQUEST.or(Needs::BACKEND),
        name: "backend http-request header rule",
    };
    /// A rule of `http-response` in a frontend.
    pub const FRONTEND_RESPONSE: Place = Place {
        known: RESPONSE,
        name: "frontend http-response header rule",
    };
    /// A rule of `http-response` in a backend.
    pub const BACKEND_RESPONSE: Place = Place {
        known: RESPONSE,
        name: "backend http-response header rule",
    };
    /// `tcp-request connection`.
    pub const TCP_CONNECTION: Place = Place {
        known: Needs::CLIENT,
        name: "frontend tcp-request connection rule",
    };
    /// `tcp-request session`.
    pub const TCP_SESSION: Place = Place {
        known: Needs::CLIENT,
        name: "frontend tcp-request session rule",
    };
    /// `tcp-request content` in a frontend.
    pub const FRONTEND_TCP_CONTENT: Place = Place {
        known: REQUEST,
        name: "frontend tcp-request content rule",
    };
    /// `tcp-request content` in a backend.
    pub const BACKEND_TCP_CONTENT: Place = Place {
        known: REQUEST.or(Needs::BACKEND),
        name: "backend tcp-request content rule",
    };
    /// `tcp-response content`.
    pub const TCP_RESPONSE: Place = Place {
        known: RESPONSE,
        name: "backend tcp-response content rule",
    };
    /// `use_backend`.
    pub const USE_BACKEND: Place = Place {
        known: REQUEST,
        name: "frontend use-backend rule",
    };
    /// `use-server` and `balance`.
    pub const SERVER_CHOICE: Place = Place {
        known: REQUEST.or(Needs::BACKEND),
        name: "backend use-server, balance or stick-match rule",
    };
    /// Log formats.
    pub const LOG: Place = Place {
        known: Needs::CLIENT
            .or(Needs::REQUEST_LINE)
            .or(Needs::BACKEND)
            .or(Needs::SERVER)
            .or(Needs::SERVER_ADDRESS)
            .or(Needs::RESPONSE_COUNT)
            .or(Needs::STATUS)
            .or(Needs::END),
        name: "logs",
    };

    /// The place of a ruleset in a proxy of a kind; a `listen` counts as both sides.
    pub fn of(ruleset: Rulesets, kind: ProxyKind) -> Place {
        match (ruleset, kind) {
            (Rulesets::TCP_CONNECTION, _) => return Place::TCP_CONNECTION,
            (Rulesets::TCP_SESSION, _) => return Place::TCP_SESSION,
            (Rulesets::TCP_CONTENT, ProxyKind::Frontend) => return Place::FRONTEND_TCP_CONTENT,
            (Rulesets::TCP_CONTENT, ProxyKind::Backend) => return Place::BACKEND_TCP_CONTENT,
            (Rulesets::TCP_CONTENT, ProxyKind::Listen) => {
                return Place {
                    known: Place::BACKEND_TCP_CONTENT.known,
                    ..Place::FRONTEND_TCP_CONTENT
                };
            }
            (Rulesets::TCP_RESPONSE, _) => return Place::TCP_RESPONSE,
            _ => {}
        }
        let request = Rulesets::HTTP_REQUEST.or(Rulesets::STATS);
        match (request.has(ruleset), kind) {
            (true, ProxyKind::Frontend) => Place::FRONTEND_REQUEST,
            (true, ProxyKind::Backend) => Place::BACKEND_REQUEST,
            (true, ProxyKind::Listen) => Place {
                known: Place::BACKEND_REQUEST.known,
                ..Place::FRONTEND_REQUEST
            },
            (false, ProxyKind::Frontend) => Place::FRONTEND_RESPONSE,
            (false, _) => Place::BACKEND_RESPONSE,
        }
    }

    /// What an expression needs and this place does not know, in upstream's words; none when all is well.
    pub fn lacks(&self, expr: &Expr) -> Option<&'static str> {
        lacking(Needs(expr.fetch.needs.0 & !self.known.0))
    }
}

fn lacking(missing: Needs) -> Option<&'static str> {
    const NAMES: &[(Needs, &str)] = &[
        (Needs::CLIENT, "client address"),
        (Needs::REQUEST_BYTES, "request buffer"),
        (Needs::BYTES, "request buffer"),
        (Needs::REQUEST, "HTTP request headers"),
        (Needs::REQUEST_LINE, "HTTP request"),
        (Needs::BACKEND, "backend"),
        (Needs::SERVER, "server"),
        (Needs::SERVER_ADDRESS, "server address"),
        (Needs::RESPONSE_BYTES, "response buffer"),
        (Needs::RESPONSE, "HTTP response headers"),
        (Needs::STATUS, "HTTP response"),
        (Needs::RESPONSE_COUNT, "response buffer statistics"),
        (Needs::END, "stream's statistics"),
    ];
    NAMES
        .iter()
        .find(|(needs, _)| missing.0 & needs.0 != 0)
        .map(|(_, name)| *name)
}
