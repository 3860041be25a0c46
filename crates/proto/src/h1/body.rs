//! Where a body ends (RFC 9112 6.3), whether a connection stays open, and the hop's own header lines.

use crate::h1::fault::FaultKind;
use crate::http::values::trim;
use crate::http::{Head, Kind, Name, tokens};

/// How the receiver knows where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes follow.
    Length(u64),
    /// Chunks follow.
    Chunked,
    /// Everything up to the end of the connection.
    UntilClose,
    /// The connection stops being HTTP: bytes pass both ways until both sides have closed.
    Tunnel,
}

/// What a response must know about the request it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method was HEAD.
    pub head: bool,
    /// The method was CONNECT.
    pub connect: bool,
    /// The request asked to switch protocols.
    pub upgrade: bool,
    /// It asked for a websocket.
    pub websocket: bool,
}

impl Asked {
    /// What a response to `request` must know, as the request is sent to the server.
    pub fn of(request: &Head) -> Asked {
        Asked {
            head: request.method() == b"HEAD",
            connect: request.method() == b"CONNECT",
            upgrade: request.seen().upgrade,
            websocket: request.seen().websocket,
        }
    }
}

/// Framing of a request body. CONNECT has none; its tunnel begins with a 2xx answer.
pub fn request_framing(request: &Head) -> Framing {
    let seen = request.seen();
    match seen.content_length {
        _ if seen.chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::None,
    }
}

/// Framing of a response body; 1xx other than 101 are heads of their own without body. A fault is the server's and
/// means 502: a switch of protocols that the request did not ask for, that `connection` does not announce, or a
/// websocket one without `sec-websocket-accept` (which `relaxed` lets pass).
pub fn response_framing(
    response: &Head,
    asked: &Asked,
    relaxed: bool,
) -> Result<Framing, FaultKind> {
    let seen = response.seen();
    Ok(match response.status() {
        101 => {
            let accepted =
                !seen.websocket || relaxed || response.get(Name::SecWebSocketAccept).is_some();
            if !(asked.upgrade && seen.upgrade && accepted) {
                return Err(FaultKind::BadUpgrade);
            }
            Framing::Tunnel
        }
        100..=199 | 204 | 304 => Framing::None,
        _ if asked.head => Framing::None,
        200..=299 if asked.connect => Framing::Tunnel,
        _ if seen.chunked => Framing::Chunked,
        _ => seen
            .content_length
            .map_or(Framing::UntilClose, Framing::Length),
    })
}

/// Whether the sender of this head is willing to keep its connection: 1.1 unless it says `close`, 1.0 only if it says
/// `keep-alive`. `close` wins over `keep-alive`. After both lengths, and after transfer codings from a 1.0 peer, the
/// connection is not trusted any more (RFC 9112 6.1).
pub fn keeps_alive(head: &Head) -> bool {
    let seen = head.seen();
    let distrusted = seen.transfer_encoding && !head.is_11()
        || head.kind() == Kind::Request && seen.both_lengths;
    !seen.close && !distrusted && (head.is_11() || seen.keep_alive)
}

/// The `connection` value that the engine appends to a head it sends, if any: a 1.0 request is marked when the
/// connection shall stay, a 1.1 request when it shall not. Upgrades carry their own line already.
pub fn request_connection(request: &Head, keep: bool) -> Option<&'static [u8]> {
    match (request.is_11(), keep) {
        _ if request.seen().upgrade => None,
        (true, true) | (false, false) => None,
        (true, false) => Some(b"close"),
        (false, true) => Some(b"keep-alive"),
    }
}

/// As `request_connection`, for a response to a client of `client_11`: a line is written where the client would
/// otherwise assume the opposite. Interim answers, switches and what speaks of an upgrade get none.
pub fn response_connection(response: &Head, client_11: bool, keep: bool) -> Option<&'static [u8]> {
    match (response.is_11(), keep) {
        _ if response.status() < 200 => None,
        (true, false) if !names_upgrade(response) => Some(b"close"),
        (_, false) => None,
        (true, true) if client_11 => None,
        (_, true) => Some(b"keep-alive"),
    }
}

fn names_upgrade(head: &Head) -> bool {
    head.seen().connection
        && head
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| field.id == Name::Connection)
            .flat_map(|(index, _)| tokens(head.value(index)))
            .any(|token| token.eq_ignore_ascii_case(b"upgrade"))
}

/// Cleans `te` before a message is sent: only `trailers` is passed on, on every line that says it. Rules see the
/// field as received, so this comes after them.
pub fn clean_te(message: &mut Head) {
    let mut index = 0;
    while index < message.len() {
        if message.fields()[index].id == Name::Te {
            let value = message.value(index);
            let trailers = value
                .split(|&byte| byte == b',')
                .any(|token| trim(token).eq_ignore_ascii_case(b"trailers"));
            if !trailers {
                message.remove_at(index);
                continue;
            }
            if value != b"trailers" {
                message.set_value(index, b"trailers");
            }
        }
        index += 1;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::h1::{Limits, Parse, Scan, parse_request, parse_response};

    fn request(text: &str) -> Head {
        let mut head = Head::new();
        let parsed = parse_request(
            text.as_bytes(),
            &mut head,
            &mut Scan::default(),
            &Limits::default(),
        );
        assert!(matches!(parsed, Ok(Parse::Complete { .. })), "{parsed:?}");
        head
    }

    fn response(text: &str) -> Head {
        let mut head = Head::new();
        let parsed = parse_response(
            text.as_bytes(),
            &mut head,
            &mut Scan::default(),
            &Limits::default(),
        );
        assert!(matches!(parsed, Ok(Parse::Complete { .. })), "{parsed:?}");
        head
    }

    #[test]
    fn response_bodies() {
        let framing = |text: &str, asked: Asked| response_framing(&response(text), &asked, false);
        let plain = Asked::default();
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(framing(length, plain), Ok(Framing::Length(5)));
        assert_eq!(
            framing(
                length,
                Asked {
                    head: true,
                    ..plain
                }
            ),
            Ok(Framing::None)
        );
        assert_eq!(
            framing(
                length,
                Asked {
                    connect: true,
                    ..plain
                }
            ),
            Ok(Framing::Tunnel)
        );
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\n\r\n", plain),
            Ok(Framing::UntilClose)
        );
        assert_eq!(
            framing("HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n", plain),
            Ok(Framing::None)
        );
        assert_eq!(
            framing(
                "HTTP/1.1 304 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                plain
            ),
            Ok(Framing::None)
        );
        let switch = "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n";
        assert_eq!(framing(switch, plain), Err(FaultKind::BadUpgrade));
        assert_eq!(
            framing(
                switch,
                Asked {
                    upgrade: true,
                    ..plain
                }
            ),
            Ok(Framing::Tunnel)
        );
        let socket = "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(
            framing(
                socket,
                Asked {
                    upgrade: true,
                    ..plain
                }
            ),
            Err(FaultKind::BadUpgrade)
        );
    }

    #[test]
    fn persistence() {
        let keeps = |version: &str, line: &str| {
            keeps_alive(&request(&format!("GET / HTTP/{version}\r\n{line}\r\n\r\n")))
        };
        assert!(keeps("1.1", "a: b"));
        assert!(!keeps("1.1", "Connection: foo, close"));
        assert!(!keeps("1.0", "a: b"));
        assert!(keeps("1.0", "Connection: Keep-Alive"));
        assert!(!keeps("1.0", "Connection: close, keep-alive"));
        assert!(!keeps(
            "1.1",
            "Content-Length: 5\r\nTransfer-Encoding: chunked"
        ));
    }

    #[test]
    fn te_keeps_trailers_only() {
        let mut head = request(
            "GET / HTTP/1.1\r\nTE: gzip\r\nTE: gzip, trailers\r\nA: b\r\nTE: trailers\r\n\r\n",
        );
        assert!(head.seen().te);
        clean_te(&mut head);
        assert_eq!(
            head.iter().collect::<Vec<_>>(),
            [
                (&b"te"[..], &b"trailers"[..]),
                (b"a", b"b"),
                (b"te", b"trailers")
            ]
        );
    }

    #[test]
    fn connection_lines() {
        let left = |line: &str| {
            let head = request(&format!(
                "GET / HTTP/1.1\r\nConnection: {line}\r\nA: b\r\n\r\n"
            ));
            head.find(b"connection")
                .map(|value| String::from_utf8(value.to_vec()).unwrap())
        };
        assert_eq!(left("close, a , b,,c").as_deref(), Some("a,b,,c"));
        assert_eq!(left("a , b,,c").as_deref(), Some("a , b,,c"));
        assert_eq!(left(", close"), None);
        assert_eq!(left("upgrade, a").as_deref(), Some("a"));
        assert_eq!(left("\"close\"").as_deref(), Some("\"close\""));
        let head =
            request("GET / HTTP/1.1\r\nConnection: Upgrade, keep-alive\r\nUpgrade: foo\r\n\r\n");
        assert_eq!(head.get(Name::Connection), Some(&b"Upgrade"[..]));
        let head = request(
            "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHttp2-Settings: a\r\n\r\n",
        );
        assert_eq!(head.len(), 1);
    }
}
