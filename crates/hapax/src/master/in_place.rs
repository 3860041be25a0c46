//! `reload-in-place`: the master has the worker apply the files.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::reload::APPLIED;
use crate::reload::fixed::NEEDS_A_PROCESS;

/// What became of it, and what the worker said.
#[derive(Debug)]
pub enum Outcome {
    /// The files are in force.
    Applied(String),
    /// Nothing changed: something is wrong with them.
    Refused(String),
    /// They ask for what only a new process can have, or the worker does not answer.
    NeedsProcess,
}

/// Asks the worker at the other end of `connection`.
pub async fn apply(connection: OwnedFd) -> Outcome {
    let Ok(Ok(said)) = timeout(PATIENCE, converse(connection)).await else {
        return Outcome::NeedsProcess;
    };
    let said = String::from_utf8_lossy(&said).trim_end().to_owned() + "\n";
    let applied = said.lines().any(|line| line.starts_with(APPLIED));
    if said.contains(NEEDS_A_PROCESS) || said.trim().is_empty() {
        Outcome::NeedsProcess
    } else if applied {
        Outcome::Applied(said)
    } else {
        Outcome::Refused(said)
    }
}

async fn converse(connection: OwnedFd) -> io::Result<Vec<u8>> {
    let stream = std::os::unix::net::UnixStream::from(connection);
    stream.set_nonblocking(true)?;
    let stream = UnixStream::from_std(stream)?;
    let mut left: &[u8] = b"reload configuration\n";
    while !left.is_empty() {
        stream.writable().await?;
        match stream.try_write(left) {
            Ok(length) => left = left.get(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut said = Vec::new();
    let mut room = [0; 4096];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut room) {
            Ok(0) => return Ok(said),
            Ok(length) if said.len() < MOST_SAID => {
                said.extend_from_slice(room.get(..length).unwrap_or_default());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// How long a worker may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that are kept of what it says.
const MOST_SAID: usize = 65_536;
