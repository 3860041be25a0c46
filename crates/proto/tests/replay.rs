//! Replays the fuzz corpora, then tries generated messages, against the invariants.

use std::path::Path;

use hapax_proto::h2::Role;
use hapax_proto::http::Kind;
use proptest::prelude::*;

#[path = "invariants/chunks.rs"]
mod chunks;
#[path = "invariants/frames.rs"]
mod frames;
#[path = "invariants/head.rs"]
mod head;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(name);
    let entries = std::fs::read_dir(&folder).expect("the corpus folder is part of the repository");
    let files: Vec<_> = entries
        .map(|entry| std::fs::read(entry.expect("readable folder").path()).expect("readable file"))
        .collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

#[test]
fn request_corpus() {
    corpus("h1_request")
        .iter()
        .for_each(|bytes| head::head(Kind::Request, bytes));
}

#[test]
fn response_corpus() {
    corpus("h1_response")
        .iter()
        .for_each(|bytes| head::head(Kind::Response, bytes));
}

#[test]
fn chunk_corpus() {
    corpus("chunk")
        .iter()
        .for_each(|bytes| chunks::chunks(bytes));
}

#[test]
fn frame_corpus() {
    for bytes in corpus("h2_frames") {
        frames::frames(Role::Server, &bytes);
    }
}

#[test]
fn answered_frame_corpus() {
    for bytes in corpus("h2_answers") {
        frames::frames(Role::Client, &bytes);
    }
}

/// Pieces that meet in real and in hostile messages; joined at random they reach every state of the parsers.
const PIECES: &[&str] = &[
    "GET",
    "POST",
    "CONNECT",
    "OPTIONS",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2.0",
    "ICY",
    "200",
    "204",
    "101",
    "OK",
    "/",
    "*",
    "http://x:80",
    "https://u@x",
    "x:443",
    "?q",
    "#f",
    " ",
    " ",
    "  ",
    "\t",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    ":",
    ": ",
    ",",
    ";",
    "Host",
    "x",
    "[::1]",
    "Content-Length",
    "Transfer-Encoding",
    "chunked",
    "gzip",
    "Connection",
    "close",
    "keep-alive",
    "Upgrade",
    "h2c",
    "websocket",
    "TE",
    "trailers",
    "0",
    "5",
    "A",
    "fF",
    "\0",
    "\u{80}",
    "a",
];

fn message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec());
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A well-formed line of fields behind a start line, so that most cases get as far as the checks of a whole head.
fn with_fields(start: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let names = [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "TE",
        "X",
    ];
    let values = [
        "x", "x:80", "5", "5, 5", "05", "chunked", "close, a", "upgrade", "h2c, b", "trailers", "",
        "a\r\n b",
    ];
    let line = (
        prop::sample::select(names.to_vec()),
        prop::sample::select(values.to_vec()),
    );
    prop::collection::vec(line, 0..6).prop_map(move |lines| {
        let lines: String = lines
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!("{start}\r\n{lines}\r\n").into_bytes()
    })
}

proptest! {
    #[test]
    fn any_request(bytes in message()) {
        head::head(Kind::Request, &bytes);
    }

    #[test]
    fn any_response(bytes in message()) {
        head::head(Kind::Response, &bytes);
    }

    #[test]
    fn request_fields(bytes in with_fields("POST http://x:80 HTTP/1.1")) {
        head::head(Kind::Request, &bytes);
    }

    #[test]
    fn old_request_fields(bytes in with_fields("GET / HTTP/1.0")) {
        head::head(Kind::Request, &bytes);
    }

    #[test]
    fn response_fields(bytes in with_fields("HTTP/1.1 200")) {
        head::head(Kind::Response, &bytes);
    }

    #[test]
    fn any_chunks(bytes in message()) {
        chunks::chunks(&bytes);
    }
}
