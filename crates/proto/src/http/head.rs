//! A message head that owns its bytes: start line and fields are ranges of one text buffer.
//!
//! Parsing copies the head in with one copy; an edit appends the new bytes and moves a range. `clear` keeps both
//! capacities, so a head that is used again for the next message allocates nothing once it is warm.

use crate::http::{Name, Target, Values};

/// A range of `Head`'s text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end`; positions above 4 GB (which no head reaches) saturate.
    pub fn new(start: usize, end: usize) -> Span {
        let narrow = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        Span {
            start: narrow(start),
            end: narrow(end),
        }
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether the range holds no byte.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The bytes of the range; empty when it lies outside `text`.
    pub fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// One header line: where its name (lower case) and value stand, and which well-known name it is.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name, lower case.
    pub name: Span,
    /// The value without surrounding blanks.
    pub value: Span,
    /// The name as an integer.
    pub id: Name,
}

/// Whether a head starts with a request line or a status line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Request line.
    #[default]
    Request,
    /// Status line.
    Response,
}

/// What the parser met and the engine asks for on every message. Edits by rules do not change it: framing and
/// persistence follow what was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Value of `content-length`.
    pub content_length: Option<u64>,
    /// The last transfer coding is `chunked`.
    pub chunked: bool,
    /// A `transfer-encoding` field was there.
    pub transfer_encoding: bool,
    /// Both lengths were there; `content-length` was dropped and the connection must close after the answer.
    pub both_lengths: bool,
    /// CONNECT with a `content-length` above zero; the field was dropped.
    pub connect_length: bool,
    /// CONNECT with a transfer coding; the field was dropped.
    pub connect_coding: bool,
    /// `connection: close`.
    pub close: bool,
    /// `connection: keep-alive`.
    pub keep_alive: bool,
    /// `connection: upgrade`, and an `upgrade` field.
    pub upgrade: bool,
    pub(crate) upgrade_field: bool,
    pub(crate) connection: bool,
    /// `upgrade` names websocket.
    pub websocket: bool,
    /// A `te` field was there; it must be cleaned before the request is sent.
    pub te: bool,
    /// `expect: 100-continue`.
    pub expect_continue: bool,
    /// The status line came without a reason phrase, which was added.
    pub reason_added: bool,
    /// It was put together from its parts (HTTP/2): HTTP/1 servers get path and query of the target alone, and what is
    /// chunked does not say so yet.
    pub from_parts: bool,
}

/// A message head. See the module text.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub(crate) text: Vec<u8>,
    pub(crate) fields: Vec<Field>,
    pub(crate) kind: Kind,
    pub(crate) method: Span,
    pub(crate) uri: Span,
    pub(crate) version: Span,
    pub(crate) status: u16,
    pub(crate) code: Span,
    pub(crate) reason: Span,
    pub(crate) version_11: bool,
    pub(crate) seen: Seen,
}

impl Head {
    /// An empty head.
    pub fn new() -> Head {
        Head::default()
    }

    /// Forgets the message, keeps the memory.
    pub fn clear(&mut self) {
        let (mut text, mut fields) = (
            std::mem::take(&mut self.text),
            std::mem::take(&mut self.fields),
        );
        text.clear();
        fields.clear();
        *self = Head {
            text,
            fields,
            ..Head::default()
        };
    }

    /// Starts a request of our own, for instance a health check.
    pub fn start_request(&mut self, method: &[u8], uri: &[u8], version: &[u8]) {
        self.clear();
        self.kind = Kind::Request;
        self.method = self.append(method);
        self.uri = self.append(uri);
        self.version = self.append(version);
        self.version_11 = is_11(version);
    }

    /// Starts a response of our own.
    pub fn start_response(&mut self, version: &[u8], status: u16, reason: &[u8]) {
        self.clear();
        self.kind = Kind::Response;
        self.version = self.append(version);
        self.version_11 = is_11(version);
        self.set_status(status, reason);
    }

    /// Request or response.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The method; empty in a response.
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.text)
    }

    /// The request target as it will be sent.
    pub fn uri(&self) -> &[u8] {
        self.uri.of(&self.text)
    }

    /// The request target as an HTTP/1 server gets it.
    pub fn sent_uri(&self) -> &[u8] {
        let uri = self.uri();
        if !self.seen.from_parts {
            return uri;
        }
        let (prefix, _) = self.target().lengths();
        match uri.get(prefix..) {
            _ if prefix == 0 || self.target().scheme.is_none() => uri,
            None | Some([]) if self.method() == b"OPTIONS" => b"*",
            None | Some([]) => b"/",
            Some(rest) => rest,
        }
    }

    /// The version as received, like `HTTP/1.1`. Versions above 1.1 are sent as 1.1.
    pub fn version(&self) -> &[u8] {
        self.version.of(&self.text)
    }

    /// Whether the peer speaks 1.1 or later; everything else behaves like 1.0.
    pub fn is_11(&self) -> bool {
        self.version_11
    }

    /// The status; 0 in a request.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The status as it will be sent: a server's `099` stays as it is.
    pub fn status_text(&self) -> &[u8] {
        self.code.of(&self.text)
    }

    /// The reason phrase.
    pub fn reason(&self) -> &[u8] {
        self.reason.of(&self.text)
    }

    /// What the parser noted for the engine.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The request target taken apart.
    pub fn target(&self) -> Target<'_> {
        Target::of(self.uri())
    }

    /// The path, without query; empty when the target has none (`*`, authority form).
    pub fn path(&self) -> &[u8] {
        self.target().path
    }

    /// The query, without `?`.
    pub fn query(&self) -> Option<&[u8]> {
        self.target().query
    }

    /// Number of header lines.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no header line.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Bytes that the head occupies, replaced values included.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Bytes of memory reserved.
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<Field>()
    }

    /// All header lines as (name, value), in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        self.fields
            .iter()
            .map(|field| (field.name.of(&self.text), field.value.of(&self.text)))
    }

    /// The ranges of all header lines, in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Name of line `index`; empty when there is none.
    pub fn name(&self, index: usize) -> &[u8] {
        self.fields
            .get(index)
            .map_or(&[], |field| field.name.of(&self.text))
    }

    /// Value of line `index`; empty when there is none.
    pub fn value(&self, index: usize) -> &[u8] {
        self.fields
            .get(index)
            .map_or(&[], |field| field.value.of(&self.text))
    }

    /// First value of a well-known field.
    pub fn get(&self, id: Name) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|field| field.id == id)
            .map(|field| field.value.of(&self.text))
    }

    /// First value of the field `name`, in any letter case.
    pub fn find(&self, name: &[u8]) -> Option<&[u8]> {
        self.lines(name).next().map(|(_, value)| value)
    }

    /// Whole lines named `name` as (index, value), in order.
    pub fn lines<'a, 'n>(
        &'a self,
        name: &'n [u8],
    ) -> impl DoubleEndedIterator<Item = (usize, &'a [u8])> + use<'a, 'n> {
        let id = Name::of(name);
        self.fields
            .iter()
            .enumerate()
            .filter_map(move |(index, field)| {
                let same = field.id == id
                    && (id != Name::Other || field.name.of(&self.text).eq_ignore_ascii_case(name));
                same.then(|| (index, field.value.of(&self.text)))
            })
    }

    /// The same for a name that is known to be in lower case.
    pub fn lines_of<'a, 'n>(
        &'a self,
        lower: &'n [u8],
    ) -> impl DoubleEndedIterator<Item = (usize, &'a [u8])> + use<'a, 'n> {
        let fields = self.fields.iter().enumerate();
        let named = fields.filter(move |(_, field)| field.name.of(&self.text) == lower);
        named.map(|(index, field)| (index, field.value.of(&self.text)))
    }

    /// Comma-separated values of all lines named `name` as (index of the line, value), in order. Commas inside
    /// quoted strings do not separate.
    pub fn values<'a, 'n>(
        &'a self,
        name: &'n [u8],
    ) -> impl Iterator<Item = (usize, &'a [u8])> + use<'a, 'n> {
        self.lines(name)
            .flat_map(|(index, line)| Values::new(line).map(move |value| (index, value)))
    }

    /// Appends a line. The name is stored in lower case.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let id = Name::of(name);
        let name = self.append_name(name);
        let value = self.append(value);
        self.fields.push(Field { name, value, id });
        self.follow_host(self.fields.len() - 1);
    }

    /// Removes every line named `name` and appends one with `value`.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// Removes every line named `name`; tells how many there were.
    pub fn remove(&mut self, name: &[u8]) -> usize {
        let id = Name::of(name);
        if id != Name::Other {
            return self.remove_id(id);
        }
        let (before, text) = (self.fields.len(), &self.text);
        self.fields.retain(|field| {
            field.id != Name::Other || !field.name.of(text).eq_ignore_ascii_case(name)
        });
        before - self.fields.len()
    }

    /// Removes every line of a well-known name; tells how many there were.
    pub fn remove_id(&mut self, id: Name) -> usize {
        let before = self.fields.len();
        self.fields.retain(|field| field.id != id);
        before - self.fields.len()
    }

    /// Keeps the lines for which `keep(name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let text = &self.text;
        self.fields
            .retain(|field| keep(field.name.of(text), field.value.of(text)));
    }

    /// Removes line `index`, if there is one.
    pub fn remove_at(&mut self, index: usize) {
        if index < self.fields.len() {
            self.fields.remove(index);
        }
    }

    /// Gives line `index` another value, in its place.
    pub fn set_value(&mut self, index: usize, value: &[u8]) {
        if index < self.fields.len() {
            let value = self.append(value);
            self.fields[index].value = value;
            self.follow_host(index);
        }
    }

    /// Gives line `index` another name and value, in its place. The name is stored in lower case.
    pub fn set_line(&mut self, index: usize, name: &[u8], value: &[u8]) {
        if index < self.fields.len() {
            let id = Name::of(name);
            let name = self.append_name(name);
            let value = self.append(value);
            self.fields[index] = Field { name, value, id };
            self.follow_host(index);
        }
    }

    /// Replaces the method.
    pub fn set_method(&mut self, method: &[u8]) {
        self.method = self.append(method);
    }

    /// Replaces the whole request target.
    pub fn set_uri(&mut self, uri: &[u8]) {
        self.uri = self.append(uri);
        self.seen.from_parts = false;
    }

    /// A target that was put together from its parts names the host that the request asks for, also when that is changed.
    fn follow_host(&mut self, index: usize) {
        let Some(field) = self.fields.get(index).copied() else {
            return;
        };
        if field.id != Name::Host || !self.seen.from_parts || self.kind != Kind::Request {
            return;
        }
        let target = self.target();
        let Some(scheme) = target.scheme.map(<[u8]>::len) else {
            return;
        };
        let authority = target.authority.map_or(0, <[u8]>::len);
        let (start, uri) = (self.text.len(), self.uri.start as usize);
        let behind = uri + scheme + 3 + authority;
        self.text.extend_from_within(uri..uri + scheme + 3);
        self.text
            .extend_from_within(field.value.start as usize..field.value.end as usize);
        self.text.extend_from_within(behind..self.uri.end as usize);
        self.uri = Span::new(start, self.text.len());
    }

    /// Replaces the path and keeps scheme, authority and query.
    pub fn set_path(&mut self, path: &[u8]) {
        let (prefix, old) = self.target().lengths();
        let start = self.text.len();
        let uri = self.uri.start as usize;
        self.text.extend_from_within(uri..uri + prefix);
        self.text.extend_from_slice(path);
        self.text
            .extend_from_within(uri + prefix + old..self.uri.end as usize);
        self.uri = Span::new(start, self.text.len());
    }

    /// Replaces the query (without `?`); `None` or an empty query removes the question mark too.
    pub fn set_query(&mut self, query: Option<&[u8]>) {
        let (prefix, path) = self.target().lengths();
        let start = self.text.len();
        let uri = self.uri.start as usize;
        self.text.extend_from_within(uri..uri + prefix + path);
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            self.text.push(b'?');
            self.text.extend_from_slice(query);
        }
        self.uri = Span::new(start, self.text.len());
    }

    /// Replaces path and query together and keeps scheme and authority.
    pub fn set_path_and_query(&mut self, path_and_query: &[u8]) {
        let (prefix, _) = self.target().lengths();
        let start = self.text.len();
        let uri = self.uri.start as usize;
        self.text.extend_from_within(uri..uri + prefix);
        self.text.extend_from_slice(path_and_query);
        self.uri = Span::new(start, self.text.len());
    }

    /// Replaces the version.
    pub fn set_version(&mut self, version: &[u8]) {
        self.version = self.append(version);
        self.version_11 = is_11(version);
    }

    /// Replaces status and reason phrase.
    pub fn set_status(&mut self, status: u16, reason: &[u8]) {
        let digits =
            [status / 100 % 10, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8);
        self.status = status;
        self.code = self.append(&digits);
        self.reason = self.append(reason);
        self.seen.reason_added = false;
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        Span::new(start, self.text.len())
    }

    fn append_name(&mut self, name: &[u8]) -> Span {
        let span = self.append(name);
        self.text[span.start as usize..].make_ascii_lowercase();
        span
    }
}

/// Whether a version that was checked before behaves like HTTP/1.1: `HTTP/` with a number of 1.1 or above.
pub(crate) fn is_11(version: &[u8]) -> bool {
    match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] => (*major, *minor) >= (b'1', b'1'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Head {
        let mut head = Head::new();
        head.start_request(b"GET", b"http://u@h:80/a/b?c=d", b"HTTP/1.1");
        head.add(b"Host", b"h");
        head.add(b"X-A", b"1, \"2,3\" ,4");
        head.add(b"x-a", b"5");
        head
    }

    #[test]
    fn a_target_from_parts_follows_the_host_until_a_rule_sets_it() {
        let mut head = Head::new();
        head.start_request(b"GET", b"http://a/x?y", b"HTTP/2.0");
        head.add(b"host", b"a");
        head.seen.from_parts = true;
        head.set(b"host", b"other");
        assert_eq!(head.uri(), b"http://other/x?y");
        head.set_value(0, b"b");
        assert_eq!(
            (head.uri(), head.sent_uri()),
            (&b"http://b/x?y"[..], &b"/x?y"[..])
        );
        head.set_uri(b"http://c/");
        assert_eq!(
            (head.uri(), head.sent_uri()),
            (&b"http://c/"[..], &b"http://c/"[..])
        );
    }

    #[test]
    fn lines_and_values() {
        let head = sample();
        assert_eq!(head.get(Name::Host), Some(&b"h"[..]));
        assert_eq!(head.find(b"X-a"), Some(&b"1, \"2,3\" ,4"[..]));
        assert_eq!(head.lines(b"x-A").count(), 2);
        let values: Vec<_> = head.values(b"x-a").map(|(_, value)| value).collect();
        assert_eq!(values, [&b"1"[..], b"\"2,3\"", b"4", b"5"]);
    }

    #[test]
    fn edits_keep_order() {
        let mut head = sample();
        head.set_value(1, b"z");
        head.set(b"Host", b"other");
        let lines: Vec<_> = head.iter().collect();
        assert_eq!(
            lines,
            [
                (&b"x-a"[..], &b"z"[..]),
                (b"x-a", b"5"),
                (b"host", b"other")
            ]
        );
        assert_eq!(head.remove(b"X-A"), 2);
        assert_eq!(head.len(), 1);
    }

    #[test]
    fn target_edits() {
        let mut head = sample();
        assert_eq!(
            (head.path(), head.query()),
            (&b"/a/b"[..], Some(&b"c=d"[..]))
        );
        head.set_path(b"/new");
        assert_eq!(head.uri(), b"http://u@h:80/new?c=d");
        head.set_query(None);
        assert_eq!(head.uri(), b"http://u@h:80/new");
        head.set_query(Some(b"q"));
        assert_eq!(head.uri(), b"http://u@h:80/new?q");
        head.set_path_and_query(b"/x?y");
        assert_eq!(head.uri(), b"http://u@h:80/x?y");
    }

    #[test]
    fn clear_keeps_memory() {
        let mut head = sample();
        let capacity = head.capacity();
        head.clear();
        assert_eq!(
            (head.len(), head.method(), head.capacity()),
            (0, &b""[..], capacity)
        );
    }
}
