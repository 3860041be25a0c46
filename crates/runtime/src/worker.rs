//! Worker threads: each runs its own event loop, and what is born on one lives and dies there.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{Builder, JoinHandle};

use parking_lot::Mutex;
use tokio::runtime::LocalOptions;

use crate::effort::Meter;
use crate::{buffer, pipe, turn, wheel};

/// What a worker is made with.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Its number, from 0.
    pub index: usize,
    /// Processors it may run on; empty for all.
    pub processors: Vec<usize>,
    /// `tune.bufsize`.
    pub buffer_size: usize,
    /// Free buffers it keeps.
    pub free_buffers: usize,
    /// `tune.pipesize`, 0 for the default.
    pub pipe_size: usize,
    /// Pipes it may have open.
    pub pipes: usize,
}

/// A running worker, seen from other threads.
#[derive(Debug)]
pub struct Worker {
    inbox: Inbox,
    thread: JoinHandle<io::Result<()>>,
}

impl Worker {
    /// Starts a thread that runs the future of `main` to its end; tasks that are left then are dropped.
    pub fn spawn<F: Future<Output = ()>>(
        settings: WorkerSettings,
        main: impl FnOnce(Inbox) -> F + Send + 'static,
    ) -> io::Result<Worker> {
        let inbox = Inbox::default();
        let inside = inbox.clone();
        let thread = Builder::new()
            .name(format!("worker-{}", settings.index))
            .spawn(move || run(&settings, inside, main))?;
        Ok(Worker { inbox, thread })
    }

    /// Where other threads leave work for this worker.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Waits for the thread's end. An error when its event loop could not be made or it panicked.
    pub fn join(self) -> io::Result<()> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
    }
}

/// Runs a worker on the calling thread.
pub fn run<F: Future<Output = ()>>(
    settings: &WorkerSettings,
    inbox: Inbox,
    main: impl FnOnce(Inbox) -> F,
) -> io::Result<()> {
    if !settings.processors.is_empty() {
        hapax_sys::affinity::restrict(&settings.processors)?;
    }
    INDEX.set(settings.index);
    buffer::configure(settings.buffer_size, settings.free_buffers);
    pipe::configure(settings.pipe_size, settings.pipes);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .event_interval(TASKS_BETWEEN_EVENTS)
        .on_thread_park(turn::end)
        .on_thread_unpark(turn::begin)
        .build_local(LocalOptions::default())?;
    turn::begin();
    runtime.block_on(async {
        spawn(wheel::drive());
        spawn(inbox.clone().serve());
        spawn(trim());
        main(inbox).await;
    });
    turn::end();
    Ok(())
}

/// The number of this thread's worker, from 0.
pub fn index() -> usize {
    INDEX.get()
}

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(0) };
}

/// Starts a task on this thread's worker.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    // Pinned outside: a future that is moved into an async block and pinned there takes its room twice.
    let (mut task, mut meter) = (Box::pin(task), Meter::default());
    let _handle = tokio::task::spawn_local(poll_fn(move |cx| {
        turn::polled();
        meter.call(|| task.as_mut().poll(cx))
    }));
}

/// The same, for what may be ended before it is over.
pub fn spawn_for_now(task: impl Future<Output = ()> + 'static) -> tokio::task::AbortHandle {
    let mut task = Box::pin(task);
    let handle = tokio::task::spawn_local(poll_fn(move |cx| {
        turn::polled();
        task.as_mut().poll(cx)
    }));
    handle.abort_handle()
}

/// Work that other threads leave for a worker; it runs there, between two polls of other tasks.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Mutex<Letters>>);

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Letters {
    jobs: VecDeque<Job>,
    waker: Option<Waker>,
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} jobs", self.jobs.len())
    }
}

impl Inbox {
    /// Leaves work that steers the worker; `false` when it is so far behind that even the room kept for that is full.
    #[must_use]
    pub fn send(&self, job: impl FnOnce() + Send + 'static) -> bool {
        self.leave((), |()| job(), MOST_JOBS + KEPT_FOR_STEERING)
            .is_ok()
    }

    /// Leaves work with what belongs to it, unless the worker is far behind.
    ///
    /// # Errors
    /// What belongs to it, when the inbox is full.
    pub fn hand<T: Send + 'static>(
        &self,
        what: T,
        job: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), T> {
        self.leave(what, job, MOST_JOBS)
    }

    fn leave<T: Send + 'static>(
        &self,
        what: T,
        job: impl FnOnce(T) + Send + 'static,
        most: usize,
    ) -> Result<(), T> {
        let mut letters = self.0.lock();
        if letters.jobs.len() >= most {
            return Err(what);
        }
        letters.jobs.push_back(Box::new(move || job(what)));
        let waker = letters.waker.take();
        drop(letters);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Does what was left for the worker, now.
    pub fn empty(&self) {
        loop {
            let job = self.0.lock().jobs.pop_front();
            match job {
                Some(job) => job(),
                None => return,
            }
        }
    }

    async fn serve(self) {
        poll_fn(|cx| self.poll_serve(cx)).await;
    }

    fn poll_serve(&self, cx: &Context<'_>) -> Poll<()> {
        loop {
            let mut letters = self.0.lock();
            let Some(job) = letters.jobs.pop_front() else {
                letters.waker = Some(cx.waker().clone());
                return Poll::Pending;
            };
            drop(letters);
            job();
        }
    }
}

/// Gives back memory that a peak left behind.
async fn trim() {
    loop {
        wheel::pause(TRIM_EVERY_MS).await;
        buffer::trim();
    }
}

/// High enough that a turn runs all tasks that became ready, which ends it where the hooks see it.
const TASKS_BETWEEN_EVENTS: u32 = 512;
const MOST_JOBS: usize = 65_536;
const KEPT_FOR_STEERING: usize = 4096;
const TRIM_EVERY_MS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn settings(index: usize) -> WorkerSettings {
        WorkerSettings {
            index,
            processors: Vec::new(),
            buffer_size: 4096,
            free_buffers: 4,
            pipe_size: 0,
            pipes: 4,
        }
    }

    #[test]
    fn what_finds_no_room_comes_back_and_steering_still_does() {
        let inbox = Inbox::default();
        for at in 0..MOST_JOBS {
            assert_eq!(inbox.hand(at, drop), Ok(()));
        }
        assert_eq!(inbox.hand("connection", drop), Err("connection"));
        assert!(inbox.send(|| ()));
    }

    #[test]
    fn work_from_other_threads_runs_on_the_worker() {
        let workers: Vec<_> = (0..2)
            .map(|index| {
                Worker::spawn(settings(index), |inbox| async move {
                    let (stop, stopped) = flag();
                    assert_eq!(buffer::size(), 4096);
                    assert!(inbox.send(move || stop.set()));
                    stopped.await;
                })
                .expect("spawn")
            })
            .collect();
        for worker in workers {
            worker.join().expect("join");
        }
        let (send, receive) = mpsc::channel();
        let (gate, closed) = flag();
        let worker = Worker::spawn(settings(7), |_| closed).expect("spawn");
        let reply = send.clone();
        assert!(worker.inbox().send(move || {
            let name = std::thread::current().name().map(str::to_owned);
            reply.send(name).expect("send");
        }));
        let name = receive
            .recv_timeout(std::time::Duration::from_secs(10))
            .expect("in time");
        assert_eq!(name.as_deref(), Some("worker-7"));
        assert!(worker.inbox().send(move || gate.set()));
        worker.join().expect("join");
    }

    // exercises: section/cpu-map
    #[test]
    fn a_worker_stays_on_its_processors() {
        let all = hapax_sys::affinity::allowed().expect("read");
        let last = all.last().copied().expect("a processor");
        let mut settings = settings(0);
        settings.processors = vec![last];
        let (send, receive) = mpsc::channel();
        let worker = Worker::spawn(settings, |_| async move {
            send.send(hapax_sys::affinity::allowed().expect("read"))
                .expect("send");
        })
        .expect("spawn");
        worker.join().expect("join");
        assert_eq!(receive.recv().expect("told"), [last]);
    }

    #[derive(Default)]
    struct Flag(Mutex<(bool, Option<Waker>)>);

    impl Flag {
        fn set(&self) {
            let mut flag = self.0.lock();
            flag.0 = true;
            if let Some(waker) = flag.1.take() {
                waker.wake();
            }
        }
    }

    fn flag() -> (Arc<Flag>, impl Future<Output = ()> + Send) {
        let flag = Arc::new(Flag::default());
        let waits = flag.clone();
        let stopped = poll_fn(move |cx| {
            let mut flag = waits.0.lock();
            if flag.0 {
                return Poll::Ready(());
            }
            flag.1 = Some(cx.waker().clone());
            Poll::Pending
        });
        (flag, stopped)
    }
}
