//! Sockets that try the system call first and wait only when it would block.
//!
//! # Readiness
//! A [`Socket`] is registered with the event loop only when a call answered `EAGAIN`, or when the last
//! read was short and another one is wanted. Registration is edge-triggered, for both directions:
//! - A read that filled less than it was offered has drained the socket: readiness is cleared, and the
//!   next read waits without a call. Nothing is lost: bytes, FIN or RST that arrive later are new
//!   edges, and a FIN that arrived together with the bytes was reported with them as "closed", which
//!   tokio never clears.
//! - On a socket that is not registered yet, a short read registers before the next one; the kernel
//!   reports what is there at registration.
//! - Writes are always tried first.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll, Waker, ready};

use hapax_sys::connect::{ConnectOptions, connect, is_in_progress};
use hapax_sys::splice::Pipe;
use hapax_sys::stream::{Half, Waiting, peek, recv, send, shutdown};
use hapax_sys::watch::Watched;
use hapax_sys::{SockAddr, option};

use super::{Io, PeerClosed, Stream};

/// A non-blocking stream socket: TCP or unix.
#[derive(Debug)]
pub struct Socket {
    socket: Watched,
    /// The last read took all there was.
    drained: bool,
    /// Bytes or the end were seen to wait, whatever the readiness says.
    waiting: bool,
    /// The connection is not known to be established yet.
    connecting: bool,
    /// The peer sends no more, or was told that we do not.
    half_closed: bool,
}

impl Socket {
    /// Wraps an established, non-blocking connection.
    pub fn new(socket: OwnedFd) -> Socket {
        Socket {
            socket: Watched::new(socket),
            drained: false,
            waiting: false,
            connecting: false,
            half_closed: false,
        }
    }

    /// Starts a connection. [`poll_connected`](Self::poll_connected) tells its end; sending at once
    /// is allowed and waits as needed.
    pub fn connect(addr: &SockAddr, options: &ConnectOptions) -> io::Result<Socket> {
        let mut stream = Socket::new(connect(addr, options)?);
        stream.connecting = true;
        Ok(stream)
    }

    /// Waits until the connection is established or has failed.
    pub fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.connecting {
            return Poll::Ready(Ok(()));
        }
        ready!(self.socket.register()?.poll_write_ready(cx))?.retain_ready();
        if let Some(error) = option::take_error(&*self)? {
            return Poll::Ready(Err(error));
        }
        self.connecting = false;
        Poll::Ready(Ok(()))
    }

    /// Whether the connection was seen to be established.
    pub fn is_connected(&self) -> bool {
        !self.connecting
    }

    /// Whether received bytes wait to be read.
    pub fn holds_bytes(&self) -> bool {
        matches!(peek(&self.socket), Ok(Waiting::Bytes))
    }

    /// Whether the connection is broken, whatever still waits to be read.
    pub fn is_broken(&self) -> bool {
        hapax_sys::stream::is_broken(&self.socket)
    }

    /// Whether one side is known to have said that it sends no more.
    pub fn is_half_closed(&self) -> bool {
        self.half_closed
    }

    /// Whether nothing is known about it that another [`Socket::new`] over its socket would not find out.
    pub fn is_plain(&self) -> bool {
        !(self.waiting || self.connecting || self.half_closed)
    }

    /// The socket alone, unknown to the event loop.
    pub fn into_socket(self) -> OwnedFd {
        self.socket.into_fd()
    }

    /// Moves at most `limit` bytes from this socket into an empty pipe; 0 is the end of the stream.
    pub fn poll_splice_from(
        &mut self,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let limit = limit.min(pipe.capacity());
        // A short splice does not say that the socket is drained: the pipe's pages may have been full.
        self.poll_read_with(cx, |fd| pipe.fill(fd, limit), |_| false)
    }

    /// Moves bytes from a pipe to this socket.
    pub fn poll_splice_to(
        &mut self,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let sent = self.poll_write_with(cx, |fd| pipe.drain(fd, more));
        if let Poll::Ready(Ok(count)) = &sent {
            crate::pipe::note_spliced(*count);
        }
        sent
    }

    /// See [`Stream::push`].
    pub fn push(&self) {
        // A unix socket knows nothing of it and keeps nothing back; what is broken is found out by the next call.
        let _ = option::set_nodelay(self, true);
    }

    /// Makes the drop of this socket reset the connection.
    pub fn reset_on_close(&self) -> io::Result<()> {
        option::set_reset_on_close(self)
    }

    /// Takes back what `reset_on_close` said.
    pub fn close_plainly(&self) -> io::Result<()> {
        option::unset_reset_on_close(self)
    }

    fn poll_read_with(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
        is_short: impl Fn(usize) -> bool,
    ) -> Poll<io::Result<usize>> {
        if self.waiting || (self.socket.events().is_none() && !self.drained) {
            match call(self.socket.as_fd()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.waiting = false,
                result => {
                    self.half_closed |= matches!(result, Ok(0));
                    self.drained = matches!(result, Ok(count) if count > 0 && is_short(count));
                    self.waiting = self.waiting && !self.drained;
                    return Poll::Ready(result);
                }
            }
        }
        self.socket.register()?;
        let Some(events) = self.socket.events() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        loop {
            let mut guard = ready!(events.poll_read_ready(cx))?;
            match call(self.socket.as_fd()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let closed = guard.ready().is_read_closed();
                    guard.clear_ready();
                    if closed {
                        // "Closed" is never cleared, so that waiting would spin right here. The kernel
                        // has no such case for a socket; should it arise, other tasks go on.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Ok(count) => {
                    self.half_closed |= count == 0;
                    if count > 0 && is_short(count) {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(count));
                }
                failed => return Poll::Ready(failed),
            }
        }
    }

    fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match call(self.socket.as_fd()) {
                Err(error) if self.must_wait(&error) => {
                    let events = self.socket.register()?;
                    ready!(events.poll_write_ready(cx))?.clear_ready();
                    ready!(events.poll_write_ready(cx))?.retain_ready();
                }
                result => {
                    self.connecting = self.connecting && result.is_err();
                    return Poll::Ready(result);
                }
            }
        }
    }

    fn must_wait(&self, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::WouldBlock || (self.connecting && is_in_progress(error))
    }
}

impl Io for Socket {
    #[inline]
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let room = into.len();
        if room == 0 {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        self.poll_read_with(cx, |fd| recv(fd, into), |count| count < room)
    }

    #[inline]
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        if first.is_empty() && second.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_write_with(cx, |fd| send(fd, first, second, more))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.half_closed = true;
        Poll::Ready(shutdown(&*self, Half::Write))
    }

    fn poll_peer_closed(&mut self, cx: &mut Context<'_>) -> Poll<PeerClosed> {
        let events = match self.socket.register() {
            Ok(events) => events,
            Err(error) => return Poll::Ready(PeerClosed::Broken(error)),
        };
        loop {
            let mut guard = match ready!(events.poll_read_ready(cx)) {
                Ok(guard) => guard,
                Err(error) => return Poll::Ready(PeerClosed::Broken(error)),
            };
            let closed = guard.ready().is_read_closed();
            let seen = peek(events);
            match seen {
                Err(error) => return Poll::Ready(PeerClosed::Broken(error)),
                Ok(Waiting::End) => self.waiting = true,
                Ok(Waiting::Bytes) => self.waiting = true,
                Ok(Waiting::Nothing) => {}
            }
            if closed || matches!(seen, Ok(Waiting::End)) {
                return Poll::Ready(PeerClosed::End);
            }
            // Bytes stay where they are; `waiting` makes the next read fetch them without an event.
            guard.clear_ready();
        }
    }

    fn is_quiet(&mut self) -> bool {
        if self.waiting || self.connecting {
            return false;
        }
        let Some(events) = self.socket.events() else {
            let seen = peek(&self.socket);
            self.half_closed |= matches!(seen, Ok(Waiting::End));
            return matches!(seen, Ok(Waiting::Nothing));
        };
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(guard) = events.poll_read_ready(&mut cx) else {
            // No event since the last read that drained the socket: nothing came, and no call is needed.
            return true;
        };
        let seen = peek(&self.socket);
        self.half_closed |= matches!(seen, Ok(Waiting::End));
        let quiet = matches!(seen, Ok(Waiting::Nothing));
        if quiet && let Ok(mut guard) = guard {
            guard.clear_ready();
        }
        quiet
    }

    fn spliceable(&mut self) -> Option<&mut Stream> {
        None
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests;
