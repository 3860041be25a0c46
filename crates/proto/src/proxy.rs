//! The PROXY protocol (proxy-protocol.txt): who a forwarded connection comes from, told before its first byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A line of text.
    One,
    /// Binary.
    Two,
}

/// What goes before the first byte of a connection from `source` to `destination`; none where they are no internet
/// addresses, or not known.
pub fn header(version: Version, ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    match version {
        Version::One => line(ends),
        Version::Two => binary(ends),
    }
}

/// A header of version 2 with fields behind the addresses: type and content. `checksum` says whether one of all of it is
/// added, behind the first `before` fields. What a header has no room for is left out.
pub fn header_with(
    ends: Option<(SocketAddr, SocketAddr)>,
    fields: &[(u8, &[u8])],
    checksum: Option<usize>,
) -> Vec<u8> {
    let mut header = binary(ends);
    let mut sum_at = None;
    for (index, (kind, content)) in fields.iter().enumerate() {
        if checksum == Some(index) {
            sum_at = Some(add_field(&mut header, CHECKSUM, &[0; 4]));
        }
        add_field(&mut header, *kind, content);
    }
    if checksum.is_some_and(|before| before >= fields.len()) {
        sum_at = Some(add_field(&mut header, CHECKSUM, &[0; 4]));
    }
    let length = u16::try_from(header.len() - PREAMBLE).unwrap_or(u16::MAX);
    header[PREAMBLE - 2..PREAMBLE].copy_from_slice(&length.to_be_bytes());
    if let Some(at) = sum_at {
        let sum = crate::hash::crc32c(&header);
        if let Some(room) = header.get_mut(at..at + 4) {
            room.copy_from_slice(&sum.to_be_bytes());
        }
    }
    header
}

/// Adds a field, and gives where its content stands.
pub fn add_field(out: &mut Vec<u8>, kind: u8, content: &[u8]) -> usize {
    let at = out.len() + 3;
    let Ok(length) = u16::try_from(content.len()) else {
        return out.len();
    };
    if at + content.len() <= PREAMBLE + usize::from(u16::MAX) {
        out.push(kind);
        out.extend(length.to_be_bytes());
        out.extend(content);
    }
    at
}

/// The type of the field with the checksum.
const CHECKSUM: u8 = 3;
/// What stands before the addresses: signature, version, family, length.
const PREAMBLE: usize = 16;

/// A header that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Source and destination; none where the sender does not know them, or speaks for itself.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// How many bytes it took.
    pub length: usize,
    /// How many of those, at its end, are options.
    pub options: usize,
}

/// Why bytes are no such header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It ends too early.
    Truncated,
    /// It is something else.
    Foreign,
    /// It names a protocol that is not spoken.
    Unhandled,
    /// It cannot be read; the ends it told before that.
    Invalid(Option<(SocketAddr, SocketAddr)>),
}

/// Reads the header at the start of `bytes`. It has to be there whole: senders send it at once.
///
/// # Errors
/// When it is not there, or broken.
pub fn read(bytes: &[u8]) -> Result<Received, Fault> {
    if bytes.len() < LEAST {
        return Err(Fault::Truncated);
    }
    if bytes.starts_with(b"PROXY ") {
        return read_line(bytes);
    }
    let version_2 = SIGNATURE.iter().zip(bytes).all(|(one, other)| one == other);
    match version_2 {
        true => read_binary(bytes),
        false => Err(Fault::Foreign),
    }
}

fn read_line(bytes: &[u8]) -> Result<Received, Fault> {
    let line = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    let end = memchr::memchr(b'\r', line).ok_or(Fault::Truncated)?;
    match line.get(end + 1) {
        Some(b'\n') => {}
        Some(_) => return Err(Fault::Invalid(None)),
        None => return Err(Fault::Truncated),
    }
    let length = end + 2;
    let text = line.get(6..end).unwrap_or_default();
    if text == b"UNKNOWN" {
        return Ok(Received {
            ends: None,
            length,
            options: 0,
        });
    }
    let v6 = match text.get(..5) {
        Some(b"TCP4 ") => false,
        Some(b"TCP6 ") => true,
        _ => return Err(Fault::Unhandled),
    };
    let invalid = Fault::Invalid(None);
    let text = std::str::from_utf8(text).map_err(|_| invalid)?;
    let mut words = text.split(' ').skip(1);
    let mut next = || words.next().ok_or(invalid);
    let (source, destination) = (next()?, next()?);
    let (source_port, destination_port) = (next()?, next()?);
    let address = |word: &str| -> Result<IpAddr, Fault> {
        match v6 {
            true => word.parse::<Ipv6Addr>().map(IpAddr::V6),
            false => word.parse::<Ipv4Addr>().map(IpAddr::V4),
        }
        .map_err(|_| invalid)
    };
    // Ports lose their high bits, as upstream's do.
    let port = |word: &str| -> Result<u16, Fault> {
        let digits = !word.is_empty() && word.bytes().all(|digit| digit.is_ascii_digit());
        let number = digits.then(|| word.parse::<u32>().ok()).flatten();
        number.map(|number| number as u16).ok_or(invalid)
    };
    let source = SocketAddr::new(address(source)?, port(source_port)?);
    let destination = SocketAddr::new(address(destination)?, port(destination_port)?);
    Ok(Received {
        ends: Some((source, destination)),
        length,
        options: 0,
    })
}

fn read_binary(bytes: &[u8]) -> Result<Received, Fault> {
    let Some(([command, family, high, low], rest)) = bytes
        .get(SIGNATURE.len()..)
        .and_then(|rest| rest.split_first_chunk::<4>())
    else {
        return Err(Fault::Truncated);
    };
    if command & 0xf0 != VERSION_2_LOCAL {
        return Err(Fault::Foreign);
    }
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let content = rest.get(..length).ok_or(Fault::Truncated)?;
    let invalid = Fault::Invalid(None);
    let (ends, options) = match (*command, *family) {
        (VERSION_2_LOCAL, _) => (None, content),
        (VERSION_2_PROXY, STREAM_OVER_IPV4) => {
            let (ends, options) = content.split_first_chunk::<12>().ok_or(invalid)?;
            let [a, b, c, d, e, f, g, h, ports @ ..] = *ends;
            let [from, to] = port_pair(ports);
            let source = SocketAddr::new(IpAddr::from([a, b, c, d]), from);
            let destination = SocketAddr::new(IpAddr::from([e, f, g, h]), to);
            (Some((source, destination)), options)
        }
        (VERSION_2_PROXY, STREAM_OVER_IPV6) => {
            let (ends, options) = content.split_first_chunk::<36>().ok_or(invalid)?;
            let (source, ends) = ends.split_first_chunk::<16>().ok_or(invalid)?;
            let (destination, ports) = ends.split_first_chunk::<16>().ok_or(invalid)?;
            let ports = ports.first_chunk::<4>().ok_or(invalid)?;
            let [from, to] = port_pair(*ports);
            let source = SocketAddr::new(IpAddr::from(*source), from);
            let destination = SocketAddr::new(IpAddr::from(*destination), to);
            (Some((source, destination)), options)
        }
        _ => return Err(invalid),
    };
    if !are_options(options) {
        return Err(Fault::Invalid(ends));
    }
    Ok(Received {
        ends,
        length: SIGNATURE.len() + 4 + length,
        options: options.len(),
    })
}

fn port_pair([a, b, c, d]: [u8; 4]) -> [u16; 2] {
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

/// The options in bytes that are some: type and content.
pub fn options(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let ([kind, high, low], rest) = bytes.split_first_chunk::<3>()?;
        let (content, rest) =
            rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        bytes = rest;
        Some((*kind, content))
    })
}

/// The type of the option with the name that the client asked for.
pub const AUTHORITY: u8 = 2;
/// The type of the option with an identifier of the connection.
pub const UNIQUE_ID: u8 = 5;

/// Whether bytes are options one after the other: type, length in two bytes, content.
fn are_options(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let Some(([_, high, low], rest)) = bytes.split_first_chunk::<3>() else {
            return false;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(rest) = rest.get(length..) else {
            return false;
        };
        bytes = rest;
    }
    true
}

/// The shortest header; less is an interrupted one.
const LEAST: usize = 6;
/// The longest line, its end included.
const LONGEST_LINE: usize = 107;

fn line(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let Some((source, destination)) = ends.map(unified) else {
        return b"PROXY UNKNOWN\r\n".to_vec();
    };
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    format!(
        "PROXY {family} {} {} {} {}\r\n",
        source.ip(),
        destination.ip(),
        source.port(),
        destination.port()
    )
    .into_bytes()
}

fn binary(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    match ends.map(unified) {
        Some((SocketAddr::V4(source), SocketAddr::V4(destination))) => {
            header.extend([VERSION_2_PROXY, STREAM_OVER_IPV4, 0, 12]);
            header.extend(source.ip().octets());
            header.extend(destination.ip().octets());
            ports(&mut header, source.port(), destination.port());
        }
        Some((SocketAddr::V6(source), SocketAddr::V6(destination))) => {
            header.extend([VERSION_2_PROXY, STREAM_OVER_IPV6, 0, 36]);
            header.extend(source.ip().octets());
            header.extend(destination.ip().octets());
            ports(&mut header, source.port(), destination.port());
        }
        _ => header.extend([VERSION_2_LOCAL, UNSPECIFIED, 0, 0]),
    }
    header
}

fn ports(header: &mut Vec<u8>, source: u16, destination: u16) {
    header.extend(source.to_be_bytes());
    header.extend(destination.to_be_bytes());
}

/// Both ends in one family: IPv4 becomes IPv6 where the other is.
fn unified((source, destination): (SocketAddr, SocketAddr)) -> (SocketAddr, SocketAddr) {
    let mapped = |end: SocketAddr| match end {
        SocketAddr::V4(end) => SocketAddr::from((end.ip().to_ipv6_mapped(), end.port())),
        end => end,
    };
    if source.is_ipv4() == destination.is_ipv4() {
        (source, destination)
    } else {
        (mapped(source), mapped(destination))
    }
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const VERSION_2_LOCAL: u8 = 0x20;
const VERSION_2_PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0;
const STREAM_OVER_IPV4: u8 = 0x11;
const STREAM_OVER_IPV6: u8 = 0x21;

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(source: &str, destination: &str) -> Option<(SocketAddr, SocketAddr)> {
        let address = |text: &str| text.parse().expect("an address");
        Some((address(source), address(destination)))
    }

    #[test]
    fn fields_stand_behind_the_addresses() {
        assert_eq!(crate::hash::crc32c(b"123456789"), 0xe306_9283);
        let v4 = ends("192.0.2.1:1000", "198.51.100.2:80");
        let made = header_with(v4, &[(0xe1, b"foo"), (5, b"id")], Some(1));
        assert_eq!(made[14..16], [0, 12 + 6 + 7 + 5]);
        assert_eq!(made.len(), 16 + 12 + 6 + 7 + 5);
        let found: Vec<_> = options(&made[28..]).map(|(kind, _)| kind).collect();
        assert_eq!(found, [0xe1, 3, 5]);
        let huge = vec![0; 70_000];
        let made = header_with(
            v4,
            &[(1, &huge), (2, &huge[..65_000]), (3, &huge[..65_000])],
            None,
        );
        let read = read(&made).expect("a header");
        assert_eq!((read.length, read.options), (made.len(), 65_003));
    }

    #[test]
    fn both_versions_tell_both_ends() {
        let v4 = ends("192.0.2.1:1000", "198.51.100.2:80");
        assert_eq!(
            header(Version::One, v4),
            b"PROXY TCP4 192.0.2.1 198.51.100.2 1000 80\r\n"
        );
        assert_eq!(
            header(Version::Two, v4),
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x03\xe8\0\x50"
        );
        let v6 = ends("[2001:db8::1]:1", "[::1]:2");
        assert_eq!(
            header(Version::One, v6),
            b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n"
        );
        assert_eq!(header(Version::Two, v6).len(), 16 + 36);
        assert_eq!(header(Version::One, None), b"PROXY UNKNOWN\r\n");
        assert_eq!(
            header(Version::Two, None),
            b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
        );
    }
}
