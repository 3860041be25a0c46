//! TLS on both sides, on rustls with aws-lc-rs: certificates, names, keys, and what of TLS rules and logs see.
//!
//! [`handshake`] is driven by bytes and gives [`session`], whose records are sealed and opened here ([`record`]).

pub mod admin;
pub mod authority;
pub mod certificate;
pub mod choice;
mod client;
mod describe;
pub mod fault;
mod fetch;
mod forge;
pub mod handshake;
mod hello;
mod keyword;
pub mod listener;
pub mod names;
mod notation;
pub mod ocsp;
mod odd_name;
mod pem;
pub mod prepare;
pub mod provider;
pub mod record;
mod restrict;
mod secrets;
pub mod server;
pub mod session;
pub mod store;
mod suite;
pub mod ticket;
pub mod update;
pub mod verify;

pub use fetch::certificate::key_name;

use hapax_core::keyword::Tables;

pub use keyword::LIST_OPTIONS;

/// The tables of this room.
pub static TABLES: &[Tables] = &[
    keyword::bind::TABLE,
    keyword::bind::VERSION_TABLE,
    keyword::frontend::TABLE,
    keyword::global::TABLE,
    keyword::http_client::TABLE,
    keyword::ocsp_update::TABLE,
    keyword::server::TABLE,
    keyword::server::VERSION_TABLE,
    keyword::store::TABLE,
    Tables {
        acl_keywords: fetch::client::ACLS,
        fetches: fetch::client::FETCHES,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::hello::FETCHES,
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
