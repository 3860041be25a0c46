//! Prefixes of addresses: family, socket type, protocol.

use super::IpFamily;

/// Socket type and protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A byte stream over stream sockets.
    Stream(Protocol),
    /// Datagrams.
    Datagram,
    /// A byte stream over datagram sockets.
    Quic,
}

/// What carries a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP, or what the family has.
    Usual,
    /// MPTCP.
    Multipath,
}

impl Transport {
    pub(super) fn datagram(self) -> bool {
        self == Transport::Datagram
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Inet(Option<IpFamily>),
    Unix,
    Abstract { padded: bool },
    Descriptor,
    SocketPair,
    ReverseHttp,
}

pub(super) struct Prefix {
    pub(super) family: Family,
    pub(super) transport: Option<Transport>,
}

/// The prefix of an address and what follows.
pub(super) fn split(word: &[u8]) -> (Prefix, &[u8]) {
    for (name, transport) in TYPES {
        if let Some(rest) = word.strip_prefix(name.as_bytes()) {
            let (family, rest) = family(rest);
            let transport = Some(*transport);
            return (Prefix { family, transport }, rest);
        }
    }
    for (name, family, transport) in PROTOCOLS {
        if let Some(rest) = word.strip_prefix(name.as_bytes()) {
            let (family, transport) = (*family, Some(*transport));
            return (Prefix { family, transport }, rest);
        }
    }
    let (family, rest) = family(word);
    let transport = None;
    (Prefix { family, transport }, rest)
}

fn family(word: &[u8]) -> (Family, &[u8]) {
    for (name, family) in FAMILIES {
        if let Some(rest) = word.strip_prefix(name.as_bytes()) {
            return (*family, rest);
        }
    }
    if word.first() == Some(&b'/') {
        return (Family::Unix, word);
    }
    (Family::Inet(None), word)
}

static TYPES: &[(&str, Transport)] = &[
    ("stream+", Transport::Stream(Protocol::Usual)),
    ("dgram+", Transport::Datagram),
    ("quic+", Transport::Quic),
];

static FAMILIES: &[(&str, Family)] = &[
    ("ip@", Family::Inet(None)),
    ("ipv4@", Family::Inet(Some(IpFamily::V4))),
    ("ipv6@", Family::Inet(Some(IpFamily::V6))),
    ("unix@", Family::Unix),
    ("abns@", Family::Abstract { padded: true }),
    ("abnsz@", Family::Abstract { padded: false }),
    ("fd@", Family::Descriptor),
    ("sockpair@", Family::SocketPair),
    ("rhttp@", Family::ReverseHttp),
];

const V4: Family = Family::Inet(Some(IpFamily::V4));
const V6: Family = Family::Inet(Some(IpFamily::V6));
const EITHER: Family = Family::Inet(None);
const STREAM: Transport = Transport::Stream(Protocol::Usual);
const MULTIPATH: Transport = Transport::Stream(Protocol::Multipath);

static PROTOCOLS: &[(&str, Family, Transport)] = &[
    ("tcp@", EITHER, STREAM),
    ("tcp4@", V4, STREAM),
    ("tcp6@", V6, STREAM),
    ("mptcp@", EITHER, MULTIPATH),
    ("mptcp4@", V4, MULTIPATH),
    ("mptcp6@", V6, MULTIPATH),
    ("udp@", EITHER, Transport::Datagram),
    ("udp4@", V4, Transport::Datagram),
    ("udp6@", V6, Transport::Datagram),
    ("uxst@", Family::Unix, STREAM),
    ("uxdg@", Family::Unix, Transport::Datagram),
    ("quic4@", V4, Transport::Quic),
    ("quic6@", V6, Transport::Quic),
];
