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
        if self.socket.is_none() {
            match open(self.peer) {
                Ok(socket) => self.socket = Some(socket),
                Err(error) => {
                    log::debug!("the name server {} cannot be asked: {error}", self.peer);
                    return false;
                }
            }
        }
        self.socket
            .as_ref()
            .is_some_and(|socket| socket.try_send(question).is_ok())
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

fn open(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any = match peer {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(peer)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}
