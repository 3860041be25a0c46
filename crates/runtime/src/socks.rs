//! Connections through a SOCKS4 proxy (`socks4`): what is asked of it, and its answer.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::task::{Context, Poll, ready};

use crate::io::{Io, Stream};

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Tunnel {
    /// What is still to be sent.
    request: Vec<u8>,
    reply: [u8; 8],
    received: usize,
}

impl Tunnel {
    /// Asks for a connection to `target`.
    ///
    /// # Errors
    /// When the protocol cannot name the target: it knows IPv4 only.
    pub(crate) fn to(target: SocketAddr) -> io::Result<Tunnel> {
        let ip = target.ip().to_canonical();
        let (std::net::IpAddr::V4(ip), port) = (ip, target.port()) else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        Ok(Tunnel {
            request: request(SocketAddrV4::new(ip, port)),
            reply: [0; 8],
            received: 0,
        })
    }

    /// Ready when the proxy has made the connection; refused when it does not.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        socket: &mut Stream,
    ) -> Poll<io::Result<()>> {
        while !self.request.is_empty() {
            let sent = ready!(socket.poll_send(cx, &self.request, &[], false))?;
            self.request.drain(..sent);
        }
        while let Some(room) = self.reply.get_mut(self.received..)
            && !room.is_empty()
        {
            match ready!(socket.poll_recv(cx, room))? {
                0 => return Poll::Pending,
                count => self.received += count,
            }
        }
        match self.reply {
            [_, GRANTED, ..] => Poll::Ready(Ok(())),
            _ => Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into())),
        }
    }
}

/// Version 4, connect, port and address, then the name of the user.
fn request(target: SocketAddrV4) -> Vec<u8> {
    let port = target.port().to_be_bytes();
    [&[4, 1], &port[..], &target.ip().octets(), b"HAProxy\0"].concat()
}

const GRANTED: u8 = 0x5a;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ipv4_can_be_asked_for() {
        let target = SocketAddr::from(([1, 2, 3, 4], 567));
        let tunnel = Tunnel::to(target).expect("a request");
        assert_eq!(tunnel.request, b"\x04\x01\x02\x37\x01\x02\x03\x04HAProxy\0");
        assert!(Tunnel::to("[::ffff:1.2.3.4]:1".parse().expect("an address")).is_ok());
        assert!(Tunnel::to("[::1]:1".parse().expect("an address")).is_err());
    }
}
