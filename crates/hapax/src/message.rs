//! Messages on standard error in upstream's form, and the picture below them.

use std::io::Write;

use hapax_core::diagnostic::{Diagnostic, Diagnostics, Severity};
use hapax_core::span::Sources;

use crate::startup_log::StartupLog;
use crate::version;

/// Prints messages; the first one is preceded by two notices that say who speaks.
#[derive(Debug)]
pub struct Printer {
    pid: u32,
    quiet: bool,
    introduced: bool,
    log: Option<StartupLog>,
    /// What this process said, up to a bound.
    said: String,
}

impl Printer {
    /// A printer for this process; a quiet one prints nothing.
    pub fn new(quiet: bool) -> Printer {
        Printer {
            pid: std::process::id(),
            quiet,
            introduced: false,
            log: None,
            said: String::new(),
        }
    }

    /// A printer for a process that was forked from the one this printer was made for.
    pub fn renew(&mut self) {
        self.pid = std::process::id();
        self.introduced = false;
    }

    /// What this process said so far.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Keeps what is printed from now on in `log` too.
    pub fn keep(&mut self, log: Option<StartupLog>) {
        self.log = log;
    }

    /// Turns output off or on.
    pub fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// A message without a place.
    pub fn say(&mut self, severity: Severity, text: &str) {
        if severity > Severity::Notice {
            self.introduce();
        }
        self.put(&format!("{} ({}) : {text}", severity.tag(), self.pid));
    }

    /// All findings about a configuration, `-dD` ones only when asked.
    pub fn findings(&mut self, findings: &Diagnostics, sources: &Sources, diagnostic: bool) {
        for finding in findings.iter() {
            if finding.severity > Severity::Diag || diagnostic {
                self.finding(finding, sources);
            }
        }
    }

    fn finding(&mut self, finding: &Diagnostic, sources: &Sources) {
        self.introduce();
        self.put(&finding.line(sources, self.pid));
        let picture = finding.picture(sources);
        if !picture.is_empty() {
            self.put(&picture);
        }
    }

    /// Plain text on standard error, even when quiet.
    pub fn plain(&self, text: &str) {
        // In one piece: other processes write there too. Nobody can be told when it is closed.
        let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
    }

    fn introduce(&mut self) {
        if self.introduced || (self.quiet && self.log.is_none()) {
            return;
        }
        self.introduced = true;
        let path =
            std::env::current_exe().map_or_else(|_| "?".into(), |path| path.display().to_string());
        let tag = Severity::Notice.tag();
        self.put(&format!(
            "{tag} ({}) : haproxy version is {}",
            self.pid,
            version::VERSION
        ));
        self.put(&format!(
            "{tag} ({}) : path to executable is {path}",
            self.pid
        ));
    }

    fn put(&mut self, line: &str) {
        if let Some(log) = &self.log {
            log.add(line);
        }
        if self.said.len() + line.len() < MOST_KEPT {
            self.said.push_str(line);
            self.said.push('\n');
        }
        if !self.quiet {
            self.plain(line);
        }
    }
}

/// Bytes of messages that are kept for `show startup-logs`.
const MOST_KEPT: usize = 65_536;
