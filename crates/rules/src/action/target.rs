//! The request target: the actions that set a part of it, and the parts themselves.

use std::sync::Arc;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_proto::http::{Head, Name, Target};
use hapax_sample::log_format::Style;

use super::reading::{self, Text};
use super::room;

/// A part of the request target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Path,
    PathAndQuery,
    Query,
    Uri,
}

impl Part {
    /// What the part is now.
    pub(crate) fn of(self, request: &Head) -> &[u8] {
        let uri = request.uri();
        let target = Target::of(uri);
        match self {
            Part::Path => target.path,
            Part::Query => target.query.unwrap_or_default(),
            Part::Uri => uri,
            // Path and query are the end of the target.
            Part::PathAndQuery => {
                let query = target.query.map_or(0, |query| query.len() + 1);
                let length = target.path.len() + query;
                uri.get(uri.len().saturating_sub(length)..)
                    .unwrap_or_default()
            }
        }
    }

    /// Replaces the part. Upstream forwards blanks and an empty target as they are, which breaks the request line for
    /// the server (RFC 9112 3); here blanks are encoded and an empty path is `/`.
    pub(crate) fn set(self, request: &mut Head, value: &[u8], arena: &Bump) {
        let mut safe = BumpVec::with_capacity_in(value.len(), arena);
        for &byte in value {
            match byte {
                b' ' => safe.extend_from_slice(b"%20"),
                b'\t' => safe.extend_from_slice(b"%09"),
                _ => safe.push(byte),
            }
        }
        let value = if safe.is_empty() && self != Part::Query {
            b"/"
        } else {
            safe.as_slice()
        };
        match self {
            Part::Path if request.uri() == b"*" => request.set_uri(value),
            Part::PathAndQuery if request.uri() == b"*" => request.set_uri(value),
            Part::Path => request.set_path(value),
            Part::PathAndQuery => request.set_path_and_query(value),
            Part::Query => set_query(request, value, arena),
            Part::Uri => set_uri(request, value),
        }
    }
}

impl Part {
    /// Replaces the part in a rule, if there is room.
    pub(crate) fn rewrite(self, tx: &mut Tx<'_>, value: &[u8]) -> Outcome {
        let old = self.of(&tx.stream.request).len();
        room::edit(tx, value.len(), old, |tx| {
            self.set(&mut tx.stream.request, value, tx.arena);
        })
    }
}

/// A question mark that is there stays, also before nothing.
fn set_query(request: &mut Head, query: &[u8], arena: &Bump) {
    if !query.is_empty() || request.query().is_none() {
        request.set_query(Some(query));
        return;
    }
    let mut path = BumpVec::from_iter_in(request.path().iter().copied(), arena);
    path.push(b'?');
    request.set_path_and_query(&path);
}

/// A target that names an authority names the host too (RFC 9112 3.2.2).
fn set_uri(request: &mut Head, uri: &[u8]) {
    request.set_uri(uri);
    let target = Target::of(uri);
    let Some(host) = target.host_and_port() else {
        return;
    };
    let end = host.iter().position(|byte| b"/?#".contains(byte));
    let host = host.get(..end.unwrap_or(host.len())).unwrap_or_default();
    let line = request
        .fields()
        .iter()
        .position(|field| field.id == Name::Host);
    match line {
        Some(line) => request.set_value(line, host),
        None => request.add(b"host", host),
    }
}

/// Reads `<fmt>`, the only argument, for an action that sets a part.
pub(crate) fn parse(
    cursor: &mut ActionCursor<'_, '_>,
    part: Part,
) -> Result<Arc<dyn Action>, Fault> {
    let value = format(cursor)?;
    Ok(Arc::new(SetTarget {
        part,
        value,
        text: reading::text(cursor),
    }))
}

/// The format that is the only argument of an action.
pub(crate) fn format(cursor: &mut ActionCursor<'_, '_>) -> Result<Text, Fault> {
    const EXACTLY: &str = "expects exactly 1 argument <format>";
    let word = reading::expect(cursor, EXACTLY)?;
    if !cursor.at_condition() {
        return Err(reading::fault(cursor, EXACTLY));
    }
    reading::format(cursor, &word.text, Style::Header, word.span)
}

#[derive(Debug)]
struct SetTarget {
    part: Part,
    value: Text,
    text: String,
}

impl Action for SetTarget {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        self.value
            .with(tx, |tx, value| self.part.rewrite(tx, value))
    }
}
