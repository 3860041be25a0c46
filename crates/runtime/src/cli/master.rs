//! The command line of the master process (management manual, 9.4): a few commands of its own, and a way to those of the
//! worker processes.

mod command;
mod session;

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use hapax_core::ir::CliLevel;

pub use self::command::ROWS;
use super::serve::Listening;

/// A process that commands are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The current worker of this number, from 1.
    Number(usize),
    /// The worker with this pid.
    Pid(i32),
}

/// The master, as its command line sees it.
pub trait Supervisor {
    /// `show proc`.
    fn processes(&self, debug: bool) -> String;
    /// `show startup-logs`.
    fn startup_logs(&self) -> Vec<u8>;
    /// The version, for `show version`.
    fn version(&self) -> &str;
    /// How long the master runs, as a timed prompt shows it.
    fn uptime(&self) -> String;
    /// Whether the last reload failed.
    fn reload_failed(&self) -> bool;
    /// The pid of a worker, if there is such a one.
    fn find(&self, target: Target) -> Option<i32>;
    /// A connection to the runtime API of a worker.
    fn connect(&self, pid: i32) -> Option<OwnedFd>;
    /// Reads the configuration again; `client` gets the outcome. The process starts anew before it returns to its tasks.
    fn reload(&self, hard: bool, client: OwnedFd);
}

/// How a socket of the master's command line is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MasterAccess {
    /// The level of new connections.
    pub level: CliLevel,
}

/// Serves one socket of the master's command line. Must run inside a `LocalRuntime` or `LocalSet`.
pub async fn serve(listening: Listening, master: Rc<dyn Supervisor>, access: MasterAccess) {
    loop {
        match listening.accept().await {
            Ok(stream) => {
                let master = master.clone();
                tokio::task::spawn_local(async move {
                    // A client that goes away ends its own connection only.
                    let _ = session::converse(Rc::new(stream), master, access).await;
                });
            }
            // Out of descriptors or the like: others give theirs back meanwhile.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);
