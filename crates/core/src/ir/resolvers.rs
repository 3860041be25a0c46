//! Name resolution: the `resolvers` sections and how servers use them.

use std::net::SocketAddr;

use serde::Serialize;

use super::{Milliseconds, Network};
use crate::span::Span;

/// A `resolvers` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resolvers {
    /// Its name.
    pub name: String,
    /// The section line.
    pub span: Span,
    /// The name servers; all of them are asked.
    pub nameservers: Vec<Nameserver>,
    /// `hold`.
    pub hold: Hold,
    /// `resolve_retries`: how often a question is asked.
    pub retries: u32,
    /// `timeout resolve`: from the end of a resolution to the next one.
    pub interval: Milliseconds,
    /// `timeout retry`: how long an answer may take.
    pub timeout: Milliseconds,
    /// `accepted_payload_size`.
    pub payload: u16,
}

impl Resolvers {
    /// A section with nothing in it.
    pub fn new(name: String, span: Span) -> Resolvers {
        Resolvers {
            name,
            span,
            nameservers: Vec::new(),
            hold: Hold::default(),
            retries: 3,
            interval: 1000,
            timeout: 1000,
            payload: 512,
        }
    }
}

/// A `nameserver` line, or one of `/etc/resolv.conf`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nameserver {
    /// Its name.
    pub name: String,
    /// The line.
    pub span: Span,
    /// Where it is.
    pub address: SocketAddr,
    /// Whether it is asked over TCP.
    pub stream: bool,
}

/// `hold STATUS PERIOD`: for how long the last good answer counts once answers are bad.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hold {
    /// How long an answer is good for `do-resolve`.
    pub valid: Milliseconds,
    /// After NXDOMAIN.
    pub nx: Milliseconds,
    /// After REFUSED.
    pub refused: Milliseconds,
    /// After silence.
    pub timeout: Milliseconds,
    /// After anything else.
    pub other: Milliseconds,
    /// How long a record stays that answers do not have any more.
    pub obsolete: Milliseconds,
}

impl Default for Hold {
    fn default() -> Self {
        Hold {
            valid: 10_000,
            nx: 30_000,
            refused: 30_000,
            timeout: 30_000,
            other: 30_000,
            obsolete: 0,
        }
    }
}

/// What a server says about the resolution of its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServerResolution {
    /// `resolvers`: the section.
    pub resolvers: Option<String>,
    /// `resolve-prefer`.
    pub prefer: Family,
    /// `resolve-net`.
    pub networks: Vec<Network>,
    /// `resolve-opts allow-dup-ip`.
    pub allow_duplicates: bool,
    /// `resolve-opts ignore-weight`.
    pub ignore_weight: bool,
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    #[default]
    V6,
}

/// `dns-accept-family`: the families that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

impl Default for Families {
    fn default() -> Self {
        Families { v4: true, v6: true }
    }
}
