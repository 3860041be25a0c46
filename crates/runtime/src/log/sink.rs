//! A worker's way to one log target: lines gather during a turn and leave with one call at its end.
//!
//! Every line ends with a line feed, in a datagram too. Nothing ever waits for a log: what the target does not take at
//! once is dropped and counted.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::live::Live;
use hapax_core::ring::Ring;
use hapax_sys::SockAddr;
use hapax_sys::datagram::{self, BATCH};

use crate::turn::{self, AtTurnEnd};

/// Where lines go.
#[derive(Debug)]
pub enum Target {
    /// A datagram for each line, to a UDP or unix datagram address. The address is looked up for each
    /// call, so that a `/dev/log` that comes back is found without ado.
    Datagram(SockAddr),
    /// Standard output or error, or a descriptor of the configuration.
    Descriptor(OwnedFd),
    /// A ring, without the line feeds.
    Ring(Arc<Ring>),
}

/// One target's lines of the current turn.
#[derive(Debug)]
pub struct Sink {
    target: Target,
    socket: RefCell<Option<OwnedFd>>,
    /// `tune.sndbuf.backend`, bytes; 0 is the system's.
    send_buffer: Cell<u32>,
    /// The socket sends lines of one size as one.
    segments: Cell<bool>,
    lines: RefCell<Lines>,
    sent: Cell<u64>,
    dropped: Cell<u64>,
    live: Option<Arc<Live>>,
}

#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    /// The lines without their line feeds.
    fn each(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .filter_map(|(start, end)| self.bytes.get(start..end.saturating_sub(1)))
    }
}

impl Sink {
    /// A sink of this worker; it is flushed at the end of every turn. Lines that are lost count in `live` too.
    pub fn open(target: Target, live: Option<Arc<Live>>) -> Rc<Sink> {
        let sink = Rc::new(Sink {
            target,
            socket: RefCell::default(),
            send_buffer: Cell::new(0),
            segments: Cell::new(false),
            lines: RefCell::default(),
            sent: Cell::new(0),
            dropped: Cell::new(0),
            live,
        });
        let at_end: Rc<dyn AtTurnEnd> = sink.clone();
        turn::at_end(&at_end);
        sink
    }

    /// Adds the line that `write` appends, cut to `most` bytes with its line feed (the `len` of the `log` line).
    pub fn line(&self, most: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = self.lines.borrow_mut();
        let start = lines.bytes.len();
        write(&mut lines.bytes);
        lines
            .bytes
            .truncate(start.saturating_add(most.saturating_sub(1)));
        lines.bytes.push(b'\n');
        let end = lines.bytes.len();
        lines.ends.push(end);
        if end >= MOST_BYTES || lines.ends.len() >= BATCH {
            drop(lines);
            self.flush();
        }
    }

    /// How much its socket holds, where it sends datagrams.
    pub fn set_send_buffer(&self, bytes: u32) {
        self.send_buffer.set(bytes);
    }

    /// Lines that were handed to the system.
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Lines that were lost because the target did not take them.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// Sends what has gathered.
    pub fn flush(&self) {
        let mut lines = self.lines.borrow_mut();
        if lines.ends.is_empty() {
            return;
        }
        let all = lines.ends.len();
        let sent = match &self.target {
            Target::Datagram(to) => self.send_datagrams(to, &lines),
            Target::Descriptor(fd) => write_lines(fd, &lines),
            Target::Ring(ring) => all - ring.append(lines.each()),
        };
        self.sent.set(self.sent.get() + sent as u64);
        let lost = (all - sent) as u64;
        self.dropped.set(self.dropped.get() + lost);
        if let Some(live) = self.live.as_ref().filter(|_| lost > 0) {
            live.process.dropped_logs.fetch_add(lost, Ordering::Relaxed);
        }
        lines.bytes.clear();
        lines.ends.clear();
        if lines.bytes.capacity() > 2 * MOST_BYTES {
            lines.bytes.shrink_to(MOST_BYTES);
        }
    }

    fn send_datagrams(&self, to: &SockAddr, lines: &Lines) -> usize {
        let mut socket = self.socket.borrow_mut();
        if socket.is_none() {
            *socket = datagram::open(to, false).ok();
            self.segments
                .set(socket.as_ref().is_some_and(datagram::can_segment));
            if let Some(socket) = socket.as_ref().filter(|_| self.send_buffer.get() > 0) {
                // Lines are sent with any size.
                let _ = hapax_sys::option::set_send_buffer(socket, self.send_buffer.get());
            }
        }
        let Some(socket) = socket.as_ref() else {
            return 0;
        };
        let (mut done, mut start, mut sent) = (0, 0, 0);
        while let Some(rest) = lines.ends.get(done..).filter(|rest| !rest.is_empty()) {
            let segment = self.segments.get();
            let taken =
                datagram::send_messages(socket, Some(to), &lines.bytes, start, rest, segment);
            let step = match taken {
                Ok(count) if count > 0 => {
                    sent += count;
                    count
                }
                // The way there may be one on which datagrams cannot be cut: once more, each by itself.
                Err(error) if segment && error.kind() != io::ErrorKind::WouldBlock => {
                    self.segments.set(false);
                    continue;
                }
                // One line that is too long does not take the others with it.
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => 1,
                _ => return sent,
            };
            done += step;
            start = lines.ends[done - 1];
        }
        sent
    }
}

impl AtTurnEnd for Sink {
    fn turn_ended(&self) {
        self.flush();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Writes whole lines, in pieces that a pipe takes without blocking once it reports room.
fn write_lines(fd: &OwnedFd, lines: &Lines) -> usize {
    let (mut done, mut start) = (0, 0);
    while done < lines.ends.len() {
        let mut next = done + 1;
        while lines
            .ends
            .get(next)
            .is_some_and(|end| end - start <= PIPE_ROOM)
        {
            next += 1;
        }
        let end = lines.ends[next - 1];
        if !datagram::is_writable(fd) || datagram::write(fd, &lines.bytes[start..end]).is_err() {
            return done;
        }
        done = next;
        start = end;
    }
    done
}

const MOST_BYTES: usize = 256 * 1024;
/// `PIPE_BUF`: a pipe that is writable takes as much at once.
const PIPE_ROOM: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use hapax_sys::{Addr, UnixAddr};
    use std::io::Read;
    use std::net::UdpSocket;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    #[test]
    fn lines_of_a_turn_leave_at_its_end() {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("bind");
        receiver.set_nonblocking(true).expect("nonblocking");
        let to = Addr::Inet(receiver.local_addr().expect("addr"));
        let sink = Sink::open(Target::Datagram(SockAddr::new(&to).expect("addr")), None);
        sink.line(100, |line| line.extend(b"<134>one"));
        sink.line(8, |line| line.extend(b"<134>two is cut"));
        let mut bytes = [0; 100];
        assert!(
            receiver.recv(&mut bytes).is_err(),
            "nothing before the end of the turn"
        );
        turn::end();
        for expected in [&b"<134>one\n"[..], b"<134>tw\n"] {
            let count = receiver.recv(&mut bytes).expect("line");
            assert_eq!(&bytes[..count], expected);
        }
        assert_eq!((sink.sent(), sink.dropped()), (2, 0));
    }

    #[test]
    fn a_log_socket_that_is_missing_costs_lines_and_is_found_when_it_is_back() {
        let path = std::env::temp_dir().join(format!("hapax-sink-{}", std::process::id()));
        let to = SockAddr::new(&Addr::Unix(UnixAddr::Path(path.clone()))).expect("addr");
        let sink = Sink::open(Target::Datagram(to), None);
        sink.line(100, |line| line.extend(b"lost"));
        sink.flush();
        assert_eq!((sink.sent(), sink.dropped()), (0, 1));
        let receiver = UnixDatagram::bind(&path).expect("bind");
        receiver.set_nonblocking(true).expect("nonblocking");
        sink.line(100, |line| line.extend(b"found"));
        sink.flush();
        let mut bytes = [0; 16];
        assert_eq!(receiver.recv(&mut bytes).expect("line"), 6);
        for _ in 0..20_000 {
            sink.line(100, |line| line.extend(b"nobody reads"));
        }
        sink.flush();
        assert!(sink.dropped() > 1, "a full socket drops and does not block");
        assert_eq!(sink.sent() + sink.dropped(), 20_002);
        std::fs::remove_file(&path).expect("clean");
    }

    #[test]
    fn a_full_disk_costs_lines_only() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let sink = Sink::open(Target::Descriptor(full.expect("open").into()), None);
        for _ in 0..3 {
            sink.line(100, |line| line.extend(b"lost"));
            sink.flush();
        }
        assert_eq!((sink.sent(), sink.dropped()), (0, 3));
    }

    #[test]
    fn a_descriptor_gets_whole_lines_and_never_blocks() {
        let (ours, mut theirs) = UnixStream::pair().expect("pair");
        let sink = Sink::open(Target::Descriptor(ours.into()), None);
        sink.line(100, |line| line.extend(b"a line"));
        sink.flush();
        let mut bytes = [0; 7];
        theirs.read_exact(&mut bytes).expect("read");
        assert_eq!(&bytes, b"a line\n");
        while sink.dropped() == 0 {
            sink.line(1000, |line| line.resize(line.len() + 999, b'x'));
        }
    }
}
