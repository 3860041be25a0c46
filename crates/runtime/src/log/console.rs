//! What the running process says on its standard error beside the logs.

use std::io;
use std::rc::Rc;

use super::sink::Sink;

/// The word in brackets before a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// `[ALERT]`.
    Alert,
    /// `[WARNING]`.
    Warning,
    /// `[NOTICE]`.
    Notice,
}

impl Severity {
    /// The word with the blanks that line messages up.
    fn column(self) -> &'static [u8] {
        match self {
            Severity::Alert => b"[ALERT]    (",
            Severity::Warning => b"[WARNING]  (",
            Severity::Notice => b"[NOTICE]   (",
        }
    }
}

/// Standard error, written without ever blocking; absent when the process is quiet.
#[derive(Debug)]
pub(super) struct Console {
    sink: Option<Rc<Sink>>,
}

impl Console {
    /// The console over a sink for standard error.
    pub(super) fn new(sink: Option<Rc<Sink>>) -> Console {
        Console { sink }
    }

    /// Writes one message.
    pub(super) fn say(&self, severity: Severity, pid: &[u8], text: &[u8]) {
        if let Some(sink) = &self.sink {
            sink.line(MOST, |line| {
                line.extend_from_slice(severity.column());
                line.extend_from_slice(pid);
                line.extend_from_slice(b") : ");
                line.extend_from_slice(text);
            });
        }
    }
}

/// A duplicate of a standard descriptor or of one that the configuration names.
pub(super) fn descriptor(number: i32) -> io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::AsFd;
    match number {
        0 => io::stdin().as_fd().try_clone_to_owned(),
        1 => io::stdout().as_fd().try_clone_to_owned(),
        2 => io::stderr().as_fd().try_clone_to_owned(),
        other => hapax_sys::process::inherited(other),
    }
}

const MOST: usize = 4096;
