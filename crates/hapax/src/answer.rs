//! What the running process does about signals (management manual, 4 and 12): soft stop, pause, report.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hapax_runtime::announce::{News, announce};
use hapax_runtime::serve::Running;
use hapax_sys::process;
use hapax_sys::signal::Signal;
use hapax_sys::stream::{Half, shutdown};

/// Workers are asked for their last log lines for so long.
const FLUSH: Duration = Duration::from_millis(200);

/// How far the process is on its way to its end.
#[derive(Debug)]
pub struct Ending {
    stopping: bool,
    forced: Arc<AtomicBool>,
    waker: OwnedFd,
}

impl Ending {
    /// Not there yet; shutting `waker` down wakes who waits for the end.
    pub fn new(waker: OwnedFd) -> Ending {
        Ending {
            stopping: false,
            forced: Arc::default(),
            waker,
        }
    }

    /// Whether `hard-stop-after` passed and some workers still run.
    pub fn is_forced(&self) -> bool {
        self.forced.load(Ordering::Acquire)
    }
}

/// Does what a signal asks for.
pub fn signal(signal: Signal, running: &Arc<Running>, ending: &mut Ending) {
    match signal {
        Signal::SIGUSR1 if ending.stopping => {}
        Signal::SIGUSR1 => {
            ending.stopping = true;
            stop(running, ending);
        }
        Signal::SIGTTOU => {
            running.announce(News::Paused);
            running.pause();
        }
        Signal::SIGTTIN => {
            running.announce(News::Resumed);
            running.resume();
        }
        Signal::SIGHUP => running.announce(News::States),
        Signal::SIGQUIT => running.tell_pools(),
        // They are for masters, or for nobody.
        Signal::SIGUSR2 | Signal::SIGALRM => {}
        // The way the process ends tells its parent which signal it was.
        other => {
            running.flush(FLUSH);
            let _ = hapax_sys::signal::restore(other);
            // No other one that came meanwhile: it would tell something else.
            let _ = hapax_sys::signal::unblock(other);
            let _ = process::kill(std::process::id().cast_signed(), Some(other));
        }
    }
}

/// Soft stop, after `grace` and no longer than `hard-stop-after`.
fn stop(running: &Arc<Running>, ending: &Ending) {
    let program = running.program();
    // Old files have `grace` in proxies; the process waits for the longest.
    let proxies = program.proxies.iter().filter_map(|proxy| proxy.ir.grace);
    let grace = proxies.chain(program.global.grace).max().unwrap_or(0);
    let hard = program.global.hard_stop_after;
    if grace == 0 && hard.is_none() {
        return soft_stop(running);
    }
    let Ok(waker) = ending.waker.try_clone() else {
        return soft_stop(running);
    };
    let (stopping, forced) = (running.clone(), ending.forced.clone());
    // The process ends with its workers, whether or not this thread still waits.
    let started = thread::Builder::new().name("stop".into()).spawn(move || {
        if grace > 0 {
            stopping.announce(News::Scheduled(grace));
            wait(Duration::from_millis(u64::from(grace)));
            stopping.announce(News::GraceOver);
        }
        soft_stop(&stopping);
        if let Some(hard) = hard {
            wait(Duration::from_millis(u64::from(hard)));
            hard_stop(&stopping);
            forced.store(true, Ordering::Release);
            // Who waits at the other end may have seen the workers end.
            let _ = shutdown(&waker, Half::Write);
        }
    });
    if let Err(error) = started {
        log::error!("the stop cannot be timed, stopping now: {error}");
        soft_stop(running);
    }
}

fn soft_stop(running: &Running) {
    running.announce(News::Stopped);
    running.stop();
}

/// Ends what is left.
fn hard_stop(running: &Running) {
    running.announce(News::HardStop);
    running.kill();
    wait(LAST_CHANCE);
    let (told, done) = std::sync::mpsc::channel();
    running.once(move |local| {
        let logger = &local.plan().logger;
        announce(logger, News::Resisted);
        logger.flush();
        // Nobody waits any more when the worker was that slow.
        let _ = told.send(());
    });
    let _ = done.recv_timeout(LAST_CHANCE);
}

/// The end of the process does not wait for who waits here.
fn wait(time: Duration) {
    let (_open, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}

/// How long sessions may take to end once they are told to.
const LAST_CHANCE: Duration = Duration::from_secs(1);
