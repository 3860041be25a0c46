//! The runtime API: commands over a socket (`stats socket`), answered by worker 0.
//!
//! `session` reads lines and writes answers without a socket; `serve` connects it to one. Each command is a row and its
//! function in `command/`.

mod command;
mod line;
pub mod master;
mod serve;
mod session;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hapax_balance::health::Notice;
use hapax_core::contract::Now;
use hapax_core::keyword::Tables;
use hapax_core::program::{Program, ProxyId};

pub use self::command::{objects, pools};
pub(crate) use self::serve::Stream;
pub use self::serve::{Listening, Serving, serve};
pub use self::session::{Access, Session, Then};

use crate::open::hand_over::Exposed;
use crate::stats::errors::Errors;
use crate::stats::info::{Facts, Measures};
use crate::succession::Reload;

/// The rows of this room.
pub static TABLES: &[Tables] = &[Tables {
    commands: command::ROWS,
    ..Tables::NONE
}];

/// Asks the workers what they measure.
pub type Measure = dyn Fn(&Program, Now) -> Measures;

/// Says what happened to servers of a proxy.
pub type Announce = dyn Fn(ProxyId, &[Notice]);

/// What the commands look at and change.
pub struct Cli {
    /// The configuration in force; replaced by a reload inside the process.
    pub program: Arc<ArcSwap<Program>>,
    /// Bad requests and responses.
    pub errors: Arc<Errors>,
    /// What is known since the start.
    pub facts: Facts,
    /// Asks the workers what they measure.
    pub measures: Box<Measure>,
    /// Says what happened to servers of a proxy, on standard error and in its logs.
    pub announce: Box<Announce>,
    /// Tells the time.
    pub clock: Box<dyn Fn() -> Now>,
    /// The listening sockets, for who may ask for them.
    pub exposed: Arc<Exposed>,
    /// What reads the configuration again.
    pub reload: Option<Reload>,
}

impl fmt::Debug for Cli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cli")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
