//! `reload configuration`: the files are read again and take the place of what is in force, inside the process.

use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use super::{Answer, Call};

/// What a command that takes its time will say.
#[derive(Debug, Clone, Default)]
pub struct Awaited(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    said: Option<Result<String, String>>,
    waker: Option<Waker>,
}

impl Awaited {
    /// It is known.
    fn say(&self, said: Result<String, String>) {
        let mut inner = self.0.lock();
        inner.said = Some(said);
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until it is known.
    pub fn poll_known(&self, waker: &Waker) -> Poll<()> {
        let mut inner = self.0.lock();
        if inner.said.is_some() {
            return Poll::Ready(());
        }
        inner.waker = Some(waker.clone());
        Poll::Pending
    }

    /// The command's answer.
    pub fn take(&self) -> Answer {
        match self.0.lock().said.take() {
            Some(Ok(text)) => Answer::Information(text),
            Some(Err(text)) => Answer::Refused(text),
            None => Answer::Written,
        }
    }
}

/// `reload configuration`.
pub fn configuration(call: &mut Call<'_>) -> Answer {
    let Some(reload) = &call.cli.reload else {
        return Answer::Refused("This process cannot read its configuration again.\n".into());
    };
    let awaited = Awaited::default();
    call.state.awaited = Some(awaited.clone());
    reload.begin(Box::new(move |said| awaited.say(said)));
    Answer::Written
}
