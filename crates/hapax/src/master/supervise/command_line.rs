//! What the command line of a master asks of it, and the table of `show proc`.

use std::os::fd::OwnedFd;

use hapax_runtime::cli::master::{Supervisor, Target};
use hapax_runtime::open::hand_over::connect_over;
use hapax_sys::pass::send_descriptors;

use super::Master;
use crate::master::family::{Family, Kind, now};
use crate::startup_log::StartupLog;
use crate::version;

impl Supervisor for Master {
    fn processes(&self, debug: bool) -> String {
        let state = self.0.borrow();
        show(&state.supervision.family, debug)
    }

    fn startup_logs(&self) -> Vec<u8> {
        let state = self.0.borrow();
        let log = state.supervision.log.as_ref();
        log.map(StartupLog::read).unwrap_or_default()
    }

    fn version(&self) -> &str {
        version::VERSION
    }

    fn uptime(&self) -> String {
        let seconds = now().saturating_sub(self.0.borrow().supervision.family.started);
        let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
        format!(
            "[{days}:{hours:02}:{:02}:{:02}] ",
            seconds / 60 % 60,
            seconds % 60
        )
    }

    fn reload_failed(&self) -> bool {
        self.0.borrow().supervision.family.failed > 0
    }

    fn find(&self, target: Target) -> Option<i32> {
        let state = self.0.borrow();
        let children = state.supervision.family.children.iter();
        let mut workers = children.filter(|child| child.kind == Kind::Worker);
        let found = match target {
            Target::Number(1) => return state.supervision.family.current().map(|child| child.pid),
            Target::Number(_) => None,
            Target::Pid(pid) => workers.find(|child| child.pid == pid),
        };
        found.map(|child| child.pid)
    }

    fn connect(&self, pid: i32) -> Option<OwnedFd> {
        let state = self.0.borrow();
        let mut children = state.supervision.family.children.iter();
        let pair = children.find(|child| child.pid == pid)?.pair.as_ref()?;
        connect_over(pair).ok()
    }

    fn reload(&self, hard: bool, client: OwnedFd) {
        use std::os::fd::AsRawFd;
        let mut state = self.0.borrow_mut();
        // The client waits in the master's own pair until the outcome is known.
        let _ = send_descriptors(
            &state.supervision.family.own.0,
            b"\0",
            &[client.as_raw_fd()],
        );
        state.reload = Some(hard);
        state.reload_when_loaded();
    }
}

/// The table of `show proc`.
fn show(family: &Family, debug: bool) -> String {
    let mut text = row(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"]);
    end(
        &mut text,
        debug.then_some(("<ipc_fd[0]>".into(), "<ipc_fd[1]>".into())),
    );
    let number = |fd: &OwnedFd| {
        use std::os::fd::AsRawFd;
        fd.as_raw_fd().to_string()
    };
    text += &row([
        &std::process::id().to_string(),
        "master",
        &format!("{} [failed: {}]", family.reloads, family.failed),
        &uptime(family.started),
        version::VERSION,
    ]);
    end(
        &mut text,
        debug.then(|| (number(&family.own.0), number(&family.own.1))),
    );
    for (title, kind, former) in [
        ("# workers", Some(Kind::Worker), false),
        ("# old workers", None, true),
        ("# programs", None, false),
        ("# old programs", None, true),
    ] {
        let wanted = if title.ends_with("workers") {
            Kind::Worker
        } else {
            Kind::Program
        };
        let rows = family.children.iter();
        let mut rows = rows
            .filter(|child| child.kind == wanted && (child.reloads > 0 && !child.stays) == former)
            .peekable();
        if rows.peek().is_none() && kind.is_none() {
            continue;
        }
        text += title;
        text.push('\n');
        for child in rows {
            let what = match child.kind {
                Kind::Worker => "worker",
                Kind::Program => child.name.as_str(),
            };
            text += &row([
                &child.pid.to_string(),
                what,
                &child.reloads.to_string(),
                &uptime(child.started),
                &child.version,
            ]);
            let pair = child.pair.as_ref().map_or_else(|| "-1".into(), number);
            end(&mut text, debug.then(|| (pair, "-1".into())));
        }
    }
    text
}

fn row(columns: [&str; 5]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("{column:<15}"))
        .collect();
    columns.join(" ")
}

fn end(text: &mut String, descriptors: Option<(String, String)>) {
    if let Some((first, second)) = descriptors {
        text.push_str(&format!("\t\t {first:<15} {second:<15}"));
    }
    text.push('\n');
}

fn uptime(started: u64) -> String {
    let seconds = now().saturating_sub(started);
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    format!(
        "{days}d{hours:02}h{:02}m{:02}s",
        seconds / 60 % 60,
        seconds % 60
    )
}
