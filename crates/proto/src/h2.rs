//! HTTP/2 on the wire (RFC 9113): frames, header compression, messages, streams and their windows, for both roles. No I/O:
//! bytes go in and come out, streams are read and written in between.

pub mod connection;
pub mod frame;
pub mod hpack;
pub mod message;
pub mod settings;

pub use connection::{Config, Connection, Role};
pub use frame::{Code, PREFACE};
