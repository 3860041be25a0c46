//! Reloads of a master: inside the worker, or by starting itself anew; and the answer to who asked for one.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::net::UnixStream;

use hapax_core::diagnostic::Severity;
use hapax_runtime::open::hand_over::connect_over;
use hapax_sys::pass::receive_descriptors;
use hapax_sys::process;

use super::State;
use crate::master::family::Kind;
use crate::master::in_place::{self, Outcome};
use crate::startup_log::StartupLog;
use crate::{environment, system_text};

impl State {
    /// Clients that asked for the reload, and were passed on over it, get the outcome.
    pub(super) fn answer_clients(&mut self, success: bool) {
        let logs = self.supervision.log.as_ref().map(StartupLog::read);
        self.answer(success, &logs.unwrap_or_default());
    }

    pub(super) fn answer(&mut self, success: bool, said: &[u8]) {
        let mut text = format!("Success={}\n--\n", u8::from(success)).into_bytes();
        text.extend(said);
        text.push(b'\n');
        let own = &self.supervision.family.own;
        for end in [&own.0, &own.1] {
            let mut marks = [0; 64];
            while let Ok((1.., clients)) = receive_descriptors(end, &mut marks) {
                for client in clients {
                    let mut client = UnixStream::from(client);
                    // The answer is small; a client that does not read it is not waited for.
                    let _ = client.write_all(&text);
                }
            }
        }
    }

    /// Starts this process anew, once the worker that is being started has come to serve or ended.
    pub(super) fn reload_when_loaded(&mut self) {
        if self.loading || self.stopping || self.applying {
            return;
        }
        let Some(hard) = self.reload.take() else {
            return;
        };
        if !hard && self.supervision.in_place && self.apply_in_place() {
            return;
        }
        self.reload_by_process(hard);
    }

    /// Has the current worker apply the files; false when there is none that can be asked.
    fn apply_in_place(&mut self) -> bool {
        let current = self.supervision.family.current();
        let pair = current.and_then(|child| child.pair.as_ref());
        let connection = pair.and_then(|pair| connect_over(pair).ok());
        let (Some(connection), Some(own)) = (connection, self.own.upgrade()) else {
            return false;
        };
        self.applying = true;
        self.printer.say(Severity::Notice, "Reloading in place");
        self.supervision.notifier.reloading();
        tokio::task::spawn_local(async move {
            let outcome = in_place::apply(connection).await;
            own.0.borrow_mut().applied(outcome);
        });
        true
    }

    /// The worker has applied the files, or has not.
    fn applied(&mut self, outcome: Outcome) {
        self.applying = false;
        let said = match outcome {
            // A worker that is gone is replaced, too.
            Outcome::NeedsProcess => {
                if !self.stopping {
                    self.reload.take();
                    self.reload_by_process(false);
                }
                return;
            }
            Outcome::Applied(said) => {
                self.printer.say(Severity::Notice, "Loading success.");
                self.supervision.family.failed = 0;
                self.supervision.notifier.ready();
                self.answer(true, said.as_bytes());
                return self.reload_when_loaded();
            }
            Outcome::Refused(said) => said,
        };
        for line in said.lines() {
            self.printer.plain(line);
        }
        self.printer
            .say(Severity::Warning, "The worker goes on as it was.");
        self.supervision.family.failed = self.supervision.family.failed.saturating_add(1);
        self.supervision.notifier.failed();
        self.answer(false, said.as_bytes());
        self.reload_when_loaded();
    }

    /// Starts this process anew, and with it a worker.
    fn reload_by_process(&mut self, hard: bool) {
        let text = if hard {
            "Reloading HAProxy (hard-reload)"
        } else {
            "Reloading HAProxy"
        };
        self.printer.say(Severity::Notice, text);
        self.supervision.notifier.reloading();
        let error = self.start_anew(hard);
        let text = format!(
            "Failed to reexecute the master process [{}]: {}",
            std::process::id(),
            system_text(&error)
        );
        self.printer.say(Severity::Warning, &text);
        environment::set(environment::AGAIN, None);
        environment::set(environment::PROCESSES, None);
        self.supervision.family.failed = self.supervision.family.failed.saturating_add(1);
        self.supervision.notifier.failed();
        self.answer_clients(false);
    }

    fn start_anew(&self, hard: bool) -> std::io::Error {
        let supervision = &self.supervision;
        let family = &supervision.family;
        let workers = family
            .children
            .iter()
            .filter(|child| child.kind == Kind::Worker);
        let mut words: Vec<OsString> = Vec::new();
        let pids: Vec<OsString> = workers.map(|child| child.pid.to_string().into()).collect();
        if !pids.is_empty() {
            words.push(if hard { "-st" } else { "-sf" }.into());
            words.extend(pids);
        }
        if let Some(pair) = family.current().and_then(|child| child.pair.as_ref())
            && supervision.carries_sockets
        {
            use std::os::fd::AsRawFd;
            words.push("-x".into());
            words.push(format!("sockpair@{}", pair.as_raw_fd()).into());
        }
        words.extend(supervision.words.iter().cloned());
        environment::set(environment::AGAIN, Some("1"));
        environment::set(environment::PROCESSES, Some(&family.remember()));
        let pairs = family
            .children
            .iter()
            .filter_map(|child| child.pair.as_ref());
        for fd in pairs.chain([&family.own.0, &family.own.1]) {
            if let Err(error) = process::keep_on_exec(fd) {
                return error;
            }
        }
        // `-C` and relative paths are meant from where the first one was started.
        let _ = std::env::set_current_dir(&supervision.folder);
        let program = std::env::args_os().next().unwrap_or_else(|| "hapax".into());
        process::execute(&program, &words)
    }
}
