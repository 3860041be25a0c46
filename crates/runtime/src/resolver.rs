//! The resolution of names while the proxy runs: one task for each `resolvers` section, on the first worker.
//!
//! It carries the questions of the section's engine (`hapax_core::resolution`) to the name servers and their answers back;
//! `hapax_balance::resolution` says what those mean for servers.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use hapax_balance::resolution::{Changes, Followers};
use hapax_core::contract::Now;
use hapax_core::ir::Nameserver;
use hapax_core::program::Program;
use hapax_core::resolution::{Event, NameserverCount, ResolversLive};
use tokio::task::AbortHandle;

use crate::check;
use crate::local::Local;
use crate::wheel::{NEVER, Timer};
use crate::worker::spawn_for_now;

mod datagram;
mod stream;

use datagram::Datagrams;
use stream::Messages;

/// Starts the resolution of every section.
pub fn start(local: &Rc<Local>) -> Vec<AbortHandle> {
    let program = local.plan().program.clone();
    let sections = program.live.resolvers.iter();
    let tasks = sections.map(|section| {
        let resolver = Resolver::new(local.clone(), program.clone(), section.clone());
        spawn_for_now(resolver.run())
    });
    tasks.collect()
}

/// The resolution of a section.
struct Resolver {
    local: Rc<Local>,
    program: Arc<Program>,
    section: Arc<ResolversLive>,
    followers: Followers,
    nameservers: Vec<Carrier>,
    timer: Timer,
    buffer: Vec<u8>,
}

/// The way to a name server.
enum Carrier {
    Datagrams(Datagrams),
    Messages(Messages),
}

impl Carrier {
    fn to(nameserver: &Nameserver) -> Carrier {
        match nameserver.stream {
            true => Carrier::Messages(Messages::to(nameserver.address)),
            false => Carrier::Datagrams(Datagrams::to(nameserver.address)),
        }
    }

    /// Sends a question, now or as soon as there is a connection; `false` when that failed.
    fn send(&mut self, question: &[u8]) -> bool {
        match self {
            Carrier::Datagrams(way) => way.send(question),
            Carrier::Messages(way) => way.send(question),
        }
    }

    /// The next answer, written into `buffer`; its length.
    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<usize> {
        match self {
            Carrier::Datagrams(way) => way.poll_receive(cx, buffer),
            Carrier::Messages(way) => way.poll_receive(cx, buffer),
        }
    }

    /// When it is to be polled again at the latest.
    fn deadline(&self) -> u64 {
        match self {
            Carrier::Datagrams(_) => NEVER,
            Carrier::Messages(way) => way.deadline(),
        }
    }
}

impl Resolver {
    fn new(local: Rc<Local>, program: Arc<Program>, section: Arc<ResolversLive>) -> Resolver {
        let followers = Followers::of(&program, &section, local.now());
        let nameservers = section.ir.nameservers.iter().map(Carrier::to).collect();
        Resolver {
            followers,
            nameservers,
            timer: Timer::new(),
            // One byte more than is taken tells what is too long.
            buffer: vec![0; usize::from(section.ir.payload) + 1],
            local,
            program,
            section,
        }
    }

    async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut events = Vec::new();
        for _ in 0..ROUNDS_PER_TURN {
            let now = self.local.now();
            for place in self.section.take_renamed() {
                self.followers.rename(&self.program, place, now);
            }
            let due = self.section.with(|engine| {
                engine.set_carrier(cx.waker());
                engine.poll(now.ms, &mut events)
            });
            self.send();
            let busy = self.receive(cx, now, &mut events);
            self.settle(now, &mut events);
            let deadlines = self.nameservers.iter().map(Carrier::deadline);
            let deadline = deadlines.min().unwrap_or(NEVER);
            let due = due.map_or(NEVER, |due| self.local.at(due));
            if !busy && self.timer.poll_at(cx, due.min(deadline)).is_pending() {
                return Poll::Pending;
            }
        }
        // Others have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what is to be asked to all name servers.
    fn send(&mut self) {
        while let Some(question) = self.section.with(|engine| engine.question()) {
            for (way, counters) in self.nameservers.iter_mut().zip(&self.section.nameservers) {
                counters.add(match way.send(&question.bytes) {
                    true => NameserverCount::Sent,
                    false => NameserverCount::SendError,
                });
            }
        }
    }

    /// Takes answers; tells whether there were any.
    fn receive(&mut self, cx: &mut Context<'_>, now: Now, events: &mut Vec<Event>) -> bool {
        let mut busy = false;
        let most = usize::from(self.section.ir.payload);
        for (index, way) in self.nameservers.iter_mut().enumerate() {
            for _ in 0..ANSWERS_PER_ROUND {
                let Poll::Ready(length) = way.poll_receive(cx, &mut self.buffer) else {
                    break;
                };
                busy = true;
                let count = match self.buffer.get(..length) {
                    Some(bytes) if length <= most => self
                        .section
                        .with(|engine| engine.handle(index, bytes, now.ms, events)),
                    _ => NameserverCount::TooBig,
                };
                if let Some(counters) = self.section.nameservers.get(index) {
                    counters.add(count);
                }
            }
        }
        busy
    }

    /// Servers take what events tell.
    fn settle(&mut self, now: Now, events: &mut Vec<Event>) {
        if events.is_empty() || self.followers.is_empty() {
            return events.clear();
        }
        let mut changes = Changes::default();
        for event in events.drain(..) {
            let before = changes.updates;
            self.followers
                .take(&self.program, &event, now, &mut changes);
            if let Event::Answered(_, nameserver) = event
                && let Some(counters) = self.section.nameservers.get(nameserver)
            {
                (before..changes.updates).for_each(|_| counters.add(NameserverCount::Update));
            }
        }
        self.followers.settle(&self.program, now, &mut changes);
        let logger = self.local.plan().logger.clone();
        for (proxy, notices) in &changes.notices {
            check::announce(&logger, *proxy, notices);
        }
    }
}

const ROUNDS_PER_TURN: usize = 16;
const ANSWERS_PER_ROUND: usize = 64;
