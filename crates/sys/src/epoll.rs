//! An epoll instance of one's own: many descriptors behind one that tokio watches.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::task::{Context, Poll};

use nix::sys::epoll::{Epoll as Instance, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// See the module text.
#[derive(Debug)]
pub struct Epoll {
    // Declared, and so dropped, before the descriptor that it is about.
    events: AsyncFd<RawFd>,
    instance: Instance,
}

impl Epoll {
    /// An instance that watches nothing yet, registered with the event loop of this thread. Outside of a tokio runtime
    /// this panics.
    pub fn new() -> io::Result<Epoll> {
        let instance = Instance::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let number = instance.0.as_raw_fd();
        // SAFETY: `instance` is ours and stays open longer than `events`, which is dropped first and never lent.
        let events = unsafe { AsyncFd::register_with_interest(number, Interest::READABLE) }?;
        Ok(Epoll { events, instance })
    }

    /// Watches `fd` for bytes, its end or an error; `token` tells it from others.
    pub fn watch(&self, fd: impl AsFd, token: u64) -> io::Result<()> {
        let what = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        Ok(self.instance.add(fd, EpollEvent::new(what, token))?)
    }

    /// Watches it no more.
    pub fn forget(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(self.instance.delete(fd)?)
    }

    /// Adds the tokens of all that is ready to `tokens`; the task is woken when more becomes ready.
    pub fn poll(&self, cx: &mut Context<'_>, tokens: &mut Vec<u64>) -> io::Result<()> {
        while let Poll::Ready(guard) = self.events.poll_read_ready(cx) {
            let mut guard = guard?;
            let mut events = [EpollEvent::empty(); AT_ONCE];
            let count = self.instance.wait(&mut events, EpollTimeout::ZERO)?;
            tokens.extend(events.iter().take(count).map(EpollEvent::data));
            if count < AT_ONCE {
                guard.clear_ready();
            }
        }
        Ok(())
    }
}

const AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{send, socket_pair};

    #[test]
    fn tells_which_descriptors_are_ready() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .expect("runtime");
        runtime.block_on(async {
            let epoll = Epoll::new().expect("epoll");
            let (quiet, _other) = socket_pair().expect("pair");
            let (spoken_to, speaker) = socket_pair().expect("pair");
            let (left, leaver) = socket_pair().expect("pair");
            for (token, fd) in [(1, &quiet), (2, &spoken_to), (3, &left)] {
                epoll.watch(fd, token).expect("watch");
            }
            send(&speaker, b"x", b"", false).expect("send");
            drop(leaver);
            let mut tokens = Vec::new();
            std::future::poll_fn(|cx| {
                epoll.poll(cx, &mut tokens).expect("poll");
                match tokens.len() {
                    2 => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            })
            .await;
            tokens.sort_unstable();
            assert_eq!(tokens, [2, 3]);
            epoll.forget(&spoken_to).expect("forget");
            send(&speaker, b"x", b"", false).expect("send");
            tokio::task::yield_now().await;
            let mut cx = Context::from_waker(std::task::Waker::noop());
            epoll.poll(&mut cx, &mut tokens).expect("poll");
            assert_eq!(tokens, [2, 3]);
        });
    }
}
