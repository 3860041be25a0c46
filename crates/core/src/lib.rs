//! The shared nouns of hapax: spans, diagnostics, samples, keyword rows, IR, live state and the contracts between rooms.
//!
//! Nothing here does I/O, reads a clock or knows a keyword; the crates above meet in these types.

pub mod diagnostic;
pub mod span;
