//! The shared nouns of hapax: spans, diagnostics, samples, keyword rows, IR, live state and the contracts between rooms.
//!
//! Nothing here does I/O, reads a clock or knows a keyword; the crates above meet in these types.

pub mod anonymous;
pub mod backing_file;
pub mod bandwidth;
pub mod capture;
pub mod contract;
pub mod counter;
pub mod diagnostic;
pub mod histogram;
pub mod ir;
pub mod keyword;
pub mod live;
pub mod pattern;
pub mod program;
pub mod resolution;
pub mod ring;
pub mod sample;
pub mod secured;
pub mod server_state;
mod slots;
pub mod span;
pub mod stats_file;
pub mod stream;
pub mod suggest;
pub mod trace;
pub mod variable;
