//! The request of an HTTP check.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use hapax_core::ir::HttpCheck;
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, ProxyId};

use crate::stats::status::Health;

/// A request, made once.
#[derive(Debug)]
pub(super) struct Request {
    bytes: Vec<u8>,
    /// Where `http-check send-state` puts its field.
    state_at: Option<usize>,
}

impl Request {
    /// In upstream's order: the given fields in lower case, the state, the length, the connection.
    pub(super) fn new(check: &HttpCheck) -> Request {
        let (bytes, end_of_given) = bytes(check);
        Request {
            bytes,
            state_at: check.send_state.then_some(end_of_given),
        }
    }

    /// What is sent to a server of `proxy`.
    pub(super) fn bytes(
        &self,
        program: &Program,
        proxy: ProxyId,
        server: &ServerLive,
    ) -> Cow<'_, [u8]> {
        match self.state_at.and_then(|at| self.bytes.split_at_checked(at)) {
            None => Cow::Borrowed(&self.bytes),
            Some((before, after)) => {
                let state = state(program, proxy, server);
                Cow::Owned([before, state.as_bytes(), after].concat())
            }
        }
    }
}

/// The field that tells a server how it is seen (configuration manual, `http-check send-state`).
fn state(program: &Program, proxy: ProxyId, server: &ServerLive) -> String {
    let proxy = &program.proxy(proxy).live;
    let (address, port) = match server.inet() {
        Some(address) => (address.ip().to_string(), address.port().to_string()),
        None => ("unix".to_owned(), String::new()),
    };
    format!(
        "x-haproxy-server-state: {}; address={address}; port={port}; name={}/{}; node={}; weight={}/{}; scur={}/{}; qcur={}\r\n",
        Health::of(program, server).text(server),
        proxy.name,
        server.name,
        program.global.node.as_ref().unwrap_or(&program.host_name),
        server.user_weight.load(Ordering::Relaxed),
        proxy.total_weight.load(Ordering::Relaxed),
        server.sessions.value(),
        proxy.backend.sessions.value(),
        server.queue.value(),
    )
}

/// The bytes, and where the given fields end in them.
fn bytes(check: &HttpCheck) -> (Vec<u8>, usize) {
    let mut out = Vec::with_capacity(128 + check.body.len());
    for part in [&check.method, " ", &check.uri, " ", &check.version, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let mut keep_alive = false;
    for (name, value) in &check.headers {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "connection" => keep_alive |= value.eq_ignore_ascii_case("keep-alive"),
            // The body decides.
            "content-length" | "transfer-encoding" => {}
            _ => field(&mut out, &name, value),
        }
    }
    let end_of_given = out.len();
    if !check.body.is_empty() || !WITHOUT_BODY.contains(&check.method.as_str()) {
        field(&mut out, "content-length", &check.body.len().to_string());
    }
    match (check.version == "HTTP/1.1", keep_alive) {
        (true, false) => field(&mut out, "connection", "close"),
        (false, true) => field(&mut out, "connection", "keep-alive"),
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&check.body);
    (out, end_of_given)
}

fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Methods whose requests need no length when they have no body.
const WITHOUT_BODY: [&str; 6] = ["GET", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE"];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, version: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let (bytes, _) = bytes(&HttpCheck {
            method: method.into(),
            uri: "/u?x".into(),
            version: version.into(),
            headers: headers
                .iter()
                .map(|&(name, value)| (name.into(), value.into()))
                .collect(),
            body: body.to_vec(),
            expect: Vec::new(),
            disable_on_404: false,
            send_state: false,
        });
        String::from_utf8(bytes).expect("text")
    }

    // exercises: section/option httpchk
    // exercises: section/http-check send
    #[test]
    fn requests_are_what_upstream_sends() {
        assert_eq!(
            check("OPTIONS", "HTTP/1.0", &[], b""),
            "OPTIONS /u?x HTTP/1.0\r\n\r\n"
        );
        assert_eq!(
            check(
                "FOO",
                "HTTP/1.0",
                &[("Content-Length", "7"), ("Connection", "close")],
                b""
            ),
            "FOO /u?x HTTP/1.0\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(
            check(
                "POST",
                "HTTP/1.1",
                &[("Host", "example"), ("X-A", "b c")],
                b"some body"
            ),
            "POST /u?x HTTP/1.1\r\nhost: example\r\nx-a: b c\r\ncontent-length: 9\r\nconnection: close\r\n\r\nsome body"
        );
        assert_eq!(
            check(
                "GET",
                "HTTP/1.0",
                &[("Connection", "keep-alive"), ("Z", "1")],
                b""
            ),
            "GET /u?x HTTP/1.0\r\nz: 1\r\nconnection: keep-alive\r\n\r\n"
        );
        assert_eq!(
            check("GET", "HTTP/1.1", &[("Connection", "keep-alive")], b""),
            "GET /u?x HTTP/1.1\r\n\r\n"
        );
    }
}
