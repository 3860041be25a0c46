//! HTTP: a client's connection, its exchanges, and the server connections they use.
//!
//! `client` is the task of a connection, `lobby` where it stays while it has none; `request` waits for and reads a request; `route`
//! finds its backend; `connect` gets a server connection (`pool`) while `departure` watches the client; `transfer` moves
//! both messages (`lane`, `response`, `tunnel`); `reply` and
//! `error_page` answer without a server; `multiplex` serves the streams of a connection of HTTP/2, each as one of these clients; `shared_pool`
//! holds and drives such connections to servers; `finish` settles, counts and logs.

mod again;
mod attend;
mod bandwidth;
mod buffer_request;
mod buffer_response;
mod capture;
mod case;
mod check_cache;
pub(crate) mod client;
pub(crate) mod connect;
mod cookie;
mod departure;
pub(crate) mod do_log;
mod early_hints;
pub(crate) mod error_page;
pub mod exchange;
mod fault_log;
pub(crate) mod finish;
mod health;
pub(crate) mod lane;
pub(crate) mod lobby;
pub(crate) mod multiplex;
pub mod pool;
mod preface;
pub(crate) mod reply;
pub(crate) mod request;
mod reset;
pub(crate) mod resolve;
mod response;
pub(crate) mod route;
pub(crate) mod rules;
pub mod shared_pool;
pub mod tally;
mod to_url;
mod transfer;
pub(crate) mod tunnel;
mod unopened;
mod websocket;

pub use client::Client;
