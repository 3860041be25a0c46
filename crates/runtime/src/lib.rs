//! The event loop: moves bytes and time.
//!
//! One tokio `LocalRuntime` per worker thread (`worker`); sockets that try the system call first
//! (`io`), pooled buffers (`buffer`), a clock that is read once per turn (`clock`), one timer wheel
//! (`wheel`), the forwarding of two directions (`relay`), listeners (`listen`) logs (`log`) and health checks (`check`).

mod address;
mod administer;
mod admission;
pub mod announce;
pub mod buffer;
pub mod check;
pub mod clock;
mod departure;
mod effort;
pub mod frontend;
mod handshake;
pub mod http;
mod http_client;
mod inspect;
pub mod io;
pub mod listen;
pub mod local;
pub mod log;
mod mail;
mod monitored;
pub mod observe;
mod ocsp_update;
pub mod open;
mod operate;
mod pauses;
pub mod pipe;
pub mod plan;
pub mod profile;
pub mod relay;
mod resolver;
pub mod serve;
mod sessions;
mod socks;
pub mod succession;
mod system;
pub mod tcp;
mod trace;
pub mod turn;
mod vanish;
pub mod wheel;
pub mod worker;

pub mod cli;
pub mod stats;
