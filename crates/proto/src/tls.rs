//! The first message of a TLS connection, read from outside without taking part in it (RFC 8446 4.1, RFC 6066 3).
//!
//! Everything is hostile: lengths lie, messages end early, bytes trickle in.

use std::ops::RangeInclusive;

/// What is known of a value while bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<T> {
    /// It is there.
    Here(T),
    /// More bytes may bring it.
    NotYet,
    /// The bytes are something else, or do not have it.
    Nothing,
}

impl<T> Found<T> {
    /// The value, changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Found::Here(value) => Found::Here(change(value)),
            Found::NotYet => Found::NotYet,
            Found::Nothing => Found::Nothing,
        }
    }
}

macro_rules! here {
    ($found:expr) => {
        match $found {
            Found::Here(value) => value,
            Found::NotYet => return Found::NotYet,
            Found::Nothing => return Found::Nothing,
        }
    };
}

/// Extensions that are asked for.
pub mod extension {
    /// `server_name`.
    pub const SERVER_NAME: u16 = 0;
    /// `status_request`.
    pub const STATUS_REQUEST: u16 = 5;
    /// `supported_groups`.
    pub const SUPPORTED_GROUPS: u16 = 10;
    /// `signature_algorithms`.
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    /// `application_layer_protocol_negotiation`.
    pub const ALPN: u16 = 16;
    /// `session_ticket`.
    pub const SESSION_TICKET: u16 = 35;
    /// `ec_point_formats`.
    pub const POINT_FORMATS: u16 = 11;
    /// `supported_versions`.
    pub const SUPPORTED_VERSIONS: u16 = 43;
    /// `key_share`.
    pub const KEY_SHARE: u16 = 51;
}

/// The type of a complete handshake message at the start (1: client hello, 2: server hello).
pub fn hello_type(bytes: &[u8]) -> Found<u8> {
    let message = here!(message(bytes, 0x14..=0x17));
    match message.is_complete() {
        true => Found::Here(message.kind),
        false => Found::NotYet,
    }
}

/// The version of a record or of an SSLv2 hello: major times 65536 plus minor.
pub fn version(bytes: &[u8]) -> Found<u32> {
    let mut cursor = Cursor::new(bytes);
    let first = here!(cursor.byte());
    if first & 0x80 != 0 {
        return version_2(&mut cursor, first);
    }
    if !(0x14..=0x17).contains(&first) {
        return Found::Nothing;
    }
    let (major, _) = (here!(cursor.byte()), here!(cursor.byte()));
    if major < 3 {
        return Found::Nothing;
    }
    let length = usize::from(here!(cursor.short()));
    if length < HEAD + 2 {
        return Found::Nothing;
    }
    // The record tells the oldest version that is spoken, the message behind four bytes the newest.
    here!(cursor.take(4));
    let version = (here!(cursor.byte()), here!(cursor.byte()));
    if bytes.len() < length + RECORD {
        return Found::NotYet;
    }
    Found::Here(u32::from(version.0) << 16 | u32::from(version.1))
}

fn version_2(cursor: &mut Cursor<'_>, first: u8) -> Found<u32> {
    let length = usize::from(first & 0x7f) << 8 | usize::from(here!(cursor.byte()));
    let (kind, major, minor) = (
        here!(cursor.byte()),
        here!(cursor.byte()),
        here!(cursor.byte()),
    );
    let lists = [
        here!(cursor.short()),
        here!(cursor.short()),
        here!(cursor.short()),
    ];
    let rest: usize = lists.into_iter().map(usize::from).sum();
    if kind != 1 || rest + 9 != length {
        return Found::Nothing;
    }
    here!(cursor.take(rest));
    Found::Here(u32::from(major) << 16 | u32::from(minor))
}

/// The ciphers that a client offers, as they stand in its hello.
pub fn ciphers(bytes: &[u8]) -> Found<&[u8]> {
    client_hello(bytes).map(|hello| hello.ciphers)
}

/// The contents of an extension of a client hello; none when the extensions are read to their end without it.
pub fn extension(bytes: &[u8], wanted: u16) -> Found<Option<&[u8]>> {
    let mut rest = here!(client_hello(bytes)).rest;
    if here!(rest.list_of_bytes()).is_empty() {
        return Found::Nothing;
    }
    let length = usize::from(here!(rest.short()));
    let Some(mut rest) = rest.limited(length) else {
        return Found::Nothing;
    };
    while rest.left() >= 4 {
        let kind = here!(rest.short());
        let length = usize::from(here!(rest.short()));
        match rest.take(length) {
            Found::Here(content) if kind == wanted => return Found::Here(Some(content)),
            Found::Here(_) => {}
            // The last bytes of the last one are no longer looked at.
            Found::NotYet if kind != wanted => return Found::Here(None),
            Found::NotYet => return Found::NotYet,
            Found::Nothing => return Found::Nothing,
        }
    }
    Found::Here(None)
}

/// The extensions of a client hello, in order, as far as they can be read.
pub fn extensions(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = match extensions_of(bytes) {
        Found::Here(rest) => rest,
        Found::NotYet | Found::Nothing => Cursor::new(&[]),
    };
    std::iter::from_fn(move || {
        let (Found::Here(kind), Found::Here(content)) = (rest.short(), rest.list_of_shorts())
        else {
            return None;
        };
        Some((kind, content))
    })
}

fn extensions_of(bytes: &[u8]) -> Found<Cursor<'_>> {
    let mut rest = here!(client_hello(bytes)).rest;
    here!(rest.list_of_bytes());
    let length = usize::from(here!(rest.short()));
    match rest.limited(length) {
        Some(rest) => Found::Here(rest),
        None => Found::Nothing,
    }
}

/// The version, random bytes and session number of a hello of either side, in the record that it begins with.
pub fn begun(bytes: &[u8]) -> Option<Begun<'_>> {
    let body = bytes.get(RECORD + HEAD..)?;
    let (version, body) = body.split_first_chunk::<2>()?;
    let (random, body) = body.split_first_chunk::<32>()?;
    let (length, body) = body.split_first()?;
    Some(Begun {
        version: u16::from_be_bytes(*version),
        random: *random,
        session: body.get(..usize::from(*length))?,
    })
}

/// What every hello begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun<'a> {
    /// The version that it names.
    pub version: u16,
    /// Random bytes.
    pub random: [u8; 32],
    /// The number of a session.
    pub session: &'a [u8],
}

/// The name of the server that a complete client hello asks for.
pub fn server_name(bytes: &[u8]) -> Found<&[u8]> {
    here!(complete(bytes));
    let content = here!(extension(bytes, extension::SERVER_NAME));
    let name = content.and_then(list).and_then(|names| match names {
        [0, high, low, name @ ..] if !name.is_empty() => {
            name.get(..usize::from(u16::from_be_bytes([*high, *low])))
        }
        _ => None,
    });
    name.map_or(Found::Nothing, Found::Here)
}

/// The first protocol that a complete client hello offers; how long the list says it is does not matter.
pub fn first_protocol(bytes: &[u8]) -> Found<&[u8]> {
    here!(complete(bytes));
    let Some(content) = here!(extension(bytes, extension::ALPN)) else {
        return Found::Nothing;
    };
    let mut cursor = Cursor::new(content);
    match (cursor.short(), cursor.list_of_bytes()) {
        (Found::Here(_), Found::Here(name)) => Found::Here(name),
        _ => Found::Nothing,
    }
}

/// Whether a session ticket is spoken of in a complete client hello, and what it is.
pub fn session_ticket(bytes: &[u8]) -> Found<Option<&[u8]>> {
    here!(complete(bytes));
    extension(bytes, extension::SESSION_TICKET)
}

/// Whether a client hello and its record are there whole.
fn complete(bytes: &[u8]) -> Found<()> {
    let message = here!(message(bytes, 0x16..=0x16));
    let major = match message.body.bytes.first() {
        _ if message.kind != 1 => return Found::Nothing,
        Some(major) => *major,
        None => return Found::NotYet,
    };
    if major < 3 {
        return Found::Nothing;
    }
    let record = match bytes {
        [_, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => return Found::NotYet,
    };
    match message.is_complete() && bytes.len() >= record + RECORD {
        true => Found::Here(()),
        false => Found::NotYet,
    }
}

/// A list behind its length in two bytes, as groups and signature algorithms are; an empty one is none.
pub fn list(content: &[u8]) -> Option<&[u8]> {
    match Cursor::new(content).list_of_shorts() {
        Found::Here(list) if list.len() >= 2 => Some(list),
        _ => None,
    }
}

/// The groups of the shares of a `key_share` extension, in order; of the last one the key may be missing.
pub fn share_groups(content: &[u8]) -> impl Iterator<Item = [u8; 2]> {
    let mut shares = list(content).unwrap_or_default();
    std::iter::from_fn(move || {
        let ([high, low, length @ ..], rest) = shares.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        shares = rest.get(length..).unwrap_or_default();
        Some([*high, *low])
    })
}

/// A handshake message: its type and what is there of its body.
struct Message<'a> {
    kind: u8,
    body: Cursor<'a>,
}

impl Message<'_> {
    fn is_complete(&self) -> bool {
        self.body.left() <= self.body.bytes.len()
    }
}

fn message(bytes: &[u8], records: RangeInclusive<u8>) -> Found<Message<'_>> {
    let mut cursor = Cursor::new(bytes);
    if !records.contains(&here!(cursor.byte())) || here!(cursor.byte()) < 3 {
        return Found::Nothing;
    }
    here!(cursor.byte());
    let record = here!(cursor.short());
    let kind = here!(cursor.byte());
    let length = here!(cursor.triple());
    if usize::from(record) < HEAD {
        return Found::Nothing;
    }
    match cursor.limited(length) {
        Some(body) => Found::Here(Message { kind, body }),
        None => Found::Nothing,
    }
}

/// A client hello behind its session id.
struct Hello<'a> {
    ciphers: &'a [u8],
    /// What stands behind the ciphers.
    rest: Cursor<'a>,
}

/// A client hello of TLS 1.0 or later. The last bytes of it, as many as its head has, may be missing.
fn client_hello(bytes: &[u8]) -> Found<Hello<'_>> {
    let message = here!(message(bytes, 0x16..=0x16));
    let record = match bytes {
        [_, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => return Found::NotYet,
    };
    let mut body = message.body;
    if message.kind != 1 || record < LEAST_HELLO + HEAD || body.left() < LEAST_HELLO {
        return Found::Nothing;
    }
    if bytes.len() < body.left() + RECORD {
        return Found::NotYet;
    }
    if !matches!(here!(body.take(VERSION_AND_RANDOM)), [major, minor, ..] if *major >= 3 && *minor >= 1)
    {
        return Found::Nothing;
    }
    if here!(body.list_of_bytes()).len() > 32 {
        return Found::Nothing;
    }
    let ciphers = here!(body.list_of_shorts());
    match ciphers.len() {
        0 | 1 => Found::Nothing,
        _ => Found::Here(Hello {
            ciphers,
            rest: body,
        }),
    }
}

/// Reads bytes of which only the first have come: past those it is too early, past `limit` it is a lie.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    bytes: &'a [u8],
    /// How many bytes there would be if all had come; more than that are never promised.
    limit: Option<usize>,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, limit: None }
    }

    fn left(&self) -> usize {
        self.limit.unwrap_or(self.bytes.len())
    }

    /// The next `length` bytes as a cursor of their own, whether they have come or not.
    fn limited(&self, length: usize) -> Option<Cursor<'a>> {
        if self.limit.is_some_and(|limit| length > limit) {
            return None;
        }
        Some(Cursor {
            bytes: self.bytes.get(..length).unwrap_or(self.bytes),
            limit: Some(length),
        })
    }

    fn take(&mut self, length: usize) -> Found<&'a [u8]> {
        if self.limit.is_some_and(|limit| length > limit) {
            return Found::Nothing;
        }
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else {
            return Found::NotYet;
        };
        self.bytes = rest;
        self.limit = self.limit.map(|limit| limit - length);
        Found::Here(taken)
    }

    fn byte(&mut self) -> Found<u8> {
        self.take(1)
            .map(|bytes| bytes.first().copied().unwrap_or(0))
    }

    fn short(&mut self) -> Found<u16> {
        self.take(2).map(|bytes| number(bytes) as u16)
    }

    fn triple(&mut self) -> Found<usize> {
        self.take(3).map(number)
    }

    fn list_of_bytes(&mut self) -> Found<&'a [u8]> {
        let length = here!(self.byte());
        self.take(usize::from(length))
    }

    fn list_of_shorts(&mut self) -> Found<&'a [u8]> {
        let length = here!(self.short());
        self.take(usize::from(length))
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Type, version and length before the content of a record.
const RECORD: usize = 5;
/// Type and length before the body of a handshake message.
const HEAD: usize = 4;
/// Version, random bytes, no session, one cipher, one compression, and the length of extensions with half of the head of one.
const LEAST_HELLO: usize = 45;
const VERSION_AND_RANDOM: usize = 34;

#[cfg(test)]
mod tests {
    use super::*;

    /// A client hello with the given extensions.
    fn hello(extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut tail = Vec::new();
        for (kind, content) in extensions {
            tail.extend(kind.to_be_bytes());
            tail.extend((content.len() as u16).to_be_bytes());
            tail.extend_from_slice(content);
        }
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([2, 1, 1, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
        body.extend((tail.len() as u16).to_be_bytes());
        body.extend(tail);
        let mut bytes = vec![0x16, 3, 1];
        bytes.extend((body.len() as u16 + 4).to_be_bytes());
        bytes.extend([1, 0]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_hello_tells_what_it_asks_for() {
        let name = b"\0\x06\0\0\x03a.b";
        let protocols = b"\0\x06\x02h2\x02h3";
        let shares = b"\0\x0b\0\x1d\0\x01x\0\x17\0\x02yz";
        let bytes = hello(&[
            (extension::SERVER_NAME, name),
            (extension::ALPN, protocols),
            (extension::KEY_SHARE, shares),
        ]);
        assert_eq!(hello_type(&bytes), Found::Here(1));
        assert_eq!(version(&bytes), Found::Here(0x30003));
        assert_eq!(server_name(&bytes), Found::Here(&b"a.b"[..]));
        assert_eq!(first_protocol(&bytes), Found::Here(&b"h2"[..]));
        assert_eq!(ciphers(&bytes), Found::Here(&b"\x13\x01\x13\x02"[..]));
        let Found::Here(Some(content)) = extension(&bytes, extension::KEY_SHARE) else {
            panic!("no key share");
        };
        let groups: Vec<_> = share_groups(content).collect();
        assert_eq!(groups, [[0, 0x1d], [0, 0x17]]);
        assert_eq!(session_ticket(&bytes), Found::Here(None));
    }

    #[test]
    fn what_trickles_in_is_waited_for() {
        let bytes = hello(&[(extension::SERVER_NAME, b"\0\x06\0\0\x03a.b")]);
        for length in 0..bytes.len() {
            let part = &bytes[..length];
            assert_eq!(hello_type(part), Found::NotYet, "{length}");
            assert_eq!(server_name(part), Found::NotYet, "{length}");
            assert_eq!(version(part), Found::NotYet, "{length}");
        }
    }

    #[test]
    fn lies_are_no_names() {
        let good = hello(&[(extension::SERVER_NAME, b"\0\x06\0\0\x03a.b")]);
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] = value;
                // Whatever it is, it is told without harm.
                let _ = (server_name(&bytes), first_protocol(&bytes), version(&bytes));
                let _ = (ciphers(&bytes), hello_type(&bytes));
            }
        }
        let mut bytes = good.clone();
        let at = bytes.len() - 5;
        bytes[at] = 0xff;
        assert_eq!(server_name(&bytes), Found::Nothing);
    }
}
