//! What happens to a connection before it is served: `tcp-request connection` rules, a header that tells the client's
//! address, `tcp-request session` rules.

use std::rc::Rc;
use std::task::Poll;

use hapax_core::contract::{Outcome, ProxyHeader, Tx};
use hapax_core::counter::Count;
use hapax_core::ir::Rule;
use hapax_core::stream::{Endpoint, Session};
use hapax_proto::proxy::{self, Fault};
use hapax_rules::ruleset;

use crate::buffer::Buf;
use crate::handshake;
use crate::http::Client;
use crate::http::client::within;
use crate::http::do_log::ByRule;
use crate::inspect::drop_silently;
use crate::io::Io;
use crate::local::Local;
use crate::plan::Plan;

/// What `tcp-request connection` rules said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The connection is served, after this header if any.
    Yes(Option<ProxyHeader>),
    /// It is closed.
    No(Outcome),
}

/// Runs the `tcp-request connection` rules. Nothing of the connection exists yet but its ends.
pub fn connection(local: &Local, plan: &Plan, session: &mut Session) -> Accepted {
    let proxy = &plan.proxy(session.frontend).ir;
    let bind = proxy.binds.get(session.listener);
    let mut header = bind.and_then(|bind| bind.options.proxy_header);
    let mut rules = proxy.tcp.connection.as_slice();
    while !rules.is_empty() {
        let (outcome, at) = evaluate(local, plan, session, rules);
        match outcome {
            Outcome::Expect(ProxyHeader::Netscaler(_)) => {
                let magic = match bind.and_then(|bind| bind.options.proxy_header) {
                    Some(ProxyHeader::Netscaler(magic)) => magic,
                    _ => 0,
                };
                header = Some(ProxyHeader::Netscaler(magic));
            }
            Outcome::Expect(kind) => header = Some(kind),
            Outcome::Continue | Outcome::Stop => break,
            refused => return Accepted::No(refused),
        }
        // What is expected does not end the list.
        rules = rules.get(at + 1..).unwrap_or_default();
    }
    // What those rules changed is what the connection has.
    session.origins = None;
    Accepted::Yes(header)
}

/// Runs rules that know a session only; also tells which one decided.
fn evaluate(local: &Local, plan: &Plan, session: &mut Session, rules: &[Rule]) -> (Outcome, usize) {
    let mut exchange = local.take_exchange();
    exchange.stream.backend = session.frontend;
    let outcome = ruleset::evaluate(
        rules,
        &mut Tx {
            program: &plan.program,
            session,
            stream: &mut exchange.stream,
            request_bytes: &[],
            response_bytes: &[],
            arena: &exchange.arena,
            scratch: &mut local.scratch.borrow_mut(),
            log: &ByRule::new(plan, &exchange.notes),
            now: local.now(),
            on_response: false,
        },
    );
    let decided = exchange.stream.decided_by;
    let at = rules.iter().position(|rule| Some(rule.span) == decided);
    local.give_exchange(exchange);
    (outcome, at.unwrap_or(rules.len()))
}

/// Whether a connection has something to pass between its acceptance and its service.
pub fn is_due(plan: &Plan, session: &Session, header: Option<ProxyHeader>) -> bool {
    header.is_some()
        || !plan.proxy(session.frontend).ir.tcp.session.is_empty()
        || handshake::listener(plan, session).is_some()
}

/// Reads the header and runs the session rules; without a client the connection ended here.
pub async fn admit(mut client: Box<Client>, header: Option<ProxyHeader>) -> Option<Box<Client>> {
    if let Some(kind) = header
        && let Err(failure) = receive(&mut client, kind).await
    {
        if let Some(text) = failure {
            let plan = client.plan.clone();
            plan.logger
                .no_session(&client.session, client.local.now(), text);
        }
        return None;
    }
    let plan = client.plan.clone();
    if handshake::listener(&plan, &client.session).is_some()
        && !Box::pin(handshake::with_client(&mut client)).await
    {
        return None;
    }
    let rules = &plan.proxy(client.session.frontend).ir.tcp.session;
    let local: Rc<Local> = client.local.clone();
    match evaluate(&local, &plan, &mut client.session, rules).0 {
        Outcome::Continue | Outcome::Stop => {}
        refused => {
            let count = match drop_silently(&client, refused) {
                true => Count::DeniedRequests,
                false => Count::DeniedSessions,
            };
            count_refused(&local, &plan, &client.session, count);
            return None;
        }
    }
    if client.session.marks.changed {
        let end = client.session.connection().source;
        let marks = &mut client.session.marks;
        (client.socket).with_fd(|fd| crate::vanish::mark(fd, end, marks));
    }
    let ends = client.session.ends();
    if let Some(origins) = &mut client.session.origins {
        origins.established = ends;
    }
    Some(client)
}

/// Counts a connection that rules refused.
pub fn count_refused(local: &Local, plan: &Plan, session: &Session, count: Count) {
    let live = plan.live(session.frontend);
    live.frontend.counters.add(local.worker, count, 1);
    if let Some(listener) = live.listeners.get(session.listener) {
        listener.counters.add(local.worker, count, 1);
    }
}

/// Takes the header from the client's first bytes; a failure has the text of the log line, if it is worth one.
async fn receive(client: &mut Client, kind: ProxyHeader) -> Result<(), Option<&'static str>> {
    let frontend = &client.plan.clone();
    let frontend = &frontend.proxy(client.session.frontend).ir;
    let deadline = Client::after(frontend.timeouts.client);
    let mut buffer = None;
    let came = {
        let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
        within(timer, handle, deadline, |cx| {
            let into = buffer.get_or_insert_with(Buf::take);
            let polled = socket.poll_recv(cx, into.room());
            if let Poll::Ready(Ok(count)) = &polled {
                into.filled(*count);
            } else {
                buffer = None;
            }
            polled
        })
        .await
    };
    let texts = match kind {
        ProxyHeader::Proxy => &PROXY,
        ProxyHeader::Netscaler(_) => &NETSCALER,
    };
    let log_null = !frontend.options.dontlognull;
    let mut buffer = match (came, buffer) {
        (Ok(Ok(count)), Some(buffer)) if count > 0 => buffer,
        (Ok(Ok(_)), _) => return Err(Some(texts.closed).filter(|_| log_null)),
        (Ok(Err(_)), _) => return Err(Some(texts.broken).filter(|_| log_null)),
        _ => return Err(Some(texts.late).filter(|_| log_null)),
    };
    let read = match kind {
        ProxyHeader::Proxy => proxy::read(buffer.data()),
        ProxyHeader::Netscaler(magic) => hapax_proto::netscaler::read(buffer.data(), magic),
    };
    let received = read.map_err(|fault| {
        // The reference leaves the bytes in the socket, which makes the close a reset.
        let _ = client.socket.reset_on_close();
        if let Fault::Invalid(Some(ends)) = fault {
            take_ends(&mut client.session, ends);
        }
        Some(match fault {
            Fault::Truncated => texts.truncated,
            Fault::Foreign => texts.foreign,
            Fault::Unhandled => texts.unhandled,
            Fault::Invalid(_) => texts.invalid,
        })
    })?;
    if let Some(ends) = received.ends {
        take_ends(&mut client.session, ends);
    }
    client.session.received_proxy = kind == ProxyHeader::Proxy;
    if received.options > 0 {
        let start = received.length.saturating_sub(received.options);
        let options = buffer.data().get(start..received.length);
        client.session.proxy_options = options.unwrap_or_default().into();
    }
    buffer.consume(received.length);
    client.input = Some(buffer).filter(|buffer| !buffer.is_empty());
    Ok(())
}

fn take_ends(
    session: &mut Session,
    (source, destination): (std::net::SocketAddr, std::net::SocketAddr),
) {
    session.keep_ends();
    session.source = Endpoint::Inet(source);
    session.destination = Endpoint::Inet(destination);
}

/// What log lines say about a header that was not taken.
struct Texts {
    closed: &'static str,
    broken: &'static str,
    late: &'static str,
    truncated: &'static str,
    foreign: &'static str,
    unhandled: &'static str,
    invalid: &'static str,
}

const PROXY: Texts = Texts {
    closed: "Connection closed while waiting for PROXY protocol header",
    broken: "Connection error while waiting for PROXY protocol header",
    late: "Timeout while waiting for PROXY protocol header",
    truncated: "Truncated PROXY protocol header received",
    foreign: "Received something which does not look like a PROXY protocol header",
    unhandled: "Received an unhandled protocol in the PROXY protocol header",
    invalid: "Received an invalid PROXY protocol header",
};

const NETSCALER: Texts = Texts {
    closed: "Connection closed while waiting for NetScaler Client IP header",
    broken: "Connection error while waiting for NetScaler Client IP header",
    late: "Timeout while waiting for NetScaler Client IP header",
    truncated: "Truncated NetScaler Client IP header received",
    foreign: "Received an invalid NetScaler Client IP magic number",
    unhandled: "Received an unhandled protocol in the NetScaler Client IP header",
    invalid: "Received an invalid NetScaler Client IP header",
};
