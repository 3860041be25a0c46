//! Which server: algorithms, weights, queues, persistence and health decisions.
//!
//! No socket and no clock: time arrives as [`Now`](hapax_core::contract::Now), connections are counted on the live state.

mod algorithm;
mod backend;
mod farm;
mod hash;
pub mod health;
pub mod persistence;
mod queue;
pub mod resolution;
mod section;

pub use algorithm::{
    default_algorithm, first::First, leastconn::LeastConnections, random::Random,
    roundrobin::RoundRobin, source::Source, static_rr::StaticRoundRobin,
};
pub use backend::{Backend, default_fullconn};

use hapax_core::keyword::Tables;

/// The rows of this room.
pub static TABLES: &[Tables] = &[
    Tables {
        balances: algorithm::KEYWORDS,
        ..Tables::NONE
    },
    Tables {
        sections: section::KEYWORDS,
        ..Tables::NONE
    },
];
