//! Where log lines go.

pub mod sink;
