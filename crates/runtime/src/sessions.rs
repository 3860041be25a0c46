//! What sessions there are, on all workers, for `show sess` and `shutdown session`.

use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use hapax_core::program::{Program, ProxyId};
use hapax_core::stream::{Cause, Endpoint};

use crate::local::{Handle, Local};
use crate::serve::with_local;

/// What is known about a session.
#[derive(Debug, Clone, Copy, Default)]
pub struct About {
    /// The client.
    pub source: Endpoint,
    /// The address the client asked for.
    pub destination: Endpoint,
    /// The frontend.
    pub frontend: ProxyId,
    /// Index of the listener.
    pub listener: usize,
    /// When its connection was accepted, microseconds since 1970.
    pub accepted_wall_us: u64,
}

/// A session as it is right now.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Names it as long as it lives.
    pub id: u64,
    /// The worker that serves it.
    pub worker: usize,
    /// The configuration it began with: proxies and servers have their numbers there.
    pub program: Arc<Program>,
    /// See [`About`].
    pub about: About,
    /// When it began what it does, ms of the process clock.
    pub since_ms: u64,
    /// Its backend, once chosen.
    pub backend: Option<ProxyId>,
    /// Its server.
    pub server: Option<(ProxyId, usize)>,
    /// It was told to end.
    pub ending: bool,
}

/// The sessions of all workers that do something; to be called on a worker. A worker that does not answer at once is
/// left out.
pub fn all() -> Vec<Entry> {
    let mut entries = Vec::new();
    let (send, receive) = mpsc::channel();
    let mut asked = 0;
    with_local(|asker| {
        entries = of(asker);
        let own = asker.worker;
        asker.places.each_inbox(|inbox| {
            let send = send.clone();
            asked += usize::from(inbox.send(move || {
                with_local(|local| {
                    if local.worker != own {
                        // Who asked may have given up.
                        let _ = send.send(of(local));
                    }
                });
            }));
        });
    });
    drop(send);
    let until = Instant::now() + PATIENCE;
    // One of those asked is the asker itself.
    for _ in 1..asked {
        let left = until.saturating_duration_since(Instant::now());
        match receive.recv_timeout(left) {
            Ok(more) => entries.extend(more),
            Err(_) => break,
        }
    }
    entries
}

/// How long others may take to tell.
const PATIENCE: Duration = Duration::from_millis(50);

fn of(local: &Rc<Local>) -> Vec<Entry> {
    let mut entries = Vec::new();
    local.each_session(|handle| {
        if handle.idle.get() {
            return;
        }
        let Some(program) = handle.program() else {
            return;
        };
        let server = handle.server.get();
        entries.push(Entry {
            id: id(handle),
            worker: local.worker,
            program,
            about: handle.about.get(),
            since_ms: handle.since_ms.get(),
            backend: handle.backend.get().or(server.map(|(proxy, _)| proxy)),
            server,
            ending: handle.ended_by.get().is_some(),
        });
    });
    entries
}

fn id(handle: &Handle) -> u64 {
    std::ptr::from_ref(handle).addr() as u64
}

/// Ends a session; to be called on a worker.
pub fn end(wanted: &Entry) {
    let (worker, wanted) = (wanted.worker, wanted.id);
    with_local(|asker| {
        asker.places.each_inbox(|inbox| {
            let sent = inbox.send(move || {
                with_local(|local| {
                    if local.worker == worker {
                        local.each_session(|handle| {
                            if id(handle) == wanted {
                                handle.end(Cause::Killed);
                            }
                        });
                    }
                });
            });
            if !sent {
                log::warn!("a worker is too busy to end a session");
            }
        });
    });
}
