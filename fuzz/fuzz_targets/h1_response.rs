//! Any bytes, against the invariants that the crate's own tests replay.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/proto/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::head(hapax_proto::http::Kind::Response, bytes));
