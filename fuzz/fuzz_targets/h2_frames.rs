//! Any bytes that a client sends in HTTP/2, against the invariants that the crate's own tests replay.
#![no_main]

use hapax_proto::h2::Role;

#[path = "../../crates/proto/tests/invariants/frames.rs"]
mod frames;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| frames::frames(Role::Server, bytes));
