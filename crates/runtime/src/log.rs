//! Traffic logs: levels, framings, targets and the worker's logger (configuration manual 8, `log`).

mod backend;
mod console;
pub mod date;
pub mod forward;
pub mod intake;
mod level;
mod logger;
pub mod sink;
mod target;

pub use console::Severity;
pub use level::Level;
pub use logger::{Logger, Render};
pub use target::Rounds;
