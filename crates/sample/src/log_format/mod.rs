//! Log formats: text to pieces, and pieces to bytes (configuration manual 8.2.6).

pub mod alias;
mod captured;
mod cbor;
mod date;
mod encoded;
mod parse;
mod render;
pub mod unique_id;

use hapax_core::ir::LogFormat;

pub use date::Stamp;
pub use parse::{ParsedFormat, parse};
pub use render::{default_line, render, text};

use crate::expression::Origin;
use crate::place::Place;

/// Where the bytes of a format go, which decides about gaps and encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A log line: blanks are merged, absent values are `-`.
    Log,
    /// `unique-id-format`: blanks are merged, nothing is encoded.
    Merged,
    /// A header field or a part of the request line: bytes that must not stand there are encoded as `%XX`.
    Header,
    /// A body or a name: nothing is encoded.
    Plain,
}

/// `option httplog`.
pub const HTTP_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";

/// `option httplog clf`.
pub const HTTP_CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

/// `option tcplog`.
pub const TCP_LOG: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

/// `option tcplog clf`.
pub const TCP_CLF: &str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";

/// One of the formats above, compiled. Should a table lack one of its names, the format is empty.
pub fn builtin(text: &str, origin: &Origin<'_>) -> LogFormat {
    parse(text.as_bytes(), Style::Log, Place::LOG, origin)
        .map(|parsed| parsed.format)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
