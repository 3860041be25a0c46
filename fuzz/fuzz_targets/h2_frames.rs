//! Any bytes, against the invariants that the crate's own tests replay.
#![no_main]

use hapax_proto::h2::Role;

#[allow(dead_code)]
#[path = "../../crates/proto/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    invariants::frames(Role::Server, bytes);
    invariants::frames(Role::Client, bytes);
});
