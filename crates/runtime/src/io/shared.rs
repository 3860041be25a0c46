//! A stream of HTTP/2: one of those that share a connection.
//!
//! It carries bodies as any other [`Stream`] does; heads come and go as heads. A body whose length nobody
//! knows reads as chunks, so that whoever reads it need not know what carries it.

use std::cell::{Cell, Ref, RefCell};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use hapax_proto::h1::FaultKind;
use hapax_proto::h1::chunk::write_last;
use hapax_proto::h2::connection::Broken;
use hapax_proto::h2::{Code, Connection};
use hapax_proto::http::Head;

use super::{Io, PeerClosed, Stream};

/// A connection that streams share. Its driver moves bytes between `wire` and `connection`.
#[derive(Debug)]
pub struct Shared {
    /// The state of the protocol.
    pub connection: RefCell<Connection>,
    /// What carries the frames.
    pub wire: RefCell<Stream>,
    /// A rule made it vanish.
    pub vanished: Cell<bool>,
    descriptor: RawFd,
}

impl Shared {
    /// A connection over `wire`.
    pub fn new(connection: Connection, wire: Stream) -> Rc<Shared> {
        Rc::new(Shared {
            connection: RefCell::new(connection),
            vanished: Cell::new(false),
            descriptor: wire.as_raw_fd(),
            wire: RefCell::new(wire),
        })
    }

    /// One of its streams.
    pub fn stream(self: &Rc<Shared>, id: u32) -> Stream {
        Stream::from(Substream {
            shared: self.clone(),
            id,
            body: Body::Plain,
            held: Vec::new(),
            aborts_with: Cell::new(Code::Cancel),
        })
    }
}

/// See the module text. Dropping it before its message is complete breaks it off.
#[derive(Debug)]
pub struct Substream {
    shared: Rc<Shared>,
    id: u32,
    body: Body,
    /// What was made of the body and did not fit where it was to go.
    held: Vec<u8>,
    aborts_with: Cell<Code>,
}

/// Why a stream was broken off.
#[derive(Debug, Clone, Copy)]
pub struct WhyBroken {
    /// The connection ended.
    pub lost: bool,
    /// What came was no message.
    pub malformed: bool,
    /// The other side has not looked at it: it may be sent elsewhere.
    pub is_unseen: bool,
}

/// How the body reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Plain,
    Chunks,
    /// The last chunk was read.
    Ended,
}

impl Substream {
    /// Takes the head that came; a fault in it is one that a page is sent for.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<io::Result<Option<FaultKind>>> {
        let came = self.with(|connection, id| connection.poll_head(id, cx, head));
        let fault = ready!(came).map_err(broken)?;
        if head.seen().chunked {
            self.body = Body::Chunks;
        }
        Poll::Ready(Ok(fault))
    }

    /// Sends a head.
    pub fn send_head(&mut self, head: &Head) {
        self.with(|connection, id| connection.send_head(id, head));
    }

    /// Ready when the message, whose body was read, has ended: the fields behind the body.
    pub fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Head>>> {
        // More than was announced is refused before it gets here.
        let count = ready!(self.poll_read(cx, &mut [0; 1]))?;
        Poll::Ready(match count {
            0 => Ok(self.with(|connection, id| connection.stream(id)?.trailers.take())),
            _ => Err(io::ErrorKind::InvalidData.into()),
        })
    }

    /// Sends the fields behind the body, which end the message.
    pub fn send_trailers(&mut self, trailers: &Head) {
        self.with(|connection, id| connection.send_trailers(id, trailers));
    }

    /// Ready when more heads may be sent.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let room = self.with(|connection, id| connection.poll_room(id, cx));
        room.map_err(broken)
    }

    /// Its number on the connection.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What carries the connection.
    pub fn wire(&self) -> Ref<'_, Stream> {
        self.shared.wire.borrow()
    }

    /// The connection ends without another word.
    pub fn vanish(&self) {
        self.shared.vanished.set(true);
        self.shared.connection.borrow_mut().lost();
    }

    /// Its descriptor.
    pub fn descriptor(&self) -> RawFd {
        self.shared.descriptor
    }

    /// Whether it is known to be broken.
    pub fn is_broken(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        // Asked without a waker: whoever waits already does so elsewhere.
        let mut connection = self.shared.connection.borrow_mut();
        match connection.stream(self.id) {
            Some(stream) => stream.reset.is_some(),
            None => connection.poll_broken(self.id, &mut cx).is_ready(),
        }
    }

    /// Whether it was broken off because of what the other side sent.
    pub fn is_refused(&self) -> bool {
        let mut connection = self.shared.connection.borrow_mut();
        let reset = connection.stream(self.id).and_then(|stream| stream.reset);
        reset.is_some_and(|reset| !reset.by_peer)
    }

    /// Why it was broken off.
    pub fn why_broken(&self) -> WhyBroken {
        let mut connection = self.shared.connection.borrow_mut();
        let reset = connection.stream(self.id).and_then(|stream| stream.reset);
        let lost = connection.failure() == Some(Code::NoError);
        let stream = connection.stream(self.id);
        WhyBroken {
            lost,
            malformed: stream.is_some_and(|stream| stream.malformed),
            is_unseen: reset.is_some_and(|reset| reset.code == Code::RefusedStream),
        }
    }

    /// The code with which the other side broke it off.
    pub fn reset_code(&self) -> Option<u32> {
        let mut connection = self.shared.connection.borrow_mut();
        connection.stream(self.id)?.reset_code
    }

    /// Oddities of its connection.
    pub fn glitches(&self) -> u32 {
        self.shared.connection.borrow().glitches()
    }

    /// The stream is not for what it was opened for.
    pub fn refuse(&self) {
        self.with(|connection, id| connection.refuse(id, Code::Internal));
    }

    /// Ready when it is known whether the server takes websockets.
    pub fn poll_websockets(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let known = self.with(|connection, id| connection.poll_websockets(id, cx));
        known.map_err(broken)
    }

    /// No further stream is opened on its connection.
    pub fn retire(&self) {
        self.shared.connection.borrow_mut().leave();
    }

    /// Ends our message.
    pub fn finish(&mut self) {
        self.with(Connection::finish);
    }

    /// What follows is no body: bytes pass as they are.
    pub fn tunnel(&mut self) {
        self.body = Body::Plain;
    }

    /// Whether received bytes wait to be read.
    pub fn holds_bytes(&self) -> bool {
        let mut connection = self.shared.connection.borrow_mut();
        let waits = connection
            .stream(self.id)
            .is_some_and(|stream| !stream.received.is_empty());
        waits || !self.held.is_empty()
    }

    /// What a drop before the end tells the other side.
    pub fn abort_with(&self, code: Code) {
        self.aborts_with.set(code);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Connection, u32) -> T) -> T {
        act(&mut self.shared.connection.borrow_mut(), self.id)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = self.with(|connection, id| connection.poll_read(id, cx, into));
        count.map_err(|why| match self.why_broken().malformed {
            true => io::Error::new(io::ErrorKind::InvalidData, why.0.code),
            false => broken(why),
        })
    }

    fn poll_chunks(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.held.is_empty() {
            // The size has a fixed width, and the data its place behind it.
            if into.len() > FRAME + 16 {
                let most = (into.len() - FRAME).min(MOST_CHUNK);
                let data = &mut into[SIZE..SIZE + most];
                let count = ready!(self.poll_read(cx, data))?;
                if count > 0 {
                    into[..SIZE].copy_from_slice(&size(count));
                    into[SIZE + count..FRAME + count].copy_from_slice(b"\r\n");
                    return Poll::Ready(Ok(FRAME + count));
                }
                self.end();
            } else {
                let mut few = [0; 16];
                match ready!(self.poll_read(cx, &mut few))? {
                    0 => self.end(),
                    count => {
                        self.held.extend_from_slice(&size(count));
                        self.held.extend_from_slice(&few[..count]);
                        self.held.extend_from_slice(b"\r\n");
                    }
                }
            }
        }
        let count = self.held.len().min(into.len());
        into[..count].copy_from_slice(&self.held[..count]);
        self.held.drain(..count);
        Poll::Ready(Ok(count))
    }

    fn end(&mut self) {
        self.body = Body::Ended;
        let trailers = self.with(|connection, id| connection.stream(id)?.trailers.take());
        write_last(&trailers.unwrap_or_default(), &mut self.held);
    }
}

/// The head of a chunk: six digits and the end of the line.
fn size(count: usize) -> [u8; SIZE] {
    let mut line = *b"000000\r\n";
    for (place, digit) in line[..SIZE - 2].iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[count >> (4 * place) & 15];
    }
    line
}

fn broken(broken: Broken) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, broken.0.code)
}

impl Io for Substream {
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if into.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        match self.body {
            Body::Plain => self.poll_read(cx, into),
            Body::Ended if self.held.is_empty() => Poll::Ready(Ok(0)),
            _ => self.poll_chunks(cx, into),
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
        _: bool,
    ) -> Poll<io::Result<usize>> {
        let sent = self.with(|connection, id| connection.poll_write(id, cx, first, second));
        sent.map_err(broken)
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(Connection::finish);
        Poll::Ready(Ok(()))
    }

    fn poll_peer_closed(&mut self, cx: &mut Context<'_>) -> Poll<PeerClosed> {
        let closed = self.with(|connection, id| connection.poll_broken(id, cx));
        closed.map(|why| PeerClosed::Broken(broken(why)))
    }

    fn is_quiet(&mut self) -> bool {
        false
    }

    fn spliceable(&mut self) -> Option<&mut Stream> {
        None
    }
}

impl Drop for Substream {
    fn drop(&mut self) {
        let code = self.aborts_with.get();
        self.with(|connection, id| connection.release(id, code));
    }
}

const SIZE: usize = 8;
const FRAME: usize = SIZE + 2;
const MOST_CHUNK: usize = 0xff_ffff;

#[cfg(test)]
mod tests {
    use hapax_proto::h2::Config;
    use hapax_proto::h2::Role;
    use hapax_proto::h2::frame::{kind, write};

    use super::*;

    /// A stream of a request with this body, in frames, on a socket that nobody reads.
    fn request(length: bool, frames: &[(u8, u8, &[u8])]) -> (Rc<Shared>, Stream) {
        let mut connection = Connection::new(Config::new(Role::Server));
        let mut bytes = hapax_proto::h2::PREFACE.to_vec();
        write(&mut bytes, kind::SETTINGS, 0, 0, &[]);
        let head: &[u8] = match length {
            true => b"\x83\x84\x86\x0f\x0d\x0210",
            false => b"\x83\x84\x86",
        };
        write(&mut bytes, kind::HEADERS, 4, 1, head);
        for (what, flags, payload) in frames {
            write(&mut bytes, *what, *flags, 1, payload);
        }
        connection.receive(&bytes);
        let (socket, _) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let shared = Shared::new(connection, Stream::new(socket.into()));
        let stream = shared.stream(1);
        (shared, stream)
    }

    fn read(stream: &mut Stream, at_once: usize) -> Vec<u8> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut head = Head::new();
        let Some(sub) = stream.shared_mut() else {
            panic!("a stream of a shared connection");
        };
        assert!(sub.poll_head(&mut cx, &mut head).is_ready());
        let mut all = Vec::new();
        let mut piece = vec![0; at_once];
        while let Poll::Ready(Ok(count)) = stream.poll_recv(&mut cx, &mut piece) {
            if count == 0 {
                break;
            }
            all.extend_from_slice(&piece[..count]);
        }
        all
    }

    #[test]
    fn bodies_without_length_read_as_chunks() {
        let frames: &[(u8, u8, &[u8])] = &[
            (kind::DATA, 0, b"hello"),
            (kind::DATA, 0, b" world"),
            (kind::HEADERS, 5, b"\x00\x01a\x01b"),
        ];
        let (_shared, mut stream) = request(false, frames);
        let all = read(&mut stream, 1000);
        assert_eq!(all, b"00000b\r\nhello world\r\n0\r\na: b\r\n\r\n");
        let (_shared, mut stream) = request(false, frames);
        let all = read(&mut stream, 3);
        assert_eq!(all, b"00000b\r\nhello world\r\n0\r\na: b\r\n\r\n");
        let (_shared, mut stream) = request(true, &[(kind::DATA, 1, b"0123456789")]);
        assert_eq!(read(&mut stream, 4), b"0123456789");
    }

    #[test]
    fn who_lets_go_early_breaks_the_stream_off() {
        let (shared, stream) = request(false, &[]);
        drop(stream);
        assert_eq!(shared.connection.borrow().streams(), 0);
        let mut connection = shared.connection.borrow_mut();
        let mut reset = Vec::new();
        write(&mut reset, kind::RST_STREAM, 0, 1, &8u32.to_be_bytes());
        assert!(connection.output().pending().ends_with(&reset));
    }
}
