//! Messages of rings on their way to syslog servers over streams: one task for each server, with reconnection.
//!
//! Nobody waits for them: a ring whose server takes nothing is full at some time, and then loses what comes.

use std::future::poll_fn;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use hapax_core::counter::Count;
use hapax_core::ir::{self, LogProtocol};
use hapax_core::live::{ProxyLive, ServerLive};
use hapax_core::program::Program;
use hapax_core::ring::{Follower, Ring};
use hapax_sys::connect::ConnectOptions;
use tokio::task::AbortHandle;

use crate::address::socket_address;
use crate::clock;
use crate::io::{Io, Stream};
use crate::wheel::{NEVER, Timer, pause};
use crate::worker;

/// The tasks of the rings; those of rings that are gone end with them.
#[derive(Debug, Default)]
pub struct Forwarding(Vec<(Arc<Ring>, Vec<AbortHandle>)>);

impl Forwarding {
    /// Starts the tasks for the servers of all rings of a program that have none, and ends those of other rings.
    pub fn follow(&mut self, program: &Program, origin_ms: u64) {
        let is_there = |ring: &Arc<Ring>| {
            let mut rings = program.live.rings.iter();
            rings.any(|one| Arc::ptr_eq(one, ring))
        };
        self.0.retain(|(ring, tasks)| {
            let stays = is_there(ring);
            if !stays {
                tasks.iter().for_each(AbortHandle::abort);
            }
            stays
        });
        for ir in &program.rings {
            let Some(ring) = program.live.ring(&ir.name) else {
                continue;
            };
            if !self.0.iter().any(|(known, _)| Arc::ptr_eq(known, ring)) {
                let place = Place::of(program, ir, origin_ms);
                self.0.push((ring.clone(), start(ir, ring, place)));
            }
        }
    }
}

/// The server of a log backend whose lines a ring keeps.
#[derive(Debug, Clone)]
struct Place {
    backend: Arc<ProxyLive>,
    server: Arc<ServerLive>,
    /// Milliseconds of the clock when the process began.
    origin_ms: u64,
}

impl Place {
    /// None for a ring of the configuration.
    fn of(program: &Program, ring: &ir::Ring, origin_ms: u64) -> Option<Place> {
        let (backend, server) = ring.name.split_once('/')?;
        let backend = &program.proxy(program.backend(backend)?).live;
        let mut servers = backend.servers.iter();
        Some(Place {
            server: servers.find(|one| one.name == server)?.clone(),
            backend: backend.clone(),
            origin_ms,
        })
    }

    /// Counts a connection.
    fn connected(&self) {
        let worker = worker::index();
        let now = clock::now_ms().saturating_sub(self.origin_ms) + 1;
        self.server.sessions.up();
        self.server.session_rate.add(worker, now);
        self.server.counters.add(worker, Count::Sessions, 1);
        for counters in [&self.server.counters, &self.backend.backend.counters] {
            counters.add(worker, Count::Connects, 1);
        }
        self.server.last_session_ms.store(now, Ordering::Relaxed);
        let last = &self.backend.backend.last_session_ms;
        last.store(now, Ordering::Relaxed);
    }
}

/// A connection that is counted as long as it lives.
struct Counted(Option<Place>);

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(place) = &self.0 {
            place.server.sessions.down();
        }
    }
}

/// Starts the tasks for all servers of a ring.
fn start(ir: &ir::Ring, ring: &Arc<Ring>, place: Option<Place>) -> Vec<AbortHandle> {
    let servers = ir.servers.iter();
    let tasks = servers.map(|server| {
        let forwarder = Forwarder {
            follower: ring.follow(),
            ring: ring.clone(),
            connect_time: ir.timeout_connect.unwrap_or(CONNECT_TIME),
            server_time: ir.timeout_server.unwrap_or(SERVER_TIME),
            server: (**server).clone(),
            place: place.clone(),
            taken: 0,
        };
        tokio::task::spawn_local(forwarder.run()).abort_handle()
    });
    tasks.collect()
}

struct Forwarder {
    ring: Arc<Ring>,
    follower: Follower,
    server: ir::Server,
    /// Where it stands in a log backend: its address may change, and its connections are counted.
    place: Option<Place>,
    connect_time: ir::Milliseconds,
    server_time: ir::Milliseconds,
    /// Up to where the server has got the messages.
    taken: u64,
}

impl Forwarder {
    async fn run(mut self) {
        let mut timer = Timer::new();
        let mut out = Vec::new();
        loop {
            // A server that is not needed yet is not connected to.
            poll_fn(|cx| match self.ring.has(self.taken, cx.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            if let Some(mut stream) = self.connect(&mut timer).await {
                if let Some(place) = &self.place {
                    place.connected();
                }
                let _counted = Counted(self.place.clone());
                self.pass(&mut stream, &mut timer, &mut out).await;
            }
            pause(u64::from(AGAIN)).await;
        }
    }

    async fn connect(&self, timer: &mut Timer) -> Option<Stream> {
        let options = &self.server.options;
        let source = options.source.as_ref();
        let how = ConnectOptions {
            source: source.map(|source| source.address),
            namespace: options.namespace.as_deref().map(str::to_owned),
            interface: source.and_then(|source| source.interface.clone()),
            ..ConnectOptions::default()
        };
        let to = match &self.place {
            Some(place) => socket_address(&place.server.address.load()),
            None => socket_address(&self.server.address),
        };
        let to = to.ok()?;
        let mut stream = Stream::connect(&to, &how).ok()?;
        let until = clock::now_ms() + u64::from(self.connect_time);
        within(timer, until, |cx| stream.poll_connected(cx))
            .await?
            .ok()?;
        Some(stream)
    }

    /// Sends what is in the ring and what comes, until the connection ends.
    async fn pass(&mut self, stream: &mut Stream, timer: &mut Timer, out: &mut Vec<u8>) {
        let protocol = self.server.options.log_protocol;
        loop {
            out.clear();
            let next = self.ring.read(self.taken, BATCH, |message| {
                frame(protocol, message, out);
            });
            let until = clock::now_ms() + u64::from(self.server_time);
            let mut sent = 0;
            while let Some(rest) = out.get(sent..).filter(|rest| !rest.is_empty()) {
                match within(timer, until, |cx| stream.poll_send(cx, rest, &[], false)).await {
                    Some(Ok(count)) if count > 0 => sent += count,
                    // It may have got some of them; those come again.
                    _ => return,
                }
            }
            self.taken = next;
            self.ring.taken(&self.follower, next);
            let ring = &self.ring;
            let mut discarded = [0; 256];
            let more = poll_fn(|cx| {
                if ring.has(next, cx.waker()) {
                    return Poll::Ready(true);
                }
                // What a syslog server says is of no interest; its end is.
                loop {
                    match stream.poll_recv(cx, &mut discarded) {
                        Poll::Ready(Ok(count)) if count > 0 => {}
                        Poll::Ready(_) => return Poll::Ready(false),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            });
            if !more.await {
                return;
            }
        }
    }
}

fn frame(protocol: LogProtocol, message: &[u8], out: &mut Vec<u8>) {
    match protocol {
        LogProtocol::Legacy => {
            out.extend_from_slice(message);
            out.push(b'\n');
        }
        LogProtocol::OctetCount => {
            // Writing into a Vec cannot fail.
            let _ = write!(out, "{} ", message.len());
            out.extend_from_slice(message);
        }
    }
}

/// What `poll` gives, or none when the time is over.
async fn within<T>(
    timer: &mut Timer,
    deadline: u64,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let result = poll_fn(|cx| match poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.poll_at(cx, deadline).map(|()| None),
    })
    .await;
    poll_fn(|cx| {
        // The wake-up is of no use any more.
        let _ = timer.poll_at(cx, NEVER);
        Poll::Ready(())
    })
    .await;
    result
}

/// About so many bytes are taken from a ring at a time.
const BATCH: usize = 64 * 1024;
/// Milliseconds between two connections.
const AGAIN: u32 = 1000;
const CONNECT_TIME: ir::Milliseconds = 1000;
const SERVER_TIME: ir::Milliseconds = 5000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_by_a_line_feed_or_their_length() {
        let mut out = Vec::new();
        frame(LogProtocol::Legacy, b"<1>a", &mut out);
        frame(LogProtocol::OctetCount, b"<1>a", &mut out);
        assert_eq!(out, b"<1>a\n4 <1>a");
    }
}
