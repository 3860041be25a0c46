//! Traces at work: events are told to [`Traces`](hapax_core::trace::Traces), and what it lets pass is written. A line names
//! the worker, the source, the level and the event, in the place where upstream's name a file; the texts are those of this
//! program.

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;

use hapax_core::ir::{LogFraming, Ring};
use hapax_core::live::{CheckResult, ListenerLive, ServerLive};
use hapax_core::program::{Program, Proxy, ProxyId};
use hapax_core::stream::{Cause, Endpoint, Termination};
use hapax_core::trace::{Event, Level, Origin, Passed, Sink, Source};
use hapax_proto::h1::Fault;
use hapax_proto::h2::Connection;
use hapax_proto::http::Head;

use crate::clock;
use crate::http::Client;
use crate::http::exchange::Exchange;
use crate::log::date;
use crate::plan::Plan;

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
    if !client.plan.traces.is_on(Source::H1) {
        return;
    }
    let text = "parsing error, reject H1 message";
    let about = (Event::H1_ERR, Level::Error, origin(client, Some(exchange)));
    tell(&client.plan, about, text, |line, _| {
        let (state, at) = (fault.state.name(), fault.at);
        // Writing to memory cannot fail.
        let _ = write!(line, "{} state={state} position={at}", side.name());
        if side == Side::Response {
            // What is no request has no number.
            let _ = write!(line, " stream={:08x}", exchange.stream.number);
        }
    });
}

/// A head was read, of HTTP/1 or of a stream of HTTP/2.
pub fn head(client: &Client, exchange: &Exchange, side: Side) {
    let (http2, head) = match side {
        Side::Request => (client.session.http2, &exchange.stream.request),
        Side::Response => (exchange.stream.server_http2, &exchange.stream.response),
    };
    let (event, text) = match (http2, side) {
        (false, Side::Request) => (Event::H1_RX_HEADERS, "rcvd H1 request headers"),
        (false, Side::Response) => (Event::H1_RX_HEADERS, "rcvd H1 response headers"),
        (true, Side::Request) => (Event::H2_RX_HEADERS, "rcvd H2 request"),
        (true, Side::Response) => (Event::H2_RX_HEADERS, "rcvd H2 response"),
    };
    if client.plan.traces.is_on(event.source) {
        message(client, exchange, event, text, head);
    }
}

/// A response's head goes to the client.
pub fn head_sent(client: &Client, exchange: &Exchange) {
    let (event, text) = match client.session.http2 {
        false => (Event::H1_TX_HEADERS, "sending H1 response headers"),
        true => (Event::H2_TX_HEADERS, "sending H2 response"),
    };
    if client.plan.traces.is_on(event.source) {
        message(client, exchange, event, text, &exchange.stream.response);
    }
}

fn message(client: &Client, exchange: &Exchange, event: Event, text: &str, head: &Head) {
    let about = (event, Level::User, origin(client, Some(exchange)));
    tell(&client.plan, about, text, |line, passed| {
        // Writing to memory cannot fail.
        let _ = write!(line, "stream={:08x} \"", exchange.stream.number);
        start_line(head, line);
        line.push(b'"');
        if passed.level >= Level::Proto || passed.verbosity >= WITH_FIELDS {
            for (name, value) in head.iter() {
                for part in [&b"\n\t"[..], name, b": ", value] {
                    line.extend_from_slice(part);
                }
            }
        }
    });
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

/// A stream begins.
pub fn stream_begins(client: &Client, exchange: &Exchange) {
    if client.plan.traces.is_on(Source::Stream) {
        let about = (
            Event::STREAM_NEW,
            Level::State,
            origin(client, Some(exchange)),
        );
        tell(&client.plan, about, "new stream", |line, _| {
            from(line, client.session.source);
        });
    }
}

/// A stream ended.
pub fn stream_ends(client: &Client, exchange: &Exchange) {
    if !client.plan.traces.is_on(Source::Stream) {
        return;
    }
    let stream = &exchange.stream;
    let (event, level) = match stream.termination.cause {
        Cause::None | Cause::Local => (Event::STREAM_FREE, Level::State),
        _ => (Event::STREAM_FREE.and(Event::STREAM_ERR), Level::Error),
    };
    let about = (event, level, origin(client, Some(exchange)));
    tell(&client.plan, about, "releasing stream", |line, _| {
        let backend = &client.plan.live(stream.backend).name;
        let server = server_of(client, exchange).map_or("<NOSRV>", |server| &server.name);
        // Writing to memory cannot fail.
        let _ = write!(
            line,
            "stream={:08x} backend={backend} server={server} status={} bytes={}/{} state={}",
            stream.number,
            stream.status,
            stream.bytes_in,
            stream.bytes_out,
            termination(&stream.termination)
        );
    });
}

/// A session begins; `session` is what tells it from others.
pub fn session_begins(client: &Client) {
    if client.plan.traces.is_on(Source::Session) {
        let about = (Event::SESSION_NEW, Level::State, origin(client, None));
        tell(&client.plan, about, "new session", |line, _| {
            from(line, client.session.source);
        });
    }
}

/// A session ends before its first stream.
pub fn session_refused(client: &Client, why: &str) {
    if client.plan.traces.is_on(Source::Session) {
        let about = (Event::SESSION_ERR, Level::Error, origin(client, None));
        tell(&client.plan, about, "session refused", |line, _| {
            line.extend_from_slice(why.as_bytes());
        });
    }
}

/// A session ends.
pub fn session_ends(plan: &Plan, origin: Origin) {
    let about = (Event::SESSION_END, Level::State, origin);
    tell(plan, about, "releasing session", |_, _| {});
}

/// A handshake with a client: it begins (`None`), was made, or broke.
pub fn handshake(client: &Client, outcome: Option<Result<(), &str>>) {
    if client.plan.traces.is_on(Source::Ssl) {
        secured(&client.plan, origin(client, None), "client", outcome);
    }
}

/// A handshake with a server was made, or broke.
pub fn server_handshake(client: &Client, server: &ServerLive, backend: ProxyId, made: bool) {
    if client.plan.traces.is_on(Source::Ssl) {
        let origin = Origin {
            backend: Some(client.plan.live(backend).uuid.into()),
            server: Some(address(server)),
            ..origin(client, None)
        };
        let outcome = if made { Ok(()) } else { Err("it broke") };
        secured(&client.plan, origin, &server.name, Some(outcome));
    }
}

fn secured(plan: &Plan, origin: Origin, with: &str, outcome: Option<Result<(), &str>>) {
    let (event, level, text) = match outcome {
        None => (Event::SSL_NEW, Level::State, "SSL handshake begins"),
        Some(Ok(())) => (Event::SSL_HANDSHAKE, Level::Proto, "SSL handshake made"),
        Some(Err(_)) => (Event::SSL_ERR, Level::Error, "SSL handshake failed"),
    };
    tell(plan, (event, level, origin), text, |line, _| {
        // Writing to memory cannot fail.
        let _ = write!(line, "with={with}");
        if let Some(Err(why)) = outcome {
            let _ = write!(line, " reason=\"{why}\"");
        }
    });
}

/// A check begins, or ended with a result.
pub fn check(program: &Program, proxy: &Proxy, server: &ServerLive, result: Option<&CheckResult>) {
    if !program.live.process.traces.is_on(Source::Check) {
        return;
    }
    let (event, level, text) = match result {
        None => (Event::CHECK_START, Level::State, "check starts"),
        Some(result) if result.status.passed() => (
            Event::CHECK_END.and(Event::CHECK_OK),
            Level::User,
            "check succeeded",
        ),
        Some(_) => (
            Event::CHECK_END.and(Event::CHECK_ERR),
            Level::Error,
            "check failed",
        ),
    };
    let origin = Origin {
        thread: Some(thread()),
        own: Some(address(server)),
        ..Origin::default()
    };
    let traces = &program.live.process.traces;
    let Some(passed) = traces.pass(event, level, &origin) else {
        return;
    };
    write_line(program, &passed, (event, level), text, |line| {
        // Writing to memory cannot fail.
        let _ = write!(line, "server={}/{}", proxy.live.name, server.name);
        if let Some(result) = result {
            let (status, code) = (result.status.name(), result.code);
            let _ = write!(
                line,
                " status={status} code={code} info=\"{}\"",
                result.info
            );
        }
    });
}

/// Whose connection of HTTP/2 it is.
pub struct Multiplexed<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Whose events they are.
    pub origin: Origin,
    /// The name of the other side.
    pub with: &'a str,
}

impl Multiplexed<'_> {
    /// The connection begins, ends, or is broken.
    pub fn tell(&self, event: Event, text: &str) {
        let level = match event {
            Event::H2_ERR => Level::Error,
            Event::H2_NEW => Level::User,
            _ => Level::State,
        };
        tell(self.plan, (event, level, self.origin), text, |line, _| {
            line.extend_from_slice(b"with=");
            line.extend_from_slice(self.with.as_bytes());
        });
    }

    /// What was seen of its frames since it was asked for last.
    pub fn frames(&self, connection: &mut Connection) {
        for seen in connection.take_seen() {
            let head = seen.head;
            let event = Event::h2_frame(head.kind, seen.sent);
            let text = if seen.sent {
                "sent H2 frame"
            } else {
                "rcvd H2 frame"
            };
            let own = (head.stream > 0).then_some(head.stream.into());
            let about = (event, Level::Proto, Origin { own, ..self.origin });
            tell(self.plan, about, text, |line, _| {
                // Writing to memory cannot fail.
                let _ = write!(
                    line,
                    "with={} type={} flags={:#04x} stream={} length={}",
                    self.with, head.kind, head.flags, head.stream, head.length
                );
            });
        }
    }
}

/// Whose event it is where a client's connection is known, and perhaps what it is used for.
pub fn origin(client: &Client, exchange: Option<&Exchange>) -> Origin {
    let session = &client.session;
    let live = client.plan.live(session.frontend);
    let listener = live.listeners.get(session.listener);
    let stream = exchange.map(|exchange| &exchange.stream);
    let server = exchange.and_then(|exchange| server_of(client, exchange));
    Origin {
        thread: Some(client.local.worker as u64),
        listener: listener.map(|listener| address::<ListenerLive>(listener)),
        frontend: Some(live.uuid.into()),
        backend: stream.map(|stream| client.plan.live(stream.backend).uuid.into()),
        server: server.map(|server| address::<ServerLive>(server)),
        session: Some(Rc::as_ptr(&client.admission).addr() as u64),
        own: exchange.map(address),
    }
}

fn server_of<'a>(client: &'a Client, exchange: &Exchange) -> Option<&'a Arc<ServerLive>> {
    let stream = &exchange.stream;
    client.plan.live(stream.backend).servers.get(stream.server?)
}

/// What tells one thing from another of its kind.
pub fn address<T>(of: &T) -> u64 {
    std::ptr::from_ref(of).addr() as u64
}

fn termination(of: &Termination) -> String {
    [of.cause.letter(), of.phase.letter()]
        .map(char::from)
        .iter()
        .collect()
}

fn from(line: &mut Vec<u8>, source: Endpoint) {
    // Writing to memory cannot fail.
    let _ = match source {
        Endpoint::Inet(address) => write!(line, "from={address}"),
        _ => write!(line, "from=unix"),
    };
}

fn thread() -> u64 {
    crate::worker::index() as u64
}

#[cold]
fn tell(
    plan: &Plan,
    (event, level, origin): (Event, Level, Origin),
    text: &str,
    detail: impl FnOnce(&mut Vec<u8>, &Passed),
) {
    if let Some(passed) = plan.traces.pass(event, level, &origin) {
        let about = (event, level);
        write_line(&plan.program, &passed, about, text, |line| {
            detail(line, &passed);
        });
    }
}

/// Writes an event: its text, and behind it what `detail` appends, unless nothing of that is wanted.
fn write_line(
    program: &Program,
    passed: &Passed,
    (event, level): (Event, Level),
    text: &str,
    detail: impl FnOnce(&mut Vec<u8>),
) {
    let (source, level) = (event.source.kind().name, level as u8);
    let mut line = Vec::with_capacity(128);
    if let Sink::Ring(name) = &passed.sink {
        framed(framing(program, name), &mut line);
    }
    // Writing to memory cannot fail.
    let _ = write!(
        line,
        "[{:02}|{source}|{level}|{}] {text}",
        thread(),
        event.name()
    );
    if passed.verbosity > 0 {
        line.extend_from_slice(b" : ");
        let before = line.len();
        detail(&mut line);
        if line.len() == before {
            line.truncate(before - b" : ".len());
        }
    }
    match &passed.sink {
        Sink::None => {}
        Sink::Ring(name) => {
            if let Some(ring) = program.live.ring(name) {
                ring.append(std::iter::once(&line[..]));
            }
        }
        // Nobody can be told when they are closed.
        Sink::Stdout => {
            line.push(b'\n');
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(&line).and_then(|()| out.flush());
        }
        Sink::Stderr => {
            line.push(b'\n');
            let _ = std::io::stderr().lock().write_all(&line);
        }
    }
}

/// How a ring wants its messages.
fn framing(program: &Program, name: &str) -> LogFraming {
    let own = program.rings.iter().find(|ring| ring.name == name);
    let built_in = Ring::BUILT_IN.iter().any(|(known, _)| *known == name);
    match own.and_then(|ring| ring.format) {
        Some(format) => format,
        None if built_in => LogFraming::Timed,
        None => LogFraming::Raw,
    }
}

/// What stands in front of an event in a ring: its urgency, which is always the same, and when it happened.
fn framed(framing: LogFraming, line: &mut Vec<u8>) {
    let now = clock::wall_us();
    let dates = date::Dates::new(date::zone().clone());
    match framing {
        LogFraming::Raw | LogFraming::Unset => {}
        LogFraming::Short | LogFraming::Priority => line.extend_from_slice(b"<0>"),
        LogFraming::Timed => {
            line.extend_from_slice(b"<0>");
            dates.iso(now, line);
        }
        LogFraming::Iso => dates.iso(now, line),
        LogFraming::Local => {
            line.extend_from_slice(b"<0>");
            dates.bsd(now, line);
        }
        LogFraming::Rfc3164 => {
            line.extend_from_slice(b"<0>");
            dates.bsd(now, line);
            line.extend_from_slice(b"localhost ");
        }
        LogFraming::Rfc5424 => {
            line.extend_from_slice(b"<0>1 ");
            dates.iso(now, line);
            line.extend_from_slice(b"- - - - - ");
        }
    }
}

/// From this verbosity on fields are shown at every level.
const WITH_FIELDS: u8 = 4;
