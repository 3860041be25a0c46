//! TLS on both sides, on rustls with aws-lc-rs: certificates, names, keys, and what of TLS rules and logs see.
//!
//! [`handshake`] is driven by bytes and gives [`session`], whose records are sealed and opened here ([`record`]).

pub mod authority;
pub mod certificate;
pub mod choice;
pub mod fault;
mod fetch;
pub mod handshake;
mod keyword;
pub mod listener;
pub mod names;
mod notation;
mod pem;
pub mod prepare;
pub mod provider;
pub mod record;
mod restrict;
pub mod server;
pub mod session;
mod ticket;
pub mod verify;

pub use fetch::certificate::key_name;

use hapax_core::keyword::Tables;

/// The tables of this room.
pub static TABLES: &[Tables] = &[
    keyword::bind::TABLE,
    keyword::bind::VERSION_TABLE,
    keyword::global::TABLE,
    keyword::server::TABLE,
    keyword::server::VERSION_TABLE,
    Tables {
        fetches: fetch::client::FETCHES,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::server::FETCHES,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::certificate::FETCHES,
        ..Tables::NONE
    },
];
