//! The event loop: moves bytes and time.

pub mod cli;
pub mod stats;
