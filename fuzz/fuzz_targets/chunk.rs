//! Any bytes, against the invariants that the crate's own tests replay.
#![no_main]

#[path = "../../crates/proto/tests/invariants/chunks.rs"]
mod chunks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chunks::chunks(bytes));
