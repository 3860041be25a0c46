//! What the service manager is told (`sd_notify`), as datagrams to the socket that `NOTIFY_SOCKET` names.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use hapax_sys::time;

/// Tells the service manager, if there is one.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// One that speaks when it is wanted and `NOTIFY_SOCKET` is set.
    pub fn new(wanted: bool) -> Notifier {
        let name = wanted
            .then(|| std::env::var("NOTIFY_SOCKET").ok())
            .flatten();
        let address = name.and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(name).ok(),
        });
        Notifier {
            socket: UnixDatagram::unbound().ok().zip(address),
        }
    }

    /// The new worker serves.
    pub fn ready(&self) {
        let pid = std::process::id();
        self.tell(&format!("READY=1\nMAINPID={pid}\nSTATUS=Ready.\n"));
    }

    /// A reload begins.
    pub fn reloading(&self) {
        let now = time::monotonic() / 1000;
        self.tell(&format!(
            "RELOADING=1\nSTATUS=Reloading Configuration.\nMONOTONIC_USEC={now}\n"
        ));
    }

    /// The new worker did not come to serve.
    pub fn failed(&self) {
        self.tell("READY=1\nSTATUS=Reload failed!\n");
    }

    /// The end begins.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, text: &str) {
        if let Some((socket, address)) = &self.socket {
            // A service manager that does not listen misses it.
            let _ = socket.send_to_addr(text.as_bytes(), address);
        }
    }
}
