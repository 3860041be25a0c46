//! The PROXY protocol (proxy-protocol.txt): who a forwarded connection comes from, told before its first byte.

use std::net::SocketAddr;

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
