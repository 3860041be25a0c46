//! Lists in the notation of OpenSSL: ciphers, groups, signature algorithms. rustls has few of them; what it has not is
//! left out, and named.

mod cipher;
mod group;
mod signature;

pub use cipher::{ciphers, suites};
pub use group::groups;
pub use signature::schemes;

/// What a list comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// What of it can be used, in order.
    pub usable: Vec<T>,
    /// Words for what OpenSSL has and rustls has not.
    pub left_out: Vec<String>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Listed {
            usable: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

/// The list is none for OpenSSL either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonsense;
