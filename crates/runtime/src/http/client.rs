//! A client's connection: the one task that serves it, from accept to close.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use hapax_core::counter::Count;
use hapax_core::program::{Proxy, ProxyId};
use hapax_core::stream::{Cause, Session};
use hapax_core::variable::Variables;

use super::exchange::Exchange;
use super::lobby::{self, Waiting};
use super::pool::ServerConnection;
use super::request::Arrival;
use super::{finish, multiplex, request, route};
use crate::buffer::Buf;
use crate::clock;
use crate::frontend::Admission;
use crate::io::Stream as Socket;
use crate::local::{Handle, Local, Registration};
use crate::plan::Plan;
use crate::wheel::{NEVER, Timer};

/// See the module text.
#[derive(Debug)]
pub struct Client {
    /// The worker.
    pub local: Rc<Local>,
    /// The program when the connection came.
    pub plan: Rc<Plan>,
    /// Its socket.
    pub socket: Socket,
    /// What rules and logs see of it.
    pub session: Session,
    /// Bytes that came and belong to no exchange yet.
    pub input: Option<Buf>,
    /// The task's timer.
    pub timer: Timer,
    /// How others reach the task.
    pub handle: Registration,
    /// Its places in the limits on connections.
    pub admission: Rc<Admission>,
    /// Requests so far.
    pub requests: u32,
    /// The server of the request before: proxy and index.
    pub last_server: Option<(ProxyId, usize)>,
    /// A server connection that belongs to this client alone.
    pub kept: Option<Box<(ProxyId, usize, ServerConnection)>>,
    /// It was one of TCP until now, and its first request was decided about as far as this says.
    pub upgraded: Option<Box<Upgraded>>,
}

/// What a stream of TCP has come to when it becomes one of HTTP.
#[derive(Debug, Default)]
pub struct Upgraded {
    /// The backend of HTTP that was chosen; none when a rule switched before that.
    pub backend: Option<ProxyId>,
    /// What rules have kept.
    pub variables: Variables,
}

/// Why a wait ended before what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// The deadline came.
    Deadline,
    /// Somebody ends the session.
    Ended(Cause),
}

/// What becomes of the connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It waits for the next request.
    Next,
    /// It closes.
    Close,
}

impl Client {
    /// Serves requests until the connection ends, or goes to the lobby because none comes. `waiting`: it waited there.
    pub async fn serve(mut self: Box<Client>, mut waiting: Option<Waiting>) {
        if waiting.is_none() && multiplex::is_agreed(&self) {
            return Box::pin(multiplex::serve(self)).await;
        }
        loop {
            let mut exchange = match request::arrival(&mut self, waiting.take()).await {
                Arrival::Request(exchange) => exchange,
                Arrival::Rest(waits) => match lobby::enter(self, waits) {
                    Ok(()) => return,
                    Err((client, waits)) => {
                        self = client;
                        waiting = Some(waits);
                        continue;
                    }
                },
                Arrival::Preface => return Box::pin(multiplex::serve(self)).await,
                Arrival::End => break,
            };
            let then = self.exchange(&mut exchange).await;
            self.input = exchange.up.input.take();
            if self.input.as_ref().is_some_and(Buf::is_empty) {
                self.input = None;
            }
            self.local.give_exchange(exchange);
            if then == Then::Close {
                break;
            }
        }
        self.socket.say_goodbye();
    }

    /// Serves the one request of a stream that shares its connection with others.
    pub async fn serve_stream(mut self: Box<Client>) {
        let first = self.requests == 0;
        let mut exchange = request::begin(&mut self, clock::now_ms(), first);
        self.exchange(&mut exchange).await;
        self.local.give_exchange(exchange);
    }

    async fn exchange(&mut self, exchange: &mut Exchange) -> Then {
        let worker = self.local.worker;
        let side = |client: &Client, what| {
            let live = client.plan.live(client.session.frontend);
            live.frontend.counters.add(worker, what, 1);
        };
        side(self, Count::Streams);
        crate::trace::stream_begins(self, exchange);
        let outcome = match request::read(self, exchange).await {
            Ok(()) => {
                self.requests = self.requests.saturating_add(1);
                route::run(self, exchange).await
            }
            Err(failure) => Err(route::never_entered(self, failure)),
        };
        // Whatever came of it, it was for the first request.
        self.upgraded = None;
        let then = finish::settle(self, exchange, outcome).await;
        finish::account(self, exchange);
        side(self, Count::StreamsEnded);
        then
    }

    /// The frontend.
    pub fn frontend(&self) -> &Proxy {
        self.plan.proxy(self.session.frontend)
    }

    /// The deadline for a timeout that begins now.
    #[inline]
    pub fn after(timeout: Option<u32>) -> u64 {
        timeout.map_or(NEVER, |timeout| clock::now_ms() + u64::from(timeout))
    }
}

/// Waits for `poll` until `deadline`, or until somebody ends the session.
pub async fn within<T>(
    timer: &mut Timer,
    handle: &Handle,
    deadline: u64,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<T, Interrupted> {
    poll_fn(|cx| {
        if let Poll::Ready(done) = poll(cx) {
            return Poll::Ready(Ok(done));
        }
        poll_interrupted(cx, timer, handle, deadline).map(Err)
    })
    .await
}

/// Ready when the deadline came or somebody ends the session.
#[inline]
pub fn poll_interrupted(
    cx: &mut Context<'_>,
    timer: &mut Timer,
    handle: &Handle,
    deadline: u64,
) -> Poll<Interrupted> {
    handle.watch(cx.waker());
    if let Some(cause) = handle.ended_by.get() {
        return Poll::Ready(Interrupted::Ended(cause));
    }
    timer.poll_at(cx, deadline).map(|()| Interrupted::Deadline)
}
