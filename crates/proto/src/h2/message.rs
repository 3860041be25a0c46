//! Fields to message heads (RFC 9113 8): which lists are messages, and how they are laid out as the heads of HTTP/1 are.

use smallvec::SmallVec;

use crate::h1::parse::check::{is_default, is_host, number};
use crate::h1::{FaultKind, Limits, head_len, reason};
use crate::http::uri::split_port;
use crate::http::values::trim;
use crate::http::{Field, Head, Kind, Name, Span};

/// What a list of fields is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A request.
    Request,
    /// A response, interim ones included.
    Response,
    /// The fields behind a body.
    Trailers,
}

/// A list of fields that is no message: its stream ends with PROTOCOL_ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Takes the fields of one block.
#[derive(Debug)]
pub struct Builder<'a> {
    head: &'a mut Head,
    role: Role,
    limits: Limits,
    malformed: bool,
    /// No pseudo-header may follow.
    begun: bool,
    method: Option<Span>,
    scheme: Option<Span>,
    authority: Option<Span>,
    path: Option<Span>,
    protocol: Option<Span>,
    status: Option<Span>,
    host: bool,
    fields: usize,
    cookies: SmallVec<[Span; 8]>,
    fault: Option<FaultKind>,
}

impl<'a> Builder<'a> {
    /// Builds into `head`, which is emptied.
    pub fn new(head: &'a mut Head, role: Role, limits: &Limits) -> Builder<'a> {
        head.clear();
        head.kind = match role {
            Role::Request => Kind::Request,
            Role::Response | Role::Trailers => Kind::Response,
        };
        Builder {
            head,
            role,
            limits: *limits,
            malformed: false,
            begun: false,
            method: None,
            scheme: None,
            authority: None,
            path: None,
            protocol: None,
            status: None,
            host: false,
            fields: 0,
            cookies: SmallVec::new(),
            fault: None,
        }
    }

    /// One more field.
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        if self.malformed {
            return;
        }
        // What a line of HTTP/1 cannot hold (RFC 9113 8.2.1), and more than any head may have.
        let broken = value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'));
        let room = self.limits.max_head.saturating_mul(2);
        let large = self.head.text.len() + name.len() + value.len() > room;
        if broken || large {
            self.malformed = true;
            return;
        }
        let taken = match name {
            [b':', ..] => self.pseudo(name, value),
            _ => self.regular(name, trim(value)),
        };
        self.malformed = taken.is_none();
    }

    fn pseudo(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        let place = match (self.role, name) {
            _ if self.begun => return None,
            (Role::Request, b":method") => &mut self.method,
            (Role::Request, b":scheme") => &mut self.scheme,
            (Role::Request, b":authority") => &mut self.authority,
            (Role::Request, b":path") => &mut self.path,
            (Role::Request, b":protocol") => &mut self.protocol,
            (Role::Response, b":status") => &mut self.status,
            _ => return None,
        };
        if place.is_some() {
            return None;
        }
        *place = Some(self.head.append(value));
        // It becomes the host.
        self.fields += usize::from(name == b":authority");
        Some(())
    }

    fn regular(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        if name.is_empty() || !name.iter().all(|byte| is_name(*byte)) {
            return None;
        }
        self.begin()?;
        let is = Name::of(name);
        self.fields += match is {
            Name::Host if self.authority.is_some() => 0,
            // Crumbs become one field.
            Name::Cookie if !self.cookies.is_empty() => 0,
            _ => 1,
        };
        if self.fields >= self.limits.max_fields {
            return None;
        }
        match is {
            Name::Connection
            | Name::KeepAlive
            | Name::ProxyConnection
            | Name::Upgrade
            | Name::TransferEncoding => return None,
            Name::Te => {
                if value != b"trailers" {
                    return None;
                }
                self.head.seen.te = true;
            }
            Name::Host if self.role == Role::Request => {
                if self.host {
                    return Some(());
                }
                if !is_host(value) {
                    return None;
                }
                self.host = true;
            }
            Name::ContentLength => return self.length(name, value),
            Name::Cookie if self.role == Role::Request => {
                let span = self.head.append(value);
                self.cookies.push(span);
                return Some(());
            }
            Name::Expect => {
                self.head.seen.expect_continue |= value.eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
        self.line(name, value);
        Some(())
    }

    /// `5, 5` and equal lines count once, as in HTTP/1.
    fn length(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        if self.role == Role::Trailers {
            return None;
        }
        let mut length = self.head.seen.content_length;
        let known = length.is_some();
        for part in value.split(|byte| *byte == b',') {
            let part = number(trim(part))?;
            if length.is_some_and(|length| length != part) {
                return None;
            }
            length = Some(part);
        }
        self.head.seen.content_length = length;
        if known {
            return Some(());
        }
        let plain = length?.to_string();
        self.line(name, plain.as_bytes());
        Some(())
    }

    /// The pseudo-headers are complete.
    fn begin(&mut self) -> Option<()> {
        if self.begun {
            return Some(());
        }
        self.begun = true;
        match self.role {
            Role::Trailers => Some(()),
            Role::Response => self.status_line(),
            Role::Request => {
                self.request_line()?;
                if self.protocol.is_none() || self.is_websocket() {
                    self.host_line();
                }
                Some(())
            }
        }
    }

    fn is_websocket(&self) -> bool {
        self.protocol
            .is_some_and(|protocol| self.text(protocol) == b"websocket")
    }

    fn text(&self, span: Span) -> &[u8] {
        span.of(&self.head.text)
    }

    fn status_line(&mut self) -> Option<()> {
        let span = self.status?;
        let &[a, b, c] = self.text(span) else {
            return None;
        };
        let digits = [a, b, c];
        if !digits.iter().all(u8::is_ascii_digit) || a == b'0' {
            return None;
        }
        let status = digits
            .iter()
            .fold(0u16, |status, digit| status * 10 + u16::from(digit - b'0'));
        // Nothing switches to another protocol here (RFC 9113 8.6).
        if status == 101 {
            return None;
        }
        self.head.status = status;
        self.head.code = span;
        self.head.version = self.head.append(VERSION);
        self.head.version_11 = true;
        self.head.reason = self.head.append(reason(status).as_bytes());
        self.head.seen.reason_added = true;
        self.head.seen.from_parts = true;
        Some(())
    }

    fn request_line(&mut self) -> Option<()> {
        let method = self.method?;
        let connect = self.text(method) == b"CONNECT";
        if method.is_empty() || (self.protocol.is_some() && !connect) {
            return None;
        }
        if !self.text(method).iter().all(|byte| is_token(*byte)) {
            self.fault = Some(FaultKind::BadMethod);
        }
        if let Some(authority) = self.authority
            && !is_host(self.text(authority))
        {
            return None;
        }
        self.head.method = method;
        self.head.version = self.head.append(VERSION);
        self.head.version_11 = true;
        if connect && self.protocol.is_none() {
            if self.scheme.is_some() || self.path.is_some() {
                return None;
            }
            self.head.uri = self.authority?;
            return Some(());
        }
        if let Some(protocol) = self.protocol {
            if protocol.is_empty() {
                return None;
            }
            self.authority?;
            self.head.method = self.head.append(b"GET");
            self.head.seen.upgrade = true;
            self.head.seen.websocket = self.is_websocket();
        }
        let (scheme, path) = (self.scheme?, self.path?);
        if !is_scheme(self.text(scheme)) {
            self.fault = Some(FaultKind::BadUri);
        }
        let rest = match self.text(path) {
            b"*" if self.text(method) == b"OPTIONS" && self.authority.is_some() => Span::default(),
            b"*" if self.text(method) == b"OPTIONS" => path,
            b"*" => self.head.append(b"/"),
            [b'/', ..] => path,
            _ => return None,
        };
        let is_bad = |byte: &u8| *byte <= b' ' || *byte == b'#' || *byte == 0x7f;
        if self.text(rest).iter().any(is_bad) {
            return None;
        }
        let Some(authority) = self.authority else {
            self.head.uri = rest;
            return Some(());
        };
        let named = match split_port(self.text(authority)) {
            (name, Some(port)) if is_default(port, Some(self.text(scheme))) => name.len(),
            _ => authority.len(),
        };
        let start = authority.start as usize;
        let authority = Span::new(start, start + named);
        self.authority = Some(authority);
        let at = self.head.text.len();
        let text = &mut self.head.text;
        text.extend_from_within(range(scheme));
        text.extend_from_slice(b"://");
        text.extend_from_within(range(authority));
        text.extend_from_within(range(rest));
        self.head.uri = Span::new(at, self.head.text.len());
        self.head.seen.from_parts = true;
        Some(())
    }

    fn host_line(&mut self) {
        if let Some(authority) = self.authority
            && !self.host
        {
            self.host = true;
            let head = &mut *self.head;
            head.text.reserve(authority.len() + 8);
            let name = head.append(b"host");
            head.text.extend_from_slice(b": ");
            let start = head.text.len();
            head.text.extend_from_within(range(authority));
            let value = Span::new(start, head.text.len());
            head.text.extend_from_slice(b"\r\n");
            head.fields.push(Field {
                name,
                value,
                id: Name::Host,
            });
        }
    }

    /// Adds a line as it stands in HTTP/1.
    fn line(&mut self, name: &[u8], value: &[u8]) {
        let head = &mut *self.head;
        let id = Name::of(name);
        head.text.reserve(name.len() + value.len() + 4);
        let name = head.append(name);
        head.text.extend_from_slice(b": ");
        let value = head.append(value);
        head.text.extend_from_slice(b"\r\n");
        head.fields.push(Field { name, value, id });
    }

    /// The block has ended; `last`: nothing follows it. A fault is one that the sender is told about with a page.
    pub fn finish(mut self, last: bool) -> Result<Option<FaultKind>, Malformed> {
        if self.malformed || self.begin().is_none() {
            return Err(Malformed);
        }
        if self.role == Role::Trailers {
            return Ok(None);
        }
        if let Some(protocol) = self.protocol {
            let protocol = self.text(protocol).to_vec();
            self.line(b"upgrade", &protocol);
            self.line(b"connection", b"upgrade");
            self.host_line();
        }
        self.cookie_line();
        let seen = &mut self.head.seen;
        let tunnel = seen.upgrade || self.head.method.of(&self.head.text) == b"CONNECT";
        match (self.role, seen.content_length) {
            (Role::Request, None) if !last && !tunnel => {
                seen.chunked = true;
                seen.transfer_encoding = true;
            }
            (Role::Request, Some(length)) if last && length > 0 && !tunnel => {
                return Err(Malformed);
            }
            // An answer of which nobody knows the length.
            (Role::Response, None) => seen.chunked = true,
            _ => {}
        }
        let kept = head_len(self.head) + 4 * self.head.len() + KEPT_FIXED;
        match kept > self.limits.max_kept {
            true => Err(Malformed),
            false => Ok(self.fault),
        }
    }

    /// The crumbs of a cookie become one field, the last one (RFC 9113 8.2.3).
    fn cookie_line(&mut self) {
        if self.cookies.is_empty() {
            return;
        }
        let head = &mut *self.head;
        let name = head.append(b"cookie");
        head.text.extend_from_slice(b": ");
        let start = head.text.len();
        for (index, crumb) in self.cookies.iter().enumerate() {
            if index > 0 {
                head.text.extend_from_slice(b"; ");
            }
            head.text.extend_from_within(range(*crumb));
        }
        let value = Span::new(start, head.text.len());
        head.text.extend_from_slice(b"\r\n");
        head.fields.push(Field {
            name,
            value,
            id: Name::Cookie,
        });
    }
}

/// A server has taken a websocket (RFC 8441 5): what HTTP/1 says in that case, but for the answer to the client's key.
pub fn accept_websocket(head: &mut Head) {
    head.set_status(101, reason(101).as_bytes());
    head.seen.reason_added = true;
    head.seen.chunked = false;
    head.seen.upgrade = true;
    head.seen.websocket = true;
    for (name, value) in [
        (&b"connection"[..], &b"upgrade"[..]),
        (b"upgrade", b"websocket"),
    ] {
        head.add(name, value);
    }
}

/// Adds the answer to the client's key, spelled as the reference does.
pub fn answer_websocket(head: &mut Head, answer: &[u8]) {
    let name = head.append(b"Sec-Websocket-Accept");
    let value = head.append(answer);
    let id = Name::SecWebSocketAccept;
    head.fields.push(Field { name, value, id });
}

fn range(span: Span) -> std::ops::Range<usize> {
    span.start as usize..span.end as usize
}

/// What may stand in a name: the bytes of a token, no upper case (RFC 9113 8.2).
fn is_name(byte: u8) -> bool {
    is_token(byte) && !byte.is_ascii_uppercase()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_scheme(scheme: &[u8]) -> bool {
    let rest = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(rest)
}

const VERSION: &[u8] = b"HTTP/2.0";
/// What the reference adds to a head's length.
const KEPT_FIXED: usize = 79;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::write_head;

    fn build(role: Role, last: bool, fields: &[(&str, &str)]) -> Result<String, Malformed> {
        let mut head = Head::new();
        let mut builder = Builder::new(&mut head, role, &Limits::default());
        for (name, value) in fields {
            builder.field(name.as_bytes(), value.as_bytes());
        }
        builder.finish(last)?;
        let mut out = Vec::new();
        write_head(&head, &mut out);
        assert_eq!(out.len(), head_len(&head));
        Ok(String::from_utf8_lossy(&out).replace("\r\n", "|"))
    }

    const GET: [(&str, &str); 4] = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/a?b"),
        (":authority", "h:80"),
    ];

    fn get(more: &[(&str, &str)]) -> Result<String, Malformed> {
        build(Role::Request, true, &[&GET, more].concat())
    }

    #[test]
    fn requests() {
        let more = [
            ("cookie", "a=1"),
            ("x", " y\t"),
            ("cookie", "b=2"),
            ("host", "other"),
        ];
        assert_eq!(
            get(&more).as_deref(),
            Ok("GET /a?b HTTP/1.1|host: h|x: y|cookie: a=1; b=2||")
        );
        let connect = [(":method", "CONNECT"), (":authority", "h:1")];
        assert_eq!(
            build(Role::Request, false, &connect).as_deref(),
            Ok("CONNECT h:1 HTTP/1.1|host: h:1||")
        );
        let star = [
            (":method", "OPTIONS"),
            (":scheme", "http"),
            (":path", "*"),
            (":authority", "h"),
        ];
        assert_eq!(
            build(Role::Request, true, &star).as_deref(),
            Ok("OPTIONS * HTTP/1.1|host: h||")
        );
    }

    #[test]
    fn lists_that_are_no_request() {
        for more in [
            (":method", "GET"),
            (":status", "200"),
            ("X", "y"),
            ("x y", "z"),
            ("", "z"),
            ("x", "a\nb"),
            ("x", "a\rb"),
            ("x", "a\0b"),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("te", "gzip"),
            ("content-length", "5"),
            ("content-length", "x"),
            ("content-length", ""),
            ("x\u{e9}", "y"),
        ] {
            assert_eq!(get(&[more]), Err(Malformed), "{more:?}");
        }
        assert_eq!(get(&[("a", "b"), (":protocol", "c")]), Err(Malformed));
        for left_out in 0..3 {
            let mut fields = GET.to_vec();
            fields.remove(left_out);
            assert_eq!(build(Role::Request, true, &fields), Err(Malformed));
        }
        assert_eq!(get(&vec![("a", "b"); 100]), Err(Malformed));
        assert!(get(&vec![("a", "b"); 99]).is_ok());
        let long = "x".repeat(15_500);
        assert_eq!(get(&[("a", &long)]), Err(Malformed));
    }

    #[test]
    fn protocols_instead_of_a_request() {
        let connect = |protocol| {
            let mut fields = GET.to_vec();
            fields[0].1 = "CONNECT";
            fields.push((":protocol", protocol));
            build(Role::Request, false, &fields)
        };
        assert_eq!(
            connect("websocket").as_deref(),
            Ok("GET /a?b HTTP/1.1|host: h|upgrade: websocket|connection: upgrade||")
        );
        assert!(connect("other").is_ok());
        assert_eq!(connect(""), Err(Malformed));
    }

    #[test]
    fn responses_and_trailers() {
        assert_eq!(
            build(Role::Response, false, &[(":status", "404"), ("a", "b")]).as_deref(),
            Ok("HTTP/1.1 404 Not Found|a: b||")
        );
        for status in ["", "20", "2000", "abc", "101"] {
            let built = build(Role::Response, false, &[(":status", status)]);
            assert_eq!(built, Err(Malformed), "{status}");
        }
        assert!(build(Role::Trailers, true, &[("a", "b")]).is_ok());
        for name in [":path", "connection", "content-length", "A"] {
            assert_eq!(build(Role::Trailers, true, &[(name, "1")]), Err(Malformed));
        }
    }
}
