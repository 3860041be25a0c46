//! Listening sockets pass from an old process to a new one over a runtime socket (`-x`, `expose-fd listeners`), in the
//! form that HAProxy uses, so that either side may be HAProxy.
//!
//! The new process sends `_getsocks` and a line end. The old one answers with the number of sockets as a native 32-bit
//! integer, then in groups of up to 252: one record for each (length and name of its network namespace, length and name of
//! its interface, 32 bits of options that are 0), with the descriptors attached. Each group is acknowledged by four bytes.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hapax_core::ir::Bind;
use hapax_sys::addr::{Addr, UnixAddr, local_addr};
use hapax_sys::pass::{receive_descriptors, send_descriptors};
use hapax_sys::stream::socket_pair;
use parking_lot::Mutex;
use thiserror::Error;

/// The request.
pub const REQUEST: &[u8] = b"_getsocks\n";

/// Sockets in one group.
const GROUP: usize = 252;
/// More sockets than this are not believed.
const MOST: usize = 1 << 20;
/// How long the old process may take over each part.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a socket listens beside its address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The namespace's name; empty for that of the process.
    pub namespace: String,
    /// The interface's name; empty for none.
    pub interface: String,
}

/// A socket to hand over, and what it is bound to.
#[derive(Debug)]
pub struct Offered {
    /// The socket.
    pub socket: OwnedFd,
    /// The network that it is in.
    pub network: Network,
    /// It is one of the runtime API, not of a proxy.
    pub runtime_api: bool,
}

/// The listening sockets that a process hands over when it is asked; none once it stops.
#[derive(Debug, Default)]
pub struct Exposed {
    sockets: Mutex<Option<Arc<Vec<Offered>>>>,
}

impl Exposed {
    /// Offers sockets.
    pub fn new(sockets: Vec<Offered>) -> Exposed {
        Exposed {
            sockets: Mutex::new(Some(Arc::new(sockets))),
        }
    }

    /// Offers other sockets of proxies.
    ///
    /// # Errors
    /// When a socket of the runtime API cannot be offered once more.
    pub fn replace(&self, mut listeners: Vec<Offered>) -> io::Result<()> {
        let mut sockets = self.sockets.lock();
        let Some(before) = sockets.as_ref() else {
            return Ok(());
        };
        for kept in before.iter().filter(|offered| offered.runtime_api) {
            listeners.push(Offered {
                socket: kept.socket.try_clone()?,
                network: kept.network.clone(),
                runtime_api: true,
            });
        }
        *sockets = Some(Arc::new(listeners));
        Ok(())
    }

    /// Whether anything was offered from the start on.
    pub fn is_empty(&self) -> bool {
        self.sockets
            .lock()
            .as_ref()
            .is_none_or(|offered| offered.is_empty())
    }

    /// Gives them up: a socket that is held open here goes on taking connections that nobody serves.
    pub fn close(&self) {
        drop(self.sockets.lock().take());
    }

    /// What is offered now.
    pub fn offered(&self) -> Arc<Vec<Offered>> {
        self.sockets.lock().clone().unwrap_or_default()
    }
}

/// The first bytes of the answer.
pub fn count(offered: &[Offered]) -> [u8; 4] {
    u32::try_from(offered.len())
        .unwrap_or_default()
        .to_ne_bytes()
}

/// The groups in which sockets are sent.
pub fn groups(offered: &[Offered]) -> impl Iterator<Item = &[Offered]> {
    offered.chunks(GROUP)
}

/// Sends one group; the answer is to be acknowledged by the other side.
///
/// # Errors
/// Of the system, among them that it would block.
pub fn send_group(socket: impl AsFd, group: &[Offered]) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let mut records = Vec::with_capacity(group.len() * 8);
    let mut numbers = Vec::with_capacity(group.len());
    for offered in group {
        for name in [&offered.network.namespace, &offered.network.interface] {
            let length = u8::try_from(name.len()).unwrap_or_default();
            records.push(length);
            records.extend_from_slice(&name.as_bytes()[..usize::from(length)]);
        }
        records.extend_from_slice(&[0; 4]);
        numbers.push(offered.socket.as_raw_fd());
    }
    let sent = send_descriptors(socket, &records, &numbers)?;
    if sent < records.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(())
}

/// Where an old process is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldProcess {
    /// A runtime socket in the file system.
    Path(String),
    /// A socket pair whose other end the old process reads connections from.
    Pair(i32),
}

/// Why sockets could not be had.
#[derive(Debug, Error)]
pub enum HandOverError {
    /// Nobody answers there.
    #[error("Failed to connect to the old process socket '{0}'")]
    Connect(String),
    /// The answer ended early or made no sense.
    #[error("Failed to get the sockets from the old process: {0}")]
    Answer(#[from] io::Error),
}

/// The sockets of an old process that no listener took yet.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Received>,
    own: Vec<Own>,
}

/// A socket of this process, and the address that its line has.
#[derive(Debug)]
struct Own {
    socket: OwnedFd,
    bind: Box<Bind>,
}

impl Own {
    /// Whether the socket is what `bind` asks for: the rest of its options can be given to it now.
    fn suits(&self, bind: &Bind) -> bool {
        let fixed = |bind: &Bind| {
            let own = &bind.options;
            let file = (own.unix_mode, own.unix_uid, own.unix_gid);
            (own.v6only, own.v4v6, own.transparent, own.fast_open, file)
        };
        self.bind.address == bind.address
            && self.bind.options.interface == bind.options.interface
            && self.bind.options.namespace == bind.options.namespace
            && fixed(&self.bind) == fixed(bind)
    }
}

#[derive(Debug)]
struct Received {
    socket: OwnedFd,
    address: Addr,
    network: Network,
}

impl Inherited {
    /// Asks an old process for its sockets.
    ///
    /// # Errors
    /// When it cannot be reached or does not answer as it should.
    pub fn ask(old: &OldProcess) -> Result<Inherited, HandOverError> {
        let mut stream = connect(old)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(REQUEST)?;
        let mut first = [0; 4];
        stream.read_exact(&mut first)?;
        let expected = u32::from_ne_bytes(first) as usize;
        if expected > MOST {
            return Err(io::Error::from(io::ErrorKind::InvalidData).into());
        }
        let (mut bytes, mut sockets) = (Vec::new(), Vec::new());
        let mut room = vec![0; 65_536];
        while sockets.len() < expected {
            let (length, received) = receive_descriptors(&stream, &mut room)?;
            if length == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let part = room.get(..length).unwrap_or_default();
            bytes.extend_from_slice(part);
            if bytes.len() > expected.saturating_mul(600) {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            }
            if !received.is_empty() {
                let before = u32::try_from(sockets.len()).unwrap_or_default();
                sockets.extend(received);
                stream.write_all(&before.to_ne_bytes())?;
            }
        }
        let sockets = sockets.into_iter().zip(networks(&bytes));
        let sockets = sockets.filter_map(|(socket, network)| {
            // What does not listen, or has no address, is nothing that a `bind` line may name.
            let listens = hapax_sys::option::is_listening(&socket).unwrap_or(false);
            let address = local_addr(&socket).ok().filter(|_| listens)?;
            Some(Received {
                socket,
                address,
                network,
            })
        });
        Ok(Inherited {
            sockets: sockets.collect(),
            own: Vec::new(),
        })
    }

    /// Adds a socket on which this process listens for a line.
    pub fn add(&mut self, socket: OwnedFd, bind: &Bind) {
        self.own.push(Own {
            socket,
            bind: Box::new(bind.clone()),
        });
    }

    /// Takes the sockets on which this process listens at the address of a line, in their order.
    pub fn take_own(&mut self, bind: &Bind) -> Vec<OwnedFd> {
        if self.own.is_empty() {
            return Vec::new();
        }
        let (taken, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.own)
            .into_iter()
            .partition(|own| own.suits(bind));
        self.own = left;
        taken.into_iter().map(|own| own.socket).collect()
    }

    /// Takes the sockets that listen on `address`, in the order in which they came.
    pub fn take(&mut self, address: &Addr, network: &Network) -> Vec<OwnedFd> {
        if self.sockets.is_empty() {
            return Vec::new();
        }
        let (taken, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.sockets)
            .into_iter()
            .partition(|received| received.network == *network && same(&received.address, address));
        self.sockets = left;
        taken.into_iter().map(|received| received.socket).collect()
    }
}

fn connect(old: &OldProcess) -> Result<UnixStream, HandOverError> {
    match old {
        OldProcess::Path(path) => {
            UnixStream::connect(path).map_err(|_| HandOverError::Connect(path.clone()))
        }
        OldProcess::Pair(number) => {
            let failed = |_| HandOverError::Connect(format!("sockpair@{number}"));
            let pair = hapax_sys::process::inherited(*number).map_err(failed)?;
            let stream = UnixStream::from(connect_over(&pair).map_err(failed)?);
            stream.set_nonblocking(false)?;
            Ok(stream)
        }
    }
}

/// Opens a connection to the process at the other end of `pair` (`sockpair@`): it gets one half of a new pair, the other
/// half is ours and does not block.
///
/// # Errors
/// When the other end is closed, or nothing more fits.
pub fn connect_over(pair: impl AsFd) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    let (ours, theirs) = socket_pair()?;
    send_descriptors(pair, b"\0", &[theirs.as_raw_fd()])?;
    Ok(ours)
}

/// The network of each record; a record that is cut off ends them.
fn networks(mut bytes: &[u8]) -> Vec<Network> {
    let mut networks = Vec::new();
    while let Some((network, rest)) = record(bytes) {
        networks.push(network);
        bytes = rest;
    }
    networks
}

fn record(bytes: &[u8]) -> Option<(Network, &[u8])> {
    let (namespace, rest) = name(bytes)?;
    let (interface, rest) = name(rest)?;
    let (_options, rest) = rest.split_at_checked(4)?;
    let network = Network {
        namespace,
        interface,
    };
    Some((network, rest))
}

/// A length, and so many bytes.
fn name(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(length))?;
    Some((String::from_utf8_lossy(name).into_owned(), rest))
}

/// Whether a socket's name is the one that is wanted: a unix socket has the name under which it was bound before it was
/// renamed, `PATH.PID.tmp`; the kernel's form of an abstract name does not tell whether it was padded.
fn same(has: &Addr, wanted: &Addr) -> bool {
    match (has, wanted) {
        (Addr::Unix(UnixAddr::Path(has)), Addr::Unix(UnixAddr::Path(wanted))) => {
            has == wanted || final_name(has) == Some(wanted)
        }
        (
            Addr::Unix(UnixAddr::Abstract { name: has, .. }),
            Addr::Unix(UnixAddr::Abstract { name, padded }),
        ) => {
            let zeros = has.strip_prefix(name.as_slice());
            zeros.is_some_and(|zeros| {
                zeros.iter().all(|&byte| byte == 0) && (*padded || zeros.is_empty())
            })
        }
        _ => has == wanted,
    }
}

fn final_name(temporary: &Path) -> Option<&Path> {
    let name = temporary.to_str()?.strip_suffix(".tmp")?;
    let (name, pid) = name.rsplit_once('.')?;
    let digits = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Path::new(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_records_are_read_as_far_as_they_go() {
        let bytes = b"\0\0\0\0\0\0\x02ns\x02lo\0\0\0\0\0\x05eth";
        let names = networks(bytes);
        let names = names.iter().map(|one| (&*one.namespace, &*one.interface));
        assert_eq!(names.collect::<Vec<_>>(), [("", ""), ("ns", "lo")]);
    }

    #[test]
    fn a_renamed_unix_socket_is_known_by_its_final_name() {
        let path = |text: &str| Addr::Unix(UnixAddr::Path(text.into()));
        assert!(same(&path("/run/a.sock.123.tmp"), &path("/run/a.sock")));
        assert!(same(&path("/run/a.sock"), &path("/run/a.sock")));
        assert!(!same(&path("/run/a.sock.x.tmp"), &path("/run/a.sock")));
        let name = |name: &[u8], padded| {
            Addr::Unix(UnixAddr::Abstract {
                name: name.to_vec(),
                padded,
            })
        };
        assert!(same(&name(b"a\0\0", false), &name(b"a", true)));
        assert!(!same(&name(b"a\0\0", false), &name(b"a", false)));
        assert!(!same(&name(b"ab", false), &name(b"a", true)));
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = Inherited::ask(&OldProcess::Path("/nonexistent".into())).expect_err("nobody");
        assert_eq!(
            error.to_string(),
            "Failed to connect to the old process socket '/nonexistent'"
        );
    }
}
