//! What a master knows of itself and its children, and its form in the environment.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use hapax_sys::process::left_open;
use hapax_sys::{stream, time};

use crate::environment::PROCESSES;
use crate::version;

/// What a child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It serves.
    Worker,
    /// It is what a `program` section names.
    Program,
}

/// A child process.
#[derive(Debug)]
pub struct Child {
    /// What it does.
    pub kind: Kind,
    /// Its pid.
    pub pid: i32,
    /// Where it takes connections to its runtime API.
    pub pair: Option<OwnedFd>,
    /// Reloads since it started.
    pub reloads: u32,
    /// When it started, seconds since 1970.
    pub started: u64,
    /// A program's name.
    pub name: String,
    /// The version it runs.
    pub version: String,
    /// Whether it has said that it is ready.
    pub ready: bool,
    /// No reload starts another one in its place.
    pub stays: bool,
    /// The bound on reloads that it was ended for.
    pub exceeds: Option<u32>,
}

impl Child {
    /// A worker that was just forked.
    pub fn starting(pid: i32, pair: OwnedFd) -> Child {
        Child {
            kind: Kind::Worker,
            pid,
            pair: Some(pair),
            reloads: 0,
            started: now(),
            name: String::new(),
            version: version::VERSION.into(),
            ready: false,
            stays: false,
            exceeds: None,
        }
    }
}

impl Child {
    /// A program that was just forked.
    pub fn program(pid: i32, name: &str) -> Child {
        Child {
            kind: Kind::Program,
            pid,
            pair: None,
            reloads: 0,
            started: now(),
            name: name.to_owned(),
            version: "-".into(),
            ready: true,
            stays: false,
            exceeds: None,
        }
    }
}

/// The master and its children.
#[derive(Debug)]
pub struct Family {
    /// Reloads so far.
    pub reloads: u32,
    /// Reloads that failed since one went well.
    pub failed: u32,
    /// When the master started, seconds since 1970.
    pub started: u64,
    /// A pair of its own: what is sent into the first comes out of the second, even when the master started anew in between.
    pub own: (OwnedFd, OwnedFd),
    /// The children, old ones first.
    pub children: Vec<Child>,
}

impl Family {
    /// What the environment remembers, if the master started itself anew; or the beginning.
    ///
    /// # Errors
    /// When the system gives no socket pair.
    pub fn restore(again: bool) -> io::Result<Family> {
        let text = again.then(|| std::env::var(PROCESSES).ok()).flatten();
        let mut own = None;
        let mut family = Family {
            reloads: 0,
            failed: 0,
            started: now(),
            own: stream::socket_pair()?,
            children: Vec::new(),
        };
        for entry in text.iter().flat_map(|text| text.split('|')) {
            let entry = Entry(entry);
            let pid = entry.number("pid").and_then(|pid| i32::try_from(pid).ok());
            let Some(pid) = pid.filter(|&pid| pid > 0) else {
                continue;
            };
            let reloads = entry.count("reloads");
            let started = entry
                .number("timestamp")
                .map_or_else(now, i64::unsigned_abs);
            let kind = match entry.value("type") {
                Some("m") => {
                    family.reloads = reloads;
                    family.failed = entry.count("failedreloads");
                    family.started = started;
                    own = entry.descriptor("fd").zip(entry.descriptor("cfd"));
                    continue;
                }
                Some("w") => Kind::Worker,
                _ => Kind::Program,
            };
            family.children.push(Child {
                kind,
                pid,
                pair: entry.descriptor("fd"),
                reloads,
                started,
                name: entry.value("id").unwrap_or_default().into(),
                version: entry.value("version").unwrap_or_default().into(),
                ready: true,
                stays: false,
                exceeds: None,
            });
        }
        if let Some(own) = own {
            family.own = own;
        }
        Ok(family)
    }

    /// The form of the environment, one reload later.
    pub fn remember(&self) -> String {
        let mut text = format!(
            "|type=m;fd={};cfd={};pid={};reloads={};failedreloads={};timestamp={};id=;version={}",
            self.own.0.as_raw_fd(),
            self.own.1.as_raw_fd(),
            std::process::id(),
            self.reloads.saturating_add(1),
            self.failed,
            self.started,
            version::VERSION,
        );
        for child in &self.children {
            text += &format!(
                "|type={};fd={};cfd=-1;pid={};reloads={};failedreloads=0;timestamp={};id={};version={}",
                match child.kind {
                    Kind::Worker => 'w',
                    Kind::Program => 'p',
                },
                child.pair.as_ref().map_or(-1, AsRawFd::as_raw_fd),
                child.pid,
                child.reloads.saturating_add(1),
                child.started,
                child.name,
                child.version,
            );
        }
        text
    }

    /// The worker that serves, or did last.
    pub fn current(&self) -> Option<&Child> {
        let mut workers = self
            .children
            .iter()
            .filter(|child| child.kind == Kind::Worker);
        workers.rfind(|child| child.ready)
    }

    /// In the new worker: its descriptor of the one before, which stays open; those of all others are closed.
    pub fn take_current(mut self) -> Option<OwnedFd> {
        let pid = self.current()?.pid;
        let child = self.children.iter_mut().find(|child| child.pid == pid)?;
        child.pair.take()
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    time::realtime() / 1_000_000_000
}

/// `name=value;name=value`.
struct Entry<'a>(&'a str);

impl<'a> Entry<'a> {
    fn value(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.0.split(';').filter_map(|field| field.split_once('='));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.value(name)?.parse().ok()
    }

    fn count(&self, name: &str) -> u32 {
        self.number(name)
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or_default()
    }

    fn descriptor(&self, name: &str) -> Option<OwnedFd> {
        let number = i32::try_from(self.number(name)?).ok()?;
        left_open(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let entry = Entry("type=w;fd=3;cfd=-1;pid=17;reloads=2;id=;version=3.2.26-1");
        assert_eq!(entry.value("type"), Some("w"));
        assert_eq!(entry.count("reloads"), 2);
        assert_eq!(entry.number("cfd"), Some(-1));
        assert_eq!(entry.value("version"), Some("3.2.26-1"));
        assert_eq!(entry.value("nothing"), None);
    }
}
