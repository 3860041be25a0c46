//! What the expressions of a check see: the server, its connection, and what came over it.

use bumpalo::Bump;
use hapax_core::contract::{Cx, Now};
use hapax_core::ir::{CheckData, Expr, LogFormat, SetVariable, VariableValue};
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, ProxyId};
use hapax_core::sample::Value;
use hapax_core::stream::{Endpoint, Session, Stream};
use hapax_core::variable::{Name, Phase};
use hapax_sample::{expression, log_format, variable};
use hapax_sys::addr::{Addr, local_addr, peer_addr};

use super::verdict::from_hexadecimal;
use crate::clock;
use crate::frontend::endpoint;
use crate::io;

/// One run of a check.
pub(super) struct Scene<'a> {
    pub(super) program: &'a Program,
    pub(super) proxy: ProxyId,
    pub(super) server: &'a ServerLive,
    session: Session,
    /// Its response is the one that came last.
    pub(super) stream: Box<Stream>,
    arena: Bump,
}

/// A format gives no bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotHexadecimal;

impl<'a> Scene<'a> {
    /// Before the first step.
    pub(super) fn new(program: &'a Program, proxy: ProxyId, server: &'a ServerLive) -> Scene<'a> {
        Scene {
            program,
            proxy,
            server,
            session: Session {
                frontend: proxy,
                ..Session::default()
            },
            stream: Box::new(Stream {
                backend: proxy,
                server: Some(server.index),
                phase: Phase::Check,
                ..Stream::default()
            }),
            arena: Bump::new(),
        }
    }

    /// A connection is there.
    pub(super) fn connected(&mut self, socket: &io::Stream) {
        let end = |address: std::io::Result<Addr>| {
            address
                .as_ref()
                .map_or_else(|_| Endpoint::default(), endpoint)
        };
        self.stream.server_local = end(socket.with_fd(|fd| local_addr(fd)));
        self.stream.server_address = end(socket.with_fd(|fd| peer_addr(fd)));
        self.stream.response.clear();
    }

    fn cx<'b>(&'b self, received: &'b [u8]) -> Cx<'b> {
        Cx {
            program: self.program,
            session: &self.session,
            stream: &self.stream,
            request_bytes: &[],
            response_bytes: received,
            arena: &self.arena,
            now: Now {
                ms: clock::now_ms(),
                wall_us: clock::wall_us(),
            },
            on_response: true,
        }
    }

    /// The text of a format.
    pub(super) fn text(&self, format: &LogFormat, received: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        log_format::render(format, &self.cx(received), &mut text);
        text
    }

    /// The bytes of a step.
    pub(super) fn bytes(
        &self,
        data: &CheckData,
        received: &[u8],
    ) -> Result<Vec<u8>, NotHexadecimal> {
        match data {
            CheckData::Fixed(bytes) => Ok(bytes.clone()),
            CheckData::Format(format) => Ok(self.text(format, received)),
            CheckData::Hexadecimal(format) => {
                from_hexadecimal(&self.text(format, received)).ok_or(NotHexadecimal)
            }
        }
    }

    /// The value of an expression as an integer; of a text, the one that it begins with.
    pub(super) fn integer(&self, expr: &Expr, received: &[u8]) -> Option<i64> {
        let cx = self.cx(received);
        match expression::eval(expr, &cx)?.value {
            Value::Int(number) => Some(number),
            Value::Bool(is) => Some(is.into()),
            value => {
                let text = value.bytes()?;
                let end = text.iter().position(|byte| !byte.is_ascii_digit());
                let digits = std::str::from_utf8(&text[..end.unwrap_or(text.len())]).ok()?;
                digits.parse().ok()
            }
        }
    }

    /// `set-var` and `set-var-fmt`
    pub(super) fn set(&self, wish: &SetVariable, received: &[u8]) {
        let cx = self.cx(received);
        match &wish.value {
            VariableValue::Expr(expr) => {
                if let Some(sample) = expression::eval(expr, &cx) {
                    variable::set(&cx, &wish.name, wish.conditions, sample.value);
                }
            }
            VariableValue::Format(format) => {
                let text = self.text(format, received);
                variable::set(&cx, &wish.name, wish.conditions, Value::Str(&text));
            }
        }
    }

    /// `unset-var`
    pub(super) fn unset(&self, name: &Name) {
        self.cx(&[]).unset_variable(name);
    }
}
