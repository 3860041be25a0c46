//! The event loop: moves bytes and time.

pub mod stats;
