//! Forking, detaching from the terminal, signalling other processes and the pid file.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::sys::signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Pid};

use crate::check;
use crate::signal::Signal;

/// Which side of a [`fork`] runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The old process, with the child's pid.
    Parent(i32),
    /// The new process.
    Child,
}

/// Splits the process in two. Fails when the process has more than one thread: the child would have
/// only the calling one, and locks that the others hold would stay locked for ever.
pub fn fork() -> io::Result<Forked> {
    let threads = std::fs::read_dir("/proc/self/task")
        .map(Iterator::count)
        .unwrap_or(1);
    if threads > 1 {
        return Err(io::Error::other("fork after threads were started"));
    }
    // SAFETY: there is one thread, so that the child has all there is.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Forked::Parent(child.as_raw())),
        ForkResult::Child => Ok(Forked::Child),
    }
}

/// Sets a variable of this process' environment. Fails when the process has more than one thread: another one may be
/// reading the environment.
pub fn set_environment(name: &str, value: Option<&str>) -> io::Result<()> {
    if name.is_empty() || name.contains(['=', '\0']) || value.is_some_and(|v| v.contains('\0')) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(io::Error::other(
            "environment changed after threads were started",
        ));
    }
    match value {
        // SAFETY: there is one thread, so that nobody reads the environment meanwhile.
        Some(value) => unsafe { std::env::set_var(name, value) },
        // SAFETY: as above.
        None => unsafe { std::env::remove_var(name) },
    }
    Ok(())
}

/// Replaces the program of this process, looked up in `PATH` as a shell would. Returns only when that failed.
pub fn execute(program: &OsStr, arguments: &[OsString]) -> io::Error {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let words = std::iter::once(program.to_owned()).chain(arguments.iter().cloned());
    let words: Result<Vec<CString>, _> = words.map(|word| CString::new(word.into_vec())).collect();
    match (CString::new(program.as_bytes()), words) {
        (Ok(program), Ok(words)) => match unistd::execvp(&program, &words) {
            Ok(never) => match never {},
            Err(error) => error.into(),
        },
        _ => io::ErrorKind::InvalidInput.into(),
    }
}

/// Takes over a descriptor that a former program of this process left open, under the same number; it is closed at the
/// next `exec`. Refuses numbers that are not open and the three standard ones. To be called once for each number.
pub fn left_open(number: i32) -> io::Result<OwnedFd> {
    if number <= 2 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: takes no pointers; a number that is not open is answered with an error.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and the former program, whose memory is gone, left it to us.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(number) })
}

/// A file that is in memory only, shared with the processes that inherit it.
pub fn memory_file(name: &str) -> io::Result<File> {
    let fd = nix::sys::memfd::memfd_create(name, nix::sys::memfd::MFdFlags::MFD_CLOEXEC)?;
    Ok(File::from(fd))
}

/// Starts a new session, without a terminal.
pub fn new_session() -> io::Result<()> {
    unistd::setsid()?;
    Ok(())
}

/// Opens `/dev/null`, which a chroot may put out of reach.
pub fn null() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/null")
}

/// Points standard input, output and error to `null`.
pub fn silence(null: &File) -> io::Result<()> {
    for standard in 0..=2 {
        // SAFETY: takes no pointers; the standard descriptors belong to the process as a whole.
        check(unsafe { libc::dup2(null.as_raw_fd(), standard) })?;
    }
    Ok(())
}

/// Sends `signal` to a process; `None` only asks whether it exists.
pub fn kill(pid: i32, signal: Option<Signal>) -> io::Result<()> {
    Ok(signal::kill(Pid::from_raw(pid), signal)?)
}

/// A child that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its pid.
    pub pid: i32,
    /// Its exit code, or 128 + the signal that ended it.
    pub code: i32,
}

/// Takes one child that has ended, if any, without waiting.
pub fn reap() -> io::Result<Option<Ended>> {
    reap_with(Some(WaitPidFlag::WNOHANG))
}

/// Waits until a child ends; `None` when there is no child.
pub fn wait_for_child() -> io::Result<Option<Ended>> {
    reap_with(None)
}

fn reap_with(flags: Option<WaitPidFlag>) -> io::Result<Option<Ended>> {
    loop {
        return match waitpid(None, flags) {
            Ok(WaitStatus::Exited(pid, code)) => Ok(Some(Ended {
                pid: pid.as_raw(),
                code,
            })),
            Ok(WaitStatus::Signaled(pid, signal, _)) => Ok(Some(Ended {
                pid: pid.as_raw(),
                code: 128 + signal as i32,
            })),
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => Ok(None),
            Ok(_) | Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

/// Writes pids into a file, one per line, replacing what it held.
pub fn write_pids(path: &Path, pids: &[u32]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o644);
    let mut file = options.open(path)?;
    for pid in pids {
        writeln!(file, "{pid}")?;
    }
    Ok(())
}

/// Lets an inherited descriptor survive the next `exec`.
pub fn keep_on_exec(fd: impl AsFd) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_SETFD, 0) })?;
    Ok(())
}

/// Takes ownership of a descriptor that the configuration or the parent names by number. Refuses
/// numbers that are not open and the three standard ones.
pub fn inherited(number: i32) -> io::Result<OwnedFd> {
    if number <= 2 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // A duplicate, so that the number itself stays with whoever else uses it.
    // SAFETY: takes no pointers; a number that is not open is answered with an error.
    let fd = check(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) })
}

/// The priority of this process, from -20 (first) to 19 (last).
pub fn priority() -> io::Result<i32> {
    nix::errno::Errno::clear();
    // SAFETY: takes no pointers.
    let priority = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    match nix::errno::Errno::last_raw() {
        0 => Ok(priority),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Sets the priority of the calling thread and those it starts.
pub fn set_priority(priority: i32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, priority) })?;
    Ok(())
}

/// From now on no program that this process starts gains rights by its owner or file.
pub fn give_up_new_rights() -> io::Result<()> {
    Ok(nix::sys::prctl::set_no_new_privs()?)
}

/// Allows core dumps of a process that gave up rights.
pub fn set_dumpable() -> io::Result<()> {
    Ok(nix::sys::prctl::set_dumpable(true)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_holds_one_pid_per_line() {
        let path = std::env::temp_dir().join(format!("hapax-sys-pid-{}", std::process::id()));
        write_pids(&path, &[1, 234]).expect("write");
        write_pids(&path, &[17, 18]).expect("replace");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "17\n18\n");
        std::fs::remove_file(&path).expect("clean");
    }

    #[test]
    fn we_exist_and_threads_forbid_a_fork() {
        kill(std::process::id().cast_signed(), None).expect("we exist");
        // The test harness runs tests in threads of their own.
        assert!(fork().is_err());
    }

    #[test]
    fn only_open_descriptors_are_inherited() {
        assert!(inherited(1).is_err());
        assert!(inherited(1 << 20).is_err());
        let file = std::fs::File::open("/dev/null").expect("open");
        inherited(file.as_raw_fd()).expect("open");
    }
}
