//! Rows that stand alone: log aliases, balance algorithms, commands, columns.

use crate::contract::{Algorithm, Cx};
use crate::ir;

use super::{Fault, Line};

/// A `%name` of log formats.
pub struct LogAlias {
    /// The name without `%`.
    pub name: &'static str,
    /// Whether it needs `mode http`.
    pub http: bool,
    /// Whether the value is known only at the end of the exchange, so that `logasap` marks it with `+`.
    pub at_end: bool,
    /// From when on it is known.
    pub ready: ir::LogReady,
    /// What JSON and CBOR make of it.
    pub output: LogOutput,
    /// One line of documentation.
    pub doc: &'static str,
    /// Appends the value. Escaping follows the flags by means of the sample crate's writer.
    pub write: fn(&Cx<'_>, &[u8], ir::LogFlags, &mut Vec<u8>),
}

/// What the value of a log alias is where it is encoded as JSON or CBOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOutput {
    /// A number.
    Number,
    /// A number, and a text where it is written in hexadecimal.
    HexNumber,
    /// A text.
    Text,
    /// A text in which unsafe bytes are encoded as `#XX`.
    Encoded,
    /// Captures between braces, encoded as well; null without captures.
    Captured,
    /// The list of the request's captures; null without captures.
    RequestList,
    /// The list of the response's captures; null without captures.
    ResponseList,
}

/// A `balance` algorithm.
pub struct BalanceKeyword {
    /// The keyword; one that ends in `(` takes its argument in parentheses.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Reads the arguments from the line (argument 0 is the name).
    pub parse: fn(&mut Line<'_>) -> Result<std::sync::Arc<dyn Algorithm>, Fault>,
}

/// A command of the runtime API, as the registry lists it. The runtime holds its function beside the row.
pub struct CliCommand {
    /// Its words.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// The text `help` shows.
    pub doc: &'static str,
    /// What the socket must be allowed.
    pub level: ir::CliLevel,
}

/// A column of `show stat`.
pub struct StatColumn {
    /// Its name in the CSV header.
    pub name: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
}
