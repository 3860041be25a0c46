//! What is logged when the process has no socket for a connection to a server.

use std::io;

use crate::log::Level;
use crate::stats::page;
use hapax_sys::accept::is_without_descriptors;
use hapax_sys::connect::CannotPresent;

/// The line for the targets of `backend`; other errors are the server's, and the log line of the exchange tells them.
pub fn notice(backend: &str, error: &io::Error) -> Option<(Level, String)> {
    if is_without_descriptors(error) {
        let limit = page::sockets();
        return Some((
            Level::Emergency,
            format!(
                "Proxy {backend} reached process FD limit (maxsock={limit}). Please check 'ulimit-n' and restart."
            ),
        ));
    }
    if CannotPresent::is(error) {
        return Some((
            Level::Emergency,
            format!("Cannot bind to tproxy source address before connect() for backend {backend}."),
        ));
    }
    // Every port of the range of `source` is in use.
    (error.kind() == io::ErrorKind::AddrInUse).then(|| {
        (
            Level::Error,
            format!("Connect() failed for backend {backend}: no free ports."),
        )
    })
}
