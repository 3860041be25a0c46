//! Wire formats of hapax, without I/O.
pub mod http;
