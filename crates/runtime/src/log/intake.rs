//! `log-forward`: takes messages from others, in datagrams and on streams, and passes them on. Worker 0 does that; nothing of it is
//! on the path of a request.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use hapax_core::ir::{Address, LogForward};
use hapax_core::program::Program;
use hapax_proto::syslog::{Frame, frame};
use hapax_sys::addr::{Addr, local_addr};
use hapax_sys::datagram;
use tokio::net::{UdpSocket, UnixDatagram};

use crate::cli::{Listening, Serving};
use crate::clock;
use crate::local::Local;
use crate::wheel::{self, NEVER, Timer};

/// The sockets of a section.
#[derive(Debug)]
pub struct Intake {
    /// Which section.
    pub section: usize,
    /// Its streams' sockets, in the order of the `bind` lines.
    pub streams: Vec<OwnedFd>,
    /// Its datagrams' sockets, in the order of the `dgram-bind` lines.
    pub datagrams: Vec<OwnedFd>,
}

/// Starts the tasks of all sections.
pub fn start(local: &Rc<Local>, program: &Program, intakes: Vec<Intake>) {
    let longest = program.global.tune.bufsize as usize;
    for intake in intakes {
        let Some(ir) = program.log_forwards.get(intake.section) else {
            continue;
        };
        let door = Rc::new(Door {
            local: local.clone(),
            section: intake.section,
            lines: ir.lines,
            longest,
            patience: ir.timeout_client,
            places: Serving::new(ir.maxconn),
        });
        for socket in intake.datagrams {
            let taken = match local_addr(&socket) {
                Ok(Addr::Unix(_)) => unix(socket),
                _ => udp(socket),
            };
            match taken {
                Ok(socket) => door.until_stop(door.clone().datagrams(socket)),
                Err(error) => log::error!("messages cannot be taken: {error}"),
            }
        }
        for socket in intake.streams {
            match Listening::new(socket) {
                Ok(listening) => door.until_stop(door.clone().streams(listening)),
                Err(error) => log::error!("messages cannot be taken: {error}"),
            }
        }
    }
}

/// Opens the sockets of all sections.
///
/// # Errors
/// What could not be opened.
pub fn open(forward: &LogForward, receive_buffer: u32) -> Result<Vec<OwnedFd>, (usize, io::Error)> {
    let mut opened = Vec::new();
    for (index, bind) in forward.datagrams.iter().enumerate() {
        let socket = match crate::plan::system_address(&bind.address) {
            Some(address) => datagram::bind(&address),
            None => match bind.address {
                Address::Descriptor(number) | Address::SocketPair(number) => {
                    hapax_sys::process::inherited(number)
                }
                _ => Err(io::ErrorKind::AddrNotAvailable.into()),
            },
        };
        let socket = socket.and_then(|socket| {
            if let Some(interface) = &bind.options.interface {
                hapax_sys::option::set_interface(&socket, interface)?;
            }
            if receive_buffer > 0 {
                hapax_sys::option::set_receive_buffer(&socket, receive_buffer)?;
            }
            Ok(socket)
        });
        opened.push(socket.map_err(|error| (index, error))?);
    }
    Ok(opened)
}

/// What the sockets of a section share.
struct Door {
    local: Rc<Local>,
    section: usize,
    lines: bool,
    longest: usize,
    /// Milliseconds.
    patience: Option<u32>,
    /// `maxconn` of them.
    places: Rc<Serving>,
}

enum Datagrams {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

fn udp(socket: OwnedFd) -> io::Result<Datagrams> {
    let socket = std::net::UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket).map(Datagrams::Udp)
}

fn unix(socket: OwnedFd) -> io::Result<Datagrams> {
    let socket = std::os::unix::net::UnixDatagram::from(socket);
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket).map(Datagrams::Unix)
}

impl Datagrams {
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<IpAddr>)> {
        match self {
            Datagrams::Udp(socket) => {
                let (length, from) = socket.recv_from(buffer).await?;
                Ok((length, Some(from.ip().to_canonical())))
            }
            Datagrams::Unix(socket) => Ok((socket.recv(buffer).await?, None)),
        }
    }
}

impl Door {
    /// Runs a task until the soft stop.
    fn until_stop(&self, task: impl Future<Output = ()> + 'static) {
        let task = tokio::task::spawn_local(task);
        self.local.ends_with_stop(task.abort_handle());
    }

    fn pass(&self, message: &[u8], from: Option<IpAddr>) {
        self.local.plan().logger.pass(self.section, message, from);
    }

    async fn datagrams(self: Rc<Self>, socket: Datagrams) {
        let mut buffer = vec![0; self.longest];
        loop {
            match socket.receive(&mut buffer).await {
                Ok((length, from)) => {
                    let message = buffer.get(..length).unwrap_or_default();
                    self.pass(message, from);
                }
                // What came back for a message to somebody else, or no memory.
                Err(_) => wheel::pause(PAUSE_MS).await,
            }
        }
    }

    async fn streams(self: Rc<Self>, listening: Listening) {
        loop {
            let place = self.places.slot().await;
            match listening.accept().await {
                Ok(stream) => {
                    let door = self.clone();
                    tokio::task::spawn_local(async move {
                        let _place = place;
                        // A sender that goes away ends its own stream only.
                        let _ = door.stream(&stream).await;
                    });
                }
                Err(_) => wheel::pause(PAUSE_MS).await,
            }
        }
    }

    async fn stream(&self, stream: &crate::cli::Stream) -> io::Result<()> {
        let from = stream.address();
        let mut bytes: Vec<u8> = Vec::new();
        let mut buffer = vec![0; READ];
        let mut timer = Timer::new();
        loop {
            let deadline = self
                .patience
                .map_or(NEVER, |most| clock::now_ms() + u64::from(most));
            let length = {
                let mut read = pin!(stream.read(&mut buffer));
                poll_fn(|cx| match read.as_mut().poll(cx) {
                    Poll::Pending => timer
                        .poll_at(cx, deadline)
                        .map(|()| Err(io::ErrorKind::TimedOut.into())),
                    read => read,
                })
                .await?
            };
            let Some(new) = buffer.get(..length).filter(|new| !new.is_empty()) else {
                return Ok(());
            };
            bytes.extend_from_slice(new);
            let mut start = 0;
            loop {
                let rest = bytes.get(start..).unwrap_or_default();
                match frame(rest, self.lines, self.longest) {
                    Frame::Message {
                        from: at,
                        to,
                        taken,
                    } => {
                        self.pass(rest.get(at..to).unwrap_or_default(), from);
                        start += taken;
                    }
                    Frame::Partial => break,
                    Frame::Bad => {
                        // Closing with something unread would look like a fault of the line.
                        stream.discard(&mut buffer);
                        return Ok(());
                    }
                }
            }
            bytes.drain(..start.min(bytes.len()));
        }
    }
}

/// Pause after something failed.
const PAUSE_MS: u64 = 100;
/// Bytes read at a time.
const READ: usize = 16_384;
