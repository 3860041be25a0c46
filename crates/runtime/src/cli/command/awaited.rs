//! What a command says that takes its time: it goes on elsewhere while its connection waits.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use super::Answer;

/// Where the connection waits.
#[derive(Debug, Default)]
pub struct Awaited(Arc<Mutex<Inner>>);

/// Where the command tells what it has to say.
#[derive(Debug, Clone)]
pub struct Teller(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// What was said and not taken.
    piece: Vec<u8>,
    said: Option<Answer>,
    /// Nobody waits any more.
    gone: bool,
    /// Who waits for more.
    waiting: Option<Waker>,
    /// Who has more, and waits until the last piece is taken.
    telling: Option<Waker>,
}

impl Awaited {
    /// The other end.
    pub fn teller(&self) -> Teller {
        Teller(self.0.clone())
    }

    /// Waits until there is something to take.
    pub fn poll_known(&self, waker: &Waker) -> Poll<()> {
        let mut inner = self.0.lock();
        if inner.said.is_some() || !inner.piece.is_empty() {
            return Poll::Ready(());
        }
        inner.waiting = Some(waker.clone());
        Poll::Pending
    }

    /// Takes what was said: a piece into `out`, and the end once it was reached.
    pub fn take(&self, out: &mut Vec<u8>) -> Option<Answer> {
        let mut inner = self.0.lock();
        out.append(&mut inner.piece);
        if let Some(telling) = inner.telling.take() {
            telling.wake();
        }
        inner.said.take()
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.gone = true;
        if let Some(telling) = inner.telling.take() {
            telling.wake();
        }
    }
}

impl Teller {
    /// The end is known.
    pub fn end(&self, answer: Answer) {
        let mut inner = self.0.lock();
        inner.said = Some(answer);
        wake(inner.waiting.take());
    }

    /// Tells a piece once the last one was taken. False when nobody listens.
    pub async fn tell(&self, bytes: &[u8]) -> bool {
        poll_fn(|cx| {
            let mut inner = self.0.lock();
            if inner.gone {
                return Poll::Ready(false);
            }
            if !inner.piece.is_empty() {
                inner.telling = Some(cx.waker().clone());
                return Poll::Pending;
            }
            inner.piece.extend_from_slice(bytes);
            wake(inner.waiting.take());
            Poll::Ready(true)
        })
        .await
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
