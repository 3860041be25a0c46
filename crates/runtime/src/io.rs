//! What carries bytes: a socket, or TLS over one.

mod secured;
mod socket;
mod traffic;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use hapax_core::secured::Secured;
use hapax_sys::SockAddr;
use hapax_sys::connect::ConnectOptions;
use hapax_sys::splice::Pipe;
use hapax_tls::handshake::Handshake;

use crate::buffer::Buf;
pub use secured::{Layer, LayerFault};
pub use socket::Socket;
pub use traffic::Traffic;

/// The seam between what speaks a protocol and what carries its bytes: a socket, or TLS over one.
pub trait Io {
    /// Reads into `into`; 0 is the end of the stream. An empty `into` is refused.
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Sends `first`, then `second`; answers how many bytes were taken. `more` says that the next
    /// bytes follow at once.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>>;

    /// Tells the peer that nothing more is sent; reading goes on.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Waits, without taking bytes, until the peer closed its side or broke the connection.
    fn poll_peer_closed(&mut self, cx: &mut Context<'_>) -> Poll<PeerClosed>;

    /// Whether nothing at all waits to be read, so that an idle connection may be used again.
    fn is_quiet(&mut self) -> bool;

    /// The stream itself, when bytes may bypass what is above the socket (splice); `None` when they may not.
    fn spliceable(&mut self) -> Option<&mut Stream>;
}

/// How a peer closed.
#[derive(Debug)]
pub enum PeerClosed {
    /// It sends no more.
    End,
    /// The connection is broken.
    Broken(io::Error),
}

/// A non-blocking stream: a socket, with or without TLS. Without it nothing is between the caller and the socket but the
/// question whether it is there.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    layer: Option<Box<Layer>>,
    /// What passed since somebody last took this: what the protocol above sees of it.
    pub traffic: Traffic,
}

impl Stream {
    /// Wraps an established, non-blocking connection.
    pub fn new(socket: OwnedFd) -> Stream {
        Socket::new(socket).into()
    }

    /// Starts a connection, see [`Socket::connect`].
    ///
    /// # Errors
    /// The system's.
    pub fn connect(addr: &SockAddr, options: &ConnectOptions) -> io::Result<Stream> {
        Socket::connect(addr, options).map(Into::into)
    }

    /// From now on TLS goes over the socket, beginning with this handshake; `early` is what the peer sent of it already.
    pub fn secure(&mut self, handshake: Handshake, early: Option<Buf>) {
        self.layer = Some(Box::new(Layer::new(handshake, early)));
    }

    /// Waits for the end of the handshake; ready at once without one.
    pub fn poll_secured(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LayerFault>> {
        match &mut self.layer {
            Some(layer) => layer.poll_handshake(&mut self.socket, cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// What TLS agreed on; none without it.
    pub fn secured(&self) -> Option<&Arc<Secured>> {
        self.layer.as_ref()?.secured()
    }

    /// Whether TLS is meant to go over the socket and does not yet, or never will.
    pub fn is_unfinished(&self) -> bool {
        self.layer.is_some() && self.secured().is_none()
    }

    /// Whether the peer was asked for this name; without TLS nobody asks for one.
    pub fn is_named(&self, name: Option<&[u8]>) -> bool {
        self.secured()
            .is_none_or(|secured| secured.server_name.as_deref() == name)
    }

    /// Whether TLS goes over the socket.
    pub fn is_secured(&self) -> bool {
        self.layer.is_some()
    }

    /// Tells the peer that nothing more comes, if that can be done at once: for connections that close next.
    pub fn say_goodbye(&mut self) {
        if let Some(layer) = &mut self.layer {
            layer.say_goodbye(&mut self.socket);
        }
    }

    /// Waits until the connection is established or has failed.
    pub fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_connected(cx)
    }

    /// Whether the connection was seen to be established.
    pub fn is_connected(&self) -> bool {
        self.socket.is_connected()
    }

    /// Whether received bytes wait to be read.
    pub fn holds_bytes(&self) -> bool {
        self.layer.as_ref().is_some_and(|layer| layer.holds_bytes()) || self.socket.holds_bytes()
    }

    /// Whether the connection is broken, whatever still waits to be read.
    pub fn is_broken(&self) -> bool {
        self.socket.is_broken()
    }

    /// Whether one side is known to have said that it sends no more.
    pub fn is_half_closed(&self) -> bool {
        self.socket.is_half_closed()
    }

    /// Whether nothing is known about it that another stream over the same socket and layer would not find out.
    pub fn is_plain(&self) -> bool {
        self.socket.is_plain() && self.layer.as_ref().is_none_or(|layer| layer.is_at_rest())
    }

    /// The socket alone, unknown to the event loop, and what of TLS is over it, made small.
    pub fn into_parts(self) -> (OwnedFd, Option<Box<Layer>>) {
        let mut layer = self.layer;
        if let Some(layer) = &mut layer {
            layer.rest();
        }
        (self.socket.into_socket(), layer)
    }

    /// The stream that parts were taken from.
    pub fn from_parts(socket: OwnedFd, layer: Option<Box<Layer>>) -> Stream {
        Stream {
            socket: Socket::new(socket),
            layer,
            traffic: Traffic::default(),
        }
    }

    /// Shrinks what TLS can make again: for connections that wait.
    pub fn rest(&mut self) {
        if let Some(layer) = &mut self.layer {
            layer.rest();
        }
    }

    /// See [`Socket::poll_splice_from`]; what TLS secures cannot be spliced.
    pub fn poll_splice_from(
        &mut self,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        if self.layer.is_some() {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        let filled = self.socket.poll_splice_from(cx, pipe, limit);
        if let Poll::Ready(Ok(count)) = &filled {
            self.traffic.received += *count as u64;
            self.traffic.spliced_in += *count as u64;
        }
        filled
    }

    /// Moves bytes from a pipe to this socket.
    pub fn poll_splice_to(
        &mut self,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
        more: bool,
    ) -> Poll<io::Result<usize>> {
        if self.layer.is_some() {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        let sent = self.socket.poll_splice_to(cx, pipe, more);
        if let Poll::Ready(Ok(count)) = &sent {
            self.traffic.sent += *count as u64;
            self.traffic.spliced_out += *count as u64;
        }
        sent
    }

    /// Makes the drop of this socket reset the connection.
    ///
    /// # Errors
    /// The system's.
    pub fn reset_on_close(&self) -> io::Result<()> {
        self.socket.reset_on_close()
    }

    /// Takes back what [`Stream::reset_on_close`] said.
    ///
    /// # Errors
    /// The system's.
    pub fn close_plainly(&self) -> io::Result<()> {
        self.socket.close_plainly()
    }
}

impl From<Socket> for Stream {
    fn from(socket: Socket) -> Stream {
        Stream {
            socket,
            layer: None,
            traffic: Traffic::default(),
        }
    }
}

impl Io for Stream {
    #[inline]
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let received = match &mut self.layer {
            None => self.socket.poll_recv(cx, into),
            Some(layer) => layer.poll_recv(&mut self.socket, cx, into),
        };
        if let Poll::Ready(Ok(count)) = &received {
            self.traffic.received += *count as u64;
        }
        received
    }

    #[inline]
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let sent = match &mut self.layer {
            None => self.socket.poll_send(cx, first, second, more),
            Some(layer) => layer.poll_send(&mut self.socket, cx, first, second, more),
        };
        if let Poll::Ready(Ok(count)) = &sent {
            self.traffic.sent += *count as u64;
        }
        sent
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            None => self.socket.poll_shutdown(cx),
            Some(layer) => layer.poll_shutdown(&mut self.socket, cx),
        }
    }

    fn poll_peer_closed(&mut self, cx: &mut Context<'_>) -> Poll<PeerClosed> {
        self.socket.poll_peer_closed(cx)
    }

    fn is_quiet(&mut self) -> bool {
        match &mut self.layer {
            None => self.socket.is_quiet(),
            Some(layer) => layer.is_quiet(&mut self.socket),
        }
    }

    fn spliceable(&mut self) -> Option<&mut Stream> {
        self.layer.is_none().then_some(self)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
