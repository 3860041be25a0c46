//! Kernel pipes for splice(2), from a per-worker pool.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::{Deref, DerefMut};

use hapax_sys::splice::Pipe;

/// A pipe of this worker's pool; dropped empty it goes back, dropped with bytes inside it is closed.
#[derive(Debug)]
pub struct PooledPipe(Option<Pipe>);

impl PooledPipe {
    /// Takes a pipe; an error when this worker has as many as it may, or the system has no more.
    pub fn take() -> io::Result<PooledPipe> {
        if let Some(pipe) = POOL.with_borrow_mut(Vec::pop) {
            return Ok(PooledPipe(Some(pipe)));
        }
        if OPEN.get() >= MOST.get() {
            return Err(io::Error::other("all pipes of this worker are in use"));
        }
        let pipe = Pipe::new(SIZE.get())?;
        OPEN.set(OPEN.get() + 1);
        Ok(PooledPipe(Some(pipe)))
    }
}

impl Deref for PooledPipe {
    type Target = Pipe;
    fn deref(&self) -> &Pipe {
        self.0.as_ref().expect("only drop takes it")
    }
}

impl DerefMut for PooledPipe {
    fn deref_mut(&mut self) -> &mut Pipe {
        self.0.as_mut().expect("only drop takes it")
    }
}

impl Drop for PooledPipe {
    fn drop(&mut self) {
        let Some(pipe) = self.0.take() else { return };
        // A thread that ends has no pool any more; then the pipe is just closed.
        let kept = pipe.held() == 0
            && POOL
                .try_with(|pool| {
                    let mut pool = pool.borrow_mut();
                    let room = pool.len() < MOST_FREE;
                    if room {
                        pool.push(pipe);
                    }
                    room
                })
                .unwrap_or(false);
        if !kept {
            let _ = OPEN.try_with(|open| open.set(open.get().saturating_sub(1)));
        }
    }
}

/// Sets the size of this worker's pipes (`tune.pipesize`, 0 for the default) and how many it may
/// have open (its share of `maxpipes`).
pub fn configure(bytes: usize, most: usize) {
    SIZE.set(if bytes == 0 { DEFAULT_SIZE } else { bytes });
    MOST.set(most);
}

/// Pipes that this worker has open, and how many of them are free.
pub fn open() -> (usize, usize) {
    (OPEN.get(), POOL.with_borrow(Vec::len))
}

/// Notes bytes that this worker spliced to a socket.
pub fn note_spliced(count: usize) {
    SPLICED.set(SPLICED.get() + count as u64);
}

/// Bytes that this worker spliced to sockets so far.
pub fn spliced() -> u64 {
    SPLICED.get()
}

/// Larger pipes cost more: what they carry leaves the cache before it is sent.
const DEFAULT_SIZE: usize = 131_072;
const DEFAULT_MOST: usize = 1024;
const MOST_FREE: usize = 64;

thread_local! {
    static SIZE: Cell<usize> = const { Cell::new(DEFAULT_SIZE) };
    static MOST: Cell<usize> = const { Cell::new(DEFAULT_MOST) };
    static SPLICED: Cell<u64> = const { Cell::new(0) };
    static OPEN: Cell<usize> = const { Cell::new(0) };
    static POOL: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use hapax_sys::stream;

    // exercises: section/tune.pipesize
    #[test]
    fn pipes_have_the_size_that_was_asked_for() {
        configure(65536, 1);
        let small = PooledPipe::take().expect("one").capacity();
        POOL.with_borrow_mut(Vec::clear);
        OPEN.set(0);
        configure(131_072, 1);
        let large = PooledPipe::take().expect("one").capacity();
        assert_eq!((small, large), (65536, 131_072));
    }

    #[test]
    fn empty_pipes_are_kept_and_their_number_is_bounded() {
        configure(4096, 2);
        let one = PooledPipe::take().expect("one");
        let mut two = PooledPipe::take().expect("two");
        assert!(PooledPipe::take().is_err());
        drop(one);
        assert_eq!(open(), (2, 1));
        let (a, b) = stream::socket_pair().expect("pair");
        stream::send(&a, b"x", b"", false).expect("send");
        two.fill(&b, 10).expect("fill");
        drop(two);
        assert_eq!(open(), (1, 1), "a pipe with bytes inside is closed");
    }
}
