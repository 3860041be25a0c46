//! The checks that need a whole field or the whole head: lengths, codings, host, target.

use super::{FaultKind, Name, Parser, reason};
use crate::h1::fault::{Fault, State};
use crate::http::head::is_11;
use crate::http::uri::split_port;
use crate::http::values::trim;
use crate::http::{Field, Kind, Span, Target, tokens};

impl Parser<'_> {
    /// Looks at a well-known field that has just ended; tells whether the line is kept.
    pub(super) fn checked(&mut self, field: &Field) -> Result<bool, Fault> {
        let bytes = self.bytes;
        let value = field.value.of(bytes);
        let at = field.value.start as usize;
        match field.id {
            Name::Host if self.trailing || self.head.kind == Kind::Request => {
                return self.host_line(field);
            }
            Name::ContentLength => return self.length_line(value, at),
            Name::TransferEncoding => return self.coding_line(value, at),
            Name::Connection => {
                self.head.seen.connection = true;
                for token in tokens(value) {
                    let seen = &mut self.head.seen;
                    seen.close |= token.eq_ignore_ascii_case(b"close");
                    seen.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                    seen.upgrade |= token.eq_ignore_ascii_case(b"upgrade");
                }
            }
            Name::Upgrade => {
                self.head.seen.upgrade_field = true;
                self.head.seen.websocket |=
                    tokens(value).any(|token| token.eq_ignore_ascii_case(b"websocket"));
            }
            Name::Te => self.head.seen.te = true,
            Name::Expect => {
                self.head.seen.expect_continue |= value.eq_ignore_ascii_case(b"100-continue")
            }
            _ => {}
        }
        Ok(true)
    }

    fn host_line(&mut self, field: &Field) -> Result<bool, Fault> {
        let (value, at) = (field.value.of(self.bytes), field.value.start as usize);
        if let Some((first, _)) = self.scan.host {
            if !first.of(self.bytes).eq_ignore_ascii_case(value) {
                return Err(self.fault(FaultKind::HostsDiffer, at));
            }
            return Ok(false);
        }
        if !is_host(value) {
            return Err(self.fault(FaultKind::BadHost, at));
        }
        self.scan.host = Some((field.value, self.head.fields.len()));
        Ok(true)
    }

    /// `5, 5` and equal lines count once; the line that is sent holds the number alone.
    fn length_line(&mut self, value: &[u8], at: usize) -> Result<bool, Fault> {
        let mut line = None;
        for part in value.split(|&byte| byte == b',') {
            let length = number(trim(part)).ok_or(self.fault(FaultKind::BadLength, at))?;
            if line.is_some_and(|line| line != length) {
                return Err(self.fault(FaultKind::BadLength, at));
            }
            line = Some(length);
        }
        match self.head.seen.content_length {
            Some(before) if Some(before) != line => Err(self.fault(FaultKind::LengthsDiffer, at)),
            Some(_) => Ok(false),
            None => {
                self.head.seen.content_length = line;
                Ok(true)
            }
        }
    }

    /// `chunked` may stand once, at the end. Upstream faults at the value for what follows it in a request and for
    /// empty values, and after the head for codings it cannot decode.
    fn coding_line(&mut self, value: &[u8], at: usize) -> Result<bool, Fault> {
        let response = self.head.kind == Kind::Response;
        let first = !self.head.seen.transfer_encoding;
        self.head.seen.transfer_encoding = true;
        for token in value.split(|&byte| byte == b',').map(trim) {
            let chunked = token.eq_ignore_ascii_case(b"chunked");
            let repeated = self.scan.coding.chunked && chunked;
            if token.is_empty() || repeated {
                if !response {
                    return Err(self.fault(FaultKind::BadCoding, at));
                }
                self.refuse_or_note(FaultKind::BadCoding, at)?;
                continue;
            }
            if self.scan.coding.chunked && !response {
                return Err(self.fault(FaultKind::BadCoding, at));
            }
            self.scan.coding.chunked = chunked;
            self.scan.coding.other |= !chunked;
        }
        Ok(first)
    }

    /// The checks after the last line feed. The text has been copied; `self.at` is the head's length.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        self.state = State::LastLf;
        if self.scan.lines >= self.limits.max_fields {
            return Err(self.fault(FaultKind::TooManyFields, self.at));
        }
        match self.head.kind {
            Kind::Request => self.finish_request()?,
            Kind::Response => self.finish_response(),
        }
        self.finish_length()?;
        self.finish_version()?;
        self.finish_connection()?;
        let kept = crate::h1::head_len(self.head) + 4 * self.head.len() + KEPT_FIXED;
        if kept > self.limits.max_kept {
            return Err(Fault {
                kind: FaultKind::HeadTooLong,
                at: self.at,
                state: State::Data,
            });
        }
        if let Some(tolerated) = &mut self.scan.tolerated {
            tolerated.state = self.state;
        }
        Ok(())
    }

    fn finish_request(&mut self) -> Result<(), Fault> {
        let uri = self.head.uri;
        let target = Target::of(uri.of(self.bytes));
        let at = uri.start as usize;
        let connect = self.head.method.of(self.bytes) == b"CONNECT";
        let options = self.head.method.of(self.bytes) == b"OPTIONS";
        let bytes = self.bytes;
        match uri.of(bytes) {
            [b'/', ..] if !connect => return Ok(()),
            b"*" if options || !is_known(self.head.method.of(bytes)) => return Ok(()),
            [] | [b'/', ..] | b"*" => return Err(self.bad_form(at)),
            _ if target.scheme.is_some() == connect => {
                return Err(self.bad_form(at));
            }
            _ => {}
        }
        let authority = target.host_and_port().unwrap_or_default();
        let authority = authority
            .split(|byte| b"/?".contains(byte))
            .next()
            .unwrap_or_default();
        let (name, port) = split_port(authority);
        if !is_host(authority) {
            return Err(self.fault(FaultKind::BadAuthority, at));
        }
        if connect && port.is_none_or(|port| number(port).is_none()) {
            self.refuse_or_note(FaultKind::BadAuthority, at)?;
        }
        let host = self.scan.host;
        if let Some((span, _)) = host
            && !same_host(authority, span.of(bytes), target.scheme)
        {
            self.refuse_or_note(FaultKind::HostNotAuthority, span.start as usize)?;
        }
        let default = port.is_some_and(|port| is_default(port, target.scheme));
        if connect {
            if let Some((span, index)) = host
                && let (own_name, own_port @ Some(b"80" | b"443")) = split_port(span.of(bytes))
                && own_port == port
            {
                self.head.set_value(index, own_name);
            }
            return Ok(());
        }
        // An absolute target is sent without its scheme's port and with a path; then the host follows it.
        let bare = target.path.is_empty()
            && target.query.is_none()
            && !options
            && !uri.of(bytes).contains(&b'#');
        if default || bare {
            self.normalize(&target, name, default, bare);
            if let Some((_, index)) = host {
                self.head
                    .set_value(index, if default { name } else { authority });
            }
        }
        Ok(())
    }

    /// A target of the wrong form for its method; upstream reports it as found behind the method.
    fn bad_form(&self, at: usize) -> Fault {
        Fault {
            kind: FaultKind::BadUri,
            at,
            state: State::Method,
        }
    }

    fn normalize(&mut self, target: &Target<'_>, name: &[u8], default: bool, bare: bool) {
        let uri = self.head.uri.of(self.bytes);
        let scheme = target.scheme.map_or(0, |scheme| scheme.len() + 3);
        let authority = target.authority.unwrap_or_default();
        let user = authority.len() - target.host_and_port().unwrap_or_default().len();
        let start = self.head.text.len();
        let kept = if default {
            user + name.len()
        } else {
            authority.len()
        };
        self.head.text.extend_from_slice(&uri[..scheme + kept]);
        if bare {
            self.head.text.push(b'/');
        }
        self.head
            .text
            .extend_from_slice(&uri[scheme + authority.len()..]);
        self.head.uri = Span::new(start, self.head.text.len());
    }

    fn finish_response(&mut self) {
        if self.head.reason.is_empty() {
            self.head.reason = self.head.append(reason(self.head.status).as_bytes());
            self.head.seen.reason_added = true;
        }
    }

    fn finish_length(&mut self) -> Result<(), Fault> {
        let coding = self.scan.coding;
        let empty_coding = self.head.seen.transfer_encoding && !coding.chunked && !coding.other;
        self.head.seen.chunked = coding.chunked;
        let bodyless = match self.head.kind {
            Kind::Request => coding.chunked && self.head.method() == b"CONNECT",
            Kind::Response => matches!(self.head.status, 100..=199 | 204 | 304),
        };
        self.state = match coding.chunked {
            _ if bodyless => State::Done,
            true => State::ChunkSize,
            false => State::Data,
        };
        // For responses upstream reports the position of what it had noted before: a strange version, or a violation
        // that was let through.
        let version = self.head.version;
        let at = match self.head.kind {
            Kind::Request => self.at,
            Kind::Response if !is_version(version.of(self.bytes)) => version.start as usize,
            Kind::Response => self.scan.tolerated.map_or(self.at, |fault| fault.at),
        };
        if coding.chunked && coding.other {
            // A version that is none comes first.
            self.finish_version()?;
            return Err(self.fault(FaultKind::UnknownCoding, at));
        }
        if self.head.seen.transfer_encoding
            && !coding.chunked
            && !(empty_coding && self.limits.relaxed)
        {
            return Err(self.fault(FaultKind::BadCoding, at));
        }
        if self.head.seen.transfer_encoding {
            let both_lengths = self.head.seen.content_length.take().is_some();
            self.head.seen.both_lengths = both_lengths && !self.limits.trusts_both_lengths;
            if both_lengths {
                self.head.remove_id(Name::ContentLength);
            }
            match self
                .head
                .fields
                .iter()
                .position(|field| field.id == Name::TransferEncoding)
            {
                Some(index) if !coding.chunked => self.head.remove_at(index),
                Some(index) if self.head.value(index) != b"chunked" => {
                    self.head.set_value(index, b"chunked")
                }
                _ => {}
            }
        } else if let Some(length) = self.head.seen.content_length {
            self.plain_length(length);
        }
        self.drop_length()?;
        if self.head.seen.transfer_encoding || self.head.seen.content_length.is_some() {
            return Ok(());
        }
        if self.head.kind == Kind::Request {
            self.state = State::Done;
        }
        Ok(())
    }

    /// CONNECT, 1xx and 204 have no body: their lengths are dropped. What becomes of a CONNECT with a length the engine
    /// decides (`Seen::connect_length`): the reference answers 502 once it has a connection to the server.
    fn drop_length(&mut self) -> Result<(), Fault> {
        let connect = self.head.kind == Kind::Request && self.head.method() == b"CONNECT";
        if !connect
            && !matches!(
                (self.head.kind, self.head.status),
                (Kind::Response, 100..=199 | 204)
            )
        {
            return Ok(());
        }
        self.head.seen.connect_length = connect && self.head.seen.content_length > Some(0);
        if self.head.seen.transfer_encoding || self.head.seen.content_length.is_some() {
            self.head.seen.connect_coding = connect && self.head.seen.transfer_encoding;
            self.head.seen.close |= self.head.seen.connect_coding;
            self.head.seen.content_length = None;
            self.head.seen.transfer_encoding = false;
            self.head.seen.chunked = false;
            self.head
                .fields
                .retain(|field| !matches!(field.id, Name::ContentLength | Name::TransferEncoding));
        }
        Ok(())
    }

    /// Rewrites `content-length: 5, 5` or `05` as the number alone.
    fn plain_length(&mut self, length: u64) {
        let Some(index) = self
            .head
            .fields
            .iter()
            .position(|field| field.id == Name::ContentLength)
        else {
            return;
        };
        let value = self.head.value(index);
        if value.contains(&b',') || (value.first() == Some(&b'0') && value.len() > 1) {
            self.head.set_value(index, length.to_string().as_bytes());
        }
    }

    /// Versions above 1.1 are served as 1.1; rules still see the number.
    fn finish_version(&mut self) -> Result<(), Fault> {
        let version = self.head.version;
        if self.head.kind == Kind::Request && version.is_empty() {
            self.state = State::Data;
            if self.head.method() != b"GET" {
                return Err(self.fault(FaultKind::MissingVersion, version.start as usize));
            }
            if !self.limits.looks_on {
                self.refuse_or_note(FaultKind::MissingVersion, version.start as usize)?;
            }
            self.head.version = self.head.append(b"HTTP/1.0");
        } else if !is_version(version.of(self.bytes)) {
            let state = if self.head.seen.chunked {
                State::ChunkSize
            } else {
                State::Data
            };
            let fault = Fault {
                kind: FaultKind::BadVersion,
                at: version.start as usize,
                state,
            };
            if !self.limits.relaxed && !self.limits.looks_on {
                return Err(fault);
            }
            // Upstream does not capture a message for this one.
        }
        self.head.version_11 = is_11(self.head.version());
        let seen = &self.head.seen;
        let body = seen.chunked || seen.content_length.is_some_and(|length| length > 0);
        if self.head.kind == Kind::Request
            && body
            && !self.head.version_11
            && !self.limits.any_payload
            && matches!(self.head.method(), b"GET" | b"HEAD" | b"DELETE")
        {
            return Err(self.fault(FaultKind::BodyNotAllowed, self.at));
        }
        Ok(())
    }
}

/// What upstream adds to a head's length, fields apart; measured, see `Limits::max_kept`.
const KEPT_FIXED: usize = 79;

/// The methods whose target may not be `*`, OPTIONS apart; upstream lets others have it.
fn is_known(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET" | b"HEAD" | b"POST" | b"PUT" | b"DELETE" | b"TRACE" | b"CONNECT" | b"OPTIONS"
    )
}

/// A decimal number without sign that fits 64 bits; leading zeros are fine.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, &digit| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// `HTTP/digit.digit`.
fn is_version(version: &[u8]) -> bool {
    matches!(
        version,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']
    )
}

/// The bytes upstream lets stand in a host: no controls, blanks, `# , / ? @ [ \ ]`, nothing above 126. Something in
/// brackets may lead, with nothing but a port behind it.
pub(crate) fn is_host(host: &[u8]) -> bool {
    let plain = |part: &[u8]| {
        part.iter()
            .all(|&byte| (33..127).contains(&byte) && !b"#,/?@[\\]".contains(&byte))
    };
    match host {
        [b'[', rest @ ..] => match rest.iter().position(|&byte| byte == b']') {
            Some(end) => {
                plain(&rest[..end])
                    && matches!(&rest[end + 1..], [] | [b':', ..])
                    && plain(&rest[end + 1..])
            }
            None => false,
        },
        _ => plain(host),
    }
}

/// Whether an authority and a host name the same: equal in any letter case, or equal but for a default port.
fn same_host(authority: &[u8], host: &[u8], scheme: Option<&[u8]>) -> bool {
    if authority.eq_ignore_ascii_case(host) {
        return true;
    }
    let without = |name| match split_port(name) {
        (name, Some(port)) if is_default(port, scheme) => name,
        _ => name,
    };
    let (bare_authority, bare_host) = (without(authority), without(host));
    // One of the two may leave the port out; two different ports are two places.
    let left_out = scheme.is_some()
        || bare_authority.len() == authority.len()
        || bare_host.len() == host.len()
        || host.ends_with(b":")
        || authority.ends_with(b":");
    left_out && !bare_host.is_empty() && bare_authority.eq_ignore_ascii_case(bare_host)
}

/// Whether `port` is the one that is meant when none is written: empty, 80 or 443 as the scheme says.
pub(crate) fn is_default(port: &[u8], scheme: Option<&[u8]>) -> bool {
    let is = |name: &[u8]| scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(name));
    port.is_empty() || (port == b"80" && is(b"http")) || (port == b"443" && is(b"https"))
}
