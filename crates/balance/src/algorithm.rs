//! The `balance` algorithms, one file each: a row for the configuration and the working structure.

pub mod first;
mod hash;
mod hashed;
mod hdr;
pub mod leastconn;
mod log_hash;
pub mod random;
pub mod rdp_cookie;
pub mod roundrobin;
pub mod source;
pub mod static_rr;
mod sticky;
mod uri;
mod url_param;

use std::sync::Arc;

use hapax_core::contract::{Algorithm, Shared};
use hapax_core::keyword::BalanceKeyword;

/// The rows of `balance`.
pub static KEYWORDS: &[BalanceKeyword] = &[
    roundrobin::KEYWORD,
    static_rr::KEYWORD,
    leastconn::KEYWORD,
    first::KEYWORD,
    source::KEYWORD,
    uri::KEYWORD,
    url_param::KEYWORD,
    hdr::KEYWORD,
    hash::KEYWORD,
    random::KEYWORD,
    sticky::KEYWORD,
    rdp_cookie::KEYWORD,
    log_hash::KEYWORD,
];

/// What a backend without a `balance` line uses: roundrobin.
pub fn default_algorithm() -> Shared<dyn Algorithm> {
    Shared(Arc::new(roundrobin::RoundRobin))
}
