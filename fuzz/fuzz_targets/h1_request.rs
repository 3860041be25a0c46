//! Any bytes, against the invariants that the crate's own tests replay.
#![no_main]

#[path = "../../crates/proto/tests/invariants/head.rs"]
mod head;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| head::head(hapax_proto::http::Kind::Request, bytes));
