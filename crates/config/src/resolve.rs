//! Addresses of the configuration become addresses of the IR; names are asked of the system's resolver.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use hapax_core::ir;

use crate::value::address::{self, Accept, AddressPlace, Host, IpFamily, Port};

/// An address that was read and resolved.
pub(crate) struct Resolved {
    /// One, or one for each port of a range.
    pub(crate) addresses: Vec<ir::Address>,
    /// The port as written.
    pub(crate) port: Port,
    /// Text behind the port, which was ignored.
    pub(crate) ignored: Option<String>,
    /// The host when it was a name.
    pub(crate) name: Option<(String, Option<IpFamily>)>,
    /// Whether the prefix asked for datagrams.
    pub(crate) datagram: bool,
    /// Whether the prefix asked for QUIC or MPTCP.
    pub(crate) exotic: Option<&'static str>,
}

/// Variables that the configuration set, the last one of a name counts.
pub(crate) type Variables = [(String, Option<String>)];

/// Reads an address, in which `$NAME` and `${NAME}` stand for variables even outside of quotes. A name is resolved when
/// `resolve` says so, and stands for `0.0.0.0` otherwise.
pub(crate) fn address(
    variables: &Variables,
    word: &[u8],
    accept: Accept,
    resolve: bool,
) -> Result<Resolved, String> {
    let expanded = expand(variables, word);
    if expanded.is_empty() {
        let word = String::from_utf8_lossy(word);
        return Err(format!(
            "'{word}' resolves to an empty address (environment variable missing?)"
        ));
    }
    let quoted = |text: &[u8]| format!("'{}'", String::from_utf8_lossy(text));
    read(&expanded, accept, resolve)
        .map_err(|error| error.replace(&quoted(&expanded), &quoted(word)))
}

/// The address with variables replaced.
pub(crate) fn expand<'w>(variables: &Variables, word: &'w [u8]) -> Cow<'w, [u8]> {
    if !word.contains(&b'$') {
        return Cow::Borrowed(word);
    }
    let mut pieces = word.split(|byte| *byte == b'$');
    let mut expanded = pieces.next().unwrap_or_default().to_vec();
    for piece in pieces {
        let (braced, piece) = match piece.strip_prefix(b"{") {
            Some(rest) => (true, rest),
            None => (false, piece),
        };
        let named = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = piece.iter().take_while(|byte| named(byte)).count();
        let (name, rest) = piece.split_at(length);
        let name = String::from_utf8_lossy(name);
        let set = variables.iter().rev().find(|(other, _)| *other == name);
        match set {
            Some((_, value)) => {
                expanded.extend_from_slice(value.as_deref().unwrap_or("").as_bytes())
            }
            None if name.is_empty() => {}
            None => {
                let value = std::env::var_os(name.as_ref()).unwrap_or_default();
                expanded.extend_from_slice(value.as_encoded_bytes());
            }
        }
        expanded.extend_from_slice(match braced {
            true => rest.strip_prefix(b"}").unwrap_or(rest),
            false => rest,
        });
    }
    Cow::Owned(expanded)
}

fn read(word: &[u8], accept: Accept, resolve: bool) -> Result<Resolved, String> {
    let parsed = address::address(word, accept).map_err(|error| error.to_string())?;
    let mut resolved = Resolved {
        addresses: Vec::new(),
        port: Port::None,
        ignored: parsed.ignored,
        name: None,
        datagram: matches!(parsed.transport, Some(address::Transport::Datagram)),
        exotic: match parsed.transport {
            Some(address::Transport::Quic) => Some("QUIC"),
            Some(address::Transport::Stream(address::Protocol::Multipath)) => Some("MPTCP"),
            _ => None,
        },
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let one = match parsed.place {
        AddressPlace::Unix(path) => ir::Address::Unix(text(&path)),
        AddressPlace::Abstract { name, padded } => ir::Address::Abstract {
            name: text(&name),
            zero_padded: padded,
        },
        AddressPlace::Descriptor(number) => ir::Address::Descriptor(number),
        AddressPlace::SocketPair(number) => ir::Address::SocketPair(number),
        AddressPlace::Inet(host, port) => {
            let ip = match host {
                Host::Ip(ip) | Host::Any(ip) => ip,
                Host::Name { name, only } => {
                    let ip = match resolve {
                        true => lookup(&name, only).ok_or_else(|| {
                            format!("invalid address: '{name}' in '{}'", text(word))
                        })?,
                        false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    };
                    resolved.name = Some((name, only));
                    ip
                }
            };
            resolved.port = port;
            let (first, last) = match port {
                Port::One(port) => (port, port),
                Port::Range(first, last) => (first, last),
                Port::None | Port::Offset(_) => (0, 0),
            };
            resolved.addresses = (first..=last)
                .map(|port| ir::Address::Inet(SocketAddr::new(ip, port)))
                .collect();
            return Ok(resolved);
        }
    };
    resolved.addresses.push(one);
    Ok(resolved)
}

/// Asks the system's resolver.
pub(crate) fn lookup(name: &str, only: Option<IpFamily>) -> Option<IpAddr> {
    let mut found = (name, 0)
        .to_socket_addrs()
        .ok()?
        .map(|address| address.ip());
    found.find(|ip| match only {
        None => true,
        Some(IpFamily::V4) => ip.is_ipv4(),
        Some(IpFamily::V6) => ip.is_ipv6(),
    })
}
