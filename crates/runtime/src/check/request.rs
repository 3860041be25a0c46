//! The request of an HTTP check.

use std::sync::atomic::Ordering;

use hapax_core::ir::CheckRequest;
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, ProxyId};
use hapax_proto::h1::{Limits, Parse, Scan, parse_request};
use hapax_proto::http::{Head, Target};

use super::scene::{NotHexadecimal, Scene};
use crate::stats::status::Health;

/// What is sent. The order is upstream's: the given fields in lower case, the state, the length, the connection.
pub(super) fn bytes(
    asked: &CheckRequest,
    send_state: bool,
    scene: &Scene<'_>,
) -> Result<Vec<u8>, NotHexadecimal> {
    let version = asked.version.as_deref().unwrap_or("HTTP/1.0");
    let (mut head, body) = parts(asked, version, send_state, scene)?;
    head.extend_from_slice(&body);
    Ok(head)
}

/// The same for HTTP/2, where the version that is asked for means nothing: a head and a body. No head when the text is none.
pub(super) fn frames(
    asked: &CheckRequest,
    send_state: bool,
    scene: &Scene<'_>,
) -> Result<Option<(Head, Vec<u8>)>, NotHexadecimal> {
    let (text, body) = parts(asked, "HTTP/1.1", send_state, scene)?;
    let limits = Limits {
        relaxed: true,
        ..Limits::default()
    };
    let (mut head, mut scan) = (Head::new(), Scan::default());
    let parsed = parse_request(&text, &mut head, &mut scan, &limits);
    Ok(matches!(parsed, Ok(Parse::Complete { .. })).then_some((head, body)))
}

fn parts(
    asked: &CheckRequest,
    version: &str,
    send_state: bool,
    scene: &Scene<'_>,
) -> Result<(Vec<u8>, Vec<u8>), NotHexadecimal> {
    let read = |data| scene.bytes(data, &[]);
    let mut fields = Vec::with_capacity(asked.headers.len());
    for (name, value) in &asked.headers {
        fields.push((name.to_ascii_lowercase(), read(value)?));
    }
    let body = asked.body.as_ref().map(read).transpose()?;
    let uri = asked.uri.as_ref().map(read).transpose()?;
    let state = send_state.then(|| state(scene.program, scene.proxy, scene.server));
    let uri = uri.unwrap_or_else(|| b"/".to_vec());
    let body = body.unwrap_or_default();
    let head = head(
        asked.method.as_deref().unwrap_or("OPTIONS"),
        &uri,
        version,
        &fields,
        state.as_deref(),
        body.len(),
    );
    Ok((head, body))
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

fn head(
    method: &str,
    uri: &[u8],
    version: &str,
    fields: &[(String, Vec<u8>)],
    state: Option<&str>,
    length: usize,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + length);
    let host = fields.iter().find(|(name, _)| name == "host");
    let uri = with_host(uri, host.map(|(_, value)| value.as_slice()));
    for part in [
        method.as_bytes(),
        b" ",
        &uri,
        b" ",
        version.as_bytes(),
        b"\r\n",
    ] {
        out.extend_from_slice(part);
    }
    let mut keep_alive = false;
    for (name, value) in fields {
        match name.as_str() {
            "connection" => keep_alive |= value.eq_ignore_ascii_case(b"keep-alive"),
            // The body decides.
            "content-length" | "transfer-encoding" => {}
            _ => field(&mut out, name, value),
        }
    }
    out.extend_from_slice(state.unwrap_or_default().as_bytes());
    if length > 0 || !WITHOUT_BODY.contains(&method) {
        field(&mut out, "content-length", length.to_string().as_bytes());
    }
    match (version == "HTTP/1.1", keep_alive) {
        (true, false) => field(&mut out, "connection", b"close"),
        (false, true) => field(&mut out, "connection", b"keep-alive"),
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// A target that names an authority takes that of the host field.
fn with_host(uri: &[u8], host: Option<&[u8]>) -> Vec<u8> {
    let target = Target::of(uri);
    let (Some(scheme), Some(authority), Some(host)) = (target.scheme, target.authority, host)
    else {
        return uri.to_vec();
    };
    let start = scheme.len() + b"://".len();
    let before = uri.get(..start).unwrap_or_default();
    let rest = uri.get(start + authority.len()..).unwrap_or_default();
    [before, host, rest].concat()
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Methods whose requests need no length when they have no body.
const WITHOUT_BODY: [&str; 6] = ["GET", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE"];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, version: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let fields: Vec<_> = headers
            .iter()
            .map(|&(name, value)| (name.to_ascii_lowercase(), value.as_bytes().to_vec()))
            .collect();
        let mut bytes = head(method, b"/u?x", version, &fields, None, body.len());
        bytes.extend_from_slice(body);
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
