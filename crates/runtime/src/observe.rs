//! What `-d` prints on standard output: sessions that begin and end, and the heads of messages. Lines begin with the number
//! of the stream and the proxy it is in; the numbers in brackets are the descriptors of the client's and the server's socket.

use std::io::Write;

use hapax_core::ir::Mode;
use hapax_core::program::ProxyId;
use hapax_core::stream::{Cause, Endpoint, Phase};
use hapax_proto::http::{Head, Name};

use crate::http::Client;
use crate::http::exchange::Exchange;

/// A stream begins on a connection.
pub fn accepted(client: &Client, exchange: &Exchange) {
    let listener = client.session.listener;
    let from = match client.session.source {
        Endpoint::Inet(address) => format!("{}:{}", address.ip(), address.port()),
        _ => {
            let frontend = &client.frontend().ir;
            let id = frontend
                .binds
                .get(listener)
                .and_then(|bind| bind.options.id);
            let number = id.map_or_else(|| listener as u64 + 1, u64::from);
            format!("unix:{number}")
        }
    };
    let mut lines = Lines::of(client, exchange, client.session.frontend);
    lines.begin("accept");
    let bound = crate::serve::descriptor_of(client.session.frontend, listener).unwrap_or(-1);
    let own = lines.client;
    lines.end(format_args!(
        "({bound:04x})={own:04x} from [{from}] ALPN=<none>"
    ));
    lines.print();
}

/// A request's head was read.
pub fn request(client: &Client, exchange: &Exchange) {
    let stream = &exchange.stream;
    let mut lines = Lines::of(client, exchange, stream.backend);
    let ends = format!("[{:04x}:{:04x}]: ", lines.client, -1);
    let head = &stream.request;
    lines.head("clireq", "clihdr", &ends, head);
    lines.print();
}

/// A response's head was read, also one of a 1xx.
pub fn response(client: &Client, exchange: &Exchange) {
    let stream = &exchange.stream;
    let mut lines = Lines::of(client, exchange, stream.backend);
    let ends = format!("{}: ", lines.ends());
    lines.head("srvrep", "srvhdr", &ends, &stream.response);
    lines.print();
}

/// A stream ended.
pub fn ended(client: &Client, exchange: &Exchange) {
    let stream = &exchange.stream;
    let http = client.frontend().ir.mode == Mode::Http;
    if http && stream.request_line.is_empty() {
        // It never was one.
        return;
    }
    let mut lines = Lines::of(client, exchange, stream.backend);
    let ends = lines.ends();
    let reached = exchange.notes.reached_server;
    let client_first = http
        && match (stream.termination.cause, stream.termination.phase) {
            (Cause::None, _) => exchange.up.payload == 0 && is_framed(exchange),
            (Cause::ClientAbort, Phase::Data) => true,
            _ => false,
        };
    let order = match client_first {
        true => ["clicls", "srvcls"],
        false => ["srvcls", "clicls"],
    };
    for event in order {
        if event == "clicls" || reached {
            lines.begin(event);
            lines.end(format_args!("{ends}"));
        }
    }
    lines.begin("closed");
    lines.end(format_args!("{ends}"));
    lines.print();
}

/// Whether the response's end does not depend on the end of the connection.
fn is_framed(exchange: &Exchange) -> bool {
    let response = &exchange.stream.response;
    response.status() != 101
        && (response.get(Name::ContentLength).is_some()
            || response.get(Name::TransferEncoding).is_some()
            || matches!(response.status(), 204 | 304)
            || exchange.stream.request.method() == b"HEAD")
}

/// A connection of the runtime API, `number` in the count of streams, over the listener that is the `listener`th.
#[derive(Debug)]
pub struct Visit {
    number: u32,
    client: i32,
}

impl Visit {
    /// It begins.
    pub fn begin(number: u32, listener: i32, client: i32, from: &str) -> Visit {
        say(&format!(
            "{number:08x}:GLOBAL.accept({listener:04x})={client:04x} from [{from}] ALPN=<none>\n"
        ));
        Visit { number, client }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut text = String::new();
        for event in ["clicls", "srvcls", "closed"] {
            text += &format!(
                "{:08x}:GLOBAL.{event}[{:04x}:ffff]\n",
                self.number, self.client
            );
        }
        say(&text);
    }
}

/// What happened to one stream, printed together.
struct Lines<'c> {
    start: String,
    client: i32,
    server: i32,
    name: &'c str,
    text: Vec<u8>,
}

impl<'c> Lines<'c> {
    fn of(client: &'c Client, exchange: &Exchange, proxy: ProxyId) -> Lines<'c> {
        let stream = &exchange.stream;
        Lines {
            start: format!("{:08x}:", stream.number),
            client: stream.sockets.map_or(-1, |sockets| sockets.client),
            server: exchange.notes.descriptor.unwrap_or(-1),
            name: &client.plan.live(proxy).name,
            text: Vec::new(),
        }
    }

    fn ends(&self) -> String {
        format!("[{:04x}:{:04x}]", self.client as u16, self.server as u16)
    }

    fn begin(&mut self, event: &str) {
        for part in [&self.start, self.name, ".", event] {
            self.text.extend_from_slice(part.as_bytes());
        }
    }

    fn end(&mut self, rest: std::fmt::Arguments<'_>) {
        // Writing to memory cannot fail.
        let _ = writeln!(self.text, "{rest}");
    }

    fn head(&mut self, line: &str, field: &str, ends: &str, head: &Head) {
        self.begin(line);
        self.text.extend_from_slice(ends.as_bytes());
        crate::trace::start_line(head, &mut self.text);
        self.text.push(b'\n');
        for (name, value) in head.iter() {
            self.begin(field);
            self.text.extend_from_slice(ends.as_bytes());
            for part in [name, b": ", value, b"\n"] {
                self.text.extend_from_slice(part);
            }
        }
    }

    fn print(&self) {
        write(&self.text);
    }
}

/// The process serves now.
pub fn started() {
    say("Using epoll() as the polling mechanism.\n");
}

fn say(text: &str) {
    write(text.as_bytes());
}

/// Nobody can be told when standard output is closed.
fn write(text: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text).and_then(|()| out.flush());
}
