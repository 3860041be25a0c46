//! Where clients stay that send no request for a while: without a task, and unknown to tokio.
//!
//! A connection's task, its timer and its registration take far more memory than what has to be remembered between two
//! requests. A client that was silent for [`REST_AFTER_MS`] leaves all that and becomes a [`Guest`], a few words in a
//! slab. One epoll instance watches the sockets of all guests of a worker. A guest gets a new task as soon as bytes come,
//! the peer closes, its deadline comes or the worker stops, and that task goes on waiting where the first one stopped.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Poll, Waker};

use hapax_core::program::ProxyId;
use hapax_core::stream::Session;
use hapax_sys::epoll::Epoll;

use super::client::Client;
use super::pool::ServerConnection;
use crate::clock;
use crate::frontend::Admission;
use crate::io::{Layer, Stream as Socket};
use crate::local::Local;
use crate::plan::Plan;
use crate::wheel::{NEVER, Timer};
use crate::worker::spawn;

/// A client's wait for its next request.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Since when, in milliseconds of the clock.
    pub since: u64,
    /// Until when.
    pub deadline: u64,
    /// Whether it may go to the lobby.
    pub may_rest: bool,
}

impl Waiting {
    /// When the client goes to the lobby, or its deadline when it does not.
    pub fn rests_at(&self, now: u64) -> u64 {
        match now + REST_AFTER_MS {
            at if self.may_rest && at < self.deadline => at,
            _ => self.deadline,
        }
    }
}

/// The lobby of a worker.
#[derive(Debug, Default)]
pub struct Lobby(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    places: Vec<Place>,
    /// The first free place, plus one.
    free: u32,
    guests: u32,
    /// Deadlines and places of the guests that have one, and of some that have left.
    deadlines: BinaryHeap<Reverse<(u64, u32)>>,
    epoll: Option<Rc<Epoll>>,
    /// The task that watches over the lobby.
    watch: Option<Waker>,
    /// Guests that came since memory was given back to the system, when the last of them came, and when that was done.
    came: u32,
    came_ms: u64,
    tidied_ms: u64,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a free place keeps the room for its next guest"
)]
enum Place {
    /// The next free place, plus one.
    Free(u32),
    Taken(Guest),
}

/// What is remembered of a client.
#[derive(Debug)]
struct Guest {
    socket: OwnedFd,
    layer: Option<Box<Layer>>,
    plan: Rc<Plan>,
    session: Session,
    /// By value: small pieces that stay would keep the pages of all that was freed around them.
    admission: Admission,
    requests: u32,
    last_server: Option<(ProxyId, usize)>,
    kept: Option<Box<(ProxyId, usize, ServerConnection)>>,
    since: u64,
    deadline: u64,
}

impl Lobby {
    /// How many clients are there.
    pub fn len(&self) -> u32 {
        self.0.borrow().guests
    }
}

/// A client goes to its worker's lobby. It comes back when it cannot.
pub fn enter(client: Box<Client>, waiting: Waiting) -> Result<(), (Box<Client>, Waiting)> {
    let local = client.local.clone();
    let stays = Waiting {
        may_rest: false,
        ..waiting
    };
    if local.stopping.get()
        || client.input.is_some()
        || client.upgraded.is_some()
        || !client.socket.is_plain()
        || Rc::strong_count(&client.admission) != 1
        || Rc::weak_count(&client.admission) != 0
    {
        return Err((client, stays));
    }
    let Ok(epoll) = epoll(&local) else {
        return Err((client, stays));
    };
    let mut state = local.lobby.0.borrow_mut();
    let index = state.reserve();
    let watched = client
        .socket
        .with_fd(|fd| epoll.watch(fd, index.into()).is_ok());
    if !watched {
        return Err((client, stays));
    }
    let Client {
        local: _,
        plan,
        socket,
        session,
        input: _,
        timer: _timer,
        handle,
        admission,
        requests,
        last_server,
        kept,
        upgraded: _,
    } = *client;
    // A plain one has a socket of its own, and nobody shares its places.
    let (Some((socket, layer)), Ok(admission)) = (socket.into_parts(), Rc::try_unwrap(admission))
    else {
        return Ok(());
    };
    let guest = Guest {
        socket,
        layer,
        plan,
        session,
        admission,
        requests,
        last_server,
        kept,
        since: waiting.since,
        deadline: waiting.deadline,
    };
    let watch = state.put(index, guest);
    drop(state);
    // Looks whether the worker is over, where it is counted in the lobby by now.
    drop(handle);
    if let Some(watch) = watch {
        watch.wake();
    }
    Ok(())
}

/// All of them get their tasks back.
pub fn wake_all(local: &Rc<Local>) {
    let most = local.lobby.0.borrow().places.len();
    (0..most).for_each(|index| leave(local, index as u32));
}

/// The client at a place, if there is one, gets a task.
fn leave(local: &Rc<Local>, index: u32) {
    let mut state = local.lobby.0.borrow_mut();
    let Some(guest) = state.take(index) else {
        return;
    };
    if let Some(epoll) = &state.epoll {
        let _ = epoll.forget(&guest.socket);
    }
    drop(state);
    let waiting = Waiting {
        since: guest.since,
        deadline: guest.deadline,
        may_rest: true,
    };
    let client = Box::new(Client {
        handle: local.register(),
        local: local.clone(),
        plan: guest.plan,
        socket: Socket::from_parts(guest.socket, guest.layer),
        session: guest.session,
        input: None,
        timer: Timer::new(),
        admission: Rc::new(guest.admission),
        requests: guest.requests,
        last_server: guest.last_server,
        kept: guest.kept,
        upgraded: None,
    });
    client.handle.begin(&client.session, &client.plan);
    spawn(client.serve(Some(waiting)));
}

/// The lobby's epoll instance; the first one who asks opens the lobby.
fn epoll(local: &Rc<Local>) -> io::Result<Rc<Epoll>> {
    let mut state = local.lobby.0.borrow_mut();
    if let Some(epoll) = &state.epoll {
        return Ok(epoll.clone());
    }
    let epoll = Rc::new(Epoll::new()?);
    state.epoll = Some(epoll.clone());
    drop(state);
    spawn(watch(Rc::downgrade(local), epoll.clone()));
    Ok(epoll)
}

/// Watches over a lobby.
async fn watch(local: std::rc::Weak<Local>, epoll: Rc<Epoll>) {
    let mut timer = Timer::new();
    let mut due = Vec::new();
    poll_fn(|cx| {
        let Some(local) = local.upgrade() else {
            return Poll::Ready(());
        };
        loop {
            due.clear();
            if let Err(error) = epoll.poll(cx, &mut due) {
                log::error!("connections that wait for a request cannot be watched: {error}");
                wake_all(&local);
                return Poll::Ready(());
            }
            let now = clock::now_ms();
            let mut state = local.lobby.0.borrow_mut();
            state.expire(now, &mut due);
            state.tidy(now);
            let next = state.next();
            if !state
                .watch
                .as_ref()
                .is_some_and(|held| held.will_wake(cx.waker()))
            {
                state.watch = Some(cx.waker().clone());
            }
            drop(state);
            due.iter().for_each(|index| leave(&local, *index as u32));
            if timer.poll_at(cx, next).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}

impl State {
    /// The place that the next guest gets.
    fn reserve(&mut self) -> u32 {
        match self.free {
            0 => self.places.len() as u32,
            free => free - 1,
        }
    }

    /// Answers whom to wake because something is to be done earlier than before.
    fn put(&mut self, index: u32, guest: Guest) -> Option<Waker> {
        let before = self.next();
        if guest.deadline != NEVER {
            self.deadlines.push(Reverse((guest.deadline, index)));
        }
        match self.places.get_mut(index as usize) {
            None => self.places.push(Place::Taken(guest)),
            Some(place) => {
                if let Place::Free(next) = *place {
                    self.free = next;
                }
                *place = Place::Taken(guest);
            }
        }
        self.guests += 1;
        self.came += 1;
        self.came_ms = clock::now_ms();
        (self.next() < before).then(|| self.watch.clone()).flatten()
    }

    fn take(&mut self, index: u32) -> Option<Guest> {
        let place = self.places.get_mut(index as usize)?;
        if matches!(place, Place::Free(_)) {
            return None;
        }
        let place = std::mem::replace(place, Place::Free(self.free));
        let Place::Taken(guest) = place else {
            return None;
        };
        self.free = index + 1;
        self.guests -= 1;
        if self.guests == 0 {
            self.places = Vec::new();
            self.free = 0;
            self.deadlines = BinaryHeap::new();
        } else if self.deadlines.len() / 2 > self.guests as usize {
            let places = &self.places;
            self.deadlines.retain(|entry| is_due(places, entry.0));
        }
        Some(guest)
    }

    /// Adds the places of those whose deadline has come.
    fn expire(&mut self, now: u64, due: &mut Vec<u64>) {
        while let Some(Reverse((deadline, index))) = self.deadlines.peek().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop();
            if is_due(&self.places, (deadline, index)) {
                due.push(index.into());
            }
        }
    }

    /// When there is something to do.
    fn next(&self) -> u64 {
        let deadline = self.deadlines.peek().map_or(NEVER, |entry| entry.0.0);
        match self.came >= WORTH_TIDYING {
            true => deadline.min(self.tidies_at()),
            false => deadline,
        }
    }

    fn tidies_at(&self) -> u64 {
        (self.came_ms + SETTLED_MS).max(self.tidied_ms + TIDY_EVERY_MS)
    }

    /// What many clients left behind when they came here together is given back to the system.
    fn tidy(&mut self, now: u64) {
        if self.came >= WORTH_TIDYING && self.tidies_at() <= now {
            self.came = 0;
            self.tidied_ms = now;
            hapax_sys::memory::give_back();
        }
    }
}

/// Whether a deadline is that of the guest at its place.
fn is_due(places: &[Place], (deadline, index): (u64, u32)) -> bool {
    matches!(places.get(index as usize), Some(Place::Taken(guest)) if guest.deadline == deadline)
}

/// After this silence a client goes to the lobby. To go there and back costs about a tenth of a request.
const REST_AFTER_MS: u64 = 500;
const WORTH_TIDYING: u32 = 64;
const SETTLED_MS: u64 = 150;
const TIDY_EVERY_MS: u64 = 10_000;
