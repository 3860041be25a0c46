//! The sockets of the runtime API. One task per connection; none of them is on the path of a request.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::Duration;

use hapax_core::counter::Count;
use hapax_core::program::Program;
use hapax_sys::addr::{Addr, local_addr};
use hapax_sys::pass::receive_descriptors;
use hapax_sys::stream::{Half, shutdown};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

use super::{Access, Cli, Session, Then};
use crate::observe::Visit;
use crate::open::hand_over::{self, Offered};

/// A listening socket.
#[derive(Debug)]
pub enum Listening {
    /// A unix socket.
    Unix(UnixListener),
    /// A TCP socket.
    Tcp(TcpListener),
    /// An end of a socket pair over which connections are passed (`sockpair@`).
    Pair(Pair),
}

/// See [`Listening::Pair`].
#[derive(Debug)]
pub struct Pair {
    end: UnixStream,
    taken: RefCell<VecDeque<OwnedFd>>,
}

impl Listening {
    /// Takes over a listening socket; of which kind it is, it says itself, since inherited ones (`fd@`) can be of any.
    ///
    /// # Errors
    /// When the descriptor cannot be watched.
    pub fn new(socket: OwnedFd) -> io::Result<Listening> {
        match local_addr(&socket)? {
            Addr::Inet(_) => {
                let socket = std::net::TcpListener::from(socket);
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket).map(Listening::Tcp)
            }
            Addr::Unix(_) => {
                let socket = std::os::unix::net::UnixListener::from(socket);
                socket.set_nonblocking(true)?;
                UnixListener::from_std(socket).map(Listening::Unix)
            }
        }
    }

    /// Takes over the end of a socket pair.
    ///
    /// # Errors
    /// When the descriptor cannot be watched.
    pub fn pair(socket: OwnedFd) -> io::Result<Listening> {
        let end = connected(socket)?;
        let taken = RefCell::default();
        Ok(Listening::Pair(Pair { end, taken }))
    }

    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Listening::Pair(pair) => pair.accept().await.map(Stream::Unix),
            Listening::Unix(socket) => socket.accept().await.map(|(s, _)| Stream::Unix(s)),
            Listening::Tcp(socket) => socket.accept().await.map(|(s, _)| Stream::Tcp(s)),
        }
    }
}

impl Pair {
    async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            if let Some(socket) = self.taken.borrow_mut().pop_front() {
                return connected(socket);
            }
            self.end.readable().await?;
            let mut marks = [0; 64];
            let read = self.end.try_io(Interest::READABLE, || {
                receive_descriptors(&self.end, &mut marks)
            });
            match read {
                Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((_, sockets)) => self.taken.borrow_mut().extend(sockets),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn connected(socket: OwnedFd) -> io::Result<UnixStream> {
    let socket = std::os::unix::net::UnixStream::from(socket);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// What all runtime sockets of a process share: the limit of connections (`stats maxconn`).
#[derive(Debug)]
pub struct Serving {
    free: Cell<u32>,
    waiting: RefCell<Vec<Waker>>,
}

impl Serving {
    /// `stats maxconn`; upstream's default is 10.
    pub fn new(most: u32) -> Rc<Serving> {
        Rc::new(Serving {
            free: Cell::new(most.max(1)),
            waiting: RefCell::default(),
        })
    }

    pub(crate) async fn slot(self: &Rc<Self>) -> Slot {
        poll_fn(|cx| {
            if let Some(left) = self.free.get().checked_sub(1) {
                self.free.set(left);
                return Poll::Ready(());
            }
            let mut waiting = self.waiting.borrow_mut();
            waiting.retain(|waker| !waker.will_wake(cx.waker()));
            waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
        Slot(self.clone())
    }
}

/// A place; given back when it is dropped.
pub(crate) struct Slot(Rc<Serving>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.free.set(self.0.free.get().saturating_add(1));
        for waker in self.0.waiting.take() {
            waker.wake();
        }
    }
}

/// Serves one runtime socket until the future is dropped; connections that are open then go on. Must run inside a
/// `LocalRuntime` or `LocalSet`.
pub async fn serve(listening: Listening, cli: Rc<Cli>, access: Access, serving: Rc<Serving>) {
    loop {
        let slot = serving.slot().await;
        match listening.accept().await {
            Ok(stream) => {
                let listener = listening.as_fd().as_raw_fd();
                let (cli, access) = (cli.clone(), access.clone());
                tokio::task::spawn_local(async move {
                    let _slot = slot;
                    // A client that goes away ends its own connection only.
                    let _ = converse(&stream, &cli, access, listener).await;
                });
            }
            // Nobody can come over a pair any more.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
            // Out of descriptors or the like: others give theirs back meanwhile.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);
/// Reads of what a client sent too much.
const MOST_DISCARDED: usize = 64;
/// Bytes read at a time.
const READ: usize = 4096;

async fn converse(stream: &Stream, cli: &Cli, access: Access, listener: i32) -> io::Result<()> {
    let _job = Job::begin(cli);
    let number = count_connection(cli);
    let _visit = cli.program.load().global.observation.events.then(|| {
        let from = stream.peer();
        Visit::begin(number, listener, stream.as_fd().as_raw_fd(), &from)
    });
    let mut session = Session::new(access);
    let mut input = vec![0; READ];
    let mut out = Vec::new();
    loop {
        let patience = Duration::from_millis(session.timeout_ms());
        let length = timeout(patience, stream.read(&mut input)).await??;
        let Some(bytes) = input.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        let mut then = session.input(cli, bytes, &mut out);
        stream.write_all(&out, patience).await?;
        while matches!(then, Then::Proceed | Then::Await | Then::Wait) {
            count(cli, out.len());
            out.clear();
            then = match then {
                Then::Wait => wait(stream, cli, &mut session, &mut input, &mut out).await?,
                _ => {
                    if let (Then::Await, Some(awaited)) = (then, session.awaited()) {
                        poll_fn(|cx| awaited.poll_known(cx.waker())).await;
                    }
                    // Traffic first.
                    tokio::task::yield_now().await;
                    session.proceed(cli, &mut out)
                }
            };
            stream.write_all(&out, patience).await?;
        }
        if then == Then::Follow {
            count(cli, out.len());
            out.clear();
            follow(stream, &mut session, &mut input, &mut out).await?;
            then = session.stop_following(&mut out);
            stream.write_all(&out, patience).await?;
        }
        count(cli, out.len());
        out.clear();
        out.shrink_to(READ);
        if then == Then::HandOver {
            return stream.hand_over(&cli.exposed.offered(), patience).await;
        }
        if then == Then::Close {
            // What the client sent beyond is read over: closing with it unread would reset the answer away.
            stream.discard(&mut input);
            return Ok(());
        }
    }
}

/// Waits for what a command waits for, or until the client says that nothing more comes.
async fn wait(
    stream: &Stream,
    cli: &Cli,
    session: &mut Session,
    input: &mut [u8],
    out: &mut Vec<u8>,
) -> io::Result<Then> {
    let mut gone = false;
    loop {
        if let Some(then) = session.waited(cli, gone, out) {
            return Ok(then);
        }
        let left = session.waits_until().saturating_sub((cli.clock)().ms);
        let glance = Duration::from_millis(left.clamp(1, GLANCE_MS));
        if let Ok(read) = timeout(glance, stream.read(input)).await {
            let length = read?;
            gone = length == 0;
            let bytes = input.get(..length).unwrap_or_default();
            if !session.keep(bytes) {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// How long what a command waits for may be there unnoticed.
const GLANCE_MS: u64 = 20;

/// Shows new events of a ring until the client sends something or leaves.
async fn follow(
    stream: &Stream,
    session: &mut Session,
    input: &mut [u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let patience = Duration::from_millis(session.timeout_ms());
    while let Some(following) = session.following() {
        let (ring, position) = (following.ring.clone(), following.position);
        let mut read = std::pin::pin!(stream.read(input));
        let said = poll_fn(|cx| match read.as_mut().poll(cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending if ring.has(position, cx.waker()) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        match said {
            Some(read) => return read.map(|_| ()),
            None => {
                following.take(out);
                stream.write_all(out, patience).await?;
                out.clear();
            }
        }
    }
    Ok(())
}

/// A connection of the runtime API is one of the process' jobs while it is open.
struct Job(Arc<Program>);

impl Job {
    fn begin(cli: &Cli) -> Job {
        let program = cli.program.load_full();
        let process = &program.live.process;
        process.jobs.fetch_add(1, Ordering::Relaxed);
        process.counters.add(0, Count::Streams, 1);
        Job(program)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let process = &self.0.live.process;
        process.jobs.fetch_sub(1, Ordering::Relaxed);
        process.counters.add(0, Count::StreamsEnded, 1);
    }
}

/// Connections to the runtime API count as those of upstream's own frontend for it, without the rates: worker 0 serves
/// them.
/// Answers its number in the count of streams.
fn count_connection(cli: &Cli) -> u32 {
    let process = &cli.program.load().live.process;
    process.counters.add(0, Count::Connections, 1);
    process.counters.add(0, Count::Requests, 1);
    process.streams.fetch_add(1, Ordering::Relaxed)
}

fn count(cli: &Cli, sent: usize) {
    let process = &cli.program.load().live.process;
    process.counters.add(0, Count::BytesOut, sent as u64);
    let amount = u32::try_from(sent).unwrap_or(u32::MAX);
    process.bytes_out_rate.add_many(0, amount, (cli.clock)().ms);
}

impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listening::Unix(socket) => socket.as_fd(),
            Listening::Tcp(socket) => socket.as_fd(),
            Listening::Pair(pair) => pair.end.as_fd(),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Unix(stream) => stream.as_fd(),
            Stream::Tcp(stream) => stream.as_fd(),
        }
    }
}

/// A connection of either kind.
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    /// Takes over a connected unix socket.
    pub(super) fn unix(socket: OwnedFd) -> io::Result<Stream> {
        connected(socket).map(Stream::Unix)
    }

    /// Who is at the other end, as `-d` tells it.
    fn peer(&self) -> String {
        match self {
            Stream::Unix(_) => "unix:1".into(),
            Stream::Tcp(stream) => stream.peer_addr().map_or_else(
                |_| "unknown".into(),
                |peer| format!("{}:{}", peer.ip(), peer.port()),
            ),
        }
    }

    /// The internet address at the other end.
    pub(crate) fn address(&self) -> Option<std::net::IpAddr> {
        match self {
            Stream::Unix(_) => None,
            Stream::Tcp(stream) => Some(stream.peer_addr().ok()?.ip().to_canonical()),
        }
    }

    /// Another descriptor of the connection.
    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.as_fd().try_clone_to_owned()
    }

    /// Says that nothing more is sent.
    pub(super) fn end(&self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => shutdown(stream, Half::Write),
            Stream::Tcp(stream) => shutdown(stream, Half::Write),
        }
    }

    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Stream::Unix(stream) => {
                    stream.readable().await?;
                    stream.try_read(buffer)
                }
                Stream::Tcp(stream) => {
                    stream.readable().await?;
                    stream.try_read(buffer)
                }
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    /// Sends the listening sockets; each group is acknowledged.
    async fn hand_over(&self, offered: &[Offered], patience: Duration) -> io::Result<()> {
        let Stream::Unix(stream) = self else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.write_all(&hand_over::count(offered), patience).await?;
        let mut acknowledged = [0; 4];
        for group in hand_over::groups(offered) {
            let send = stream.async_io(Interest::WRITABLE, || hand_over::send_group(stream, group));
            timeout(patience, send).await??;
            let mut read = 0;
            while let Some(room) = acknowledged.get_mut(read..).filter(|room| !room.is_empty()) {
                match timeout(patience, self.read(room)).await?? {
                    0 => return Ok(()),
                    length => read += length,
                }
            }
        }
        Ok(())
    }

    /// Reads over what is there already.
    pub(crate) fn discard(&self, buffer: &mut [u8]) {
        for _ in 0..MOST_DISCARDED {
            let read = match self {
                Stream::Unix(stream) => stream.try_read(buffer),
                Stream::Tcp(stream) => stream.try_read(buffer),
            };
            if !matches!(read, Ok(1..)) {
                return;
            }
        }
    }

    /// Writes everything; each piece within `patience`.
    pub(super) async fn write_all(&self, mut bytes: &[u8], patience: Duration) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = timeout(patience, self.write(bytes)).await??;
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let written = match self {
                Stream::Unix(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
                Stream::Tcp(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }
}
