//! Wire formats of hapax, without I/O.
//!
//! `http` is the message model that rules and engine read and edit; `h1` turns bytes into it and back.

pub mod dns;
pub mod h1;
pub mod h2;
pub mod hash;
pub mod http;
pub mod netscaler;
pub mod proxy;
pub mod syslog;
pub mod tls;
