//! `set-path`, `set-pathq`, `set-query` and `set-uri`.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::LogFormat;
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_proto::http::Head;
use hapax_sample::log_format::Style;

use super::{argument, fault, read_format, with_text};

/// Which part of the request target.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// The path.
    Path,
    /// Path and query.
    PathAndQuery,
    /// The query.
    Query,
    /// The whole of it.
    Uri,
}

pub fn parse(
    cursor: &mut ActionCursor<'_, '_>,
    keyword: &'static str,
    part: Part,
) -> Result<Arc<dyn Action>, Fault> {
    let Some(word) = argument(cursor).filter(|_| cursor.at_condition()) else {
        return Err(fault(
            cursor,
            keyword,
            "expects exactly 1 argument <format>",
        ));
    };
    let format =
        read_format(cursor, word, Style::Header).map_err(|text| fault(cursor, keyword, &text))?;
    Ok(Arc::new(SetTarget {
        keyword,
        part,
        format,
    }))
}

/// Puts `text` in the place of a part.
pub fn set(head: &mut Head, part: Part, text: &[u8]) {
    match part {
        Part::Path => head.set_path(text),
        Part::PathAndQuery => head.set_path_and_query(text),
        // An empty query keeps its question mark, as upstream's does.
        Part::Query if text.is_empty() => {
            head.set_query(None);
            let mut uri = head.uri().to_vec();
            uri.push(b'?');
            head.set_uri(&uri);
        }
        Part::Query => head.set_query(Some(text)),
        Part::Uri => head.set_uri(text),
    }
}

#[derive(Debug)]
struct SetTarget {
    keyword: &'static str,
    part: Part,
    format: LogFormat,
}

impl Action for SetTarget {
    fn text(&self) -> String {
        format!("{} {}", self.keyword, self.format.text)
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        with_text(&self.format, tx, |tx, text| {
            set(&mut tx.stream.request, self.part, text);
        });
        Outcome::Continue
    }
}
