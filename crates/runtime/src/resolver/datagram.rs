//! A name server that is asked over UDP.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// One connected socket, made with the first question: only the name server's datagrams reach it.
#[derive(Debug)]
pub(super) struct Datagrams {
    peer: SocketAddr,
    socket: Option<UdpSocket>,
}

impl Datagrams {
    pub(super) fn to(peer: SocketAddr) -> Datagrams {
        Datagrams { peer, socket: None }
    }

    pub(super) fn send(&mut self, question: &[u8]) -> bool {
        let Some(socket) = &self.socket else {
            return match open(self.peer, question) {
                Ok((socket, sent)) => {
                    self.socket = Some(socket);
                    sent
                }
                Err(error) => {
                    log::debug!("the name server {} cannot be asked: {error}", self.peer);
                    false
                }
            };
        };
        let sent = socket.try_send(question);
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        // That was the answer to what was sent before; by now somebody may listen.
        let again = sent.as_ref().is_err_and(refused);
        sent.is_ok() || again && socket.try_send(question).is_ok()
    }

    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<usize> {
        let Some(socket) = &self.socket else {
            return Poll::Pending;
        };
        let mut buffer = ReadBuf::new(buffer);
        loop {
            match std::task::ready!(socket.poll_recv(cx, &mut buffer)) {
                Ok(()) => return Poll::Ready(buffer.filled().len()),
                // A refusal of something sent before; answers may still come.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    log::debug!("the name server {} cannot be heard: {error}", self.peer);
                    self.socket = None;
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Opens the socket and sends the first question; tells whether that went out. The event loop takes a turn to know that a
/// new socket can be written to.
fn open(peer: SocketAddr, question: &[u8]) -> io::Result<(UdpSocket, bool)> {
    let any = match peer {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(peer)?;
    socket.set_nonblocking(true)?;
    let sent = socket.send(question).is_ok();
    Ok((UdpSocket::from_std(socket)?, sent))
}
