//! What `-dt` prints on standard error: faults of HTTP/1, and more as the level says. A line names the worker, the source,
//! the level and the side, as upstream's do; the texts are those of this program.

use std::io::Write;

use hapax_core::ir::TraceLevel;
use hapax_proto::h1::Fault;
use hapax_proto::http::Head;

use crate::http::Client;
use crate::http::exchange::Exchange;

/// Which message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// One from the client.
    Request,
    /// One from the server.
    Response,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Request => "request",
            Side::Response => "response",
        }
    }
}

/// A message could not be read.
pub fn fault(client: &Client, exchange: &Exchange, side: Side, fault: &Fault) {
    let Some(trace) = client.plan.observation.h1 else {
        return;
    };
    let mut text = begun(client, TraceLevel::Error, side);
    text.extend_from_slice(b"parsing error, reject H1 message");
    if !trace.terse {
        let (state, at) = (fault.state.name(), fault.at);
        // Writing to memory cannot fail.
        let _ = write!(text, " : state={state} position={at}");
        if side == Side::Response {
            // What is no request has no number.
            let _ = write!(text, " stream={:08x}", exchange.stream.number);
        }
    }
    print(text);
}

/// A head was read.
pub fn head(client: &Client, exchange: &Exchange, side: Side) {
    let Some(trace) = client.plan.observation.h1 else {
        return;
    };
    if trace.level < TraceLevel::User {
        return;
    }
    let head = match side {
        Side::Request => &exchange.stream.request,
        Side::Response => &exchange.stream.response,
    };
    let mut text = begun(client, TraceLevel::User, side);
    // Writing to memory cannot fail.
    let _ = write!(text, "rcvd H1 {} headers", side.name());
    if !trace.terse {
        let _ = write!(text, " : stream={:08x} \"", exchange.stream.number);
        start_line(head, &mut text);
        text.push(b'"');
    }
    if trace.level >= TraceLevel::Proto {
        for (name, value) in head.iter() {
            for part in [&b"\n\t"[..], name, b": ", value] {
                text.extend_from_slice(part);
            }
        }
    }
    print(text);
}

/// Appends the three parts of a start line.
pub fn start_line(head: &Head, to: &mut Vec<u8>) {
    use hapax_proto::http::Kind;
    let parts = match head.kind() {
        Kind::Request => [head.method(), head.uri(), head.version()],
        Kind::Response => [head.version(), head.status_text(), head.reason()],
    };
    for (part, gap) in parts.into_iter().zip([&b" "[..], b" ", b""]) {
        to.extend_from_slice(part);
        to.extend_from_slice(gap);
    }
}

fn begun(client: &Client, level: TraceLevel, side: Side) -> Vec<u8> {
    let (worker, side) = (client.local.worker, side.name());
    format!("[{worker:02}|h1|{}|{side}] ", level as u8).into_bytes()
}

/// Nobody can be told when standard error is closed.
fn print(mut text: Vec<u8>) {
    text.push(b'\n');
    let _ = std::io::stderr().lock().write_all(&text);
}
