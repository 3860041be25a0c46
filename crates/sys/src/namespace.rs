//! Network namespaces by name, as `ip netns` makes them: sockets are opened in one while the thread is in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Where the system keeps them.
const FOLDER: &str = "/var/run/netns";

/// Opens one and keeps it for later, when its name may be out of reach (`chroot`).
///
/// # Errors
/// The system's.
pub fn keep(name: &str) -> io::Result<()> {
    home()?;
    find(name).map(drop)
}

/// Opens a socket in a namespace; without a name where the process is.
pub(crate) fn within<T>(name: Option<&str>, open: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let Some(name) = name else {
        return open();
    };
    let (there, home) = (find(name)?, home()?);
    enter(&there)?;
    let opened = open();
    if enter(home).is_err() {
        // What this thread opens from now on would be in the wrong network.
        std::process::abort();
    }
    opened
}

fn enter(namespace: &OwnedFd) -> io::Result<()> {
    // SAFETY: takes no pointers.
    match unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The namespace that the process began in.
fn home() -> io::Result<&'static OwnedFd> {
    static HOME: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(home) = HOME.get() {
        return Ok(home);
    }
    let opened = File::open("/proc/thread-self/ns/net")?.into();
    Ok(HOME.get_or_init(|| opened))
}

fn find(name: &str) -> io::Result<Arc<OwnedFd>> {
    static KNOWN: Mutex<BTreeMap<String, Arc<OwnedFd>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(name) {
        return Ok(found.clone());
    }
    let opened = Arc::new(File::open(Path::new(FOLDER).join(name))?.into());
    known.insert(name.to_owned(), Arc::clone(&opened));
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_is_not_there_opens_nothing() {
        let opened = within(Some("no-such-namespace"), || Ok(()));
        assert_eq!(
            opened.map_err(|error| error.kind()),
            Err(io::ErrorKind::NotFound)
        );
        assert!(within(None, || Ok(())).is_ok());
    }
}
