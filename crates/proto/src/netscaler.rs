//! NetScaler client IP insertion (netscaler-client-ip-insertion-protocol.txt): the client's last IP and TCP headers stand
//! before its first byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::proxy::{Fault, Received};

/// Reads the header at the start of `bytes`; `magic` is what it must begin with.
///
/// # Errors
/// When it is not there, or broken.
pub fn read(bytes: &[u8], magic: u32) -> Result<Received, Fault> {
    let (fixed, _) = bytes.split_first_chunk::<12>().ok_or(Fault::Truncated)?;
    let [a, b, c, d, e, f, g, h, first, _, high, low] = *fixed;
    if u32::from_be_bytes([a, b, c, d]) != magic {
        return Err(Fault::Foreign);
    }
    // The legacy form goes on with the IP header at once; the other one has a type and a length first.
    let (start, length) = match first >> 4 {
        4 | 6 => (8, u32::from_be_bytes([e, f, g, h])),
        _ => (12, u32::from(u16::from_be_bytes([high, low]))),
    };
    let length = usize::try_from(length).map_err(|_| Fault::Truncated)?;
    let end = length.checked_add(start).ok_or(Fault::Truncated)?;
    let headers = bytes.get(start..end).ok_or(Fault::Truncated)?;
    Ok(Received {
        ends: Some(ends(headers)?),
        length: end,
        options: 0,
    })
}

fn ends(headers: &[u8]) -> Result<(SocketAddr, SocketAddr), Fault> {
    let invalid = Fault::Invalid(None);
    let first = *headers.first().ok_or(invalid)?;
    let (source, destination, tcp): (IpAddr, IpAddr, &[u8]) = match first >> 4 {
        4 => {
            let (ip, _) = headers.split_first_chunk::<20>().ok_or(invalid)?;
            if ip[9] != TCP {
                return Err(Fault::Unhandled);
            }
            let length = usize::from(first & 0x0f) * 4;
            let tcp = headers.get(length.max(20)..).ok_or(invalid)?;
            let [.., a, b, c, d, e, f, g, h] = *ip;
            (
                Ipv4Addr::new(a, b, c, d).into(),
                Ipv4Addr::new(e, f, g, h).into(),
                tcp,
            )
        }
        6 => {
            let (ip, tcp) = headers.split_first_chunk::<40>().ok_or(invalid)?;
            if ip[6] != TCP {
                return Err(Fault::Unhandled);
            }
            let (_, addresses) = ip.split_at(8);
            let (source, destination) = addresses.split_at(16);
            let v6 = |bytes: &[u8]| {
                bytes
                    .first_chunk::<16>()
                    .map(|bytes| Ipv6Addr::from(*bytes))
            };
            (
                v6(source).ok_or(invalid)?.into(),
                v6(destination).ok_or(invalid)?.into(),
                tcp,
            )
        }
        _ => return Err(Fault::Unhandled),
    };
    let [a, b, c, d] = *tcp.first_chunk::<4>().ok_or(invalid)?;
    Ok((
        SocketAddr::new(source, u16::from_be_bytes([a, b])),
        SocketAddr::new(destination, u16::from_be_bytes([c, d])),
    ))
}

const TCP: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_tell_both_ends() {
        let mut headers = vec![
            0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        headers.extend([0, 1, 0, 2]);
        headers.extend([0; 16]);
        let mut legacy = vec![0, 0, 4, 0xd2, 0, 0, 0, 40];
        legacy.extend(&headers);
        let received = read(&legacy, 1234).expect("a header");
        let ends = ("1.2.3.4:1", "5.6.7.8:2");
        let parsed = (ends.0.parse().expect("one"), ends.1.parse().expect("two"));
        assert_eq!(received.ends, Some(parsed));
        assert_eq!(received.length, 48);
        let mut standard = vec![0, 0, 4, 0xd2, 0, 0, 0, 52, 0, 1, 0, 40];
        standard.extend(&headers);
        assert_eq!(read(&standard, 1234).map(|found| found.length), Ok(52));
        assert_eq!(read(&standard, 1), Err(Fault::Foreign));
        for length in 0..legacy.len() {
            assert_eq!(read(&legacy[..length], 1234), Err(Fault::Truncated));
        }
        legacy[17] = 17;
        assert_eq!(read(&legacy, 1234), Err(Fault::Unhandled));
    }
}
