//! Programs that are started, and awaited without a thread or a signal handler.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{self, Command, Stdio};
use std::task::{Context, Poll, ready};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::check;
use crate::watch::Watched;

/// A running program. It must be awaited: dropping it leaves it running.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    /// A descriptor that becomes readable when it ends (`pidfd_open(2)`).
    end: Watched,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By a signal.
    Signal,
}

impl Child {
    /// Starts `program`, looked up in the `PATH` among `variables`. Those are all it sees, unless it `keeps` what this process
    /// has. It reads nothing, and writes where this process does.
    pub fn start(
        program: impl AsRef<OsStr>,
        arguments: &[OsString],
        variables: &BTreeMap<&'static str, OsString>,
        keeps: bool,
    ) -> io::Result<Child> {
        let mut command = Command::new(program);
        if !keeps {
            command.env_clear();
        }
        let mut process = command
            .args(arguments)
            .envs(variables)
            .stdin(Stdio::null())
            .spawn()?;
        match watch(&process) {
            Ok(end) => Ok(Child { process, end }),
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(error)
            }
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits for its end.
    pub fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Exit>> {
        loop {
            if let Some(status) = self.process.try_wait()? {
                let exit = status.code().map_or(Exit::Signal, Exit::Code);
                return Poll::Ready(Ok(exit));
            }
            ready!(self.end.register()?.poll_read_ready(cx))?.clear_ready();
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) -> io::Result<()> {
        // The number is the child's own until it was awaited.
        let pid = i32::try_from(self.pid()).map_err(io::Error::other)?;
        Ok(kill(Pid::from_raw(pid), Signal::SIGTERM)?)
    }

    /// Makes it end.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }
}

fn watch(process: &process::Child) -> io::Result<Watched> {
    let pid = libc::c_long::from(process.id());
    // SAFETY: takes no pointers; answers a new descriptor or an error.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = check(i32::try_from(fd).unwrap_or(-1))?;
    // SAFETY: it was just opened, for us alone.
    Ok(Watched::new(unsafe { OwnedFd::from_raw_fd(fd) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[test]
    fn programs_see_what_they_are_given_and_say_how_they_end() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .expect("runtime");
        runtime.block_on(async {
            let run = async |script: &str| {
                let variables = [("PATH", "/usr/bin:/bin".into()), ("A", "b".into())].into();
                let words = ["-c".into(), script.into()];
                let mut child = Child::start("sh", &words, &variables, false).expect("starts");
                poll_fn(|cx| child.poll_exit(cx)).await.expect("ends")
            };
            assert_eq!(run("test \"$A$HOME\" = b && exit 3").await, Exit::Code(3));
            assert_eq!(run("kill -9 $$").await, Exit::Signal);
        });
        assert!(Child::start("/nowhere", &[], &BTreeMap::new(), false).is_err());
    }
}
