//! HTTP/1 on the wire: heads, framing, chunks. No I/O: bytes go in, ranges and bytes come out.

pub mod body;
pub mod chunk;
mod fault;
pub(crate) mod parse;
mod reason;
mod write;

pub use fault::{Fault, FaultKind, State};
pub use parse::{Limits, Parse, Scan, parse_request, parse_response};
pub use reason::reason;
pub use write::{head_len, write_head};
