//! What carries bytes: a socket, TLS over one, or a stream of a connection that several share.

mod secured;
mod shared;
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
pub use secured::{
    Layer, LayerFault, Place as TlsPlace, is_full as tls_is_full, limit as limit_tls,
    taken as tls_connections,
};
pub use shared::{Shared, Substream};
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

/// A non-blocking stream.
#[derive(Debug)]
pub struct Stream {
    carrier: Carrier,
    /// What passed since somebody last took this: what the protocol above sees of it.
    pub traffic: Traffic,
}

/// What is below a stream.
#[derive(Debug)]
enum Carrier {
    /// A socket, with or without TLS.
    Wire {
        socket: Socket,
        layer: Option<Box<Layer>>,
    },
    /// A connection that it shares with others.
    Shared(Substream),
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

    fn socket(&self) -> Option<&Socket> {
        match &self.carrier {
            Carrier::Wire { socket, .. } => Some(socket),
            Carrier::Shared(_) => None,
        }
    }

    fn layer(&self) -> Option<&Layer> {
        match &self.carrier {
            Carrier::Wire { layer, .. } => layer.as_deref(),
            Carrier::Shared(_) => None,
        }
    }

    /// The stream of a shared connection that it is, if it is one: heads go there as heads.
    #[inline]
    pub fn shared_mut(&mut self) -> Option<&mut Substream> {
        match &mut self.carrier {
            Carrier::Wire { .. } => None,
            Carrier::Shared(stream) => Some(stream),
        }
    }

    /// As [`Stream::shared_mut`].
    #[inline]
    pub fn shared(&self) -> Option<&Substream> {
        match &self.carrier {
            Carrier::Wire { .. } => None,
            Carrier::Shared(stream) => Some(stream),
        }
    }

    /// Whether it shares a connection with others: its messages have ends of their own.
    #[inline]
    pub fn is_shared(&self) -> bool {
        matches!(self.carrier, Carrier::Shared(_))
    }

    /// From now on TLS goes over the socket, beginning with this handshake; `early` is what the peer sent of it already.
    pub fn secure(&mut self, handshake: Handshake, early: Option<Buf>) {
        if let Carrier::Wire { layer, .. } = &mut self.carrier {
            *layer = Some(Box::new(Layer::new(handshake, early)));
        }
    }

    /// Waits for the end of the handshake; ready at once without one.
    pub fn poll_secured(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LayerFault>> {
        match &mut self.carrier {
            Carrier::Wire {
                socket,
                layer: Some(layer),
            } => layer.poll_handshake(socket, cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// What TLS agreed on; none without it.
    pub fn secured(&self) -> Option<&Arc<Secured>> {
        self.layer()?.secured()
    }

    /// The same for whatever carries it.
    pub fn agreed(&self) -> Option<Arc<Secured>> {
        match &self.carrier {
            Carrier::Wire { .. } => self.secured().cloned(),
            Carrier::Shared(stream) => stream.wire().secured().cloned(),
        }
    }

    /// Whether TLS is meant to go over the socket and does not yet, or never will.
    pub fn is_unfinished(&self) -> bool {
        self.layer().is_some() && self.secured().is_none()
    }

    /// Whether the peer was asked for this name; without TLS nobody asks for one.
    pub fn is_named(&self, name: Option<&[u8]>) -> bool {
        self.secured()
            .is_none_or(|secured| secured.server_name.as_deref() == name)
    }

    /// Whether bytes go to the socket as they are, so that they may bypass this program.
    pub fn is_bare(&self) -> bool {
        matches!(self.carrier, Carrier::Wire { layer: None, .. })
    }

    /// Tells the peer that nothing more comes, if that can be done at once: for connections that close next.
    pub fn say_goodbye(&mut self) {
        if let Carrier::Wire {
            socket,
            layer: Some(layer),
        } = &mut self.carrier
        {
            layer.say_goodbye(socket);
        }
    }

    /// What is sent next, all of it, is the last: where the peer is told so, that leaves with it.
    pub fn end_with_next(&mut self) {
        if let Carrier::Wire {
            layer: Some(layer), ..
        } = &mut self.carrier
        {
            layer.end_with_next();
        }
    }

    /// Sends what waits in the kernel for more: after a send that said that more follows, when none does.
    pub fn push(&self) {
        if let Carrier::Wire { socket, .. } = &self.carrier {
            socket.push();
        }
    }

    /// Waits until the connection is established or has failed.
    pub fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Wire { socket, .. } => socket.poll_connected(cx),
            Carrier::Shared(_) => Poll::Ready(Ok(())),
        }
    }

    /// Whether the connection was seen to be established.
    pub fn is_connected(&self) -> bool {
        self.socket().is_none_or(Socket::is_connected)
    }

    /// Whether received bytes wait to be read.
    pub fn holds_bytes(&self) -> bool {
        match &self.carrier {
            Carrier::Wire { socket, layer } => {
                layer.as_ref().is_some_and(|layer| layer.holds_bytes()) || socket.holds_bytes()
            }
            Carrier::Shared(stream) => stream.holds_bytes(),
        }
    }

    /// Whether the connection is broken, whatever still waits to be read.
    pub fn is_broken(&self) -> bool {
        match &self.carrier {
            Carrier::Wire { socket, .. } => socket.is_broken(),
            Carrier::Shared(stream) => stream.is_broken(),
        }
    }

    /// Whether one side is known to have said that it sends no more.
    pub fn is_half_closed(&self) -> bool {
        self.socket().is_some_and(Socket::is_half_closed)
    }

    /// Whether nothing is known about it that another stream over the same socket and layer would not find out.
    pub fn is_plain(&self) -> bool {
        self.socket().is_some_and(Socket::is_plain) && self.layer().is_none_or(Layer::is_at_rest)
    }

    /// The socket alone, unknown to the event loop, and what of TLS is over it, made small. A stream of a shared connection
    /// has none of its own.
    pub fn into_parts(self) -> Option<(OwnedFd, Option<Box<Layer>>)> {
        let Carrier::Wire { socket, mut layer } = self.carrier else {
            return None;
        };
        if let Some(layer) = &mut layer {
            layer.rest();
        }
        Some((socket.into_socket(), layer))
    }

    /// The stream that parts were taken from.
    pub fn from_parts(socket: OwnedFd, layer: Option<Box<Layer>>) -> Stream {
        Stream {
            carrier: Carrier::Wire {
                socket: Socket::new(socket),
                layer,
            },
            traffic: Traffic::default(),
        }
    }

    /// Shrinks what TLS can make again: for connections that wait.
    pub fn rest(&mut self) {
        if let Carrier::Wire {
            layer: Some(layer), ..
        } = &mut self.carrier
        {
            layer.rest();
        }
    }

    /// See [`Socket::poll_splice_from`]; only what is a socket and nothing else can be spliced.
    pub fn poll_splice_from(
        &mut self,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let Carrier::Wire {
            socket,
            layer: None,
        } = &mut self.carrier
        else {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        };
        let filled = socket.poll_splice_from(cx, pipe, limit);
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
        let Carrier::Wire {
            socket,
            layer: None,
        } = &mut self.carrier
        else {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        };
        let sent = socket.poll_splice_to(cx, pipe, more);
        if let Poll::Ready(Ok(count)) = &sent {
            self.traffic.sent += *count as u64;
            self.traffic.spliced_out += *count as u64;
        }
        sent
    }

    /// Makes the drop of this socket reset the connection. A stream of a shared connection is broken off anyway.
    ///
    /// # Errors
    /// The system's.
    pub fn reset_on_close(&self) -> io::Result<()> {
        self.socket().map_or(Ok(()), Socket::reset_on_close)
    }

    /// Asks something of the socket below.
    pub fn with_fd<T>(&self, with: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        match &self.carrier {
            Carrier::Wire { socket, .. } => with(socket.as_fd()),
            Carrier::Shared(stream) => stream.wire().with_fd(with),
        }
    }

    /// Takes back what [`Stream::reset_on_close`] said.
    ///
    /// # Errors
    /// The system's.
    pub fn close_plainly(&self) -> io::Result<()> {
        self.socket().map_or(Ok(()), Socket::close_plainly)
    }
}

impl From<Socket> for Stream {
    fn from(socket: Socket) -> Stream {
        Stream {
            carrier: Carrier::Wire {
                socket,
                layer: None,
            },
            traffic: Traffic::default(),
        }
    }
}

impl From<Substream> for Stream {
    fn from(stream: Substream) -> Stream {
        Stream {
            carrier: Carrier::Shared(stream),
            traffic: Traffic::default(),
        }
    }
}

impl Io for Stream {
    #[inline]
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let received = match &mut self.carrier {
            Carrier::Wire {
                socket,
                layer: None,
            } => socket.poll_recv(cx, into),
            Carrier::Wire {
                socket,
                layer: Some(layer),
            } => layer.poll_recv(socket, cx, into),
            // What its connection carries is counted there.
            Carrier::Shared(stream) => return stream.poll_recv(cx, into),
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
        let sent = match &mut self.carrier {
            Carrier::Wire {
                socket,
                layer: None,
            } => socket.poll_send(cx, first, second, more),
            Carrier::Wire {
                socket,
                layer: Some(layer),
            } => layer.poll_send(socket, cx, first, second, more),
            Carrier::Shared(stream) => return stream.poll_send(cx, first, second, more),
        };
        if let Poll::Ready(Ok(count)) = &sent {
            self.traffic.sent += *count as u64;
        }
        sent
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Wire {
                socket,
                layer: None,
            } => socket.poll_shutdown(cx),
            Carrier::Wire {
                socket,
                layer: Some(layer),
            } => layer.poll_shutdown(socket, cx),
            Carrier::Shared(stream) => stream.poll_shutdown(cx),
        }
    }

    fn poll_peer_closed(&mut self, cx: &mut Context<'_>) -> Poll<PeerClosed> {
        match &mut self.carrier {
            Carrier::Wire { socket, .. } => socket.poll_peer_closed(cx),
            Carrier::Shared(stream) => stream.poll_peer_closed(cx),
        }
    }

    fn is_quiet(&mut self) -> bool {
        match &mut self.carrier {
            Carrier::Wire {
                socket,
                layer: None,
            } => socket.is_quiet(),
            Carrier::Wire {
                socket,
                layer: Some(layer),
            } => layer.is_quiet(socket),
            Carrier::Shared(stream) => stream.is_quiet(),
        }
    }

    fn spliceable(&mut self) -> Option<&mut Stream> {
        self.is_bare().then_some(self)
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match &self.carrier {
            Carrier::Wire { socket, .. } => socket.as_raw_fd(),
            Carrier::Shared(stream) => stream.descriptor(),
        }
    }
}
