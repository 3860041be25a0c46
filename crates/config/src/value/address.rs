//! Addresses in every form (configuration manual 2.9). Names stay names: the caller resolves them.

mod inet;
mod prefix;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use prefix::{Family, Prefix};
pub use prefix::{Protocol, Transport};

/// What a keyword accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accept {
    /// A port must be given, and it is not 0.
    pub port_required: bool,
    /// `80-89`.
    pub port_range: bool,
    /// `+1` and `-1`.
    pub port_offset: bool,
    /// `udp@` and the like; also what an address without prefix is when `stream` is not accepted.
    pub datagram: bool,
    /// `tcp@` and the like.
    pub stream: bool,
    /// `fd@`.
    pub descriptor: bool,
    /// Text behind the port is ignored, as HAProxy did up to 2.6: `10.0.0.1:80/path`.
    pub tail: bool,
}

impl Accept {
    /// What `bind` accepts.
    pub const BIND: Accept = Accept {
        port_required: true,
        port_range: true,
        port_offset: false,
        datagram: false,
        stream: true,
        descriptor: true,
        tail: true,
    };
    /// What `dgram-bind` accepts.
    pub const DATAGRAM_BIND: Accept = Accept {
        port_required: true,
        port_range: true,
        port_offset: false,
        datagram: true,
        stream: false,
        descriptor: true,
        tail: false,
    };
    /// What `server` accepts.
    pub const SERVER: Accept = Accept {
        port_required: false,
        port_range: false,
        port_offset: true,
        datagram: true,
        stream: true,
        descriptor: false,
        tail: true,
    };
    /// What `log` accepts.
    pub const LOG: Accept = Accept {
        port_required: false,
        port_range: false,
        port_offset: false,
        datagram: true,
        stream: true,
        descriptor: true,
        tail: false,
    };
    /// What `source` accepts.
    pub const SOURCE: Accept = Accept {
        port_required: false,
        port_range: false,
        port_offset: false,
        datagram: false,
        stream: true,
        descriptor: false,
        tail: false,
    };
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Where.
    pub place: AddressPlace,
    /// Socket type and protocol that the prefix asked for; none without such a prefix.
    pub transport: Option<Transport>,
    /// Text behind the port that was ignored.
    pub ignored: Option<String>,
}

/// Where an address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressPlace {
    /// A host and a port.
    Inet(Host, Port),
    /// A path of a unix socket.
    Unix(Vec<u8>),
    /// A name in the abstract namespace; `padded` with zeros to the full length (`abns@`, not `abnsz@`).
    Abstract {
        /// The name, without the leading zero.
        name: Vec<u8>,
        /// Padded to the full length.
        padded: bool,
    },
    /// An inherited descriptor.
    Descriptor(i32),
    /// A descriptor over which connections are passed.
    SocketPair(i32),
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// No host or `*`: all IPv4 addresses, or all IPv6 addresses behind an IPv6 prefix.
    Any(IpAddr),
    /// A name to resolve, or text that is no name at all; [`AddressError::Unresolved`] when that fails.
    Name {
        /// The name.
        name: String,
        /// Only addresses of this family fit; either when none.
        only: Option<IpFamily>,
    },
}

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// None was given.
    None,
    /// One; 0 where no port is required.
    One(u16),
    /// First and last.
    Range(u16, u16),
    /// Added to the port that the client asked for.
    Offset(i32),
}

/// Why a word is no address; texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the texts say what each one means")]
pub enum AddressError {
    #[error("missing port specification in '{0}'")]
    MissingPort(String),
    #[error("invalid port '{0}'")]
    Port(String),
    #[error("invalid port range '{0}'")]
    Range(String),
    #[error("port range not permitted here in '{0}'")]
    RangeNotPermitted(String),
    #[error("port offset not permitted here in '{0}'")]
    OffsetNotPermitted(String),
    #[error("invalid character '{byte}' in port number '{port}' in '{text}'")]
    PortCharacter {
        byte: char,
        port: String,
        text: String,
    },
    #[error("invalid address: '{host}' in '{text}'")]
    Unresolved { host: String, text: String },
    #[error("dgram-type address not acceptable in '{0}'")]
    Datagram(String),
    #[error("stream-type address not acceptable in '{0}'")]
    Stream(String),
    #[error("a file descriptor is not acceptable here in '{0}'")]
    DescriptorNotPermitted(String),
    #[error("file descriptor '{number}' is not a valid integer in '{text}'")]
    Descriptor { number: String, text: String },
    #[error("socket path '{text}' too long (max {max})")]
    PathTooLong { text: String, max: usize },
    #[error(
        "Address '{0}' is experimental, must be allowed via a global 'expose-experimental-directives'"
    )]
    Experimental(String),
}

/// Reads one address; lists are cut at commas first ([`list`]).
pub fn address(word: &[u8], accept: Accept) -> Result<Address, AddressError> {
    let whole = || String::from_utf8_lossy(word).into_owned();
    let (Prefix { family, transport }, rest) = prefix::split(word);
    let (place, ignored) = match family {
        Family::ReverseHttp => return Err(AddressError::Experimental(whole())),
        Family::Unix => (AddressPlace::Unix(path(rest, word, MAX_PATH)?), None),
        Family::Abstract { padded } => {
            let name = path(rest, word, MAX_ABSTRACT)?;
            (AddressPlace::Abstract { name, padded }, None)
        }
        Family::Descriptor => {
            let number = descriptor(rest, word)?;
            if !accept.descriptor {
                return Err(AddressError::DescriptorNotPermitted(whole()));
            }
            (AddressPlace::Descriptor(number), None)
        }
        Family::SocketPair => (AddressPlace::SocketPair(descriptor(rest, word)?), None),
        Family::Inet(only) => {
            let parsed = inet::parse(rest, word, only, accept)?;
            (AddressPlace::Inet(parsed.host, parsed.port), parsed.ignored)
        }
    };
    match transport {
        Some(transport) if transport.datagram() && !accept.datagram => {
            Err(AddressError::Datagram(whole()))
        }
        Some(transport) if !transport.datagram() && !accept.stream => {
            Err(AddressError::Stream(whole()))
        }
        _ => Ok(Address {
            place,
            transport,
            ignored,
        }),
    }
}

/// The addresses of a list; a comma at the end adds none.
pub fn list(word: &[u8]) -> impl Iterator<Item = &[u8]> {
    let word = word.strip_suffix(b",").unwrap_or(word);
    word.split(|byte| *byte == b',')
}

fn path(rest: &[u8], word: &[u8], max: usize) -> Result<Vec<u8>, AddressError> {
    if rest.len() > max {
        let text = String::from_utf8_lossy(word).into_owned();
        return Err(AddressError::PathTooLong { text, max });
    }
    Ok(rest.to_vec())
}

fn descriptor(rest: &[u8], word: &[u8]) -> Result<i32, AddressError> {
    let digits = !rest.is_empty() && rest.iter().all(u8::is_ascii_digit);
    let number = super::whole_integer(rest).and_then(|number| i32::try_from(number).ok());
    number
        .filter(|_| digits)
        .ok_or_else(|| AddressError::Descriptor {
            number: String::from_utf8_lossy(rest).into_owned(),
            text: String::from_utf8_lossy(word).into_owned(),
        })
}

fn any(only: Option<IpFamily>) -> IpAddr {
    match only {
        Some(IpFamily::V6) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

/// Longest path of a unix socket: upstream keeps room for the name it binds before it renames.
const MAX_PATH: usize = 97;
/// Longest name in the abstract namespace.
const MAX_ABSTRACT: usize = 107;

#[cfg(test)]
mod tests;
