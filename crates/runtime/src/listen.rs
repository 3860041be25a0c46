//! Taking connections: one listening socket per worker, tried first, a bounded number per turn.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use hapax_sys::Addr;
use hapax_sys::accept::{accept, is_exhausted, is_peer_gone};
use hapax_sys::watch::Watched;

use crate::clock;
use crate::wheel::Timer;

/// Lets a listener's owner pause, resume and stop it.
#[derive(Debug, Default)]
pub struct Gate {
    state: Cell<GateState>,
    waker: RefCell<Option<Waker>>,
}

/// What a [`Gate`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GateState {
    /// Connections are taken.
    #[default]
    Open,
    /// Connections wait in the kernel's queue.
    Paused,
    /// The listener closes.
    Stopped,
}

impl Gate {
    /// An open gate.
    pub fn new() -> Rc<Gate> {
        Rc::default()
    }

    /// What it says now.
    pub fn state(&self) -> GateState {
        self.state.get()
    }

    /// Changes what it says; a stopped gate stays stopped.
    pub fn set(&self, state: GateState) {
        if self.state.get() == GateState::Stopped || self.state.get() == state {
            return;
        }
        self.state.set(state);
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wait(&self, cx: &Context<'_>) {
        self.waker.replace(Some(cx.waker().clone()));
    }
}

/// A listening socket of this worker.
#[derive(Debug)]
pub struct Listener {
    socket: Watched,
    timer: Timer,
    exhausted_until: Option<u64>,
}

impl Listener {
    /// Wraps a non-blocking listening socket.
    pub fn new(socket: OwnedFd) -> Listener {
        Listener {
            socket: Watched::new(socket),
            timer: Timer::new(),
            exhausted_until: None,
        }
    }

    /// Takes one connection. When no descriptor is left it waits a moment before it tries again.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(OwnedFd, Addr)>> {
        if let Some(until) = self.exhausted_until {
            ready!(self.timer.poll_at(cx, until));
            self.exhausted_until = None;
        }
        loop {
            match accept(&self.socket) {
                Ok(taken) => return Poll::Ready(Ok(taken)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let events = self.socket.register()?;
                    ready!(events.poll_read_ready(cx))?.clear_ready();
                    ready!(events.poll_read_ready(cx))?.retain_ready();
                }
                Err(error) if is_peer_gone(&error) => {}
                Err(error) if is_exhausted(&error) => {
                    let until = clock::now_ms() + EXHAUSTED_PAUSE_MS;
                    self.exhausted_until = Some(until);
                    return self.timer.poll_at(cx, until).map(|()| Err(error));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Gives connections to `take` until the gate stops, at most `batch` in one turn. Ends with an
    /// error when the socket itself fails.
    pub async fn serve(
        mut self,
        gate: Rc<Gate>,
        batch: usize,
        mut take: impl FnMut(OwnedFd, Addr),
    ) -> io::Result<()> {
        let mut open = true;
        poll_fn(|cx| {
            for _ in 0..batch.max(1) {
                gate.wait(cx);
                match gate.state() {
                    GateState::Open => open = true,
                    GateState::Paused => {
                        open = false;
                        return Poll::Pending;
                    }
                    GateState::Stopped => {
                        if open {
                            self.empty(&mut take);
                        }
                        return Poll::Ready(Ok(()));
                    }
                }
                let (socket, peer) = ready!(self.poll_accept(cx))?;
                take(socket, peer);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Takes what waits in the kernel's queue: those who got that far would be reset when the socket closes.
    fn empty(&mut self, take: &mut impl FnMut(OwnedFd, Addr)) {
        for _ in 0..MOST_WAITING {
            match accept(&self.socket) {
                Ok((socket, peer)) => take(socket, peer),
                Err(error) if is_peer_gone(&error) => {}
                Err(_) => return,
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

const EXHAUSTED_PAUSE_MS: u64 = 100;
/// Connections that are still taken from the queue of a listener that closes.
const MOST_WAITING: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use hapax_sys::addr::local_addr;
    use hapax_sys::listen::{ListenOptions, listen};
    use std::net::TcpStream;
    use std::time::Duration;

    #[test]
    fn takes_pauses_resumes_and_stops() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .expect("runtime");
        runtime.block_on(async {
            let any = Addr::Inet("127.0.0.1:0".parse().expect("addr"));
            let socket = listen(&any, &ListenOptions::default()).expect("listen");
            let addr = local_addr(&socket).expect("name").inet().expect("inet");
            let gate = Gate::new();
            let taken = Rc::new(Cell::new(0));
            let (inner, counter) = (gate.clone(), taken.clone());
            let served = tokio::task::spawn_local(Listener::new(socket).serve(
                gate.clone(),
                2,
                move |_, _| {
                    counter.set(counter.get() + 1);
                    if counter.get() == 5 {
                        inner.set(GateState::Paused);
                    }
                },
            ));
            let clients: Vec<_> = (0..8)
                .map(|_| TcpStream::connect(addr).expect("connect"))
                .collect();
            let until = async |count| {
                while taken.get() < count {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let limit = Duration::from_secs(10);
            tokio::time::timeout(limit, until(5))
                .await
                .expect("five taken");
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(taken.get(), 5);
            gate.set(GateState::Open);
            tokio::time::timeout(limit, until(8))
                .await
                .expect("the rest taken");
            gate.set(GateState::Stopped);
            let end = tokio::time::timeout(limit, served).await.expect("stops");
            end.expect("task").expect("no error");
            assert!(TcpStream::connect(addr).is_err(), "the socket is closed");
            drop(clients);
        });
    }

    // exercises: section/tune.maxaccept
    #[test]
    fn no_more_than_a_batch_is_taken_before_others_run() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .expect("runtime");
        for batch in [1, 3] {
            runtime.block_on(async {
                let any = Addr::Inet("127.0.0.1:0".parse().expect("addr"));
                let socket = listen(&any, &ListenOptions::default()).expect("listen");
                let addr = local_addr(&socket).expect("name").inet().expect("inet");
                let _clients: Vec<_> = (0..6)
                    .map(|_| TcpStream::connect(addr).expect("connect"))
                    .collect();
                let taken = Rc::new(Cell::new(0));
                let counter = taken.clone();
                let mut served = Box::pin(Listener::new(socket).serve(
                    Gate::new(),
                    batch,
                    move |_, _| counter.set(counter.get() + 1),
                ));
                for turn in 1..=6 / batch {
                    std::future::poll_fn(|cx| {
                        assert!(served.as_mut().poll(cx).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                    assert_eq!(taken.get(), turn * batch);
                }
            });
        }
    }
}
